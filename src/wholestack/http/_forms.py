"""Form bodies, parsed as they come in: `multipart/form-data` and `application/x-www-form-urlencoded`.

Every limit is held while the bytes come, before anything is built of them; both kinds of form have the same ones.
"""

from __future__ import annotations

import dataclasses
import re
from tempfile import TemporaryFile
from urllib.parse import unquote

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from ._limits import Limits
from ._media_types import parse_media_type, parse_parameters
from ._refused import Refused
from ._upload import Opens, Upload

# A chunk is taken in pieces of this size, so that one huge chunk costs no more memory than many small ones.
_PIECE = 256 * 1024
# All texts of a form together may be this many times `text_part`, all files kept in memory this many times `spool`.
_TOGETHER = 10
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_EXTENDED = re.compile(r"utf-8'[^']*'(.*)", re.IGNORECASE | re.DOTALL)


@dataclasses.dataclass
class FormData:
    """What a form held, in its order.

    Attributes:
        fields: (name, text) of each text field.
        files: (name, upload) of each file; a file input left empty is not among them.
    """

    fields: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    files: list[tuple[str, Upload]] = dataclasses.field(default_factory=list)

    def close(self) -> None:
        """Let go of every upload; the driver does it when the answer is sent."""
        for _, upload in self.files:
            upload.close()


class FormParser:
    """A form body as it comes in, chunk by chunk, at most as big as `limits` allows.

    `feed` may write to disk when a file is over `limits.spool`: an async driver asks `may_block` first, and calls
    `feed` in a worker thread where it says so.

    Arguments:
        content_type: the request's Content-Type field.
        limits: `fields`, `files`, `text_part`, `part_headers`, `part_header` and `spool` count here; the whole body's
            size is counted by the driver.
        opens: what opens the temporary file of an upload that is over `limits.spool`.

    Raises:
        Refused: from here, `feed` and `close`: 415 another media type or charset, 400 malformed, 413 over a limit.
            Temporary files are closed by then.

    Example:
        >>> parser = FormParser("application/x-www-form-urlencoded", Limits())
        >>> parser.feed(b"a=1&b=%C3")
        >>> parser.feed(b"%A9")
        >>> parser.close().fields
        [('a', '1'), ('b', 'é')]
    """

    def __init__(self, content_type: str, limits: Limits, opens: Opens = TemporaryFile) -> None:
        media_type, parameters = parse_media_type(content_type)
        self._data = FormData()
        self._kind: _UrlEncoded | _Multipart
        if parameters.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
            raise Refused(415, "unsupported-media-type", "A form is read as UTF-8, in no other charset.")
        if media_type == "application/x-www-form-urlencoded":
            self._kind = _UrlEncoded(self._data, limits)
        elif media_type == "multipart/form-data":
            self._kind = _Multipart(self._data, limits, parameters.get("boundary", ""), opens)
        else:
            detail = "A form is sent as multipart/form-data or application/x-www-form-urlencoded."
            raise Refused(415, "unsupported-media-type", detail)

    @property
    def spooled(self) -> bool:
        """Whether a file has gone to disk already."""
        return any(upload.on_disk for _, upload in self._data.files)

    def may_block(self, size: int) -> bool:
        """Whether feeding so many more bytes may write to disk."""
        return isinstance(self._kind, _Multipart) and self._kind.may_block(size)

    def feed(self, *chunks: bytes) -> None:
        """Take the next bytes of the body, however they are cut."""
        try:
            for chunk in chunks:
                for start in range(0, len(chunk), _PIECE):
                    self._kind.feed(chunk[start : start + _PIECE])
        except BaseException:
            self.abort()
            raise

    def close(self) -> FormData:
        """The form, now that the body is over."""
        try:
            self._kind.close()
        except BaseException:
            self.abort()
            raise
        return self._data

    def abort(self) -> None:
        """Let go of every temporary file: the request failed or the client went away."""
        self._data.close()


