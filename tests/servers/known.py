"""What a server does by itself, where it differs from the others: asserted exactly, and the table in docs/servers.md.

A test asks `outcome(kind, row, case, usual)` and compares with what it saw. A server that improves (or gets worse)
turns its test red; then its line here changes, and `PYTHONPATH=src:tests python -m servers.known` writes the table anew.
"""

from __future__ import annotations

import dataclasses

from servers.matrix import BY_NAME, KINDS, ROOT, Kind


@dataclasses.dataclass(frozen=True)
class Known:
    """One thing that some servers do differently.

    Attributes:
        servers: names of kinds, parted by spaces.
        row: the row of the HTTP boundary, or a word of ours.
        case: what of it; the empty case is the whole row.
        seen: the outcome that the test sees there.
        why: for the reader of the table.
    """

    servers: str
    row: str
    case: str
    seen: str
    why: str


_GRANIAN = "granian-rsgi granian-asgi granian-wsgi"

KNOWN: tuple[Known, ...] = (
    Known(_GRANIAN, "A1", "Content-Length with Transfer-Encoding", "answered, closed",
          "takes the chunks, drops the length before the app sees it, and ends the connection: nothing behind is read"),
    Known("waitress", "A1", "Content-Length with Transfer-Encoding", "answered, the second answered",
          "takes the chunks and puts the length of what came into the environ; the app sees one honest length"),
    Known("daphne", "A1", "a length of 20 digits", "nothing", "waits for the body, and tells the app nothing before it is there"),
    Known("waitress", "A2", "chunked, chunked", "answered", "drops the coding before the app sees it"),
    Known("granian-wsgi", "A3", "", "a part as the whole",
          "ends `wsgi.input` as if the body were whole; nothing in it or the environ tells. JSON and multipart bodies are "
          "still refused, since their end is missing; a raw body that must be whole needs a length"),
    Known("daphne", "A9", "5000 fields", "refused otherwise", "has a limit of its own, and answers 400"),
    Known("daphne", "A9", "a field of 20 kB", "refused otherwise", "has a limit of its own, and closes unanswered"),
    Known("daphne", "A9", "fields of 80 kB", "refused otherwise", "has a limit of its own, and closes unanswered"),
    Known("daphne uvicorn-h11", "A9", "a field of 1 MB", "refused otherwise", "has a limit of its own"),
    Known("daphne uvicorn hypercorn", "A9", "a path of 64 kB", "refused otherwise", "has a limit of its own"),
    Known("waitress", "A9", "one name 200 times", "answered", "joins fields of one name, so that the app sees one short field"),
    Known("hypercorn", "A10", "get", "answered", "writes methods in capitals before the app sees them"),
    Known("daphne waitress", "A11", "a stream that is cut", "nothing",
          "reads a body whole before it asks the app, so that the app never hears of one that is cut"),
    Known("hypercorn gunicorn-gthread gunicorn-sync", "A12", "over the limit", "100",
          "says 100 Continue by itself; the 413 follows at once, and what is sent of the body is not kept"),
    Known("daphne waitress", "A12", "over the limit", "100",
          "says 100 Continue by itself and reads the body whole, into a temporary file, before it asks the app"),
    Known("daphne waitress", "B5", "over the limit", "read whole",
          "reads the body whole, into a temporary file, before it asks the app"),
    Known("daphne", "B7", "an upload", "all in memory", "reads the body whole, and queues all of it for the app"),
    Known("granian-rsgi granian-asgi granian-wsgi hypercorn", "A16", "an unread body", "ended",
          "ends the connection after an answer to a body that nobody read; a proxy may be about to use it again, and answers "
          "that request with 502 (seen once in 10,000)"),
    Known("daphne", "B4", "multipart", "costly", "parses every form by itself as well, in up to half a second a megabyte"),
    Known("daphne", "B14", "multipart", "400", "answers a multipart body that it cannot parse itself, before it asks the app"),
    Known("daphne", "B17", "Content-Type", "quadratic",
          "parses it by itself: half a second for 16 kB of `;`; some that are none close the connection"),
    Known("gunicorn-gthread gunicorn-sync gunicorn-asgi", "B15", "a field of 9 kB", "431",
          "has a limit of its own for one field (`--limit-request-field_size`, which `wholestack serve` sets to ours)"),
    Known("granian-rsgi hypercorn-h2 daphne", "E7", "slow reader", "all in memory",
          "keeps in memory what the client does not take of a stream, however much it is"),
    Known("hypercorn-h2 daphne", "E7", "slow reader of a file", "all in memory", "does the same with a file"),
    Known("granian-rsgi granian-wsgi", "E13", "error in mid-stream", "a clean end",
          "ends the answer cleanly where the app raises"),
    Known("daphne", "E13", "error in mid-stream", "no end", "neither ends the answer nor the connection"),
    Known("uvicorn", "HTTP/1.0", "stream", "chunks", "sends chunks to a client that knows none"),
    Known("gunicorn-sync", "keep-alive", "", "closed", "ends the connection after every answer"),
    Known("waitress", "keep-alive", "no length", "closed",
          "ends the connection after an answer without a length (a stream, a 204, a 304)"),
    Known("granian-wsgi", "E1", "SIGTERM", "now and then not heard",
          "its worker waits on, about once in 100 stops, with any app, until SIGTERM is sent to the worker itself; "
          "`wholestack serve` ends it at its time limit"),
    Known("daphne waitress", "E1", "in flight", "0 of 20", "drops what is in flight at SIGTERM"),
    Known("waitress", "E1", "stop hook", "not run", "has no lifespan and no handler for SIGTERM"),
    Known("uvicorn uvicorn-h11", "E1", "exit code", "-15", "raises the signal again after its graceful stop"),
    Known("waitress", "E1", "exit code", "-15", "has no handler for SIGTERM"),
    Known("waitress", "after-send", "d at a stop", "lost", "has no handler for SIGTERM"),
    Known("hypercorn daphne", "H13", "malformed", "cut", "ends the connection without a close frame"),
    Known("hypercorn daphne", "H13", "an illegal code", "cut", "ends the connection without a close frame"),
    Known("granian-rsgi granian-asgi", "H13", "malformed", "1005", "closes without a code"),
    Known("uvicorn granian-rsgi granian-asgi", "H13", "a length not in its shortest form", "goes on", "takes it"),
    Known("hypercorn daphne", "H13", "a length not in its shortest form", "cut", "ends the connection without a close frame"),
    Known("uvicorn", "H13", "5.4 a close within a fragmented text", "1002", "takes it for a fault; `wholestack serve` does not"),
    Known("granian-rsgi granian-asgi hypercorn", "H13", "a handshake with a key that is none", "101", "does not look at it"),
    Known("hypercorn", "H13", "an offer with a parameter that is none", "agreed on", "does not look at it"),
    Known("daphne", "H13", "an offer with a parameter that is none", "refused", "refuses the handshake"),
    Known("daphne", "H13", "an offer with a number out of range", "refused", "refuses the handshake"),
    Known("daphne", "H13", "an offer with a number that is none", "refused", "refuses the handshake"),
    Known("hypercorn", "H13", "an offer with a number that is none", "cut", "meets an error of its own, and ends the connection"),
    Known("uvicorn", "H13", "invalid before its end", "goes on", "judges a text when it is whole"),
    Known("daphne", "H13", "an empty message", "lost", "sends none"),
    Known("daphne", "H13", "a close by the client", "1000", "answers each close with 1000"),
    Known("granian-rsgi granian-asgi", "H13", "a close with 1014", "1002", "does not know this code"),
    Known("hypercorn daphne", "H13", "a close with 1014", "cut", "does not know this code"),
    Known("waitress", "after-send", "a at a stop", "lost", "has no handler for SIGTERM"),
)  # fmt: skip


def outcome(kind: Kind, row: str, case: str, usual: str) -> str:
    """What is to be seen on this server: the usual, unless it is known for something else."""
    for known in KNOWN:
        if known.row == row and known.case in {case, ""} and kind.name in known.servers.split():
            return known.seen
    return usual


# -- the table ---------------------------------------------------------------------------------------------------

PAGE = ROOT / "docs" / "servers.md"
BEGIN, END = "<!-- known: written by tests/servers/known.py -->", "<!-- /known -->"


def table() -> str:
    """The table of docs/servers.md."""
    order = list(BY_NAME)
    lines = ["| server | row | case | what is seen | because it |", "|---|---|---|---|---|"]
    for known in sorted(KNOWN, key=lambda known: (min(map(order.index, known.servers.split())), known.row, known.case)):
        names = ", ".join(kind.name for kind in KINDS if kind.name in known.servers.split())
        lines.append(f"| {names} | {known.row} | {known.case or 'all'} | {known.seen} | {known.why} |")
    return "\n".join(lines)


def page(text: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
