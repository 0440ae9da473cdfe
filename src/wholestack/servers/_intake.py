"""Taking a body in: counted as it comes, whatever it declared, and never more of it than the limit.

The limit is the same for every kind of body, with a length, chunked, or lying about it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from wholestack.errors import ClientDisconnected
from wholestack.handlers import BodyReader, Plan, wait
from wholestack.http import FormParser, Refused, Request, parse_media_type

from ._threads import Workers

#: Bytes of a large upload that one crossing to a thread takes: a crossing for each chunk would cost more than the disk.
_AT_ONCE = 1024 * 1024


def admit(plan: Plan, body: BodyReader, length: str | bytes, coding: str) -> None:
    """Judge a body by what it declares, before anything of it is read.

    Raises:
        Refused: 413 by the declared length (RFC 9110 §10.1.1: before 100 Continue, too); 415 for a Content-Encoding
            (RFC 9110 §8.4), since a small body could decode to a huge one.
    """
    if length and int(length) > plan.body_limit:
        raise too_large(plan.body_limit)
    if coding and not body.coded and coding.lower() != "identity":
        raise Refused(415, "unsupported-content-encoding", "Send the body uncoded.", (("accept-encoding", "identity"),))


def form_parser(plan: Plan, body: BodyReader, content_type: str) -> FormParser | None:
    """What parses a body that is read as a form; None for one that is taken whole, as JSON for a form's model is."""
    if body.reads != "form":
        return None
    is_json = "application/json" in body.media_types and parse_media_type(content_type)[0] == "application/json"
    return None if is_json else FormParser(content_type, plan.limits, plan.opens)


async def take(chunks: AsyncIterator[bytes], form: FormParser | None, request: Request, workers: Workers) -> None:
    """Take every chunk of a body that is read whole or as a form; what may write to disk is taken in a thread."""
    if form is None:
        request.body = b"".join([chunk async for chunk in chunks])
        return
    waiting: list[bytes] = []
    size, writing = 0, None
    try:
        async for chunk in chunks:
            if not waiting and writing is None and not form.may_block(len(chunk)):
                form.feed(chunk)
                continue
            waiting.append(chunk)
            size += len(chunk)
            if size >= _AT_ONCE:
                if writing is not None:
                    await writing  # What came meanwhile is no more than is taken at once.
                writing = workers.run(form.feed, *waiting)
                waiting, size = [], 0
        if writing is not None:
            await writing
        if waiting:
            await workers.run(form.feed, *waiting)
        request.form = form.close()
    except BaseException:
        if writing is not None:
            writing.cancel()  # Nobody asks any more how it ended.
        form.abort()
        raise


def as_stream(plan: Plan, chunks: AsyncIterator[bytes]) -> Any:
    """The chunks for the handler: as they are, or for a `def` one as a plain iterator, one crossing a chunk."""
    return chunks if plan.colour == "async" else _blocking(chunks)


def _blocking(chunks: AsyncIterator[bytes]) -> Iterator[bytes]:
    while True:
        try:
            yield wait(chunks.__anext__())
        except StopAsyncIteration:
            return


def too_large(limit: int) -> Refused:
    """The refusal of a body that is over its limit; the connection ends, since its rest is not read."""
    return Refused(413, "body-too-large", f"The body is over the limit of {limit} bytes.", (("connection", "close"),))


def gone() -> ClientDisconnected:
    """The error for a request that was cut off."""
    return ClientDisconnected("The client went away before its request was whole.")
