"""Litestar's middleware (https://docs.litestar.dev/latest/usage/middleware/builtin-middleware.html)."""

from os import environ
from typing import Any

from litestar import Litestar, MediaType, get
from litestar.config.allowed_hosts import AllowedHostsConfig
from litestar.config.compression import CompressionConfig
from litestar.config.cors import CORSConfig
from litestar.middleware.rate_limit import RateLimitConfig
from typing_extensions import TypedDict

from apps.guarded.data import GUARD, OFTEN, SITE, THINGS

GUARDS: dict[str, dict[str, Any]] = {
    "none": {},
    "cors": {"cors_config": CORSConfig(allow_origins=[SITE])},
    "hosts": {"allowed_hosts": AllowedHostsConfig(allowed_hosts=[f"127.0.0.1:{environ['PORT']}"])},
    "compression": {"compression_config": CompressionConfig(backend="gzip")},
    "rate-limit": {"middleware": [RateLimitConfig(rate_limit=("minute", OFTEN)).middleware]},
}


class Thing(TypedDict):
    id: int
    name: str
    price: float
    tags: list[str]


@get("/plaintext", media_type=MediaType.TEXT)
async def plaintext() -> str:
    return "Hello, World!"


@get("/things")
async def things() -> list[Thing]:
    return THINGS  # type: ignore[return-value]


app = Litestar([plaintext, things], **GUARDS[GUARD])
