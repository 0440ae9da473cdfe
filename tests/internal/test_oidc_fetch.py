"""What is asked of servers of others, and how long and how much of an answer is taken."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from auth.provider import Provider
from wholestack import Response, Stream
from wholestack.auth import ProviderAway
from wholestack.auth._fetch import Asker, is_private, is_public, is_sound


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
            Asker(loopback=True, private=True).get(address)
    for asker in (Asker(), Asker(private=True), Asker(loopback=True)):
        with pytest.raises(ProviderAway):  # Of a provider in the world, nothing on this machine is asked.
            asker.get(provider.issuer)
    assert not provider.asked


HERE = (
    "127.0.0.1", "127.8.8.8", "::1", "::", "0.0.0.0", "169.254.169.254", "fe80::1", "10.0.0.1", "172.16.0.1", "192.168.0.1",
    "100.64.0.1", "192.0.2.1", "fd00::1", "255.255.255.255", "224.0.0.1", "ff02::1", "::7f00:1", "::ffff:127.0.0.1",
    "::ffff:169.254.169.254", "::ffff:10.0.0.1", "2002:7f00:1::", "2002:a9fe:a9fe::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
)  # fmt: skip
"""Addresses of this machine, of private networks, of nobody; also as others, which stand for them."""


@contextlib.contextmanager
def door() -> Iterator[tuple[int, list[bytes]]]:
    """A port of this machine, and the first byte of each connection that came there; empty where none was sent."""
    sent: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            with contextlib.suppress(OSError):  # It ends when the port is closed.
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.settimeout(5)
                        sent.append(connection.recv(1))

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield server.getsockname()[1], sent
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_D7_which_addresses_are_public() -> None:
    for address in HERE:
        assert not is_public(address), address
        assert is_private(f"https://[{address}]:8443/realm" if ":" in address else f"https://{address}:8443/realm")
    for address in ("1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "2002:101:101::", "64:ff9b::101:101"):
        assert is_public(address), address


def test_D7_no_address_of_this_machine_or_a_private_network() -> None:
    """Those that say so themselves, without a connection."""
    with door() as (port, sent):
        for address in HERE:
            host = f"[{address}]" if ":" in address else address
            with pytest.raises(ProviderAway, match="no public address"):
                Asker().get(f"https://{host}:{port}/latest")
        for host in ("localhost", "LOCALHOST", "a.localhost"):
            with pytest.raises(ProviderAway, match="no public address"):
                Asker().post(f"https://{host}:{port}/token", b"code=x", {})
    assert not sent


def test_D7_no_name_that_leads_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a name resolved to before, it is the connection that is looked at, and nothing is sent on it."""
    real = socket.getaddrinfo

    def resolved(host: Any, *arguments: Any, **options: Any) -> Any:
        return real("127.0.0.1" if host == "bent.example" else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)  # As a file of hosts has it.
    with door() as (port, sent):
        hosts = ("bent.example", "127.1", "2130706433", "0x7f000001")
        for host in hosts:
            with pytest.raises(ProviderAway, match="PrivateAddress"):
                Asker().get(f"https://{host}:{port}/latest")
        deadline = time.monotonic() + 10
        while len(sent) < len(hosts) and time.monotonic() < deadline:
            time.sleep(0.01)  # The port's thread learns a little later that the last one was closed.
        assert sent == [b""] * len(hosts)
        with pytest.raises(ProviderAway, match="does not answer"):  # By name it is asked: TLS begins.
            Asker(private=True).get(f"https://bent.example:{port}/")
    assert sent[len(hosts) :] == [b"\x16"]


def test_D7_a_proxy_judges_where_names_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be in a private network itself; an address that says that it is not public is not asked by it either."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with door() as (port, sent):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        with pytest.raises(ProviderAway, match="does not answer"):
            Asker().get("https://accounts.example.org/")
        with pytest.raises(ProviderAway, match="no public address"):
            Asker().get("https://169.254.169.254/latest")
    assert sent == [b"C"]  # CONNECT


def test_D7_no_redirect_to_another_host(provider: Provider) -> None:
    asker = Asker(loopback=True, private=True)
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
            Asker(loopback=True, private=True, seconds=0.4).get(f"{provider.issuer}/jwks")
    finally:
        ended.set()
    assert time.monotonic() - begun < 10
