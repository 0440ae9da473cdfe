"""Mounting: any ASGI or WSGI application below a path of ours.

Here belongs what makes a foreign app look like a handler: a request in, a `Response` with a stream out, so that it
works
under all three interfaces, behind our gate, inside the app's middleware. Never here: routing, our own handlers. A call
flows so: when the app is sealed, the front door's `App.foreign` asks `Foreign` for an answer, a lifespan and sockets; a
request is turned into an ASGI scope or a WSGI environ, the foreign app runs as a task or in the request's thread, its
messages or chunks become the answer. Which of the two interfaces it speaks is told from itself (`_interface`).
"""

from ._foreign import Foreign
from ._interface import interface_of

__all__ = ["Foreign", "interface_of"]
