"""The cache: values, answers of handlers and fragments of pages that are kept for a while, in one of three stores.

Here belong the cache that handlers ask for (`_cache`), `@cached` (`_cached`, `_said`) and the answers that it keeps
(`_answers`), one maker at a time (`_keeper`, `_flights`), what a store sees (`_keys`, `_values`) and the stores
(`_store`, `_database`, `_redis`), which may be away (`_guarded`). Never here: a pickle, an answer that belongs to
another user, what must not be lost. A call flows so: `cache.get_or_set` hashes the key and asks the store; where
nothing is there, one asker notes the versions of its tags, makes the value, and keeps it as JSON; `invalidate` ends
those versions when the request's transaction has committed. A handler's answer goes the same way, by its address, what
tells users apart and what is spoken (`_spoken`), and so do parts of pages (`_fragments`); `wholestack check` looks for
handlers that do not say how users differ (`_check`).
"""

from ._answers import CachedAnswer
from ._cache import Cache
from ._cached import cached
from ._database import DatabaseStore
from ._errors import CacheFault
from ._fragments import FragmentCache
from ._plugin import Caching
from ._redis import RedisStore
from ._said import CacheControl
from ._store import CacheStore, MemoryStore

__all__ = [
    "Cache",
    "CacheControl",
    "CacheFault",
    "CacheStore",
    "CachedAnswer",
    "Caching",
    "DatabaseStore",
    "FragmentCache",
    "MemoryStore",
    "RedisStore",
    "cached",
]
