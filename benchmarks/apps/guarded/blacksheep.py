"""BlackSheep's middleware (https://www.neoteroi.dev/blacksheep/cors/, …/behind-proxies/, …/responses/)."""

from collections.abc import Callable
from os import environ
from typing import Any

import orjson
from blacksheep import Application, Response, json, text
from blacksheep.server.compression import use_gzip_compression
from blacksheep.server.remotes.hosts import TrustedHostsMiddleware
from blacksheep.settings.json import json_settings

from apps.guarded.data import GUARD, SITE, THINGS


def dumps(value: Any) -> str:
    return orjson.dumps(value).decode("utf8")


json_settings.use(loads=orjson.loads, dumps=dumps)
app = Application()
GUARDS: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "cors": lambda: app.use_cors(allow_methods="*", allow_origins=SITE),
    "hosts": lambda: app.middlewares.append(TrustedHostsMiddleware([f"127.0.0.1:{environ['PORT']}"])),
    "compression": lambda: use_gzip_compression(app),
}
GUARDS[GUARD]()


@app.router.get("/plaintext")
async def plaintext() -> Response:
    return text("Hello, World!")


@app.router.get("/things")
async def things() -> Response:
    return json(THINGS)
