"""Calls an app in this process over each of its three interfaces, as a server would: bytes in, bytes out.

Each caller decodes a target as real servers do (ASGI: percent-decoded UTF-8; WSGI: latin-1 of the bytes; RSGI: lossy
UTF-8), sends the body in the chunks it is given, and gives what came out. One caller is one server process: it keeps
its event loop, and runs the app's stop when it is closed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, unquote_to_bytes, urlencode

Pairs = Sequence[tuple[str, str]]


@dataclasses.dataclass
class Answer:
    """What came out of the app."""

    status: int
    pairs: list[tuple[str, str]]
    chunks: list[bytes]

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.pairs)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key == name]

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        def refuse(constant: str) -> None:
            raise ValueError(f"{constant} is no JSON")

        return json.loads(self.body, parse_constant=refuse)

    @property
    def faults(self) -> list[tuple[str, str, str]]:
        """The faults of a validation problem: where, pointer, code."""
        assert self.status == 422, (self.status, self.body)
        assert self.headers["content-type"] == "application/problem+json"
        return [(each["in"], each["pointer"], each["code"]) for each in self.json()["errors"]]


class Caller:
    """One server process around one app."""

    interface = "none"

    def __init__(self, app: Any) -> None:
        self.app = app
        self.runner = asyncio.Runner()

    def ask(self, method: str, target: str, headers: Pairs, chunks: Iterable[bytes], version: str) -> Answer:
        raise NotImplementedError

    def request(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | Pairs = (),
        body: bytes | Iterable[bytes] = b"",
        data: Any = None,
        form: Any = None,
        chunked: bool = False,
        version: str = "1.1",
    ) -> Answer:
        """One request; `data` goes as JSON, `form` urlencoded, an iterable `body` in its chunks, `chunked` without a
        length."""
        pairs = [
            (name.lower(), value) for name, value in (headers.items() if isinstance(headers, Mapping) else headers)
        ]
        names = {name for name, _ in pairs}
        if data is not None:
            body, kind = json.dumps(data).encode(), "application/json"
        elif form is not None:
            body, kind = urlencode(form, doseq=True).encode(), "application/x-www-form-urlencoded"
        else:
            kind = ""
        if kind and "content-type" not in names:
            pairs.append(("content-type", kind))
        if "host" not in names:
            pairs.append(("host", "example.org"))
        chunks = [body] if isinstance(body, bytes) else list(body)
        if chunked:
            pairs.append(("transfer-encoding", "chunked"))
        elif any(chunks) and "content-length" not in names:
            pairs.append(("content-length", str(sum(map(len, chunks)))))
        return self.ask(method, target, [pair for pair in pairs if pair[1] is not None], chunks, version)

    def get(self, target: str, **options: Any) -> Answer:
        return self.request("GET", target, **options)

    def head(self, target: str, **options: Any) -> Answer:
        return self.request("HEAD", target, **options)

    def options(self, target: str, **options: Any) -> Answer:
        return self.request("OPTIONS", target, **options)

    def post(self, target: str, **options: Any) -> Answer:
        return self.request("POST", target, **options)

    def put(self, target: str, **options: Any) -> Answer:
        return self.request("PUT", target, **options)

    def patch(self, target: str, **options: Any) -> Answer:
        return self.request("PATCH", target, **options)

    def delete(self, target: str, **options: Any) -> Answer:
        return self.request("DELETE", target, **options)

    def stop(self) -> None:
        """What the server does at its end."""

    def close(self) -> None:
        try:
            self.stop()
        finally:
            self.runner.close()


def _split(target: str) -> tuple[str, str]:
    path, _, query = target.partition("?")
    return path, query


class Asgi(Caller):
    interface = "asgi"

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self.scope: dict[str, Any] = {}
        self.leaves = False
        self._lifespan: Any = None

    def start(self) -> list[dict[str, Any]]:
        """The lifespan's start; without it the first request starts the app."""
        return self.runner.run(self._start())

    async def _start(self) -> list[dict[str, Any]]:
        inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        sent: list[dict[str, Any]] = []
        told = asyncio.Event()

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)
            told.set()

        task = asyncio.ensure_future(
            self.app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, inbox.get, send)
        )
        await inbox.put({"type": "lifespan.startup"})
        await asyncio.wait({task, asyncio.ensure_future(told.wait())}, return_when=asyncio.FIRST_COMPLETED)
        self._lifespan = (task, inbox, sent)
        return sent

    def stop(self) -> None:
        if self._lifespan is not None:
            (task, inbox, _), self._lifespan = self._lifespan, None
            self.runner.run(self._finish(task, inbox))
            return
        sealed = self.app.sealed
        if sealed is not None:
            self.runner.run(self._end(sealed))

    async def _finish(self, task: Any, inbox: Any) -> None:
        await inbox.put({"type": "lifespan.shutdown"})
        await asyncio.wait({task})
        task.exception()

    async def _end(self, sealed: Any) -> None:
        if sealed.lifetime.started:
            await sealed.lifetime.stop()

    def ask(self, method: str, target: str, headers: Pairs, chunks: Iterable[bytes], version: str) -> Answer:
        return self.runner.run(self.exchange(method, target, headers, list(chunks), version))

    async def exchange(
        self,
        method: str,
        target: str,
        headers: Pairs = (("host", "a"),),
        chunks: Sequence[bytes] = (),
        version: str = "1.1",
    ) -> Answer:
        """One request on the running loop."""
        path, query = _split(target)
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": version,
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
            "client": ("192.0.2.7", 50000),
            "server": ("127.0.0.1", 80),
            **self.scope,
        }
        incoming = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks[:-1]]
        incoming.append({"type": "http.request", "body": chunks[-1] if chunks else b"", "more_body": False})
        answer, over = Answer(0, [], []), asyncio.Event()

        async def receive() -> dict[str, Any]:
            if incoming:
                return incoming.pop(0)
            if not self.leaves:
                await over.wait()  # the client stays until it has everything
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                assert not answer.status, "the answer began twice"
                answer.status = message["status"]
                answer.pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]]
            elif message["body"]:
                answer.chunks.append(message["body"])

        try:
            await self.app(scope, receive, send)
        finally:
            over.set()
        return answer


