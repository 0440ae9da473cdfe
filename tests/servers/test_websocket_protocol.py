"""The WebSocket protocol on real servers, frame by frame (row H13): `servers.protocol_cases` says what is sent.

What a server does otherwise stands in `servers.known`; everything else is the same on all of them.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator

import pytest

from servers import protocol_cases as cases
from servers.frames import ACCEPT, BINARY, CONT, PING, TEXT, Data, Deflate, Peer, close, frame, message, parameter
from servers.known import outcome
from servers.live import KINDS as LIVE
from servers.live import Running, code
from servers.matrix import BY_NAME, Kind
from servers.protocol_cases import Case
from servers.serving import pace
from servers.wire import Gone

KINDS = tuple(kind for kind in LIVE if kind.name != "uvicorn-h11")  # Its sockets are those of the other one.
MENDED = {"5.4 a close within a fragmented text"}
END = "the end"
MARKS = (b"still here", b"and still")


@pytest.fixture(scope="module", params=KINDS, ids=str)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(request.param, tmp_path_factory.mktemp("protocol"), "protocol_app")
    yield running
    running.end()


def known(kind: Kind, case: str, usual: str) -> str:
    """See `servers.known.outcome`; `wholestack serve` is Uvicorn, but for what it mends."""
    if kind.name == "wholestack-serve" and case in MENDED:
        return usual
    return outcome(BY_NAME.get(kind.name, BY_NAME["uvicorn"]), "H13", case, usual)


def expected(kind: Kind, case: Case) -> str:
    """How a case goes there."""
    usual = str(code(kind, int(case.ends))) if case.who == "app" else case.ends
    return known(kind, case.name, known(kind, case.kind, usual) if case.kind else usual)


def seen(peer: Peer) -> str:
    """How a connection went: the code of the close, `cut` without one, `goes on`, or `nothing` at all."""
    if peer.code is not None:
        return str(peer.code) if peer.ended else f"{peer.code}, left open"
    return "cut" if peer.ended else "goes on" if MARKS[1] in peer.pongs else "nothing"


def went(peer: Peer, case: Case) -> str:
    """Have the case on a connection that is open; how it went, `lost` where an answer is missing."""
    if case.who == "client in the end":
        # One more message, so that those that never come are not waited for.
        end: Data = END if case.path != "/bytes" else END.encode()
        peer.exchange((*case.sends, message(end)), lambda _: peer.messages[-1:] == [end])
        peer.answers = False
        peer.exchange((close(1000),), lambda _: False, 10 * pace())
        if peer.code == 1000 and (peer.messages, peer.pongs) != ([*case.echoes, end], list(case.pongs)):
            return "lost"
    elif case.who == "server":
        # A server that takes no offence answers pings: one in the same write, which it may read before it judges the
        # message, and one after that.
        peer.exchange((*case.sends[:-1], case.sends[-1] + frame(PING, MARKS[0])), lambda _: MARKS[0] in peer.pongs)
        peer.exchange((frame(PING, MARKS[1]),), lambda _: MARKS[1] in peer.pongs)
    else:
        peer.answers = case.who == "app"
        peer.exchange(case.sends, lambda _: False, 10 * pace())
    return seen(peer)


def hold(running: Running, case: Case, fields: tuple[tuple[str, str], ...] = ()) -> None:
    """Have the case; it goes as it should, or as it is known to go there."""
    wanted = expected(running.kind, case)
    with Peer(running.port, case.path, fields) as peer:
        assert peer.head.status == 101
        found = went(peer, case)
        assert found in wanted.split(" or "), (found, wanted)
        if case.who != "client in the end":
            # Of what came before the fault, or a close, an answer may be on its way or not.
            assert peer.messages == list(case.echoes)[: len(peer.messages)]


@pytest.mark.parametrize("case", cases.CASES, ids=str)
def test_H13_the_protocol(running: Running, case: Case) -> None:
    hold(running, case)


@pytest.mark.parametrize("case", cases.EARLY, ids=str)
def test_H13_text_that_is_wrong_before_its_end(running: Running, case: Case) -> None:
    with Peer(running.port, case.path) as peer:
        found = went(peer, case)
        assert found == known(running.kind, "invalid before its end", expected(running.kind, case))
        if found == "goes on":
            peer.exchange((frame(CONT, b"end"),), lambda _: False, 10 * pace())
            assert seen(peer) == expected(running.kind, case)
        assert peer.messages == []


@pytest.mark.parametrize("at", range(len(cases.bigs(False))), ids=[str(case) for case in cases.bigs(False)])
def test_H13_big_messages(running: Running, at: int, long: bool) -> None:
    hold(running, cases.bigs(long)[at])


# -- the handshake -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        (),
        (("Upgrade", "WebSocket"), ("Connection", "keep-alive, Upgrade")),
        (("Sec-WebSocket-Extensions", "x-unheard-of"),),
    ],
    ids=["usual", "as browsers write it", "an unknown extension"],
)
def test_H13_a_handshake(running: Running, fields: tuple[tuple[str, str], ...]) -> None:
    with Peer(running.port, "/text", fields) as peer:
        head = peer.head
        assert (head.status, head["sec-websocket-accept"], head["upgrade"].lower()) == (101, ACCEPT, "websocket")
        assert "upgrade" in head["connection"].lower()
        assert head.get("sec-websocket-extensions") is head.get("sec-websocket-protocol") is None


@pytest.mark.parametrize("name", cases.HANDSHAKES)
def test_H13_a_handshake_that_is_none(running: Running, name: str) -> None:
    with Peer(running.port, "/text", cases.HANDSHAKES[name]) as peer:
        found = "refused" if 400 <= peer.head.status < 500 else str(peer.head.status)
        assert found == known(running.kind, f"a handshake with {name.partition(':')[0]}", "refused")


# -- compression (RFC 7692) ----------------------------------------------------------------------------------------


def agreed(running: Running, peer: Peer, offer: str) -> str:
    """What was agreed on; it is within what was offered, and the server does what it is known for."""
    extension = peer.head.get("sec-websocket-extensions") or ""
    compresses = running.kind.name in {"uvicorn", "hypercorn"}
    assert bool(extension) == compresses, "docs/guides/live.md says who compresses"
    if extension:
        name, *parameters = [each.strip() for each in extension.split(";")]
        assert name == "permessage-deflate"
        assert {each.partition("=")[0] for each in parameters} <= {
            "server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits", "client_max_window_bits",
        }  # fmt: skip
        asked = offer.rpartition(",")[2]
        assert parameter(extension, "server_max_window_bits") <= parameter(asked, "server_max_window_bits")
        assert "client_max_window_bits" in asked or "client_max_window_bits" not in extension
        assert "server_no_context_takeover" in extension or "server_no_context_takeover" not in asked
    return extension


@pytest.mark.parametrize("offer", cases.OFFERS)
def test_H13_compressed_messages_both_ways(running: Running, offer: str) -> None:
    """Whole, in fragments, empty, uncompressed in between; what no offer is agreed on goes as it is."""
    texts = ["Hello", "Hello", "", json.dumps({"text": ["*"] * 1000}), "ü" * 70_000, os.urandom(3000).hex()]
    with Peer(running.port, "/text", (("Sec-WebSocket-Extensions", offer),)) as peer:
        if peer.head.status == 400:
            assert (
                known(running.kind, "an offer with a parameter that is none", "") == "refused" and "unheard_of" in offer
            )
            return
        extension = agreed(running, peer, offer)
        pieces, pack = [], Deflate(extension)
        for text in texts:
            payload, rsv = (pack(text.encode()), 4) if extension else (text.encode(), 0)
            pieces.append(frame(TEXT, payload, rsv=rsv))
            payload, rsv = (pack(text.encode()), 4) if extension else (text.encode(), 0)
            pieces.append(frame(TEXT, payload[:2], rsv=rsv, fin=False) + frame(CONT, payload[2:]))
        pieces.append(frame(TEXT, b"as it is"))
        wanted = [*(each for text in texts for each in (text, text)), "as it is"]
        if running.kind.name == "daphne":
            wanted = [each for each in wanted if each]  # See `servers.known`: it sends none that is empty.
        peer.exchange(pieces, lambda _: len(peer.messages) >= len(wanted))
        assert peer.messages == wanted
        assert bool(peer.deflated) == bool(extension)


@pytest.mark.parametrize("offer", cases.BAD_OFFERS)
def test_H13_an_offer_that_is_none_is_passed_over(running: Running, offer: str) -> None:
    try:
        with Peer(running.port, "/text", (("Sec-WebSocket-Extensions", offer),)) as peer:
            agreed = "agreed on" if peer.head.get("sec-websocket-extensions") else "passed over"
            found = {101: agreed, 400: "refused"}[peer.head.status]
    except Gone:
        found = "cut"
    assert found == known(running.kind, f"an offer with {cases.BAD_OFFERS[offer]}", "passed over")


COMPRESSED = (
    cases.wrong(
        "7692 a continuation with the bit of compression", frame(TEXT, b"a", fin=False), frame(CONT, b"b", rsv=4)
    ),
    cases.wrong("7692 a ping with the bit of compression", frame(PING, b"a", rsv=4)),
    cases.wrong("7692 what does not inflate", frame(TEXT, b"\xff" * 20, rsv=4), ends="1002 or 1007"),
    cases.wrong("7692 a text that inflates to none", frame(TEXT, Deflate("")(b"\xff\xfe"), rsv=4), ends="1007"),
)


@pytest.mark.parametrize("case", COMPRESSED, ids=str)
def test_H13_compression_that_is_malformed(running: Running, case: Case) -> None:
    fields = (("Sec-WebSocket-Extensions", "permessage-deflate"),)
    with Peer(running.port, "/text", fields) as peer:
        compresses = peer.head.get("sec-websocket-extensions") is not None
    # Where it was not agreed on, the bit is a reserved one.
    hold(running, case if compresses else dataclasses.replace(case, ends="1002"), fields)


def test_H13_a_small_message_that_inflates_to_a_big_one(running: Running) -> None:
    """64 MiB of nothing in 64 KiB: it is refused, and never held."""
    offer = "permessage-deflate"
    with Peer(running.port, "/bytes", (("Sec-WebSocket-Extensions", offer),)) as peer:
        if not agreed(running, peer, offer):
            return
        packed = Deflate("")(bytes(64 << 20))
        before = running.memory()
        peer.exchange((frame(BINARY, packed, rsv=4),), lambda _: False, 20 * pace())
        found = seen(peer)
        assert found == known(running.kind, "64 MiB in 64 KiB", "1009")
        assert running.memory() - before < 48 << 20
