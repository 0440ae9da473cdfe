"""The cases of the WebSocket protocol, RFC 6455 section by section: what a client sends, and what is to come of it.

They ask what the Autobahn test suite asks (its numbers stand beside the groups), and some things more.
"""

from __future__ import annotations

import dataclasses
import functools
import struct
from collections.abc import Iterator
from typing import Any, Literal

from servers.frames import BINARY, CLOSE, CONT, PING, PONG, TEXT, Data, chopped, close, frame, message

LONG = "a length not in its shortest form"


@dataclasses.dataclass(frozen=True)
class Case:
    """One connection.

    Attributes:
        name: the section of the RFC, and what is sent.
        sends: what goes over the wire; each piece is a write of its own.
        echoes: the messages that come back. Of a connection that fails, those that were whole before the fault may come.
        pongs: payloads that come back.
        ends: the code of the server's close frame.
        who: ends it: the client in the end, when all has come back, or in what it sends; the server, since what it gets
            is malformed; or the app.
        path: of the app.
        kind: of fault, for `servers.known`.
    """

    name: str
    sends: tuple[bytes, ...]
    echoes: tuple[Data, ...] = ()
    pongs: tuple[bytes, ...] = ()
    ends: str = "1000"
    who: Literal["client in the end", "client", "server", "app"] = "client in the end"
    path: str = "/text"
    kind: str = ""

    def __str__(self) -> str:
        return self.name


def whole(name: str, *messages: Data, size: int = 0, chop: int = 0) -> Case:
    """Messages that come back as they are, in fragments of `size` and writes of `chop` bytes."""
    sent = b"".join(message(each, size) for each in messages)
    path = "/text" if isinstance(messages[0], str) else "/bytes"
    kind = "" if all(messages) else "an empty message"
    return Case(name, chopped(sent, chop) if chop else (sent,), messages, path=path, kind=kind)


def wrong(name: str, *frames: bytes, kind: str = "malformed", **more: Any) -> Case:
    """Frames, in one write, of which the last makes the server fail the connection (RFC 6455 §7.1.7)."""
    return Case(name, (b"".join(frames),), who="server", kind=kind, **{"ends": "1002", **more})


def ended(name: str, *sends: bytes, **more: Any) -> Case:
    """Writes that the client ends with a close frame."""
    return Case(name, sends, who="client", **more)


def refused(name: str, *frames: bytes, ends: str, echoes: tuple[Data, ...] = (), path: str = "/text") -> Case:
    """Messages that are right, of which the app takes the last for a reason to close."""
    return Case(name, (b"".join(frames),), echoes, ends=ends, who="app", path=path)


def framing() -> Iterator[Case]:
    """Sections 5.1 and 5.2 (Autobahn 1, 3 and 4)."""
    for size in (0, 1, 125, 126, 127, 128, 65535, 65536):
        yield whole(f"5.2 text of {size} bytes", "*" * size)
        yield whole(f"5.2 binary of {size} bytes", b"\xfe" * size)
    yield whole("5.2 text of 65536 bytes, in writes of 997", "*" * 65536, chop=997)
    yield whole("5.2 binary of 65536 bytes, in writes of 997", b"\xfe" * 65536, chop=997)
    yield whole("5.2 text of 200 bytes, byte by byte", "*" * 200, chop=1)
    yield whole("5.2 three messages in one write", "a", "b", "c")
    yield Case("5.3 a mask of zeros", (frame(TEXT, b"Hello", mask=b"\0\0\0\0"),), ("Hello",))
    yield wrong("5.1 a text without a mask", frame(TEXT, b"Hello", mask=None))
    yield wrong("5.1 a ping without a mask", frame(PING, b"", mask=None))
    for bits, length in ((16, b"\x7e\x00\x07"), (64, b"\x7f" + struct.pack("!Q", 7))):
        yield wrong(
            f"5.2 a length of 7 in {bits} bits", frame(TEXT, b"Hello!!", length=length), kind=LONG, echoes=("Hello!!",)
        )
    beyond = frame(BINARY, b"", length=b"\x7f" + struct.pack("!Q", 1 << 63))
    yield wrong("5.2 a length of 2**63", beyond, ends="1002 or 1009", path="/bytes")
    for rsv in range(1, 8):
        yield wrong(f"5.2 a text with reserved bits {rsv:03b}", message("a"), frame(TEXT, b"b", rsv=rsv), echoes=("a",))
    for rsv in (1, 2, 4, 7):
        yield wrong(f"5.2 a ping with reserved bits {rsv:03b}", message("a"), frame(PING, b"b", rsv=rsv), echoes=("a",))
        yield wrong(f"5.2 a close with reserved bits {rsv:03b}", frame(CLOSE, b"\x03\xe8", rsv=rsv))
        yield wrong(f"5.2 a continuation with reserved bits {rsv:03b}", frame(TEXT, b"a", fin=False),
                    frame(CONT, b"b", rsv=rsv))  # fmt: skip
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield wrong(f"5.2 opcode {opcode}, empty", message("a"), frame(opcode), echoes=("a",))
        yield wrong(f"5.2 opcode {opcode}, with a payload", message("a"), frame(opcode, b"reserved"), echoes=("a",))


