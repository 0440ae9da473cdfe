"""Starlette's middleware (https://www.starlette.io/middleware/)."""

from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from apps.guarded.data import GUARD, HOSTS, SITE, THINGS

GUARDS: dict[str, list[Any]] = {
    "none": [],
    "cors": [Middleware(CORSMiddleware, allow_origins=[SITE])],
    "hosts": [Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)],
    "compression": [Middleware(GZipMiddleware)],
}


class OrjsonResponse(JSONResponse):
    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


async def plaintext(request: Request) -> Response:
    return PlainTextResponse("Hello, World!")


async def things(request: Request) -> Response:
    return OrjsonResponse(THINGS)


app = Starlette(routes=[Route("/plaintext", plaintext), Route("/things", things)], middleware=GUARDS[GUARD])
