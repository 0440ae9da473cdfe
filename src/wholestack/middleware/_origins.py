"""Origins of pages (RFC 6454): exact ones, and a pattern for all below a name."""

from __future__ import annotations

import dataclasses
import re

from ._faults import bad_guard

_ORIGIN = re.compile(r"(https?|[a-z][a-z0-9+.-]*)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_PATTERN = re.compile(r"(https?)://\*((?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?){2,})((?::[0-9]{1,5})?)")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


@dataclasses.dataclass(frozen=True)
class OriginPattern:
    """Every origin below a name, at any depth, of one scheme and port: the name itself is not among them.

    Arguments:
        text: ``https://*.example.org``; what follows the ``*`` has at least two labels.

    Raises:
        SetupError: anything else.

    Example:
        >>> shops = OriginPattern("https://*.example.org")
        >>> shops.matches("https://a.example.org"), shops.matches("https://evilexample.org")
        (True, False)
    """

    text: str

    def __post_init__(self) -> None:
        if not _PATTERN.fullmatch(self.text):
            cure = 'Write it like OriginPattern("https://*.example.org"): one scheme, one star, at least two labels.'
            raise bad_guard(f"OriginPattern({self.text!r}) is no pattern of origins.", cure)
        scheme, below, port = self._parts()
        label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
        compiled = re.compile(rf"{scheme}://(?:{label}\.){{1,20}}{re.escape(below[1:])}{port}")
        object.__setattr__(self, "_compiled", compiled)

    def _parts(self) -> tuple[str, str, str]:
        found = _PATTERN.fullmatch(self.text)
        return (found[1], found[2], found[3]) if found else ("", "", "")

    def matches(self, origin: str) -> bool:
        """Whether an `Origin` field is below the name."""
        compiled: re.Pattern[str] = vars(self)["_compiled"]
        return len(origin) <= 255 and compiled.fullmatch(origin) is not None


def checked_origin(text: str) -> str:
    """An origin exactly as browsers send it, or a fault that says how it is written.

    Example:
        >>> checked_origin("https://example.org")
        'https://example.org'
    """
    if text == "null":
        cure = "Give the page an origin: every sandboxed frame and every file on a disk is 'null'."
        raise bad_guard("CORS(origins=…) lists 'null', which is nobody's name.", cure)
    found = _ORIGIN.fullmatch(text)
    if found is None or found[3] == _DEFAULT_PORTS.get(found[1], ""):
        cure = (
            "Write it as browsers send it: scheme and host in lower case, a port only where it is not the scheme's "
            'own, no path: "https://example.org"; OriginPattern("https://*.example.org") for all below a name.'
        )
        raise bad_guard(f"CORS(origins=…) lists {text!r}, which no browser sends.", cure)
    return text