def fragments() -> Iterator[Case]:
    """Section 5.4 (Autobahn 5 and 10)."""
    first, last, lone = frame(TEXT, b"one", fin=False), frame(CONT, b"two"), frame(CONT, b"lone")
    ping, pinged = frame(PING, b"between"), (b"between",)
    both = ("onetwo",)
    for chop in (0, 1):
        how = ", byte by byte" if chop else ""

        def sent(*frames: bytes, chop: int = chop) -> tuple[bytes, ...]:
            return chopped(b"".join(frames), 1) if chop else (b"".join(frames),)

        yield Case(f"5.4 two fragments{how}", sent(first, last), both)
        yield Case(f"5.4 a ping between two fragments{how}", sent(first, ping, last), both, pinged)
        yield Case(f"5.4 a pong between two fragments{how}", sent(first, frame(PONG, b"x"), last), both)
        pieces = [first, *[frame(PING, b"%d" % at) + frame(CONT, b"%d" % at, fin=False) for at in range(5)], last]
        yield Case(f"5.4 pings between seven fragments{how}", sent(*pieces), ("one01234two",),
                   (b"0", b"1", b"2", b"3", b"4"))  # fmt: skip
    empty = frame(CONT, b"", fin=False)
    nothing = frame(TEXT, b"", fin=False) + empty + empty + frame(CONT)
    yield Case("5.4 empty fragments", (nothing,), ("",), kind="an empty message")
    yield Case("5.4 empty fragments around one", (frame(TEXT, b"", fin=False) + frame(CONT, b"x", fin=False) +
                                                  frame(CONT),), ("x",))  # fmt: skip
    yield whole("5.4 65536 bytes in fragments of 1300", "*" * 65536, size=1300)
    yield whole("5.4 a letter of three bytes in three fragments", "€", size=1)
    yield Case("5.4 fragments of a text, one write each", chopped(message("0123456789", 2), 8), ("0123456789",))
    yield wrong("5.4 a ping in two fragments", frame(PING, b"a", fin=False), frame(CONT, b"b"))
    yield wrong("5.4 a pong in two fragments", frame(PONG, b"a", fin=False), frame(CONT, b"b"))
    yield wrong("5.4 a close in two fragments", frame(CLOSE, b"\x03", fin=False), frame(CONT, b"\xe8"))
    yield wrong("5.4 a continuation of nothing", lone)
    yield wrong("5.4 a continuation of nothing, not the last", frame(CONT, b"lone", fin=False))
    yield wrong("5.4 a continuation after a message", message("a"), lone, echoes=("a",))
    yield wrong("5.4 a continuation after two fragments", first, last, lone, echoes=both)
    yield wrong("5.4 a continuation, not the last, after two fragments", first, last, empty, echoes=both)
    yield wrong("5.4 a text within a fragmented text", first, message("new"))
    yield wrong("5.4 a binary within a fragmented text", first, message(b"new"))
    yield wrong(
        "5.4 a text within a fragmented binary", frame(BINARY, b"one", fin=False), message("new"), path="/bytes"
    )
    yield wrong("5.4 a new fragmented text within one", first, first)


