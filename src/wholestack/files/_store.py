"""What handlers ask for: files that are saved, given out and deleted in the unit of work that they belong to."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import logging
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import BinaryIO, Protocol, cast
from urllib.parse import quote

from wholestack import Request, Response, Upload
from wholestack.handlers import current_request
from wholestack.http import size as bytes_of

from ._colour import away, can_wait, on_loop, stoppable
from ._errors import FileMissing, FileTypeRefused, UploadRefused, too_large
from ._images import PIXELS, Size, cleaned
from ._intake import Intake, Source
from ._received import told_when_full
from ._rows import InTransaction
from ._serving import Asked, Serving
from ._sniff import is_among, suffix_of
from ._storage import new_stem
from ._stored import StoredFile, plain_filename, variant_name

_log = logging.getLogger("wholestack.files")
_WHOLE = 16 * 1024 * 1024


class Unit(Protocol):
    """What files belong to: a session's transaction, or a request."""

    def after(self, *, commit: Callable[[], object] | None = None, failure: Callable[[], object] | None = None) -> None:
        """Call a function when it has ended well, or when it has not."""
        ...


@dataclasses.dataclass(frozen=True)
class UploadAddress:
    """Where a browser, or a program, sends a file straight to the storage.

    Attributes:
        url: takes the bytes, as they are, with `method`.
        method: ``"PUT"``.
        token: what the sender then gives to the app, which calls ``files.claim(token)``.
    """

    url: str
    token: str
    method: str = "PUT"


@dataclasses.dataclass(frozen=True)
class Rules:
    """What files are taken: bytes at most, and of which types (None: of any)."""

    largest: int
    types: frozenset[str] | None


