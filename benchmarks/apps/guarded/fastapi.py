"""FastAPI's middleware, which is Starlette's (https://fastapi.tiangolo.com/advanced/middleware/)."""

from collections.abc import Callable

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import PlainTextResponse
from typing_extensions import TypedDict

from apps.guarded.data import GUARD, HOSTS, SITE, THINGS

app = FastAPI()
GUARDS: dict[str, Callable[[], None]] = {
    "none": lambda: None,
    "cors": lambda: app.add_middleware(CORSMiddleware, allow_origins=[SITE]),
    "hosts": lambda: app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS),
    "compression": lambda: app.add_middleware(GZipMiddleware),
}
GUARDS[GUARD]()


class Thing(TypedDict):
    id: int
    name: str
    price: float
    tags: list[str]


@app.get("/plaintext", response_class=PlainTextResponse)
async def plaintext() -> str:
    return "Hello, World!"


@app.get("/things")
async def things() -> list[Thing]:
    return THINGS  # type: ignore[return-value]
