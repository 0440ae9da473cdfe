"""Small files in memory, in every form in which they are sent: read once, when the app starts."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping

from wholestack import Response
from wholestack.http import Headers, best_coding, etag_of

from ._packing import packed, packers, packs_well
from ._set import StaticFile

LARGEST = 256 * 1024  # bytes of a file that is kept in memory
TOGETHER = 32 * 1024 * 1024  # bytes of all that are
AT_START = 4 * 1024 * 1024  # bytes that are packed while an app starts: a third of a second
ASK_AGAIN = "no-cache"


@dataclasses.dataclass(frozen=True, slots=True)
class HeldFile:
    """One file; `forms` has its answers by coding, the best first and the plain one (``""``) last.

    Attributes:
        file: what it was read from.
        forms: coding → the entity tag, the answer under the unique name, and the one to who has it already (304).
        codings: those of the packed forms, the best first.
    """

    file: StaticFile
    forms: Mapping[str, tuple[str, Response, Response]]
    codings: tuple[str, ...]

    @classmethod
    def of(cls, file: StaticFile, media_type: str, contents: Mapping[str, bytes], cache: str) -> HeldFile:
        """A file with its answers, all that is the same for each request written beforehand."""
        forms = {}
        for coding, content in contents.items():
            tag = etag_of(content)
            known = [("etag", tag), ("cache-control", cache)]
            if len(contents) > 1:
                known.append(("vary", "accept-encoding"))
            # What tells of the content stays out of a 304 (RFC 9110 §15.4.5).
            more = [("content-disposition", "inline"), *([("content-encoding", coding)] if coding else [])]
            whole = Response(content, media_type=media_type, headers=[*known, *more])
            forms[coding] = tag, whole, Response(status=304, headers=known)
        return cls(file, forms, tuple(filter(None, forms)))

    def answer(self, headers: Headers) -> Response:
        """The form that the client likes best, or 304 for the one tag that it has; other conditions are the core's."""
        coding = best_coding(headers.get("accept-encoding", ""), self.codings) if self.codings else None
        tag, whole, unchanged = self.forms[coding or ""]
        known = headers.get("if-none-match")
        return unchanged if known == tag else whole


def hold(
    files: Mapping[str, StaticFile], kinds: Mapping[str, str], built: str | None, codings: Mapping[str, str], cache: str
) -> dict[str, HeldFile]:
    """The small files of a set by their unique names, as long as there is room; what has changed meanwhile is left out.

    What no build has packed is packed now, some megabytes of it.

    Arguments:
        files: the set, by name.
        kinds: name → Content-Type.
        built: the folder that packed forms lie in.
        codings: coding → ending of its files, the best first.
        cache: the Cache-Control of an answer under a unique name.
    """
    held: dict[str, HeldFile] = {}
    room, left = TOGETHER, AT_START
    for file in files.values():
        content = file.content if file.content is not None else _read(file.path)
        if content is None or len(content) > LARGEST or not file.is_unchanged():
            continue
        forms = dict(_packed(file.unique, built, codings))
        if not forms and packs_well(kinds[file.name]) and len(content) <= left:
            forms = packed(content, packers(quick=True))
            left -= len(content)
        forms[""] = content
        room -= sum(map(len, forms.values()))
        if room < 0:
            break
        held[file.unique] = HeldFile.of(file, kinds[file.name], forms, cache)
    return held


def _packed(unique: str, built: str | None, codings: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    if built is None or not os.path.isfile(path := os.path.join(built, *unique.split("/"))):
        return  # Built before this content was there: the folder is the truth.
    for coding, ending in codings.items():
        if (form := _read(path + ending)) is not None:
            yield coding, form


def _read(path: str) -> bytes | None:
    try:
        if os.path.getsize(path) > LARGEST:
            return None
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
