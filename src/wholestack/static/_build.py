"""Static files written out under their unique names, packed, for a proxy or a network of caches."""

from __future__ import annotations

import json
import os
import shutil

from ._packing import packed, packers, packs_well
from ._plugin import CODINGS, Static, StaticFault, media_type


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
        if packs_well(media_type(each.name)):
            with open(path, "rb") as file:
                content = file.read()
            for coding, form in packed(content, packers(quick=False)).items():
                _write(path + CODINGS[coding], form)
    manifest = json.dumps({name: each.unique for name, each in files.items()}, indent=1)
    _write(os.path.join(folder, "static-names.json"), manifest.encode() + b"\n")
    return len(files)


def _write(path: str, content: bytes) -> None:
    """Whole or not at all: a server may read here while it is written."""
    with open(path + ".part", "wb") as file:
        file.write(content)
    os.replace(path + ".part", path)
