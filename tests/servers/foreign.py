"""Two apps of other makers, as far as a mount is concerned: one plain ASGI, one plain WSGI."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    told = {"method": scope["method"], "root": scope["root_path"], "path": scope["path"], "body": len(body)}
    answer = json.dumps(told).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"x-foreign", b"asgi"),
        (b"content-length", b"%d" % len(answer)),
    ]
    await send({"type": "http.response.start", "status": 203, "headers": headers})
    await send({"type": "http.response.body", "body": answer[:10], "more_body": True})
    await send({"type": "http.response.body", "body": answer[10:]})


def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    told = {
        "method": environ["REQUEST_METHOD"],
        "root": environ["SCRIPT_NAME"],
        "path": environ["PATH_INFO"],
        "body": len(body),
    }
    answer = json.dumps(told).encode()
    headers = [("Content-Type", "application/json"), ("X-Foreign", "wsgi"), ("Content-Length", str(len(answer)))]
    start_response("203 Non-Authoritative Information", headers)
    return [answer[:10], answer[10:]]
