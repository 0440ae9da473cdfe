"""Where a redirect may lead."""

from __future__ import annotations

import re
from collections.abc import Container

_LONGEST = 8 * 1024
# Browsers drop tabs and line ends anywhere, and read a backslash as a slash (URL standard §4.4).
_TRICKS = re.compile("[\x00-\x1f\x7f-\x9f\\\\\ud800-\udfff]")
_ABSOLUTE = re.compile(r"(https?)://([0-9a-z.\-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?(?:[/?#]|\Z)", re.IGNORECASE | re.ASCII)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def safe_redirect(target: str, hosts: Container[str] = ()) -> bool:
    """Whether a target stays on this site (a path that begins with one slash) or goes to a host that is listed.

    Arguments:
        target: what a client may have written, as in ``?next=``.
        hosts: host names in lower case, with their port where it is not the scheme's own (``shop.example:8443``).

    Example:
        >>> safe_redirect("/notes?page=2"), safe_redirect("//evil.example"), safe_redirect("javascript:alert(1)")
        (True, False, False)
        >>> safe_redirect("https://shop.example/cart", {"shop.example"})
        True
    """
    if isinstance(hosts, str):
        raise TypeError("safe_redirect(hosts=…) is a collection of host names, not one text.")
    if len(target) > _LONGEST or _TRICKS.search(target):
        return False
    if target.startswith("/"):
        return not target.startswith("//")
    match = _ABSOLUTE.match(target)
    if match is None:
        return False
    scheme, host, port = match[1].lower(), match[2].lower(), match[3] or ""
    return (host if port in {"", _DEFAULT_PORTS[scheme]} else host + port) in hosts
