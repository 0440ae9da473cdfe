"""Wholestack's guards (docs/guides/guards.md) and its access log."""

from collections.abc import Callable

from typing_extensions import TypedDict

from apps.guarded.data import GUARD, HOSTS, OFTEN, SITE, THINGS
from wholestack import App
from wholestack.middleware import CORS, AllowedHosts, Compression, HTTPSOnly, RateLimit, SecurityHeaders, TrustedProxies


class Thing(TypedDict):
    id: int
    name: str
    price: float
    tags: list[str]


GUARDS: dict[str, Callable[[], tuple[object, ...]]] = {
    "none": lambda: (),
    "cors": lambda: (CORS(SITE),),
    "hosts": lambda: (AllowedHosts(*HOSTS),),
    "compression": lambda: (Compression(),),
    "rate-limit": lambda: (RateLimit(f"{OFTEN}/minute"),),
    "proxies": lambda: (TrustedProxies("127.0.0.1"),),
    "https": lambda: (TrustedProxies("127.0.0.1"), HTTPSOnly()),
    "security-headers": lambda: (SecurityHeaders(),),
}
app = App(title="bench")
app.use(*GUARDS[GUARD]())  # type: ignore[arg-type]


@app.get("/plaintext")
async def plaintext() -> str:
    return "Hello, World!"


@app.get("/things")
async def things() -> list[Thing]:
    return THINGS  # type: ignore[return-value]
