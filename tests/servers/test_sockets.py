"""Sockets on real servers: messages, refusals, ends, limits, slow readers, the stop."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed

from servers.live import KINDS, Running, code, parting, refused
from servers.matrix import Kind
from servers.serving import pace


@pytest.fixture(scope="module", params=KINDS, ids=str)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(request.param, tmp_path_factory.mktemp("live"))
    yield running
    running.end()


def say(text: object) -> str:
    return json.dumps({"text": text})


def test_messages_both_ways(running: Running) -> None:
    with running.socket("/echo") as client:
        for text in ("a", "é" * 1000, "b"):
            client.send(say(text))
            assert json.loads(client.recv(5)) == {"text": text}
        client.send(say("end"))
        assert parting(client)[0] == code(running.kind, 1000)
    with running.socket("/bytes") as client:
        client.send(bytes(range(256)))
        assert client.recv(5) == bytes(range(256))


def test_a_faulty_message_is_answered_and_the_socket_goes_on(running: Running) -> None:
    with running.socket("/echo") as client:
        for text, pointer in ((say(1), "/text"), ("{}", "/text")):
            client.send(text)
            problem = json.loads(client.recv(5))
            assert (problem["status"], problem["code"]) == (422, "validation-failed")
            assert [(each["in"], each["pointer"]) for each in problem["errors"]] == [("message", pointer)]
        client.send("no JSON")
        assert json.loads(client.recv(5))["code"] == "malformed-json"
        client.send(say("still here"))
        assert json.loads(client.recv(5)) == {"text": "still here"}


@pytest.mark.parametrize(
    ("path", "status"), [("/echo?page=404", 404), ("/echo?page=x", 422), ("/nowhere", 404), ("/ticks", 405)]
)
def test_a_refusal_is_an_answer(running: Running, path: str, status: int) -> None:
    wanted = 403 if running.kind.name == "daphne" else status
    assert refused(lambda: running.socket(path)) == wanted


def test_C23_a_page_of_another_site(running: Running) -> None:
    assert refused(lambda: running.socket("/echo", origin="https://evil.example")) == 403
    assert refused(lambda: running.socket("/echo", origin="null")) == 403
    running.socket("/room/x", origin="https://friend.example").close()
    running.socket("/echo", origin=f"http://127.0.0.1:{running.port}").close()


def test_C23_a_message_that_is_too_long(running: Running) -> None:
    with running.socket("/echo") as client:
        client.send(say("x" * 1_000_000))
        assert parting(client)[0] == code(running.kind, 1009)


def test_C23_ten_thousand_small_messages(running: Running) -> None:
    with running.socket("/bytes") as client:
        for _ in range(100):
            for _ in range(100):
                client.send(b"x")
            assert all(client.recv(10) == b"x" for _ in range(100))


@pytest.mark.parametrize(
    ("text", "wanted", "reason"), [("refuse", 1008, "say-gone"), ("break", 1011, "internal-error")]
)
def test_an_error_closes(running: Running, text: str, wanted: int, reason: str) -> None:
    with running.socket("/echo") as client:
        client.send(say(text))
        found, why = parting(client)
        assert found == code(running.kind, wanted)
        assert why == ("" if running.kind.name in {"daphne", "granian-rsgi"} else reason)


def test_the_wrong_kind_of_message(running: Running) -> None:
    with running.socket("/echo") as client:
        client.send(b"bytes")
        assert parting(client)[0] == code(running.kind, 1003)


def test_sub_protocols(running: Running) -> None:
    wanted = None if running.kind.name == "granian-rsgi" else "v2"
    with running.socket("/echo", subprotocols=["v1", "v2"]) as client:
        assert client.subprotocol == wanted


def test_a_plain_get_is_told(running: Running) -> None:
    answer = running.ask("/echo")
    assert (answer.status, answer.json()["code"], answer.get("upgrade")) == (426, "upgrade-required", "websocket")
    assert "WEBSOCKET" not in (running.ask("/echo", method="PUT").get("allow") or "")
    assert running.ask("/echo", method="(WEBSOCKET)").status in {400, 405}


def test_E9_a_client_that_leaves_ends_the_handler(running: Running) -> None:
    """A hundred times, some with a close and some without a word; the handler waits for something else all the time."""
    clients = [running.socket("/quiet") for _ in range(100)]
    for number, client in enumerate(clients):
        if number % 2:
            client.socket.shutdown(socket.SHUT_RDWR)
        client.close()
    assert running.noted("quiet ended", 100, 20 * pace()) == 100


def test_presence_ends_with_the_connection(running: Running) -> None:
    with running.socket("/room/p"), running.socket("/room/p"):
        end = time.monotonic() + 5
        while running.ask("/room/p/here").json() != 2:
            assert time.monotonic() < end
            time.sleep(0.02)
    end = time.monotonic() + 5
    while running.ask("/room/p/here").json():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_client_that_does_not_read(running: Running) -> None:
    """It is given up; until then the server holds little for it. Daphne has no back-pressure, and holds all of it."""
    if running.kind.name == "daphne":
        pytest.skip("Daphne buffers without a bound whatever a client does not read (docs/guides/live.md)")
    raw = socket.create_connection(("127.0.0.1", running.port), 10)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    raw.sendall(
        f"GET /flood HTTP/1.1\r\nhost: 127.0.0.1:{running.port}\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        f"sec-websocket-key: {key}\r\nsec-websocket-version: 13\r\n\r\n".encode()
    )
    before = running.memory()
    assert running.noted("flood ended", 1, 10 * pace()) == 1
    assert running.memory() - before < 20 * 1024**2
    raw.close()


# -- the stop ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_E2_a_stop_closes_sockets_with_1012(kind: Kind, tmp_path_factory: pytest.TempPathFactory) -> None:
    running = Running(kind, tmp_path_factory.mktemp("stop"))
    try:
        clients = [running.socket("/echo"), running.socket("/quiet"), running.socket("/room/x")]
        clients[0].send(say("a"))
        clients[0].recv(5)
        begun = time.monotonic()
        running.stop()
        partings = [parting(client, 10)[0] for client in clients]
        taken = time.monotonic() - begun
        if kind.name == "hypercorn":
            return  # Its workers learn of a stop by no signal: they cut what is open after their own graceful time.
        assert set(partings) <= {code(kind, 1012), 1012, 1006}
        if not kind.name.startswith(("granian", "daphne")):  # These cut what is open as soon as they are told.
            assert partings == [1012] * 3
        assert taken < 1.0 * pace()
        assert running.process.wait(5 * pace()) is not None
    finally:
        running.end()


def test_closed_means_closed(running: Running) -> None:
    with running.socket("/echo") as client:
        client.close(1000)
        with pytest.raises(ConnectionClosed):
            client.recv(1)
    assert running.ask("/noted").status == 200