class _Texts:
    """Decodes the texts of a form and adds them, counting what all of them hold."""

    def __init__(self, data: FormData, limits: Limits) -> None:
        self._data = data
        self._limits = limits
        self.longest = limits.bytes_of("text_part")
        self._left = _TOGETHER * self.longest

    def count(self, fields: int) -> None:
        if fields > self._limits.fields:
            raise Refused(413, "too-many-fields", f"The form holds more than {self._limits.fields} fields.")

    def measure(self, size: int) -> None:
        if size > self.longest:
            raise Refused(413, "field-too-large", f"A field of the form is over {self.longest} bytes.")

    def take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            most = _TOGETHER * self.longest
            raise Refused(413, "form-too-large", f"The fields of the form are together over {most} bytes.")

    def add(self, name: str, value: bytes | bytearray) -> None:
        self._data.fields.append((name, _text(value)))


def _text(raw: bytes | bytearray) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise _malformed("A field of the form is not UTF-8.") from None
    return _without_nul(text)


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise _malformed("A field of the form holds a NUL character.")
    return text


def _malformed(detail: str) -> Refused:
    return Refused(400, "malformed-form", detail)


class _UrlEncoded:
    """The urlencoded form of the URL standard (§5.1), with broken escapes refused; `;` separates nothing."""

    def __init__(self, data: FormData, limits: Limits) -> None:
        self._texts = _Texts(data, limits)
        self._raw = bytearray()
        self._separators = 0
        self._pending = 0

    def feed(self, piece: bytes) -> None:
        self._separators += piece.count(b"&")
        self._texts.count(self._separators + 1)
        last = piece.rfind(b"&")
        self._pending = self._pending + len(piece) if last < 0 else len(piece) - last - 1
        self._texts.measure(self._pending)
        self._texts.take(len(piece))
        self._raw += piece

    def close(self) -> None:
        for field in bytes(self._raw).split(b"&"):
            if field:
                self._texts.measure(len(field))
                name, _, value = field.partition(b"=")
                self._texts.add(_text(_unescaped(name)), _unescaped(value))


def _unescaped(text: bytes) -> bytes:
    text = text.replace(b"+", b" ")
    if b"%" not in text:
        return text
    if _BROKEN_ESCAPE.search(text):
        raise _malformed("The form holds a '%' that two hexadecimal digits do not follow.")
    # Python's own escapes are read in C, ten times as fast as any loop here: nothing but \xHH is left in the text.
    escapes = text.replace(b"\\", b"\\x5c").replace(b"%", b"\\x")
    return escapes.decode("unicode_escape").encode("latin-1")


