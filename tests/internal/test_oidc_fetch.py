"""What is asked of servers of others, and how long and how much of an answer is taken."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from auth.provider import Provider
from wholestack import Response, Stream
from wholestack.auth import ProviderAway
from wholestack.auth._fetch import Asker, is_sound


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with Provider().running() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.reset()
    return running


def test_D7_what_is_asked_and_what_is_not(provider: Provider) -> None:
    for address in (
        "http://169.254.169.254/latest", "http://accounts.example.org", "file:///etc/passwd", "ftp://example.org/x",
        "https://user:pw@example.org", "https://", "https://example.org:x/", "https://exa mple.org", "//example.org",
        "https://example.org/#part", "http://127.0.0.1.evil.example/", "gopher://127.0.0.1", "https://ex\nample.org", "",
    ):  # fmt: skip
        assert not is_sound(address, loopback=True)
        with pytest.raises(ProviderAway):
            Asker(loopback=True).get(address)
    with pytest.raises(ProviderAway):  # Of a provider in the world, nothing on this machine is asked.
        Asker().get(provider.issuer)
    assert not provider.asked


def test_D7_no_redirect_to_another_host(provider: Provider) -> None:
    asker = Asker(loopback=True)
    other = provider.issuer.replace("127.0.0.1", "localhost")

    def to(address: str, status: int = 302) -> Response:
        return Response(b"", status=status, headers={"location": address})

    provider.answers["/userinfo"] = to(f"{other}/jwks")
    for target in (f"{other}/jwks", "file:///etc/passwd", "http://169.254.169.254/"):
        provider.answers["/jwks"] = to(target)
        with pytest.raises(ProviderAway):
            asker.get(f"{provider.issuer}/jwks")
    provider.answers["/jwks"] = to("/.well-known/openid-configuration")
    assert asker.get(f"{provider.issuer}/jwks").json()["issuer"] == provider.issuer
    provider.answers["/token"] = to("/jwks", 307)
    with pytest.raises(ProviderAway):  # What was sent goes nowhere else.
        asker.post(f"{provider.issuer}/token", b"code=x", {})


def test_D7_an_answer_has_one_time_as_a_whole(provider: Provider) -> None:
    ended = threading.Event()

    def drops() -> Iterator[bytes]:
        while not ended.wait(0.05):
            yield b" "

    provider.answers["/jwks"] = lambda: Stream(drops(), media_type="application/json")
    begun = time.monotonic()
    try:
        with pytest.raises(ProviderAway, match="TimeoutError"):  # Each byte comes in time, the whole does not.
            Asker(loopback=True, seconds=0.4).get(f"{provider.issuer}/jwks")
    finally:
        ended.set()
    assert time.monotonic() - begun < 10
