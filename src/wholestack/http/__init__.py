"""HTTP as plain values: what a message says, and what is refused in one.

Here belong parsers and writers for header fields, cookies, queries, forms, ranges and conditions, the `Request` and the
`Response` as values, the `Limits`, and the gate. Never here: a socket, a file that is opened, a clock that decides, or
anything of ours from a higher floor. What cannot be taken raises `Refused`, which the floor above makes an `HTTPError`
of. A call flows so: the driver fills a `Request`; `Gate` refuses what is malformed; lazily, as a plan asks, the query,
cookies, form and conditions are parsed; a `Response` is written by the driver.
"""

from ._codings import best_coding
from ._conditional import etag_of, http_date, parse_date, preconditions
from ._cookies import parse_cookies, write_cookie
from ._disposition import content_disposition
from ._file import File
from ._forms import FormData, FormParser
from ._gate import Gate, environ_field, environ_pairs
from ._headers import AskedHeaders, HeaderFault, Headers, MutableHeaders, check_header
from ._limits import Limits, size
from ._media_types import accepts_html, negotiate, parse_media_type
from ._query import parse_query, percent_decode
from ._ranges import ByteRanges, byteranges, if_range_matches, parse_ranges
from ._redirects import safe_redirect
from ._refused import Refused
from ._request import Request
from ._response import HTML, JSON, Chunks, CookieOptions, Redirect, Response, Stream, Text
from ._upload import Upload

__all__ = [
    "HTML",
    "JSON",
    "AskedHeaders",
    "ByteRanges",
    "Chunks",
    "CookieOptions",
    "File",
    "FormData",
    "FormParser",
    "Gate",
    "HeaderFault",
    "Headers",
    "Limits",
    "MutableHeaders",
    "Redirect",
    "Refused",
    "Request",
    "Response",
    "Stream",
    "Text",
    "Upload",
    "accepts_html",
    "best_coding",
    "byteranges",
    "check_header",
    "content_disposition",
    "environ_field",
    "environ_pairs",
    "etag_of",
    "http_date",
    "if_range_matches",
    "negotiate",
    "parse_cookies",
    "parse_date",
    "parse_media_type",
    "parse_query",
    "parse_ranges",
    "percent_decode",
    "preconditions",
    "safe_redirect",
    "size",
    "write_cookie",
]
