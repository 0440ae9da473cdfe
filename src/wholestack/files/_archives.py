"""Archives that came from outside: unpacked into a new folder, or refused before anything of them can be seen."""

from __future__ import annotations

import bz2
import contextlib
import dataclasses
import gzip
import os
import re
import secrets
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, BinaryIO, cast

from wholestack import Upload
from wholestack.http import size as bytes_of

from ._colour import away
from ._errors import ArchiveRefused

_PIECE = 64 * 1024
_HEADER = 16 * 1024
"""Bytes that may lie between two files of a tar archive: names, and what else a header says."""
_A_NAME = 512
"""Bytes of a ZIP's directory for each file that it may have, on average."""
_UNFIT = re.compile(r"[\x00-\x1f\x7f\\]|^[A-Za-z]:")
_ENCRYPTED = 0x1


@dataclasses.dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may become; sizes are bytes, or text such as ``"10 MB"``.

    Attributes:
        total: bytes of all files.
        file: bytes of one file.
        files: how many files and folders.
        depth: folders within folders.
        ratio: how many times larger than the archive; counted beyond the first mebibyte.

    Example:
        >>> ArchiveLimits(total="1 GB").bytes_of("total")
        1000000000
    """

    total: int | str = 100 * 1024**2
    file: int | str = 100 * 1024**2
    files: int = 1000
    depth: int = 10
    ratio: int = 100

    def bytes_of(self, name: str) -> int:
        """The size called `name`, in bytes."""
        return bytes_of(getattr(self, name))


Archive = Upload | BinaryIO | str | os.PathLike[str]
"""An upload, an open binary file, or a path."""


def extract(archive: Archive, folder: str | os.PathLike[str], limits: ArchiveLimits | None = None) -> list[str]:
    """Unpack a ZIP or tar archive (plain, gzip or bzip2) into a folder that is not there yet, or is empty.

    All or nothing: the folder is there once the last file is. In an `async def` handler that asks for a `FileStore` the
    loop is not held up meanwhile; outside of one, call it in plain code.

    Arguments:
        archive: what came.
        folder: made for its files, which get the mode 0600.
        limits: what it may become.

    Returns:
        the names of its files, below the folder, with slashes.

    Raises:
        ArchiveRefused: a name that leads out of the folder, a link, a device, two files of one name, an encrypted file,
            more than the limits, or no archive at all.
        FileExistsError: the folder is there, and something is in it.
    """
    return away(_extract, archive, os.fspath(folder), limits or ArchiveLimits())


def _extract(archive: Archive, folder: str, limits: ArchiveLimits) -> list[str]:
    folder = os.path.abspath(folder)
    if os.path.isdir(folder) and os.listdir(folder):
        raise FileExistsError(f"There is something in {folder} already.")
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    part = f"{folder}.part-{secrets.token_hex(8)}"
    os.mkdir(part, 0o700)
    try:
        with _opened(archive) as file:
            target = _Target(part, limits)
            _unpack(file, target)
        os.rename(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target.names


@contextlib.contextmanager
def _opened(archive: Archive) -> Iterator[BinaryIO]:
    if isinstance(archive, str | os.PathLike):
        with open(archive, "rb") as file:
            yield file
        return
    given = cast("BinaryIO", archive.file) if isinstance(archive, Upload) else archive
    given.seek(0)
    yield given
    given.seek(0)


def _unpack(file: BinaryIO, target: _Target) -> None:
    head = file.read(4)
    file.seek(0)
    try:
        if head.startswith(b"PK"):
            _unpack_zip(file, target)
        elif head.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=file) as stream:
                _unpack_tar(_Forward(cast("IO[bytes]", stream), file, target))
        elif head.startswith(b"BZh"):
            with bz2.BZ2File(file) as unzipped:
                _unpack_tar(_Forward(unzipped, file, target))
        else:
            _unpack_tar(_Forward(file, file, target))
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, gzip.BadGzipFile, EOFError, ValueError) as error:
        raise _no_archive() from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise ArchiveRefused("Two files of the archive have one name.") from error
    except OSError as error:
        if error.errno is None:  # A decoder's: "Invalid data stream".
            raise _no_archive() from error
        raise


def _no_archive() -> ArchiveRefused:
    return ArchiveRefused("This is no ZIP or tar archive that can be read.")


class _Target:
    """The folder that is written, and what may still go into it."""

    def __init__(self, folder: str, limits: ArchiveLimits) -> None:
        self.folder = folder
        self.limits = limits
        self.names: list[str] = []
        self._left: int = limits.bytes_of("total")
        self._entries = 0
        self.written: int = 0

    def entry(self, name: str, size: int) -> str:
        """The path of an entry that may be written.

        Raises:
            ArchiveRefused: it may not.
        """
        self._entries += 1
        if self._entries > self.limits.files:
            raise ArchiveRefused(f"An archive has at most {self.limits.files:,} files and folders here.")
        if size > self.limits.bytes_of("file") or size > self._left:
            raise self._over()
        parts = [part for part in name.removesuffix("/").split("/") if part != "."]
        unfit = _UNFIT.search(name) or not name.isprintable() or name.startswith("/")
        if unfit or any(part in {"", ".."} or len(part.encode()) > 255 for part in parts):
            raise ArchiveRefused("A name in the archive leads out of its folder, or is none that a file can have.")
        if len(parts) > self.limits.depth:
            raise ArchiveRefused(f"Folders of an archive are at most {self.limits.depth} deep here.")
        return os.path.join(self.folder, *parts)

    def make(self, path: str) -> None:
        """Make a folder."""
        os.makedirs(path, 0o700, exist_ok=True)

    def write(self, path: str, stream: IO[bytes], packed: Callable[[], int]) -> None:
        """Write a file, as far as it may become so large; `packed` gives how much of the archive that took."""
        self.make(os.path.dirname(path))
        most = self.limits.bytes_of("file")
        size = 0
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            while piece := stream.read(_PIECE):
                size += len(piece)
                self._left -= len(piece)
                self.take(len(piece), packed())
                if size > most or self._left < 0:
                    raise self._over()
                file.write(piece)
        self.names.append(os.path.relpath(path, self.folder).replace(os.sep, "/"))

    def take(self, more: int, packed: int) -> None:
        """Count what was unpacked."""
        self.written += more
        if self.written > max(1024**2, self.limits.ratio * packed):
            raise ArchiveRefused(f"An archive unpacks to at most {self.limits.ratio} times its size here.")

    def _over(self) -> ArchiveRefused:
        total, one = self.limits.bytes_of("total"), self.limits.bytes_of("file")
        return ArchiveRefused(f"An archive has at most {total:,} bytes here once it is unpacked, and a file {one:,}.")


# -- ZIP ---------------------------------------------------------------------------------------------------------


class _Bounded:
    """A file of which nobody reads much at once: a ZIP's directory is read whole, and may be all of it."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self._most = most
        self.size: int = file.seek(0, os.SEEK_END)
        self.seek = file.seek
        self.tell = file.tell
        self.seekable = file.seekable

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        if (size if size >= 0 else self.size - self.tell()) > self._most:
            raise ArchiveRefused("The directory of the archive is larger than it may be here.")
        return self._file.read(size)


