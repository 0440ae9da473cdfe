"""Description: a sealed app as read-only values.

Here belongs what OpenAPI, `routes`, `explain` and plugins look at: the views of routes, bodies and answers, and how
they are filled. Never here: a format for people or machines, a change of the app. A call flows so: the front door's
`App.describe` hands over what sealing found (`_describe`), and each route becomes a `RouteView` (`_views`), with the
steps of a request in words (`_steps`), and what a client shows for it (`_proof`). `_url` walks back, from a handler
to its path. Before an app is sealed, `_html` tells whether it has pages.
"""

from ._describe import describe, operation_id
from ._html import answers_with_html
from ._proof import Proof, security_schemes
from ._url import url_for
from ._views import AnswerView, BodyView, Description, RouteView

__all__ = [
    "AnswerView",
    "BodyView",
    "Description",
    "Proof",
    "RouteView",
    "answers_with_html",
    "describe",
    "operation_id",
    "security_schemes",
    "url_for",
]
