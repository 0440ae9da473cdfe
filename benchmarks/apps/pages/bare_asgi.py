"""A bare ASGI callable that writes each body to a file as it comes, with the form around the file, and reads nothing of it."""

import os
import secrets

from apps.pages.data import folder


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    size = 0
    if scope["method"] == "POST":
        with open(os.path.join(folder("uploads"), secrets.token_hex(8)), "wb") as out:
            more = True
            while more:
                message = await receive()
                size += out.write(message["body"])
                more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b'{"size": %d}' % size})
