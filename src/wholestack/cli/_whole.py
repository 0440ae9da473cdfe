"""An answer that is whole goes out in one write: head and body in one system call, where Uvicorn takes two.

Uvicorn also searches each header field's name and value for what must not be in them; here the whole head is looked at
once. What is not whole (a stream, a body in parts, a `connection` field) takes Uvicorn's own way.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

Message = MutableMapping[str, Any]
_LENGTH = b"content-length"


class OneWriteCycle(RequestResponseCycle):
    """One request's exchange; a protocol makes Uvicorn's cycle one of these by its class, which costs no object."""

    held: Message | None = None

    async def send(self, message: Any) -> None:
        """Hold the start of an answer whose length is known until its body comes."""
        start, self.held = self.held, None
        if start is not None:
            if message.get("more_body") or not self._written(start, message.get("body", b"")):
                await RequestResponseCycle.send(self, start)  # type: ignore[arg-type]
                await RequestResponseCycle.send(self, message)
        elif message["type"] == "http.response.start" and (fields := message["headers"]) and fields[-1][0] == _LENGTH:
            self.held = message
        else:
            await RequestResponseCycle.send(self, message)

    def _written(self, start: Message, body: bytes) -> bool:
        """Write the whole answer; False where it must take the plain way."""
        fields = [*self.default_headers, *start["headers"]]
        is_head = self.scope["method"] == "HEAD"
        if self.response_started or self.flow.write_paused or not (is_head or len(body) == int(fields[-1][1])):
            return False
        if not self.keep_alive:
            fields.append((b"connection", b"close"))
        head = b"\r\n".join(map(b": ".join, fields))
        if head.count(b"\n") != len(fields) - 1 or (self.keep_alive and b"\nconnection:" in head):
            return False
        if not self.disconnected:
            self.transport.write(b"".join((STATUS_LINE[start["status"]], head, b"\r\n\r\n", b"" if is_head else body)))
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True