class FileStore:
    """Files, for a handler that asks for ``files: FileStore``; the same calls in `def` and `async def`.

    What is saved stays if the request ends well, that is, if its transaction commits; otherwise it is deleted. What is
    deleted goes after the commit, so that no row ever names a file that is gone.

    To keep two kinds of files apart, derive a class for each and give it to its plugin: ``Files(…, store=Papers)``.
    """

    def __init__(self, serving: Serving, rules: Rules, unit: Unit) -> None:
        self._serving = serving
        self._storage = serving.storage
        self._rules = rules
        self._unit = unit

    # -- in ------------------------------------------------------------------------------------------------------

    def save(
        self,
        source: Source,
        *,
        filename: str | None = None,
        types: Collection[str] | None = None,
        largest: int | str | None = None,
    ) -> StoredFile:
        """Save a file: in pieces, so that memory does not grow with it, under a new name, digested on the way.

        Arguments:
            source: an `Upload`, bytes, an open binary file, or a stream of a body.
            filename: what its sender called it, to show; an upload's own where left out.
            types: media types that are taken, as the bytes tell them: ``{"image/png", "audio/*"}``. Those of the plugin
                where left out.
            largest: bytes at most, or text such as ``"5 MB"``. The plugin's where left out; what the app takes in a
                body, ``Limits(body=…)``, holds before.

        Raises:
            FileTooLarge: more bytes.
            FileTypeRefused: the bytes are of another type, whatever the name and the sender say.
            StorageFull: there is no room left.
        """
        rules = self._narrowed(types, largest)
        intake = Intake(source, rules.largest)
        named = filename if filename is not None else source.filename if isinstance(source, Upload) else ""
        return stoppable(intake.stop, self._save, intake, named, rules, self._undoing())

    def _narrowed(self, types: Collection[str] | None, largest: int | str | None) -> Rules:
        taken = self._rules.types if types is None else frozenset(types)
        return Rules(self._rules.largest if largest is None else bytes_of(largest), taken)

    def _undoing(self) -> list[str]:
        """The names of what is about to be written: deleted where the unit fails."""
        names: list[str] = []
        self._unit.after(failure=lambda: self._undo(names))
        return names

    def _undo(self, names: list[str]) -> None:
        self.remove(self._unit.undone(names) if isinstance(self._unit, InTransaction) else names)

    def _save(self, intake: Intake, filename: str, rules: Rules, names: list[str], *more: Rules) -> StoredFile:
        """Blocks."""
        media_type = intake.media_type()
        for each in (rules, *more):
            if each.types is not None and not is_among(media_type, each.types):
                listed = ", ".join(sorted(each.types))
                raise FileTypeRefused(f"A file here is one of these types, by its content: {listed}.")
        name = new_stem() + suffix_of(media_type)
        filename = plain_filename(filename)
        received = intake.received(self._storage)
        if received is None:
            self._write(name, intake, media_type, filename, names)
        else:
            names.append(name)
            with told_when_full():
                received.storage.keep(name, received)
        return StoredFile(name, filename, media_type, intake.size, intake.digest)

    def _write(self, name: str, chunks: Intake, media_type: str, filename: str, names: list[str]) -> None:
        names.append(name)
        with told_when_full():
            self._storage.save(name, chunks, media_type, self._serving.disposition(media_type, filename or name))

    def save_image(
        self,
        source: Source,
        *,
        filename: str | None = None,
        sizes: Mapping[str, Size] | None = None,
        largest: int | str | None = None,
        pixels: int = PIXELS,
    ) -> StoredFile:
        """Save a picture: decoded and written anew, upright, so that nothing but the picture is kept: no place where it
        was taken, no comment, nothing behind its end. Needs the extra `images`.

        Arguments:
            source: as in `save`.
            filename: as in `save`.
            sizes: more sizes to keep, each to fit in a width and a height: ``{"small": (320, 320)}``. The address of
                one is ``files.url(stored, variant="small")``.
            largest: as in `save`.
            pixels: in all its frames, at most; a picture of more is refused before anything is decoded.

        Raises:
            FileTypeRefused: it is no PNG, JPEG, GIF, WebP or AVIF.
            ImageRefused: it cannot be decoded, or has too many pixels.
            FileTooLarge: more bytes.
            PackageMissing: Pillow is not installed.
        """
        rules = self._narrowed({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"}, largest)
        intake = Intake(source, rules.largest)
        named = filename if filename is not None else source.filename if isinstance(source, Upload) else ""
        save = functools.partial(self._save_image, sizes=sizes or {}, pixels=pixels)
        return stoppable(intake.stop, save, intake, plain_filename(named), rules, self._undoing())

    def _save_image(
        self, intake: Intake, filename: str, rules: Rules, names: list[str], *, sizes: Mapping[str, Size], pixels: int
    ) -> StoredFile:
        """Blocks."""
        types = rules.types or frozenset()
        if not is_among(intake.media_type(), types):
            raise FileTypeRefused(f"A picture here is one of these types, by its content: {', '.join(sorted(types))}.")
        with tempfile.SpooledTemporaryFile(max_size=1024**2) as file:
            for chunk in intake:
                file.write(chunk)
            file.seek(0)
            picture = cleaned(cast("BinaryIO", file), sizes=sizes, pixels=pixels)
        name = new_stem() + suffix_of(picture.media_type)
        content = Intake(picture.content, len(picture.content))
        self._write(name, content, picture.media_type, filename, names)
        for variant, other in picture.variants.items():
            chunks = Intake(other, len(other))
            self._write(variant_name(name, variant), chunks, picture.media_type, filename, names)
        about = (picture.media_type, content.size, content.digest)
        return StoredFile(name, filename, *about, tuple(picture.variants), picture.width, picture.height)

    # -- straight to the storage ---------------------------------------------------------------------------------

    def upload_address(
        self,
        *,
        types: Collection[str] | None = None,
        largest: int | str | None = None,
        expires: float = 900.0,
        purpose: str = "",
    ) -> UploadAddress:
        """An address that takes one file without holding up the app: at the storage where it can (S3), else at ours.

        Arguments:
            types: as in `save`; looked at by `claim`.
            largest: as in `save`. The app's own address takes no more; S3 does, and `claim` refuses it.
            expires: seconds that it is good for, at most an hour, after which `sweep` deletes what nobody claims.
            purpose: what the file is for, such as ``"avatar"``; only a `claim` for the same takes it. The sender can
                read it.
        """
        rules = self._narrowed(types, largest)
        expires = min(expires, 3600.0)
        name = f"incoming-{new_stem()}"
        taken = None if rules.types is None else sorted(rules.types)
        content = {"name": name, "expires": time.time() + expires, "largest": rules.largest, "types": taken}
        if purpose:
            content["purpose"] = purpose
        signer = self._serving.signer
        url = away(self._storage.upload_url, name, expires)
        if url is None:
            request = current_request.get()
            root = self._serving.origin or (quote(request.root_path) if request is not None else "")
            # In the query, which no log has.
            url = f"{root}{self._serving.at}/incoming?token={signer.token('put', content)}"
        return UploadAddress(url, signer.token("claim", content))

    def claim(
        self,
        token: str,
        *,
        filename: str = "",
        types: Collection[str] | None = None,
        largest: int | str | None = None,
        purpose: str = "",
    ) -> StoredFile:
        """Take what was sent to an upload address: looked at, digested, and kept under a name that its sender does not
        know.

        Arguments:
            token: of the address.
            filename: as in `save`.
            types: as in `save`; those that the address was for hold as well.
            largest: as in `save`; what the address was for holds as well.
            purpose: what the address was made for. Where an app has several, a token for one is none for another.

        Raises:
            UploadRefused: the token is not ours, too old or for another purpose, or nothing has been sent.
            FileTypeRefused: the bytes are of another type than is taken.
            FileTooLarge: there are more of them.
        """
        content = self._serving.signer.read("claim", token)
        if content is None:
            raise UploadRefused("The token of this upload is not valid, or not any more. Ask for a new address.")
        if content.get("purpose", "") != purpose:
            raise UploadRefused("This upload was made for something else. Ask for an address where it is to go.")
        given = Rules(content["largest"], None if content["types"] is None else frozenset(content["types"]))
        own = Rules(
            given.largest if largest is None else bytes_of(largest), None if types is None else frozenset(types)
        )
        # Copied, not renamed: what its sender may still overwrite is not what was looked at.
        try:
            source = away(self._storage.open, content["name"])
        except FileMissing:
            raise UploadRefused("Nothing has been sent to the address of this upload.") from None
        intake = Intake(source, min(given.largest, own.largest))
        stored = stoppable(intake.stop, self._save, intake, filename, given, self._undoing(), own)
        self._unit.after(commit=lambda: self.remove([content["name"]]))
        return stored

    # -- out -----------------------------------------------------------------------------------------------------

    @property
    def signs(self) -> bool:
        """Whether addresses can be signed: without a key, as public files may be, there are plain ones alone."""
        return self._serving.signer.has_key

    def url(
        self, stored: StoredFile, *, variant: str | None = None, expires: float | None = None, download: bool = False
    ) -> str:
        """The address of a file: whoever has it may have the file, for a while.

        Arguments:
            stored: the file.
            variant: another size of a picture.
            expires: seconds that it is good for; the plugin's where left out. Public files have an address for ever
                where it is left out.
            download: saved by a browser, not shown, whatever it is.
        """
        request = current_request.get()
        root = request.root_path if request is not None else ""
        return self._serving.url(stored, root, variant=variant, expires=expires, download=download)

    def answer(
        self, stored: StoredFile, request: Request, *, variant: str | None = None, download: bool = False
    ) -> Response:
        """The file as the answer of a handler of yours, which has asked who may have it."""
        name = stored.name if variant is None else stored.variant(variant)
        return self._serving.answer(Asked(name, stored.filename, download, 0), request)

    def chunks(self, stored: StoredFile, *, variant: str | None = None) -> Iterator[bytes]:
        """The bytes in pieces; the loop may be in `async def`.

        Raises:
            FileMissing: it is not in the storage.
        """
        found = away(self._storage.open, stored.name if variant is None else stored.variant(variant))
        while (chunk := away(next, found, None)) is not None:
            yield chunk

    def read(self, stored: StoredFile, *, variant: str | None = None, largest: int | str = _WHOLE) -> bytes:
        """All bytes, in memory.

        Raises:
            FileTooLarge: more than `largest`.
            FileMissing: it is not in the storage.
        """
        return away(self._read, stored.name if variant is None else stored.variant(variant), bytes_of(largest))

    def _read(self, name: str, largest: int) -> bytes:
        content = bytearray()
        for chunk in self._storage.open(name):
            content += chunk
            if len(content) > largest:
                raise too_large(largest)
        return bytes(content)

    def exists(self, stored: StoredFile) -> bool:
        """Whether the storage has it."""
        return away(self._storage.exists, stored.name)

    # -- away ----------------------------------------------------------------------------------------------------

    def delete(self, stored: StoredFile) -> None:
        """Delete a file, once the transaction has committed. For one in a row's column delete or change the row: its
        file follows by itself.
        """
        names = list(stored.names())
        self._unit.after(commit=lambda: self.remove(names))

    def remove(self, names: list[str]) -> None:
        """Delete files now, by their stored names; what cannot be deleted is told in the log, and left to `sweep`."""
        remove_from(self._storage.delete, names)


def remove_from(delete: Callable[[str], object], names: list[str]) -> None:
    """Call `delete` for each name, waiting where that is right; an error goes to the log."""
    if on_loop() and not can_wait():
        # A request that was cancelled: nobody waits here, and the loop must not.
        asyncio.get_running_loop().run_in_executor(None, _remove, delete, list(names))
        return
    away(_remove, delete, list(names))


def _remove(delete: Callable[[str], object], names: list[str]) -> None:
    for name in names:
        try:
            delete(name)
        except Exception:
            _log.exception("%s could not be deleted; a sweep will", name)


class RequestUnit:
    """The unit of a request in an app without a database: well is an answer below 400."""

    def __init__(self) -> None:
        self._commit: list[Callable[[], object]] = []
        self._failure: list[Callable[[], object]] = []

    def after(self, *, commit: Callable[[], object] | None = None, failure: Callable[[], object] | None = None) -> None:
        """Call a function at the end."""
        if commit is not None:
            self._commit.append(commit)
        if failure is not None:
            self._failure.append(failure)

    def over(self, *, well: bool) -> None:
        """Call what waits for this end."""
        calls = self._commit if well else self._failure
        self._commit, self._failure = [], []
        for call in calls:
            with contextlib.suppress(Exception):  # `remove` has told of it already.
                call()


class AtOnce:
    """The unit of a script without a transaction: what is done is done."""

    def after(self, *, commit: Callable[[], object] | None = None, failure: Callable[[], object] | None = None) -> None:
        """Call what waits for a good end."""
        if commit is not None:
            commit()
