"""Row C26: what is unsafe in a guard is named by `wholestack check`, each with its id, and what is lacking is listed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wholestack import App, Router
from wholestack.middleware import (
    CORS,
    AllowedHosts,
    HTTPSOnly,
    Idempotency,
    MemoryRateStore,
    OriginPattern,
    RateLimit,
    SecurityHeaders,
    TrustedProxies,
    unguarded,
)


def faults(*guards: Any, host: str | None = None) -> list[str]:
    """The codes that the guards' own checks give."""
    app = App(docs=False)
    app.use(*guards)
    router = Router(host=host)
    router.get("/")(lambda: "home")
    app.include(router)
    app.seal()
    found = [fault for check in app.checks for fault in check()]
    for fault in found:
        assert fault.where.startswith(__file__)
        assert fault.cure
    return [fault.code for fault in found]


SHOP = "https://shop.example"


@pytest.mark.parametrize(
    ("guard", "codes"),
    [
        (AllowedHosts("example.org", "*.example.org"), []),
        (AllowedHosts("*"), ["hosts-open"]),
        (AllowedHosts("example.org", "*"), ["hosts-open"]),
        (CORS([SHOP], credentials=True), []),
        (CORS([OriginPattern("https://*.shop.example")]), []),
        (CORS("*"), ["cors-open"]),
        (CORS([SHOP, "*"]), ["cors-open"]),
        (CORS(["http://shop.example"], credentials=True), ["cors-open"]),
        (CORS(["http://shop.example"]), []),
        (CORS(["http://localhost:3000", "http://127.0.0.1:3000"], credentials=True), []),
        (HTTPSOnly(), []),
        (HTTPSOnly(max_age=3600), ["no-hsts"]),
        (HTTPSOnly(max_age=0), ["no-hsts"]),
        (SecurityHeaders(), []),
        (SecurityHeaders(csp=None), ["policy-open"]),
        (SecurityHeaders(csp={"script-src": "'self' 'unsafe-inline'"}), ["policy-open"]),
        (SecurityHeaders(csp={"script-src": "'self' 'unsafe-eval'"}), ["policy-open"]),
        (SecurityHeaders(csp={"script-src": "*"}), ["policy-open"]),
        (SecurityHeaders(csp={"script-src": "https:"}), ["policy-open"]),
        (SecurityHeaders(csp={"script-src": "https://cdn.example *.example.org"}), []),
        (SecurityHeaders(csp={"default-src": None}), ["policy-open"]),
        (SecurityHeaders(csp={"default-src": "'self' data:"}), ["policy-open"]),
        (SecurityHeaders(csp={"style-src": "'self' 'unsafe-inline'"}), []),
        (TrustedProxies("10.0.0.0/8"), []),
        (TrustedProxies("0.0.0.0/0"), ["proxies-open"]),
        (TrustedProxies("::/0"), ["proxies-open"]),
    ],
)
def test_C26_what_is_unsafe_is_named(guard: Any, codes: list[str]) -> None:
    assert faults(guard) == codes


def test_C26_a_forwarded_host_and_a_router_of_a_host() -> None:
    told = TrustedProxies("10.0.0.0/8", fields=("for", "host"))
    assert faults(told, host="api.example") == ["forwarded-host"]
    assert faults(told) == []
    assert faults(TrustedProxies("10.0.0.0/8", standard=True), host="api.example") == ["forwarded-host"]
    assert faults(TrustedProxies("10.0.0.0/8"), host="api.example") == []


class Shared(MemoryRateStore):
    shared = True


@pytest.mark.parametrize(("workers", "codes"), [("4", ["memory-store"] * 2), ("1", []), ("", []), ("many", [])])
def test_C26_a_store_in_memory_and_several_processes(
    monkeypatch: pytest.MonkeyPatch, workers: str, codes: list[str]
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", workers)
    assert faults(RateLimit("1/minute"), Idempotency()) == codes
    assert faults(RateLimit("1/minute", store=Shared())) == []


APP = """
from wholestack import App
from wholestack.middleware import *

app = App(docs=False)
app.use({guards})


@app.get("/")
def home() -> str:
    return "home"
"""


def check(folder: Path, guards: str) -> tuple[int, str]:
    (folder / "app.py").write_text(APP.format(guards=guards))
    command = [sys.executable, "-m", "wholestack", "check", "app.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_C26_the_command_fails_and_names_each(tmp_path: Path) -> None:
    guards = 'AllowedHosts("*"), CORS("*"), HTTPSOnly(max_age=1), SecurityHeaders(csp=None), TrustedProxies("::/0")'
    code, text = check(tmp_path, guards)
    assert code == 1
    for name in ("hosts-open", "cors-open", "no-hsts", "policy-open", "proxies-open"):
        assert f"[{name}]" in text
    assert text.count("app.py:6") == 5


def test_C26_a_guarded_app_passes(tmp_path: Path) -> None:
    guards = 'AllowedHosts("example.org"), HTTPSOnly(), SecurityHeaders(), RateLimit("100/minute")'
    code, text = check(tmp_path, guards)
    assert (code, "fault" in text.partition("For production")[0].replace("without a fault", "")) == (0, False)


def test_what_is_lacking() -> None:
    app = App()
    assert [line.rpartition("app.use(")[2].partition("(")[0] for line in unguarded(app)] == [
        "AllowedHosts",
        "HTTPSOnly",
        "SecurityHeaders",
    ]
    app.use(AllowedHosts("example.org"), HTTPSOnly(), SecurityHeaders())
    assert unguarded(app) == []