def control() -> Iterator[Case]:
    """Sections 5.5.2 and 5.5.3 (Autobahn 2)."""
    for name, payload in (
        ("no payload", b""),
        ("a text", b"Hello, world!"),
        ("bytes that are no text", bytes.fromhex("00fffefdfcfb00ff")),
        ("125 bytes", b"\xfe" * 125),
    ):
        yield Case(f"5.5.2 a ping with {name}", (frame(PING, payload),), pongs=(payload,))
    yield Case(
        "5.5.2 a ping with 125 bytes, byte by byte", chopped(frame(PING, b"\xfe" * 125), 1), pongs=(b"\xfe" * 125,)
    )
    many = tuple(b"payload-%d" % at for at in range(10))
    pings = b"".join(frame(PING, each) for each in many)
    yield Case("5.5.2 ten pings in one write", (pings,), pongs=many)
    yield Case("5.5.2 ten pings, byte by byte", chopped(pings, 1), pongs=many)
    yield Case(
        "5.5.2 a ping between two messages", (message("a") + frame(PING, b"p") + message("b"),), ("a", "b"), (b"p",)
    )
    yield wrong("5.5 a ping with 126 bytes", frame(PING, b"\xfe" * 126))
    yield wrong("5.5 a pong with 126 bytes", frame(PONG, b"\xfe" * 126))
    yield wrong("5.5 a close with 126 bytes", close(1000, b"x" * 124))
    yield wrong("5.5 a ping with its length in 16 bits", frame(PING, b"a" * 70, length=b"\x7e\x00\x46"), kind=LONG)
    yield Case("5.5.3 a pong that nobody asked for", (frame(PONG) + message("a"),), ("a",))
    yield Case("5.5.3 a pong with a payload that nobody asked for", (frame(PONG, b"payload") + frame(PING, b"p"),),
               pongs=(b"p",))  # fmt: skip


LEGAL = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
ILLEGAL = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)


def closing() -> Iterator[Case]:
    """Sections 5.5.1 and 7 (Autobahn 7)."""
    end = close(1000)
    yield ended("5.5.1 a close at once", end)
    yield ended("5.5.1 a message and a close", message("a") + end, echoes=("a",))
    yield ended("5.5.1 a close, byte by byte", *chopped(close(1000, b"bye"), 1))
    yield ended("5.5.1 a close without a code", close(None), ends="1005 or 1000")
    yield ended("5.5.1 two closes", end + end)
    yield ended("5.5.1 a ping after a close", end + frame(PING, b"late"))
    yield ended("5.5.1 a text after a close", end + message("late"))
    yield ended("5.5.1 something malformed after a close", end + frame(15, b"late", rsv=7))
    yield ended("5.4 a close within a fragmented text", frame(TEXT, b"one", fin=False) + end + frame(CONT, b"two"))
    big = "*" * 262144
    yield ended(
        "5.5.1 a message of 256 KiB, a close and a ping", message(big) + end + frame(PING, b"late"), echoes=(big,)
    )
    yield ended("5.5.1 a close with a reason", close(1000, b"Goodbye, world!"))
    yield ended("5.5.1 a close with a reason of 123 bytes", close(1000, b"x" * 123))
    yield wrong("5.5.1 a close with half a code", frame(CLOSE, b"\x03"))
    for name, reason in (
        ("a surrogate", b"\xed\xa0\x80"),
        ("half a letter", b"bye \xe2\x82"),
        ("a lone byte", b"\xff"),
    ):
        yield wrong(f"5.5.1 {name} in the reason of a close", close(1000, reason), ends="1007 or 1002")
    for code in LEGAL:
        kind = "a close by the client" if code != 1014 else "a close with 1014"
        yield ended(f"7.4.1 a close with {code}", close(code), ends=str(code), kind=kind)
        yield ended(f"7.4.1 a close with {code} and a reason", close(code, b"Because."), ends=str(code), kind=kind)
    for code in ILLEGAL:
        yield wrong(f"7.4.2 a close with {code}", close(code), kind="an illegal code")
        yield wrong(f"7.4.2 a close with {code} and a reason", close(code, b"Because."), kind="an illegal code")
    yield refused("7.4.1 a binary where texts are read", message("a"), message(b"b"), echoes=("a",), ends="1003")
    yield refused("7.4.1 a text where binaries are read", message("a"), ends="1003", path="/bytes")
    yield refused("7.4.1 a message that is too big", message("x" * 1025), ends="1009", path="/small")
    yield refused("7.4.1 a message that is too big, in fragments", message("x" * 1025, 100), ends="1009", path="/small")
    yield Case("7.4.1 a message that just fits", (message("x" * 1024, 100),), ("x" * 1024,), path="/small")


