"""Guards: what stands in front of an app or a route, each a plugin or a rule that anybody could have written.

Here belongs what judges or dresses requests without knowing what they are for: hosts, proxies, HTTPS, CORS, security
headers, compression, rate limits, idempotency keys. Never here: who a user is, sessions, a database. A call flows so:
`app.use(Guard(…))` checks its arguments at once; when the app is sealed, `setup` puts the guard at its place
(`_place`); what may wait is a rule with a store behind it (`_rate_limit`, `_rates_redis`, `_idempotency`), what never
waits is middleware, and what never changes is a constant header. Each says to `wholestack check` what in it is unsafe.
"""

from ._allowed_hosts import AllowedHosts
from ._answer_store import Attempt, IdempotencyStore, MemoryIdempotencyStore, StoredAnswer
from ._check import unguarded
from ._compression import Compression
from ._cors import CORS
from ._https import HTTPSOnly
from ._idempotency import Idempotency, idempotent
from ._keys import client_address, header_key
from ._origins import OriginPattern
from ._proxies import TrustedProxies
from ._rate_limit import RateLimit, rate_limit
from ._rates import MemoryRateStore, Rate, RateStore, Taken
from ._rates_redis import RedisRateStore
from ._security import security
from ._security_headers import Nonce, SecurityHeaders, by_itself

__all__ = [
    "CORS",
    "AllowedHosts",
    "Attempt",
    "Compression",
    "HTTPSOnly",
    "Idempotency",
    "IdempotencyStore",
    "MemoryIdempotencyStore",
    "MemoryRateStore",
    "Nonce",
    "OriginPattern",
    "Rate",
    "RateLimit",
    "RateStore",
    "RedisRateStore",
    "SecurityHeaders",
    "StoredAnswer",
    "Taken",
    "TrustedProxies",
    "by_itself",
    "client_address",
    "header_key",
    "idempotent",
    "rate_limit",
    "security",
    "unguarded",
]
