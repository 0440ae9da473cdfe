"""Servers: the three drivers, and the only input and output of the core.

Here belongs what speaks ASGI, WSGI or RSGI, reads a body, sends an answer, opens a file, starts a thread, and keeps the
app's life in one process. Never here: what an answer is (`handlers`), what a message means (`http`). A call flows so: a
server calls `call` (WSGI, and the door to ASGI) or the RSGI driver; the driver passes the gate, asks the tree for a
plan (or has an answer that was prepared when the app was sealed), reads the body within its limits (`_intake`), awaits
`Plan.answer` (in one worker thread for a `def` plan under ASGI and RSGI, on the background loop for an `async def` plan
under WSGI), and sends the response.
"""

from ._after import AfterSend
from ._asgi import AsgiRequest
from ._asgi import driver as asgi_driver
from ._lifespan import answering, begin
from ._lifetime import Lifetime
from ._rsgi import RsgiRequest
from ._rsgi import driver as rsgi_driver
from ._sealed import Find, Sealed, Table
from ._threads import Workers
from ._watch import Watch
from ._wsgi import call

__all__ = [
    "AfterSend",
    "AsgiRequest",
    "Find",
    "Lifetime",
    "RsgiRequest",
    "Sealed",
    "Table",
    "Watch",
    "Workers",
    "answering",
    "asgi_driver",
    "begin",
    "call",
    "rsgi_driver",
]
