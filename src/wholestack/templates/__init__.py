"""Templates: pages written with Jinja2, unhidden, escaped always.

Here belongs how a handler's `Page` becomes HTML: the answer (`_page`), what finds and renders templates (`_engine`),
what `wholestack check` reads in them and in handlers before anybody asks (`_check`, `_contexts`), and the plugin that
joins them to an app (`_plugin`), by itself where a function of the app says that it answers with a `Page` (`_wanted`);
what helpers are told of a page for an error (`_error_page`). So does what our own pages stand on: the style sheet
(`_style`, `assets`), the ground of pages and the page for errors (`pages`). Never here: a form, a session, a database;
what a template may use of those is brought from above, as a helper. A call flows so: a handler returns a `Page`; while
its answer is built, within the same unit of work and in either colour, the engine renders the template and its bytes
become the body.
"""

from ._engine import Engine, TemplateBroken, TemplateFault
from ._error_page import ErrorPage, error_page_of
from ._page import Page, PageNotRendered
from ._plugin import Templates, by_itself
from ._style import Asset
from ._wanted import has_pages

__all__ = [
    "Asset",
    "Engine",
    "ErrorPage",
    "Page",
    "PageNotRendered",
    "TemplateBroken",
    "TemplateFault",
    "Templates",
    "by_itself",
    "error_page_of",
    "has_pages",
]
