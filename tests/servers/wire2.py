"""HTTP/2 with prior knowledge (RFC 9113 §3.3), through h2: enough to ask the same cases as over HTTP/1.1."""

from __future__ import annotations

import socket
from typing import Any, Self

import h2.config
import h2.connection
import h2.errors
import h2.events

from servers.wire import PATIENCE, Answer, Gone, Pairs


class Connection2:
    """One connection; requests go out as streams 1, 3, 5 …"""

    def __init__(self, port: int, timeout: float = PATIENCE) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = h2.config.H2Configuration(header_encoding=None, validate_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.answers: dict[int, Answer] = {}
        self.done: set[int] = set()
        self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def flush(self) -> None:
        try:
            self.socket.sendall(self.h2.data_to_send())
        except (BrokenPipeError, ConnectionResetError):
            pass

    def begin(self, path: str, method: str = "GET", headers: Pairs = (), *, more: bool = False) -> int:
        """Send a request's fields, and end it unless more follows."""
        stream = self.h2.get_next_available_stream_id()
        names = {name.lower() for name, _ in headers}
        fields = [(":method", method), (":scheme", "http"), (":path", path)]
        if "host" not in names:
            fields.append((":authority", "example.org"))
        fields += [
            (name.lower(), value) for name, value in headers if name.lower() not in {"connection", "transfer-encoding"}
        ]
        self.h2.send_headers(stream, fields, end_stream=not more)
        self.flush()
        return stream

    def data(self, stream: int, body: bytes, *, end: bool = True) -> bool:
        """Send a body as fast as the server lets it in; False where it was refused meanwhile."""
        start = 0
        while start < len(body) and stream not in self.done:
            size = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(body) - start)
            if size <= 0:
                if not self.take():
                    return False
                continue
            self.h2.send_data(stream, body[start : start + size])
            start += size
            self.flush()
        if stream in self.done:
            return False
        if end:
            self.h2.end_stream(stream)
            self.flush()
        return True

    def ask(self, path: str, method: str = "GET", headers: Pairs = (), body: bytes | None = None) -> Answer:
        stream = self.begin(path, method, headers, more=body is not None)
        if body is not None:
            self.data(stream, body)
        return self.answer(stream)

    def answer(self, stream: int) -> Answer:
        """The answer to a stream, whole or as far as it came."""
        while stream not in self.done:
            if not self.take():
                break
        if stream not in self.answers:
            raise Gone("the connection or the stream ended without an answer")
        return self.answers[stream]

    def take(self) -> bool:
        """Take what the server sends next; False at the end of the connection."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.done |= set(self.answers)
            return False
        for event in self.h2.receive_data(data):
            self._event(event)
        self.flush()
        return True

    def _event(self, event: Any) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers]
            status = next(int(value) for name, value in fields if name == ":status")
            pairs = [(name, value) for name, value in fields if not name.startswith(":")]
            self.answers[event.stream_id] = Answer(status, pairs, b"", whole=False)
        elif isinstance(event, h2.events.DataReceived):
            self.answers[event.stream_id].body += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.answers[event.stream_id].whole = True
            self.done.add(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.done.add(event.stream_id)
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.done |= set(self.answers)
