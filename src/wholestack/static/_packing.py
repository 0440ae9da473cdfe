"""How static files are packed: well, when a folder is built; quickly, while an app starts that has no such folder."""

from __future__ import annotations

import functools
import gzip
import importlib
from collections.abc import Callable, Mapping
from typing import Any

LEAST = 256  # bytes; what is smaller is not worth a form more
_PACKED_ALREADY = ("image/", "video/", "audio/", "font/woff", "application/zip", "application/gzip", "application/pdf")

Packer = Callable[[bytes], bytes]


def packs_well(kind: str) -> bool:
    """Whether files of a media type become smaller.

    Example:
        >>> packs_well("text/css"), packs_well("image/svg+xml"), packs_well("image/png")
        (True, True, False)
    """
    return kind.startswith("image/svg+xml") or not kind.startswith(_PACKED_ALREADY)


def packed(content: bytes, packers: Mapping[str, Packer]) -> dict[str, bytes]:
    """The forms of a file that are smaller than it is, by coding.

    Example:
        >>> list(packed(b"a" * 1000, {"gzip": gzip.compress})), packed(b"a", {"gzip": gzip.compress})
        (['gzip'], {})
    """
    if len(content) < LEAST:
        return {}
    forms = {coding: pack(content) for coding, pack in packers.items()}
    return {coding: form for coding, form in forms.items() if len(form) < len(content)}


@functools.cache
def packers(*, quick: bool) -> Mapping[str, Packer]:
    """What packs, by coding, the best first: gzip always, brotli and zstd where their packages are installed.

    Arguments:
        quick: in a few milliseconds for a usual file, and not as small as may be.
    """
    found: dict[str, Packer] = {}
    level = 9 if quick else 19
    if (standard := _module("compression.zstd")) is not None:
        found["zstd"] = lambda content: standard.compress(content, level)
    elif (zstandard := _module("zstandard")) is not None:
        found["zstd"] = lambda content: zstandard.ZstdCompressor(level=level).compress(content)
    if (brotli := _module("brotli")) is not None:
        found["br"] = lambda content: brotli.compress(content, quality=5 if quick else 11)
    found["gzip"] = lambda content: gzip.compress(content, 6 if quick else 9, mtime=0)
    return found


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
