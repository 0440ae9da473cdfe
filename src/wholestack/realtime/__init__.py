"""Realtime: answers that go on, and sockets.

Here belong server-sent events, JSON Lines and CSV as answers, WebSockets with typed messages, and their end at a stop.
Never here: a database or a broker (they come from above, by the protocol `Backend`), or a fact about a route that the
plans do not hold. A call flows so: `Live` (`_live`) adds the kinds of parameters and answers while the app is sealed,
by itself where one of the app's functions names a type of ours (`_wanted`);
a `Stream` whose chunks come from `_events` or `_rows` is sent by the driver like any other; a WebSocket is handed to
`_driver`, which sends its handshake through the gate, the tree and the plan, and gives the handler a `Socket`
(`_socket`) over what the server has (`_connections`). Channels (`_channel`) stand on a `Backend` (`_memory`). All that
is open stands in one `Ending` (`_ending`); what one request has open can be told to end by itself (`_open`).
"""

from ._backend import Backend, Feed, QuickFeed, Stored
from ._channel import Channel, MessagesMissed, Subscription
from ._events import Event, Events, LastEventId
from ._held import Held, drive, held
from ._kind import largest_message
from ._live import Live, by_itself
from ._memory import MemoryBackend
from ._open import end_open, has_open
from ._rows import CSV, JSONLines
from ._socket import Socket, SocketClosed
from ._wanted import is_live

__all__ = [
    "CSV",
    "Backend",
    "Channel",
    "Event",
    "Events",
    "Feed",
    "Held",
    "JSONLines",
    "LastEventId",
    "Live",
    "MemoryBackend",
    "MessagesMissed",
    "QuickFeed",
    "Socket",
    "SocketClosed",
    "Stored",
    "Subscription",
    "by_itself",
    "drive",
    "end_open",
    "has_open",
    "held",
    "is_live",
    "largest_message",
]
