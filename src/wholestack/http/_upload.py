"""A file that came in a form."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import secrets
import shutil
from collections.abc import Callable
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import IO, Any

Opens = Callable[[], IO[bytes]]
"""What opens the temporary file of an upload that is too big for memory."""

_BYTES = "application/octet-stream"
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_SUFFIX = re.compile(r"[^./\\](\.[A-Za-z0-9]{1,10})\Z")


class Upload:
    """One uploaded file: small ones in memory, bigger ones (`Limits(spool=…)`) in a temporary file without a name.

    Nothing the client says about it is checked: neither the name nor the media type says what the bytes are.

    Attributes:
        filename: the client's word, data only: never a path to write to. Without control characters; may be ``""``.
        media_type: the client's word, in lower case; `application/octet-stream` where it gave none.
        size: how many bytes.

    Example:
        >>> upload = Upload("../Photo.JPG", "image/jpeg")
        >>> upload.filename, upload.suffix, upload.generated_name().endswith(".jpg")
        ('../Photo.JPG', '.jpg', True)
    """

    def __init__(
        self, filename: str, media_type: str = _BYTES, spool: int = 1024**2, opens: Opens = TemporaryFile
    ) -> None:
        self.filename: str = _CONTROL.sub("", filename)
        self.media_type = media_type
        self.size: int = 0
        self._spool = spool
        self._opens = opens

    @functools.cached_property
    def file(self) -> IO[bytes]:
        """The bytes as a binary file, open until the request is over."""
        return SpooledTemporaryFile()  # In memory, until somebody asks for its number (`fileno`).

    @property
    def on_disk(self) -> bool:
        """Whether the bytes have gone to disk, so that reading and writing may wait for it."""
        return self.size > self._spool

    def would_spill(self, more: int) -> bool:
        """Whether writing so many more bytes goes to disk."""
        return self.size + more > self._spool

    def write(self, chunk: bytes) -> None:
        """Add bytes at the end; for the form parser."""
        if self.would_spill(len(chunk)) and not self.on_disk:
            memory, self.file = self.file, self._opens()
            with memory:
                memory.seek(0)
                self.file.write(memory.read())
        self.file.write(chunk)
        self.size += len(chunk)

    def read(self, n: int = -1) -> bytes:
        """The next `n` bytes, or all that are left."""
        return self.file.read(n)

    def seek(self, position: int) -> None:
        """Go to a byte, counted from the start."""
        self.file.seek(position)

    @property
    def suffix(self) -> str:
        """The client's file name extension, in lower case and only letters and digits (``".png"``), or ``""``."""
        match = _SUFFIX.search(self.filename[-12:])
        return match[1].lower() if match else ""

    def generated_name(self) -> str:
        """A new random name with the suffix: what to store the file under."""
        return secrets.token_hex(16) + self.suffix

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the whole file to a path of yours; `filename` has no part in it.

        Nothing is left behind where writing fails.

        Raises:
            FileExistsError: there is something at the path already and `overwrite` was not asked for.
            OSError: the path cannot be written.
        """
        with open(path, "wb" if overwrite else "xb") as target:
            try:
                self.seek(0)
                shutil.copyfileobj(self.file, target)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(path)
                raise
        self.seek(0)

    def close(self) -> None:
        """Let go of the bytes and of the temporary file."""
        self.file.close()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """So that a field of a form's model can be an `Upload`: checked by its class, binary text in a JSON schema."""
        from pydantic_core import core_schema

        def shown(schema: Any, handler: Any) -> dict[str, str]:
            # The media type is OpenAPI 3.1's way to say it (§4.8.14.2), the format the one that every client knows.
            return {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}

        return core_schema.is_instance_schema(cls, metadata={"pydantic_js_functions": [shown]})

    def __repr__(self) -> str:
        return f"<Upload {self.media_type} {self.size} bytes>"
