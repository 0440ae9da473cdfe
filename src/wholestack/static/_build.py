"""Static files written out under their unique names, packed, for a proxy or a network of caches."""

from __future__ import annotations

import gzip
import importlib
import json
import os
import shutil
from collections.abc import Callable
from typing import Any

from ._plugin import CODINGS, Static, StaticFault, media_type

LEAST = 256  # bytes; what is smaller is not worth a file more
_PACKED_ALREADY = ("image/", "video/", "audio/", "font/woff", "application/zip", "application/gzip", "application/pdf")


def build(static: Static, folder: str) -> int:
    """Write each file under its unique name, its packed forms beside it, under its plain name, for what cannot know the
    other, and `static-names.json` (name → unique name).

    gzip is always written, brotli and zstd where their packages are installed. What an earlier build has left and is no
    more in the set stays: pages that browsers still show ask for it.

    Arguments:
        static: the plugin whose folder is written out.
        folder: where to; made where it is not there.

    Raises:
        StaticFault: a file has changed meanwhile.

    Returns:
        how many files the set has.
    """
    packers = _packers()
    files = static.files.by_name
    for each in files.values():
        path = os.path.join(folder, *each.unique.split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if each.content is None:
            shutil.copyfile(each.path, path)
            if not each.is_unchanged():
                raise StaticFault(f"{each.path} was changed while it was written out. Build again.")
        else:
            _write(path, each.content)
        shutil.copyfile(path, os.path.join(folder, *each.name.split("/")))
        if _packs_well(each.name):
            with open(path, "rb") as file:
                content = file.read()
            for coding, pack in packers.items():
                packed = pack(content)
                if len(content) >= LEAST and len(packed) < len(content):
                    _write(path + CODINGS[coding], packed)
    manifest = json.dumps({name: each.unique for name, each in files.items()}, indent=1)
    _write(os.path.join(folder, "static-names.json"), manifest.encode() + b"\n")
    return len(files)


def _packs_well(name: str) -> bool:
    kind = media_type(name)
    return kind == "image/svg+xml" or not kind.startswith(_PACKED_ALREADY)


def _packers() -> dict[str, Callable[[bytes], bytes]]:
    found: dict[str, Callable[[bytes], bytes]] = {"gzip": lambda content: gzip.compress(content, 9, mtime=0)}
    if (brotli := _module("brotli")) is not None:
        found["br"] = lambda content: brotli.compress(content, quality=11)
    if (standard := _module("compression.zstd")) is not None:
        found["zstd"] = lambda content: standard.compress(content, 19)
    elif (zstandard := _module("zstandard")) is not None:
        found["zstd"] = lambda content: zstandard.ZstdCompressor(level=19).compress(content)
    return found


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _write(path: str, content: bytes) -> None:
    """Whole or not at all: a server may read here while it is written."""
    with open(path + ".part", "wb") as file:
        file.write(content)
    os.replace(path + ".part", path)
