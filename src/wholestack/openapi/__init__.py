"""OpenAPI: the document of a sealed app, and a page that shows it.

Here belongs all that turns `app.describe()` into OpenAPI 3.1, and the documentation page with its assets. Never here: a
fact about a route that the plans do not hold, a script or style from another host. A call flows so: `OpenAPI.setup`
(`_plugin`) adds hidden routes while the app is sealed; the first request for the document calls `document`
(`_document`), which drafts each operation (`_operation`: parameters and bodies in `_inputs`, error answers in
`_errors`, rules in `_security`), has every type of all of them turned into a JSON schema in one go (`_shapes`), so that
each name is given once, and then fills the drafts. The bytes, and the page's files (`_page`), lie ready (`_served`).
Requests that the app sends are described by the same plans, in an app of their own (`_outgoing`).
A `VersionHeader` (`_by_header`) stands before the tree of paths, and adds a version's prefix to the path.
What is `Deprecated` says so by itself, as middleware; the document finds it around the routes (`_walk`).
`compare` (`_change`) knows no app: it walks through two documents side by side (`_compare`, schemas in
`_compare_schemas`), each value with its pointer (`_place`).
"""

from ._by_header import UnknownVersion, VersionHeader
from ._change import Change, compare
from ._deprecated import Deprecated
from ._plugin import Info, OpenAPI, document

__all__ = ["Change", "Deprecated", "Info", "OpenAPI", "UnknownVersion", "VersionHeader", "compare", "document"]
