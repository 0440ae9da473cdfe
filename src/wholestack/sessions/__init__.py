"""Sessions of browsers: typed data that stays with a visitor, messages for the next page, and proof of one's own forms.

Here belong what a visitor's session is (`_session`, `_shape`), one request's part in it (`_visit`) and what
that leaves open (`_opened`), whose it is as a row (`_owner`), where sessions are kept (`_kept`, `_memory`, `_database`,
`_cache`, `_cookie`), messages (`_messages`), the guard against requests from other sites (`_csrf`, `_origin`), the keys
that sign (`_keys`), and the plugins (`_plugin`, `_around`, `_wanted`, `_check`). Never here: who a user is, a
password, a form. A call flows so: a handler asks for `BrowserSession[Cart]`; the first use of its data loads the row;
when the handler has answered and its transaction is over, what changed is merged into the row in a transaction of its
own, and the answer gets its cookie.
"""

from ._cache import CacheSessions, ValueStore
from ._cookie import CookieSessions, SessionTooLarge
from ._database import DatabaseSessions
from ._kept import SessionStore, StoredSession
from ._memory import MemorySessions
from ._messages import Message, Messages
from ._opened import Opened
from ._owner import owner_key
from ._plugin import CSRF, Device, NotRevocable, Sessions, by_itself
from ._session import BrowserSession
from ._visit import Visit

__all__ = [
    "CSRF",
    "BrowserSession",
    "CacheSessions",
    "CookieSessions",
    "DatabaseSessions",
    "Device",
    "MemorySessions",
    "Message",
    "Messages",
    "NotRevocable",
    "Opened",
    "SessionStore",
    "SessionTooLarge",
    "Sessions",
    "StoredSession",
    "ValueStore",
    "Visit",
    "by_itself",
    "owner_key",
]
