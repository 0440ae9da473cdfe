"""Files on their way out: signed addresses, and answers of which nothing runs."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote, urlencode

from wholestack import File, NotFound, Request, Response, Stream
from wholestack.errors import Gone
from wholestack.http import content_disposition, if_range_matches, parse_ranges, preconditions

from ._colour import away
from ._signing import Signer
from ._sniff import type_of
from ._storage import Storage
from ._stored import StoredFile

#: What a document may do that somebody has sent us: nothing (CSP 3 §6.1.3, §6.3.2).
POLICY = "sandbox; default-src 'none'"
_SIGNED = ("filename", "download", "expires")
#: A browser plays sound and films in a page of its own making, which loads them as any page of their origin does.
PLAYS = "sandbox allow-same-origin; default-src 'none'; media-src 'self'"
FOR_A_YEAR = "public, max-age=31536000, immutable"


@dataclasses.dataclass(frozen=True)
class Asked:
    """What an address asks for.

    Attributes:
        name: the stored name.
        filename: what it is to be saved as; the stored name where the address says nothing.
        download: to be saved, whatever it is.
        left: seconds that the address is still good for; None for one that is good for ever.
    """

    name: str
    filename: str
    download: bool
    left: float | None


@dataclasses.dataclass(frozen=True)
class Serving:
    """Where and how files are served.

    Attributes:
        storage: where they are.
        signer: signs addresses.
        at: the path they are served below.
        origin: goes before addresses: another origin that the same app answers at.
        public: whether an address without a signature is answered.
        inline: types that a browser may show.
        expires: seconds that an address is good for.
    """

    storage: Storage
    signer: Signer
    at: str
    origin: str
    public: bool
    inline: frozenset[str]
    expires: float

    def url(self, stored: StoredFile, root: str, *, variant: str | None, expires: float | None, download: bool) -> str:
        """The address of a file."""
        name = stored.name if variant is None else stored.variant(variant)
        address = f"{self.origin or quote(root)}{self.at}/{name}"
        if self.public and expires is None and not download:
            return address
        query: dict[str, str] = {"filename": stored.filename, **({"download": "1"} if download else {})}
        if not self.public or expires is not None:
            query["expires"] = str(int(time.time() + (self.expires if expires is None else expires)))
        query["signature"] = self.signer.sign("get", _signed(name, query))
        return f"{address}?{urlencode(query, quote_via=quote)}"

    def asked(self, name: str, query: Mapping[str, Sequence[str]]) -> Asked:
        """What an address asks for.

        Raises:
            NotFound: it has no signature and needs one, or one that is not ours.
            Gone: its time is over.
        """
        found = {key: values[0] for key, values in query.items() if len(values) == 1}
        signature = found.pop("signature", None)
        if signature is None:
            if not self.public:
                raise NotFound
            return Asked(name, name, download=False, left=None)
        signed: dict[str, str] = {key: found[key] for key in _SIGNED if key in found}
        if not self.signer.knows("get", _signed(name, signed), signature):
            raise NotFound
        left = int(signed["expires"]) - time.time() if "expires" in signed else None
        if left is not None and left < 0:
            raise Gone("This address was good for a while, which is over. Ask for a new one.")
        return Asked(name, signed.get("filename", name), "download" in signed, left)

    def disposition(self, media_type: str, filename: str, *, download: bool = False) -> str:
        """How a file is offered (RFC 6266): shown only where nothing of it can run."""
        return content_disposition(filename, inline=media_type in self.inline and not download)

    def answer(self, asked: Asked, request: Request) -> Response:
        """A file as an answer, in ranges and with conditions.

        Raises:
            FileMissing: it is not in the storage.
        """
        kind = type_of(asked.name)
        response = self._response(asked, kind, request)
        headers = response.headers
        headers.set(
            "content-disposition", self.disposition(kind, asked.filename or asked.name, download=asked.download)
        )
        headers.set("etag", f'"{asked.name.partition(".")[0]}"')  # Under one name it is always the same.
        headers.set("x-content-type-options", "nosniff")
        headers.set("content-security-policy", PLAYS if kind.startswith(("audio/", "video/")) else POLICY)
        # Pages of other sites may embed it where it has an origin of its own, which is what that is for.
        headers.set("cross-origin-resource-policy", "cross-origin" if self.origin else "same-site")
        kept = FOR_A_YEAR if asked.left is None and self.public else f"private, max-age={int(max(0, asked.left or 0))}"
        headers.set("cache-control", kept)
        headers.set("referrer-policy", "no-referrer")  # The address itself is what lets its holder in.
        return response

    def _response(self, asked: Asked, kind: str, request: Request) -> Response:
        place = self.storage.path(asked.name)
        if place is not None:
            folder, path = place
            return File(path, media_type=kind, below=folder, inline=True)
        size = away(self.storage.size, asked.name)
        etag = f'"{asked.name.partition(".")[0]}"'
        if (status := preconditions(request.method, request.headers, etag, None)) is not None:
            return Response(status=status)
        return self._streamed(asked.name, kind, size, etag, request)

    def _streamed(self, name: str, kind: str, size: int, etag: str, request: Request) -> Response:
        """Of a storage that is elsewhere: whole, or one range of it (RFC 9110 §14.2: a server may ignore others)."""
        wanted = request.headers.get("range") if request.method == "GET" else None
        if wanted is not None and not if_range_matches(request.headers.get("if-range"), etag, None):
            wanted = None
        ranges = parse_ranges(wanted, size, request.limits.ranges) if wanted is not None else None
        start, stop = ranges[0] if ranges is not None and len(ranges) == 1 else (0, size)
        chunks: Iterator[bytes] = iter(())
        if request.method != "HEAD":
            chunks = away(self.storage.open, name, start, stop)
        response = Stream(chunks, media_type=kind)
        response.length = str(stop - start)
        response.headers.set("accept-ranges", "bytes")
        if ranges is not None and len(ranges) == 1:
            response.status = 206
            response.headers.set("content-range", f"bytes {start}-{stop - 1}/{size}")
        return response


def _signed(name: str, query: Mapping[str, str]) -> str:
    """What is signed of an address: each part on a line of its own, so that no two addresses have the same text."""
    return "\n".join([name, *(f"{key}={quote(query[key])}" for key in sorted(query))])
