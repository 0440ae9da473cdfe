"""Files in a folder of this machine."""

from __future__ import annotations

import contextlib
import datetime
import inspect
import os
import secrets
import stat
from collections.abc import Iterable, Iterator

from ._errors import FileMissing, StorageFault
from ._received import ReceivedFile, begin_to_disk
from ._storage import PIECE, FileInfo, check_name

_INCOMING, _PARTS = "incoming", "parts"


class LocalStorage:
    """A folder. A file appears in it whole, under its name, once its last byte is on the disk.

    Arguments:
        folder: made where it is not there; a name that is not absolute is beside the file that writes it.
        mode: of its files, whatever the umask: ``0o600`` (this user only), or ``0o644`` where a web server of another
            user is to read them. Folders get the same with what is needed to enter them. Nothing can be executed.

    Raises:
        StorageFault: a mode that lets others write or anybody execute.

    Example:
        >>> import tempfile
        >>> storage = LocalStorage(tempfile.mkdtemp())
        >>> storage.save("0123456789abcdef0123456789abcdef.txt", [b"some", b"thing"])
        >>> storage.size("0123456789abcdef0123456789abcdef.txt")
        9
    """

    def __init__(self, folder: str | os.PathLike[str], *, mode: int = 0o600) -> None:
        if mode & 0o600 != 0o600 or mode & ~0o644:
            raise StorageFault(f"LocalStorage(mode={mode:#o}): give 0o600, 0o640 or 0o644.")
        caller = inspect.currentframe()
        beside = os.path.dirname(os.path.abspath(caller.f_back.f_code.co_filename)) if caller and caller.f_back else ""
        self.folder: str = os.path.join(beside, os.fspath(folder))
        self.mode = mode
        self._folders: int = mode | 0o100 | (mode & 0o044) >> 2

    def save(self, name: str, chunks: Iterable[bytes], media_type: str = "", disposition: str = "") -> None:
        """Write a file beside its place, wait until it is on the disk, and move it there."""
        target = os.path.join(self.folder, self._below(check_name(name)))
        part = self._part()
        try:
            self._write(part, chunks)
            folder = self._made(os.path.basename(os.path.dirname(target)))
            os.rename(part, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise
        _onto_disk(folder)

    def receive(self) -> ReceivedFile:
        """A file beside the places of all others, for an upload that is still coming in; see `keep`."""
        return ReceivedFile(self._part(), self)

    def keep(self, name: str, file: ReceivedFile) -> None:
        """Take over what has been received, as it is: once it is on the disk, it is moved to its place."""
        target = os.path.join(self.folder, self._below(check_name(name)))
        file.flush()
        os.fchmod(file.fileno(), self.mode)
        os.fsync(file.fileno())
        folder = self._made(os.path.basename(os.path.dirname(target)))
        file.move(target)
        file.seek(0)
        _onto_disk(folder)

    def _part(self) -> str:
        return os.path.join(self._made(_PARTS), f"part-{secrets.token_hex(16)}")

    def _write(self, path: str, chunks: Iterable[bytes]) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(path, flags, 0o600)
        with open(descriptor, "wb", buffering=0) as file:
            os.fchmod(descriptor, self.mode)
            written = begun = 0
            for chunk in chunks:
                rest = memoryview(chunk)
                written += rest.nbytes
                while rest:
                    rest = rest[file.write(rest) :]
                begun = begin_to_disk(descriptor, begun, written)
            os.fsync(descriptor)  # A row may say that it is there, and outlive a loss of power.

    def _made(self, name: str) -> str:
        """A folder below the storage's, made where it is not there."""
        path = os.path.join(self.folder, name)
        if not os.path.isdir(path):
            os.makedirs(self.folder, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, 0o700)
                os.chmod(path, self._folders)  # As it is said, and not as the umask has it.
            _onto_disk(self.folder)
        return path

    @staticmethod
    def _below(name: str) -> str:
        """Where a name lies below the folder: spread over 256 folders, since none is fast with a million files."""
        if name.startswith("part-"):
            return f"{_PARTS}/{name}"
        return f"{_INCOMING}/{name}" if name.startswith("incoming-") else f"{name[:2]}/{name}"

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, self._below(check_name(name)))

    def open(self, name: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes in pieces."""
        try:
            descriptor = os.open(self._path(name), os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0))
        except FileNotFoundError:
            raise FileMissing from None
        return _pieces(descriptor, start, stop)

    def delete(self, name: str) -> None:
        """Delete a file."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(name))

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return os.path.isfile(self._path(name))

    def size(self, name: str) -> int:
        """How many bytes it has."""
        try:
            return os.stat(self._path(name)).st_size
        except FileNotFoundError:
            raise FileMissing from None

    def url(self, name: str, expires: float) -> str | None:
        """None: the app answers."""
        return None

    def upload_url(self, name: str, expires: float) -> str | None:
        """None: the app takes them."""
        return None

    def path(self, name: str) -> tuple[str, str] | None:
        """The folder, and the file below it."""
        return self.folder, self._below(check_name(name))

    def names(self) -> Iterator[FileInfo]:
        """All files that have a name of ours; what else lies in the folder is none of ours."""
        with contextlib.suppress(FileNotFoundError):
            for folder in sorted(os.listdir(self.folder)):
                yield from self._names(folder)

    def _names(self, folder: str) -> Iterator[FileInfo]:
        path = os.path.join(self.folder, folder)
        if not os.path.isdir(path) or os.path.islink(path):
            return
        with os.scandir(path) as found:
            for each in found:
                try:
                    ours = self._below(check_name(each.name)) == f"{folder}/{each.name}"
                    about = each.stat(follow_symlinks=False)
                except (StorageFault, FileNotFoundError):
                    continue
                if ours and stat.S_ISREG(about.st_mode):
                    yield FileInfo(each.name, datetime.datetime.fromtimestamp(about.st_mtime, datetime.UTC))

    def __repr__(self) -> str:
        return f"<LocalStorage {self.folder}>"


def _pieces(descriptor: int, start: int, stop: int | None) -> Iterator[bytes]:
    file = open(descriptor, "rb", buffering=0)  # Closed with the generator.

    def read() -> Iterator[bytes]:
        with file:
            file.seek(start)
            left = -1 if stop is None else max(0, stop - start)
            while left and (piece := file.read(PIECE if left < 0 else min(PIECE, left))):
                left -= len(piece) if left > 0 else 0
                yield piece

    return read()


def _onto_disk(folder: str) -> None:
    """See to it that the names in a folder outlive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
