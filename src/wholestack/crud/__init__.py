"""Lists, pages and whole APIs from database models.

Here belongs what follows from a model's columns: schemas (`_schema`), queries of lists (`_listing`, `_text`), pages
and cursors (`_page`, `_cursor`), what was sent put into a row (`_apply`), and a router with all six actions (`_crud`,
`_actions`). Never here: SQL of one's own, a user, a page of HTML. A call flows so: when a module is imported,
`_columns` reads a model's columns without waking other models, and classes of Pydantic are made of them; a request's
query is read into a `Listing` by the core, as any model; a `Pager` makes it a select, and the rows a `Page`. What comes
from outside names nothing: it chooses among names that the program has allowed.
"""

from ._apply import apply
from ._columns import Attribute, attributes
from ._crud import CRUD, Versioned, crud
from ._cursor import BadCursor
from ._found import found
from ._listing import Listing, filtered, listing
from ._page import Page, Pager, Paging
from ._schema import Schema, attribute_names, model_of, schema
from ._wanted import by_itself

__all__ = [
    "CRUD",
    "Attribute",
    "BadCursor",
    "Listing",
    "Page",
    "Pager",
    "Paging",
    "Schema",
    "Versioned",
    "apply",
    "attribute_names",
    "attributes",
    "by_itself",
    "crud",
    "filtered",
    "found",
    "listing",
    "model_of",
    "schema",
]
