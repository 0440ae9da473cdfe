"""Languages: texts from gettext catalogues, dates and numbers as a language writes them, right to left where it does.

Here belongs how a language is told by its tag and chosen for a request (`_tags`, `_spoken`), how catalogues are found
and read (`_catalogues`, `_po`), what is spoken at the moment (`_current`), texts at once and later (`_texts`), the
faults of fields for people (`_faults`), errors for programs (`_problems`), dates and numbers (`_formats`), what
templates get (`_jinja`), the commands for translators' files (`_commands`), the plugin that joins them to an app
(`_plugin`), and our own texts (`locale`). Never here: a template, a form, a session, a database. A call flows so: the
plugin's middleware lays down what may be asked of a request; the first text that is looked up has its language chosen,
and the answer says which it was.
"""

from ._commands import NoBabel
from ._current import asked_within, current_language, current_timezone, language
from ._faults import translated_fault
from ._formats import (
    format_currency,
    format_date,
    format_datetime,
    format_number,
    format_percent,
    format_time,
    writes_by_language,
)
from ._plugin import Languages
from ._spoken import zone_of
from ._tags import Language, negotiate
from ._texts import LazyText, gettext, lazy, lazy_pgettext, ngettext, npgettext, pgettext

__all__ = [
    "Language",
    "Languages",
    "LazyText",
    "NoBabel",
    "asked_within",
    "current_language",
    "current_timezone",
    "format_currency",
    "format_date",
    "format_datetime",
    "format_number",
    "format_percent",
    "format_time",
    "gettext",
    "language",
    "lazy",
    "lazy_pgettext",
    "negotiate",
    "ngettext",
    "npgettext",
    "pgettext",
    "translated_fault",
    "writes_by_language",
    "zone_of",
]