def _unpack_zip(file: BinaryIO, target: _Target) -> None:
    bounded = _Bounded(file, max(256 * 1024, target.limits.files * _A_NAME))
    with zipfile.ZipFile(cast("IO[bytes]", bounded)) as archive:
        entries = archive.infolist()
        if sum(each.file_size for each in entries) > target.limits.bytes_of("total"):
            raise target._over()
        for each in entries:
            path = target.entry(each.orig_filename, each.file_size)
            kind = stat.S_IFMT(each.external_attr >> 16)
            if kind and kind not in {stat.S_IFREG, stat.S_IFDIR}:
                raise ArchiveRefused("There is a link or a device in the archive; it may have files and folders only.")
            if each.flag_bits & _ENCRYPTED or each.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise ArchiveRefused("A file of the archive is encrypted, or packed in a way that is not read here.")
            if each.is_dir():
                target.make(path)
                continue
            with archive.open(each) as stream:
                target.write(path, stream, lambda: bounded.size)


# -- tar ---------------------------------------------------------------------------------------------------------


class _Forward:
    """An unpacked stream as tarfile reads it: only onward, and of headers never much, since they are kept in memory."""

    def __init__(self, stream: IO[bytes], packed: BinaryIO, target: _Target) -> None:
        self._stream = stream
        self._packed = packed
        self.target = target
        self._position = 0
        self._last = b""
        self.block = b""
        self._again = False
        self.header: int | None = _HEADER

    def tell(self) -> int:
        """How far it is read."""
        return self._position - self._again

    def packed(self) -> int:
        """How much of the archive that took."""
        return self._packed.tell()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        if self.header is not None:
            self.header -= size
            if size < 0 or self.header < 0:
                raise ArchiveRefused("A header in the archive is larger than it may be here.")
        again = self._last if self._again and size else b""
        found = again + self._stream.read(size - len(again))
        self._position += len(found) - len(again)
        self._again = self._again and not size
        self._last = found[-1:] or self._last
        if self.header is not None:
            self.block = found
            self.target.take(len(found), self.packed())
        return found

    def seek(self, position: int) -> int:
        """Go on to a place; back by no more than a byte, which tarfile looks at twice."""
        if position == self._position - 1:
            self._again = True
            return position
        while (rest := position - self.tell()) > 0:
            if not self.read(min(rest, 512)):
                break
        if position < self.tell():
            raise _no_archive()
        return position


def _unpack_tar(stream: _Forward) -> None:
    target = stream.target
    with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r:") as archive:
        while True:
            stream.header = _HEADER
            each = archive.next()
            if each is None:
                # To tarfile a header that is broken is the end of the archive.
                if any(stream.block):
                    raise _no_archive()
                return
            path = target.entry(each.name, each.size)
            if each.issparse() or not (each.isreg() or each.isdir()):
                raise ArchiveRefused("There is a link or a device in the archive; it may have files and folders only.")
            if each.isdir():
                target.make(path)
            elif (content := archive.extractfile(each)) is not None:
                stream.header = None
                target.write(path, content, stream.packed)