class _Multipart:
    """RFC 7578, read by `multipart`'s strict parser; our limits and both ends of the body are watched here.

    A body begins with its boundary (no client of a form sends a preamble), and little may follow the last one. Where a
    part has both, `filename` wins over `filename*`, which RFC 7578 §4.2 bans and old clients send alone.
    """

    def __init__(self, data: FormData, limits: Limits, boundary: str, opens: Opens) -> None:
        if not _BOUNDARY.fullmatch(boundary):
            raise _malformed("A multipart form needs a boundary of 1 to 70 letters, digits or '()+_,-./:=? (RFC 2046).")
        self._data = data
        self._limits = limits
        self._opens = opens
        self._texts = _Texts(data, limits)
        self._parser = PushMultipartParser(
            boundary,
            max_header_size=limits.bytes_of("part_header"),
            max_header_count=limits.part_headers,
            # Also refuses folded headers, which cost the square of their length.
            strict=True,
        )
        self._delimiter = f"\r\n--{boundary}".encode("ascii")
        self._terminator = self._delimiter + b"--"
        self._head: bytes | None = b""
        # The end of what came before; as if by a line end, so that the end of a form without parts is found too.
        self._tail = b"\r\n"
        self._complete = False
        self._epilogue = 0
        self._spool = limits.bytes_of("spool")
        self._memory_left = _TOGETHER * self._spool
        self._fields = 0
        self._name = ""
        self._field = bytearray()
        self._upload: Upload | None = None

    def may_block(self, size: int) -> bool:
        spills = self._upload is not None and self._upload.would_spill(size)
        return spills or size > min(self._spool, self._memory_left)

    def feed(self, piece: bytes) -> None:
        if self._head is not None:
            self._head += piece
            piece = self._begun(self._head)
        if piece and not self._complete:
            piece = self._until_end(piece)
        self._epilogue += len(piece)
        if self._epilogue > self._limits.bytes_of("part_header"):
            raise Refused(413, "form-too-large", "Too many bytes follow the last boundary of the form.")

    def _begun(self, head: bytes) -> bytes:
        """The body so far, once it is long enough to be seen to begin with a boundary; else nothing yet."""
        if len(head) < len(self._delimiter):
            return b""
        if not head.startswith((self._delimiter, self._delimiter[2:])):
            raise _malformed("The form does not begin with its boundary.")
        self._head = None
        return head

    def _until_end(self, piece: bytes) -> bytes:
        """Parse what comes up to the last boundary; what follows that is returned.

        Where the form ends is found here, because the parser answers differently when what follows comes in the same
        piece and in one of its own. It is looked for only where a part has ended: a file's bytes are searched once.
        """
        upload, most = self._upload, len(self._terminator) - 1
        self._parse(piece)
        if upload is None or upload is not self._upload:
            end = (self._tail + piece).find(self._terminator)
            if end >= 0:
                self._complete = True
                return piece[end + len(self._terminator) - len(self._tail) :]
        self._tail = (self._tail + piece[-most:])[-most:]
        return b""

    def _parse(self, piece: bytes) -> None:
        try:
            for event in self._parser.parse(piece):
                if isinstance(event, MultipartSegment):
                    self._begin(event)
                elif event:
                    self._write(event)
                else:
                    self._end()
        except ParserLimitReached:
            raise Refused(413, "part-headers-too-large", "The headers of a part are too many or too long.") from None
        except MultipartError:
            raise _malformed("The form is not well-formed multipart/form-data (RFC 7578).") from None

    def _begin(self, part: MultipartSegment) -> None:
        dispositions = [value for name, value in part.headerlist if name == "Content-Disposition"]
        if len(dispositions) > 1 or any("\r" in value or "\n" in value for _, value in part.headerlist):
            raise _malformed("A part of the form has two Content-Disposition headers, or a line end within a header.")
        self._name = _without_nul(part.name or "")
        filename = part.filename
        if filename is None:
            filename = _extended(parse_parameters(dispositions[0]).get("filename*"))
        if filename is None:
            self._fields += 1
            self._texts.count(self._fields)
            self._texts.take(len(self._name))
            self._field = bytearray()
        else:
            self._begin_file(filename, part.header("Content-Type") or "")

    def _begin_file(self, filename: str, content_type: str) -> None:
        if len(self._data.files) >= self._limits.files:
            raise Refused(413, "too-many-files", f"The form holds more than {self._limits.files} files.")
        media_type = parse_media_type(content_type)[0] or "application/octet-stream"
        self._upload = Upload(filename, media_type, min(self._spool, self._memory_left), self._opens)
        self._data.files.append((self._name, self._upload))

    def _write(self, content: bytes) -> None:
        if self._upload is not None:
            self._upload.write(content)
        else:
            self._texts.measure(len(self._field) + len(content))
            self._texts.take(len(content))
            self._field += content

    def _end(self) -> None:
        upload, self._upload = self._upload, None
        if upload is None:
            self._texts.add(self._name, self._field)
        elif upload.filename or upload.size:
            upload.seek(0)
            self._memory_left -= 0 if upload.on_disk else upload.size
        else:
            # What a browser sends for a file input left empty.
            self._data.files.pop()
            upload.close()

    def close(self) -> None:
        try:
            self._parser.close()
        except MultipartError:
            raise _malformed("The form ends before its last boundary.") from None


def _extended(value: str | None) -> str | None:
    """The text of an extended parameter (RFC 8187 §3.2); None where there is none, or it is in another charset."""
    match = _EXTENDED.fullmatch(value or "")
    return unquote(match[1], errors="replace") if match else None
