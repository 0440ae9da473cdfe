"""What bytes are, told by their beginning: never by a name, and never by what the client says."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

HEAD = 8192
"""Bytes that are looked at."""

# The beginnings as their formats' specifications have them; the first that fits decides.
_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
# Brands of ISO base media (ISO/IEC 14496-12 §4.3); what is left is a film.
_BRANDS = {
    b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heif",
    b"M4A ": "audio/mp4", b"M4B ": "audio/mp4", b"qt  ": "video/quicktime",
}  # fmt: skip
# In a ZIP's first entries: documents that are archives.
_OFFICE = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
)
_NAMED = re.compile(rb"mimetype(application/(?:vnd\.oasis\.opendocument\.[a-z-]{1,40}|epub\+zip))")
_SVG = re.compile(rb"<svg[\s>/]", re.IGNORECASE)
_MARKUP = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|iframe|title|table|style|meta|link|img|a|b|p|div|br|h1|object|embed|form)"
    rb"(?:[\s>/]|$)",
    re.IGNORECASE,
)
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")

SUFFIXES: Mapping[str, str] = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "image/tiff": ".tiff",
    "audio/mpeg": ".mp3",
    "audio/flac": ".flac",
    "audio/wav": ".wav",
    "audio/ogg": ".ogg",
    "audio/mp4": ".m4a",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "application/gzip": ".gz",
    "text/plain": ".txt",
    **{kind: f".{suffix}" for (_, kind), suffix in zip(_OFFICE, ("docx", "xlsx", "pptx"), strict=True)},
}
"""The endings of stored names: types that no program runs. All others, HTML and SVG among them, end in ``.bin``."""

INLINE: frozenset[str] = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"}
    | {"audio/mpeg", "audio/flac", "audio/wav", "audio/ogg", "audio/mp4", "video/mp4", "video/webm"}
)
"""Types that a browser shows without running anything of them; all others are saved, not shown."""

_TYPES = {suffix: kind for kind, suffix in SUFFIXES.items()}


def sniff(head: bytes) -> str:
    """The media type of a file by its first bytes (8,192 are enough); ``application/octet-stream`` where nothing fits.

    A file that begins as a picture is one, whatever stands further on; served as what it begins as, nothing of it runs.

    Example:
        >>> sniff(b"GIF89a/*<script>alert(1)</script>*/"), sniff(b"<svg onload='alert(1)'>"), sniff(b"name;price")
        ('image/gif', 'image/svg+xml', 'text/plain')
    """
    head = head[:HEAD]
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning):
            return kind
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "application/octet-stream")
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head[:4] == b"OggS":
        return "video/ogg" if b"theora" in head[:256] else "audio/ogg"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head[:2] in {b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa"}:
        return "audio/mpeg"
    if head[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
        return _zip(head)
    if head[257:262] == b"ustar":
        return "application/x-tar"
    return _text(head)


def _zip(head: bytes) -> str:
    if (named := _NAMED.match(head, 30)) is not None:
        return named[1].decode("ascii")
    if b"[Content_Types].xml" in head:
        return next((kind for mark, kind in _OFFICE if mark in head), "application/zip")
    return "application/zip"


def _text(head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf")
    if not text or _CONTROLS.search(text):
        return "application/octet-stream"
    if _SVG.search(text):
        return "image/svg+xml"
    if _MARKUP.search(text):
        return "text/html"
    if text.lstrip().startswith(b"<?xml"):
        return "text/xml"
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        # The last character may have been cut.
        if len(head) < HEAD or error.start < len(text) - 3:
            return "application/octet-stream"
    return "text/plain"


def suffix_of(media_type: str) -> str:
    """What a stored name ends in.

    Example:
        >>> suffix_of("image/jpeg"), suffix_of("text/html")
        ('.jpg', '.bin')
    """
    return SUFFIXES.get(media_type, ".bin")


def type_of(name: str) -> str:
    """The media type that a stored name tells; the name is ours, and so is what it says.

    Example:
        >>> type_of("0123456789abcdef0123456789abcdef.bin")
        'application/octet-stream'
    """
    return _TYPES.get(name[name.rfind(".") :], "application/octet-stream")


def is_among(media_type: str, types: Collection[str]) -> bool:
    """Whether a type is one of several, of which ``image/*`` means all pictures.

    Example:
        >>> is_among("image/png", {"image/*"}), is_among("image/svg+xml", {"image/*"})
        (True, False)
    """
    if media_type in types:
        return True
    # A drawing that can hold scripts is taken only where it is named itself.
    return media_type != "image/svg+xml" and f"{media_type.partition('/')[0]}/*" in types
