"""Commands for translators' files: `wholestack run APP languages-extract` and `languages-compile`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from wholestack import App
from wholestack.errors import WholestackError

from ._catalogues import Catalogues
from ._formats import has_babel
from ._po import read_po, write_mo

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

_PAGES, _MAIL = "**/templates/**.html", "**/templates/**.txt"
_METHODS = [("**.py", "python"), (_PAGES, "jinja2.ext:babel_extract"), (_MAIL, "jinja2.ext:babel_extract")]
# As templates of pages are read: what stands in `{% trans %}` depends on it.
_READ = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
_WIDTH = 120


class NoBabel(WholestackError):
    """What was asked for needs Babel, which is not installed; the message says how it comes."""

    code: str = "no-babel"


def commands(app: App, catalogues: Catalogues, tags: Sequence[str], source: str) -> list[Callable[..., Any]]:
    """The commands of an app that has these catalogues."""
    translated = [each for each in tags if each != source]

    def languages_extract(folder: str = ".") -> str:
        """Gather the texts of all modules and templates below a folder, and add the new ones to each catalogue."""
        if not has_babel():
            raise NoBabel("Gathering texts needs Babel: pip install 'wholestack[i18n]'")
        template = _gathered(folder, _extensions(app))
        paths = [_updated(catalogues, tag, template) for tag in translated]
        return f"{len(template)} texts are in {', '.join(paths) or 'the source'}."

    def languages_compile() -> str:
        """Write each catalogue's .mo file beside its .po file, for a deployment that takes only those along."""
        paths = [*_compiled(catalogues, translated)]
        return f"Wrote {', '.join(paths) or 'nothing: there is no catalogue'}."

    return [languages_extract, languages_compile]


def _extensions(app: App) -> str:
    """Jinja2's extensions that the app's templates are written for; that for texts comes by itself."""
    from jinja2.ext import InternationalizationExtension

    kinds: list[type] = []
    for plugin in app.plugins:
        kinds += getattr(plugin, "template_extensions", ())
        kinds += map(type, getattr(getattr(plugin, "environment", None), "extensions", {}).values())
    own = [each for each in kinds if not issubclass(each, InternationalizationExtension)]
    return ",".join(dict.fromkeys(f"{each.__module__}.{each.__qualname__}" for each in own))


def _gathered(folder: str, extensions: str) -> Catalog:
    import jinja2
    from babel.messages.catalog import Catalog
    from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir

    at = [""]
    options = {each: {**_READ, "extensions": extensions} for each in (_PAGES, _MAIL)}
    keywords = {**DEFAULT_KEYWORDS, "lazy": None, "lazy_pgettext": ((1, "c"), 2)}
    template = Catalog(fuzzy=False)

    def begins(path: str, method: str, how: object) -> None:
        at[0] = os.path.join(folder, path)

    found = extract_from_dir(
        folder, _METHODS, options, keywords=keywords, comment_tags=("Translators:",), callback=begins
    )
    try:
        for path, line, message, comments, context in found:
            if message:
                place = (path.replace(os.sep, "/"), line)
                template.add(message, locations=[place], auto_comments=comments, context=context)
    except jinja2.TemplateSyntaxError as error:
        raise jinja2.TemplateSyntaxError(error.message or "", error.lineno, at[0], at[0]) from None
    return template


def _updated(catalogues: Catalogues, tag: str, template: Catalog) -> str:
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import read_po as read
    from babel.messages.pofile import write_po

    path = next((each for each in catalogues.paths(tag) if each.endswith(".po")), None)
    path = path or catalogues.path(tag.replace("-", "_"))
    if os.path.exists(path):
        with open(path, "rb") as file:
            catalogue = read(file, locale=tag.replace("-", "_"))
    else:
        catalogue = Catalog(locale=tag.replace("-", "_"), fuzzy=False)
    catalogue.update(template)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        write_po(file, catalogue, width=_WIDTH, sort_output=False, omit_header=False)
    return path


def _compiled(catalogues: Catalogues, tags: Sequence[str]) -> Iterator[str]:
    for path in {path: None for tag in tags for path in catalogues.paths(tag) if path.endswith(".po")}:
        with open(path, "rb") as file:
            messages = read_po(file.read(), path)
        compiled = path.removesuffix("po") + "mo"
        with open(compiled, "wb") as file:
            file.write(write_mo(messages))
        yield compiled
