"""Content-Disposition of an answer: the name a download is saved under."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

_LONGEST = 255
# Control characters, line ends, and the marks that turn the direction of text ("exe.gpj" shown as "jpg.exe").
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# Quotes, backslashes and percents are read differently from browser to browser (RFC 6266 appendix D).
_UNCLEAR = re.compile(r'["\\%]')


def content_disposition(filename: str, inline: bool = False) -> str:
    r"""A Content-Disposition value for a download, or for showing in the page where `inline`.

    Control and direction characters are left out, slashes become ``_`` and the name is cut at 255 characters; a name
    outside plain ASCII is sent twice: for old clients near enough, for all others exactly. Never raises.

    Source: RFC 6266 §4, RFC 8187 §3.2.

    Example:
        >>> content_disposition("résumé.pdf")
        'attachment; filename="resume.pdf"; filename*=UTF-8\'\'r%C3%A9sum%C3%A9.pdf'
    """
    kind = "inline" if inline else "attachment"
    name = _HIDDEN.sub("", filename[: 4 * _LONGEST]).replace("/", "_").replace("\\", "_")[:_LONGEST]
    if not name:
        return kind
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    # NFKD may bring forth a slash of its own, as from a fullwidth one.
    plain = _UNCLEAR.sub("_", plain).replace("/", "_")
    if plain == name:
        return f'{kind}; filename="{name}"'
    return f"{kind}; filename=\"{plain or 'download'}\"; filename*=UTF-8''{quote(name, safe='')}"