class Wsgi(Caller):
    interface = "wsgi"

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self.environ: dict[str, Any] = {}

    def ask(self, method: str, target: str, headers: Pairs, chunks: Iterable[bytes], version: str) -> Answer:
        path, query = _split(target)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": f"HTTP/{version}",
            "REMOTE_ADDR": "192.0.2.7",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": Input(chunks),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
        }
        for name, value in headers:
            key = name.upper().replace("-", "_")
            key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
            separator = "; " if key == "HTTP_COOKIE" else ","
            environ[key] = f"{environ[key]}{separator}{value}" if key in environ else value
        answer = Answer(0, [], [])

        def start_response(status: str, pairs: list[tuple[str, str]], exc_info: Any = None) -> Any:
            answer.status = int(status[:3])
            answer.pairs = [(name.lower(), value) for name, value in pairs]

        body = self.app({**environ, **self.environ}, start_response)
        try:
            answer.chunks = [chunk for chunk in body if chunk]
        finally:
            if hasattr(body, "close"):
                body.close()
        return answer

    def stop(self) -> None:
        sealed = self.app.sealed
        if sealed is not None:
            sealed.lifetime.stop_in_background()


class Input:
    """A WSGI server's input: gives a chunk at a time, as sockets do."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks: Iterator[bytes] = iter(chunks)
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        while not self._left:
            try:
                self._left = next(self._chunks)
            except StopIteration:
                return b""
        piece, self._left = (self._left[:size], self._left[size:]) if size >= 0 else (self._left, b"")
        return piece


class RsgiHeaders:
    def __init__(self, pairs: Pairs) -> None:
        self._pairs = list(pairs)

    def items(self) -> list[tuple[str, str]]:
        return list(self._pairs)

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self._pairs)


class RsgiProtocol:
    """The stand-in for Granian's HTTP protocol object."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._chunks = list(chunks)
        self.answer = Answer(0, [], [])
        self.gone = asyncio.Event()

    async def client_disconnect(self) -> None:
        await self.gone.wait()

    async def __call__(self) -> bytes:
        return b"".join(self._chunks)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._each()

    async def _each(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk

    def close(self, code: int) -> None:
        self.answer.status = code

    def _start(self, status: int, pairs: list[tuple[str, str]]) -> None:
        assert not self.answer.status, "the answer began twice"
        for name, value in pairs:
            assert isinstance(name, str)
            value.encode("latin-1")
        self.answer.status, self.answer.pairs = status, list(pairs)

    def response_empty(self, status: int, pairs: list[tuple[str, str]]) -> None:
        self._start(status, pairs)

    def response_bytes(self, status: int, pairs: list[tuple[str, str]], body: bytes) -> None:
        # As the server does (hyper knows the length of a body in one piece).
        self._start(
            status,
            pairs
            if any(name == "content-length" for name, _ in pairs)
            else [*pairs, ("content-length", str(len(body)))],
        )
        self.answer.chunks = [body]

    def response_file_range(self, status: int, pairs: list[tuple[str, str]], file: str, start: int, end: int) -> None:
        self._start(status, pairs)
        self.answer.chunks = [Path(file).read_bytes()[start:end]]

    def response_stream(self, status: int, pairs: list[tuple[str, str]]) -> RsgiProtocol:
        self._start(status, pairs)
        return self

    async def send_bytes(self, chunk: bytes) -> None:
        await asyncio.sleep(0)
        self.answer.chunks.append(chunk)


class Rsgi(Caller):
    interface = "rsgi"

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self.scope: dict[str, Any] = {}

    def start(self) -> None:
        self.runner.get_loop()
        self.app.__rsgi_init__(self.runner.get_loop())

    def stop(self) -> None:
        sealed = self.app.sealed
        if sealed is not None:
            self.app.__rsgi_del__(self.runner.get_loop())

    def ask(self, method: str, target: str, headers: Pairs, chunks: Iterable[bytes], version: str) -> Answer:
        protocol = RsgiProtocol(list(chunks))
        path, query = _split(target)
        scope = SimpleNamespace(
            **{
                "proto": "http",
                "rsgi_version": "1.5",
                "http_version": version,
                "server": "127.0.0.1:80",
                "client": "192.0.2.7:50000",
                "scheme": "http",
                "method": method,
                "path": unquote(path),
                "query_string": query,
                "headers": RsgiHeaders(headers),
                "authority": None,
                **self.scope,
            }
        )
        self.runner.run(self.app.__rsgi__(scope, protocol))
        return protocol.answer


CALLERS: dict[str, type[Caller]] = {"asgi": Asgi, "wsgi": Wsgi, "rsgi": Rsgi}


def multipart(parts: Iterable[tuple[str, str | None, str | None, bytes]]) -> tuple[bytes, dict[str, str]]:
    """A multipart body of (field, file name, media type, bytes), and its header."""
    lines = b""
    for field, name, kind, content in parts:
        lines += f'--edge\r\ncontent-disposition: form-data; name="{field}"'.encode()
        lines += f'; filename="{name}"'.encode() if name is not None else b""
        lines += f"\r\ncontent-type: {kind}".encode() if kind is not None else b""
        lines += b"\r\n\r\n" + content + b"\r\n"
    return lines + b"--edge--\r\n", {"content-type": "multipart/form-data; boundary=edge"}
