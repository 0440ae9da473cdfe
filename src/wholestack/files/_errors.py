"""What can be wrong with a file that came in, with one that is asked for, and with how files are set up."""

from __future__ import annotations

from wholestack import HTTPError, NotFound, WholestackError
from wholestack.errors import ContentTooLarge, UnsupportedMediaType


class FileTooLarge(ContentTooLarge):
    """A file has more bytes than it may have. Send a smaller one, or raise ``largest=``."""

    code: str = "file-too-large"


class FileTypeRefused(UnsupportedMediaType):
    """What a file's bytes are is not among the types that are taken here, whatever its name or its sender says."""

    code: str = "file-type-refused"


class ImageRefused(HTTPError):
    """A picture that cannot be decoded, or that has more pixels than are taken here."""

    code: str = "image-refused"
    status: int = 422


class ArchiveRefused(HTTPError):
    """An archive that would write outside its folder, that has links in it, or that is too large once it is unpacked.

    Nothing of it has been written.
    """

    code: str = "archive-refused"
    status: int = 422


class UploadRefused(HTTPError):
    """The token of a direct upload that is forged or too old, or whose bytes have not arrived."""

    code: str = "upload-refused"
    status: int = 422


class FileMissing(NotFound):
    """The storage has no file of this name."""

    code: str = "file-missing"
    detail: str = "There is no such file."


class PackageMissing(WholestackError, ImportError):
    """An optional package is needed for this; the message has the command that installs it."""

    code: str = "package-missing"

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(f'{what} needs the package {package}: pip install "wholestack[{extra}]"')


class StorageFault(WholestackError, ValueError):
    """A storage was given a name that is none of its names, or cannot work as it was told to."""

    code: str = "bad-storage"


def too_large(largest: int) -> FileTooLarge:
    """The error for a file over a limit, in bytes.

    Example:
        >>> too_large(10).detail
        'A file has at most 10 bytes here.'
    """
    return FileTooLarge(f"A file has at most {largest:,} bytes here.")