VALID = (
    *("Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\x00", "\x7f", "\x80", "߿", "ࠀ", "\ufffd", "\uffff", "\U00010000"),
    *("\U0010ffff", "\ud7ff", "\ue000", "\ufeffbom", "\u2028\u2029", "𝕳𝖊𝖑𝖑𝖔", "\ufdd0", "日本語", "\r\n\t"),
    *(chr((plane << 16) + last) for plane in range(17) for last in (0xFFFE, 0xFFFF)),
)
INVALID = {
    "half a letter": "ce ceba.e1 ceba.e1bd cebae1bdb9cf cebae1bdb9cf83ce",
    "five or six bytes": "f888808080 fc8480808080 f7bfbfbf fbbfbfbfbf fdbfbfbfbfbf",
    "beyond U+10FFFF": "f4908080 f5808080",
    "a lone continuation": "80 bf 80bf 80bf80 80bf80bf 80bf80bf80 8081828384858687",
    "a lone start": "c020 c220 df20 e020 ef20 f020 f420 f720 f820 fb20 fc20 fd20",
    "without the last byte": "c0 e080 f08080 f8808080 fc80808080 df efbf f7bfbf fbbfbfbf fdbfbfbfbf f09080",
    "impossible bytes": "fe ff fefeffff",
    "too long for ASCII": "c0af e080af f08080af f8808080af fc80808080af",
    "just too long": "c1bf e09fbf f08fbfbf f887bfbfbf fc83bfbfbfbf",
    "NUL, too long": "c080 e08080 f0808080 f880808080 fc8080808080",
    "a surrogate": "eda080 edadbf edae80 edafbf edb080 edbe80 edbfbf",
    "a pair of surrogates": "eda080edb080 eda080edbfbf edadbfedb080 edadbfedbfbf edae80edb080 edae80edbfbf "
    "edafbfedb080 edafbfedbfbf",
    "a surrogate in a text": "cebae1bdb9cf83cebcceb5eda080656469746564",
}


def texts() -> Iterator[Case]:
    """Section 8.1 (Autobahn 6)."""
    for text in VALID:
        yield whole(f"8.1 {ascii(text)[1:-1]}", text)
    yield whole("8.1 all of it, byte by byte", "".join(VALID), size=1)
    yield whole("8.1 all of it, in writes of one byte", "".join(VALID[:19]), chop=1)
    for what, all_of_it in INVALID.items():
        for each in all_of_it.replace(".", "").split():
            yield wrong(f"8.1 {what}: {each}", frame(TEXT, bytes.fromhex(each)), ends="1007")
    bad = bytes.fromhex("cebae1bdb9cf83cebcceb5f4908080656469746564")
    yield wrong("8.1 invalid, in fragments of a byte", message(bad, 1, opcode=TEXT), ends="1007")
    yield wrong(
        "8.1 invalid in the second fragment", frame(TEXT, b"good", fin=False), frame(CONT, b"\xff"), ends="1007"
    )
    yield wrong("8.1 half a letter at the end of the last fragment", frame(TEXT, b"a", fin=False), frame(CONT, b"\xe2\x82"),
                ends="1007")  # fmt: skip
    yield wrong("8.1 a message and one that is invalid", message("a"), frame(TEXT, b"\xff"), echoes=("a",), ends="1007")
    yield Case("8.1 what is no text, as binary", (message(bad),), (bad,), path="/bytes")


