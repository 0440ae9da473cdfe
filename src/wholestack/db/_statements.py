"""What can be told from a statement's text: whether it may write."""

from __future__ import annotations

import functools
import re

_READS = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(?:SELECT|VALUES|SHOW|EXPLAIN|WITH|PRAGMA\s+(?:\w+\.)?\w+\s*(?:\(|;?\s*$))",
    re.IGNORECASE | re.DOTALL,
)
_WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|MERGE|INTO|CREATE|DROP|ALTER|TRUNCATE)\b", re.IGNORECASE)
_LOCKS = re.compile(
    r"\bFOR\s+(?:NO\s+KEY\s+)?(?:UPDATE|(?:KEY\s+)?SHARE)\b|\bLOCK\s+IN\s+SHARE\s+MODE\b"
    # Functions that change something, or that lock for as long as the transaction lasts.
    r"|\b(?:nextval|setval|set_config|pg_(?:try_)?advisory_xact_lock\w*)\s*\(",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`")


@functools.lru_cache(8192)
def may_write(sql: str) -> bool:
    """Whether a statement may write or lock: everything may that is not plainly a question.

    Example:
        >>> may_write("SELECT 1"), may_write("UPDATE note SET text = ''"), may_write("SELECT * FROM note FOR UPDATE")
        (False, True, True)
    """
    if _READS.match(sql) is None:
        return True
    bare = _QUOTED.sub("", sql)
    return _WRITES.search(bare) is not None or _LOCKS.search(bare) is not None