def early() -> Iterator[Case]:
    """Texts that are invalid before their end: it may be told at once (Autobahn 6.4), and must be at the end."""
    for what, sent in (
        ("in the first fragment", frame(TEXT, b"\xf4\x90\x80\x80", fin=False)),
        ("in the second fragment", frame(TEXT, b"good", fin=False) + frame(CONT, b"\xff", fin=False)),
        ("by a byte that no letter has there", frame(TEXT, b"\xf4", fin=False) + frame(CONT, b"\x90", fin=False)),
    ):
        yield wrong(f"8.1 invalid {what}", sent, ends="1007")


@functools.cache
def bigs(long: bool) -> tuple[Case, ...]:
    """Them all."""
    return tuple(big(long))


def big(long: bool) -> Iterator[Case]:
    """Big messages, and many (Autobahn 9): all comes back, however it is cut."""
    size = 4 << 20 if long else 1 << 18
    for piece in (64, 1024, 16384, 262144):
        yield whole(f"9 a text in fragments of {piece}", "*" * size, size=piece)
        yield whole(f"9 a binary in fragments of {piece}", b"\xfe" * size, size=piece)
        yield whole(f"9 a text in writes of {piece}", "ü" * (size // 2), chop=piece)
    yield whole("9 the biggest message that is read", b"\x01" * (16 << 20 if long else 1 << 20))
    yield whole("9 many small messages", *(f"m{at}" for at in range(10_000 if long else 1_000)))
    yield whole("9 many small messages, in writes of 5", *(f"m{at}" for at in range(1_000)), chop=5)


CASES = (*framing(), *fragments(), *control(), *closing(), *texts())
EARLY = tuple(early())


HANDSHAKES: dict[str, tuple[tuple[str, str], ...]] = {
    "another version": (("Sec-WebSocket-Version", "9"),),
    "no version": (("Sec-WebSocket-Version", ""),),
    "no key": (("Sec-WebSocket-Key", ""),),
    "a key that is none: 15 bytes": (("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAA"),),
    "a key that is none: no base64": (("Sec-WebSocket-Key", "not base64 at all!!!!!=="),),
    "no Upgrade": (("Upgrade", ""),),
    "another Upgrade": (("Upgrade", "tea"),),
    "no Connection": (("Connection", ""),),
    "no Host": (("Host", ""),),
}
"""Handshakes that are to be refused (section 4.2.1), by what they differ in."""

OFFERS = (
    "permessage-deflate",
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate; client_max_window_bits=9",
    "permessage-deflate; server_max_window_bits=9",
    "permessage-deflate; server_max_window_bits=15; client_max_window_bits=15",
    "permessage-deflate; client_no_context_takeover",
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    "permessage-deflate; unheard_of, permessage-deflate; client_max_window_bits",
)
"""What a client may offer (RFC 7692 §7.1)."""

BAD_OFFERS = {
    "permessage-deflate; unheard_of": "a parameter that is none",
    "permessage-deflate; server_max_window_bits": "a parameter that is none",
    "permessage-deflate; client_no_context_takeover=1": "a parameter that is none",
    "permessage-deflate; server_no_context_takeover; server_no_context_takeover": "a parameter that is none",
    "permessage-deflate; server_max_window_bits=7": "a number out of range",
    "permessage-deflate; server_max_window_bits=16": "a number out of range",
    "permessage-deflate; client_max_window_bits=nine": "a number that is none",
    "x-webkit-deflate-frame": "another extension",
}
"""What a server is to pass over, with what is wrong with it."""
