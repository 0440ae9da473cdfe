"""Hashing and verifying passwords, and which are taken."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gzip
import logging
import os
import signal
import statistics
import sys
import threading
import time
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import Any

import argon2
import django.contrib.auth
import pytest
import werkzeug.security

from databases import until
from wholestack import App, HTTPError, SetupError
from wholestack.auth import PasswordRules, Passwords, Verified
from wholestack.errors import CannotWait, ServiceUnavailable
from wholestack.files import PackageMissing
from wholestack.handlers import Drive
from wholestack.languages import language
from wholestack.testing import AsyncClient

WORD = "correct horse é"
# Made by Django 5.2, passlib 1.7.4 and bcrypt 5.0, with few rounds.
FOREIGN = {
    "django pbkdf2_sha256": "pbkdf2_sha256$1000$saltsaltsalt$HpSbrkBrDWDAB9HrNXHZggikF+GO3Q6ksWrO0IeZG4M=",
    "django pbkdf2_sha1": "pbkdf2_sha1$1000$saltsaltsalt$VvJjxrH5uKMZWm9BnZKYeKWH6CQ=",
    "django scrypt": "scrypt$256$saltsaltsalt$8$5$niGpXCD369qjdAeFUcsW+jXmFLPVbyainHcJ5LeGu2JvvYuisXAk1VcXL4HHMo2fJZBlruKWE+zVTBWGLZf2YQ==",
    "django argon2": "argon2$argon2id$v=19$m=1024,t=1,p=2$c2FsdHNhbHRzYWx0$kWZmaXy5daEWJaCgEzdkvKapKBBVew4l7NHqNWH8gdU",
    "django bcrypt_sha256": "bcrypt_sha256$$2b$04$3aVMohC4j3cRCR/1Wh120.ka2CRXWzGu1tl2JxjatsPJysr8XqE4e",
    "django bcrypt": "bcrypt$$2b$04$Wi4EgfpKcx37xE2zVIoQjOLrCy.RrIzeoz.AoM8dhQx2261DJI89a",
    "passlib pbkdf2_sha256": "$pbkdf2-sha256$1000$aM2Z836PUUqJ8f7fW6t17g$mVWErUML0Rx5Ihg49006Cgkxhk8rbiSCUp1E0hDAc8g",
    "passlib pbkdf2_sha512": "$pbkdf2-sha512$1000$CmHMOYfwfo/x/r/Xutc6pw$zOlMeZnYfvB/hfCuSZDYHhPKad.8GXitIuKZtXyyO17OVOhrsy6yMyzTq2BgMNHgGNGckWjW4RwUC8axFsYnBA",
    "passlib argon2": "$argon2id$v=19$m=1024,t=1,p=2$wXgP4Xzv3VtL6X1v7f1/jw$kSQoKz/tn3gyQxpg3ksukOIEyV1UF8BTjpNqJauPw0E",
    "passlib scrypt": "$scrypt$ln=8,r=8,p=1$AsC4V+r9PweA0JrTWgvBOA$fCWUhGFD/+Cmuu7uQnHj4F0GhiGeH+o2FOjfgFY3DuU",
    "bcrypt": "$2b$04$O/bH/CqceaCKrRbEYrORnu/T/R.GQD9N9y5WHDosk6vH/bZXjllEa",
}
light = functools.partial(Passwords, memory=64, passes=1)


def hashing() -> int:
    return sum(each.name == "wholestack-hashing" for each in threading.enumerate())


# -- hashing and verifying -----------------------------------------------------------------------------------------


def test_a_hash_is_argon2id_as_owasp_has_it() -> None:
    passwords = Passwords()
    kept = passwords.hash(WORD)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert argon2.PasswordHasher().verify(kept, WORD)  # What others have made of the same.
    assert passwords.verify(WORD, kept) == Verified(ok=True, rehash=False)
    assert passwords.verify(WORD.upper(), kept) == Verified(ok=False, rehash=False)
    assert not passwords.verify("", kept)
    assert passwords.hash(WORD) != kept and not passwords.needs_rehash(kept)
    assert "argon2id" in repr(passwords)


@pytest.mark.parametrize("kind", FOREIGN)
def test_hashes_of_others_are_verified_and_reported_for_a_new_one(kind: str) -> None:
    passwords = light()
    assert passwords.verify(WORD, FOREIGN[kind]) == Verified(ok=True, rehash=True)
    assert passwords.verify(WORD + " ", FOREIGN[kind]) == Verified(ok=False, rehash=False)
    assert passwords.needs_rehash(FOREIGN[kind])


@pytest.mark.parametrize("method", ["scrypt:1024:8:1", "pbkdf2:sha256:1000", "pbkdf2:sha512:1000", "pbkdf2:sha1:1000"])
def test_hashes_of_werkzeug(method: str) -> None:
    kept = werkzeug.security.generate_password_hash(WORD, method)
    assert light().verify(WORD, kept) == Verified(ok=True, rehash=True)
    assert not light().verify(WORD + "x", kept)


def test_other_parameters_are_reported() -> None:
    kept = light().hash(WORD)
    for other in (light(memory=128), light(passes=2), light(lanes=2), Passwords(scheme="scrypt")):
        assert other.verify(WORD, kept) == Verified(ok=True, rehash=True)
        assert other.verify("x", kept) == Verified(ok=False, rehash=False)
    short = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0$Zd1tRa4CuWyhLq5SxxgDLtYHF3XBuIRn4JX9vJ5ZmX4"
    assert light().needs_rehash(short)  # With a salt of twelve bytes.


def test_scrypt_without_argon2(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = light().hash(WORD)
    before = light()
    monkeypatch.setitem(sys.modules, "argon2", None)
    passwords = Passwords()
    own = passwords.hash(WORD)
    assert own.startswith("$scrypt$ln=15,r=8,p=3$")
    assert passwords.verify(WORD, own) == Verified(ok=True, rehash=False)
    assert not passwords.verify("x", own)
    install = r'pip install "wholestack\[auth\]"'
    with pytest.raises(PackageMissing, match=install):
        passwords.verify(WORD, kept)
    with pytest.raises(PackageMissing, match=install):
        Passwords(scheme="argon2id")
    with pytest.raises(PackageMissing, match=install):
        before.hash(WORD)  # What is raised in its thread comes out here.
    monkeypatch.undo()
    assert light().verify(WORD, own) == Verified(ok=True, rehash=True)


def test_bcrypt_is_needed_for_its_hashes_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    assert light().verify(WORD, FOREIGN["django pbkdf2_sha256"])
    with pytest.raises(PackageMissing, match=r'pip install "wholestack\[bcrypt\]"'):
        light().verify(WORD, FOREIGN["bcrypt"])


def test_C13_bcrypt_sees_72_bytes() -> None:
    import bcrypt

    kept = bcrypt.hashpw(b"a" * 72, bcrypt.gensalt(4)).decode()
    assert light().verify("a" * 72, kept) and light().verify("a" * 100, kept)
    assert not light().verify("a" * 71, kept)
    assert not light().verify("a\x00" * 36, kept)
    anew = light().hash("a" * 100)
    assert not light().verify("a" * 99, anew)  # Not any more.


# -- passwords as they were typed ----------------------------------------------------------------------------------


def test_one_password_in_two_forms_of_unicode() -> None:
    passwords = light()
    composed, apart = "caf\u00e9 \ufb01n", "cafe\u0301 \ufb01n"
    kept = passwords.hash(composed)
    assert passwords.verify(apart, kept) == Verified(ok=True, rehash=False)
    assert passwords.verify("caf\u00e9 fin", kept).ok
    assert not passwords.verify("cafe fin", kept)
    # What was hashed elsewhere as it stood is found, and hashed in its normal form then.
    elsewhere = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(apart)
    assert passwords.verify(apart, elsewhere) == Verified(ok=True, rehash=True)


@pytest.mark.parametrize("password", ["", "  a  ", "a\x00b", "\ud800", "😀" * 1024, "a" * 4096])
def test_every_password_is_taken_as_it_is(password: str) -> None:
    passwords = light()
    kept = passwords.hash(password)
    assert passwords.verify(password, kept)
    assert not passwords.verify(password + " ", kept)


def test_too_long_a_password_is_not_looked_at() -> None:
    passwords = light()
    with pytest.raises(HTTPError) as raised:
        passwords.hash("é" * 2049)
    assert (raised.value.status, raised.value.code) == (422, "password-too-long")
    kept = passwords.hash("a")
    assert passwords.verify("é" * 2049, kept) == Verified(ok=False, rehash=False)
    passwords.verify_nobody("é" * 2049)
    assert hashing() == 0


# -- what is stored ------------------------------------------------------------------------------------------------

B64 = "A" * 43
TOO_MUCH = [
    f"$argon2id$v=19$m=10000000,t=2,p=1${B64}${B64}",
    f"$argon2id$v=19$m=19456,t=999999,p=1${B64}${B64}",
    f"$argon2id$v=19$m=19456,t=2,p=17${B64}${B64}",
    f"$argon2id$v=19$m=8,t=2,p=2${B64}${B64}",
    f"$argon2id$v=19$m=19456,t=2,p=1$c2FsdA${B64}",
    f"$scrypt$ln=24,r=8,p=1${B64}${B64}",
    f"$scrypt$ln=999999999,r=8,p=1${B64}${B64}",
    f"scrypt$1000$saltsaltsalt$8$1${B64}=",
    f"scrypt$33554432$saltsaltsalt$8$1${B64}=",
    f"scrypt:0:8:1$saltsaltsalt${'0' * 64}",
    f"pbkdf2_sha256$999999999$saltsaltsalt${B64}=",
    f"pbkdf2_sha256$0$saltsaltsalt${B64}=",
    "$2b$31$O/bH/CqceaCKrRbEYrORnu/T/R.GQD9N9y5WHDosk6vH/bZXjllEa",
    "pbkdf2_sha256$1000$saltsaltsalt$AAAA",  # Four bytes of a digest, which are soon found.
    "pbkdf2_sha256$1000$saltsaltsalt$AAAAA",  # No base64.
    f"pbkdf2:sha256:1000$saltsaltsalt${'0' * 63}",
    f"$argon2id$v=19$m=19456,t=2,p=1${B64}${B64}" + "A" * 1024,
    f"md5$saltsaltsalt${'0' * 32}",
    "plain text",
]


@pytest.mark.parametrize("stored", TOO_MUCH, ids=range(len(TOO_MUCH)))
def test_what_a_stored_hash_may_ask_for_is_bounded(stored: str, caplog: pytest.LogCaptureFixture) -> None:
    """Such an account is as if it had another password, and the log says why, without the hash."""
    passwords = light()
    begun = time.process_time()
    assert passwords.verify(WORD, stored) == Verified(ok=False, rehash=False)
    assert time.process_time() - begun < 1
    assert passwords.needs_rehash(stored)
    [record] = caplog.records
    assert (record.name, record.levelno) == ("wholestack.auth", logging.ERROR)
    kind = "unknown" if stored == "plain text" else stored.lstrip("$").replace(":", "$").split("$")[0]
    assert kind in caplog.text and stored not in caplog.text and WORD not in caplog.text


@pytest.mark.parametrize("stored", ["", "!", "!randomDjangoUnusable"])
def test_an_account_without_a_password(stored: str, caplog: pytest.LogCaptureFixture) -> None:
    assert not light().verify(WORD, stored)
    assert caplog.records == []


@pytest.mark.parametrize("stored", [None, "!"])
def test_nobody_takes_as_long_as_somebody(stored: str | None) -> None:
    """By the time of the processor, which other programs do not change; the longer one has two forms of a password."""
    passwords = Passwords(memory=2048)
    for password in ("wrong", "cafe\u0301"):
        kept = passwords.hash("right")
        times: dict[bool, list[float]] = {True: [], False: []}
        for turn in range(40):
            begun = time.process_time()
            if turn % 2:
                passwords.verify(password, kept)
            elif stored is None:
                passwords.verify_nobody(password)
            else:
                passwords.verify(password, stored)
            times[bool(turn % 2)].append(time.process_time() - begun)
        somebody, nobody = statistics.median(times[True]), statistics.median(times[False])
        assert 0.6 < nobody / somebody < 1.6


@pytest.mark.parametrize(
    "options",
    [
        {"memory": 4},
        {"memory": 2**30},
        {"passes": 0},
        {"lanes": 99},
        {"scheme": "md5"},
        {"waiting": -1},
        {"at_once": -1},
    ],
)
def test_parameters_that_no_hash_can_have(options: Any) -> None:
    with pytest.raises(SetupError) as raised:
        Passwords(**options)
    [fault] = raised.value.faults
    assert (fault.code, Path(fault.where.rpartition(":")[0]).name) == ("bad-login-setting", "test_passwords.py")


# -- the threads ---------------------------------------------------------------------------------------------------


async def driven(function: Callable[..., Any], *args: Any) -> Any:
    async def call() -> Any:
        return function(*args)

    return await Drive(call())


def storm(passwords: Passwords, calls: int) -> tuple[list[Any], int]:
    """So many calls at once on an event loop: what each gave, and the most threads that hashed."""
    most = 0

    async def all_of_them() -> list[Any]:
        nonlocal most
        tasks = [asyncio.create_task(driven(passwords.hash, WORD)) for _ in range(calls)]
        while not all(each.done() for each in tasks):
            most = max(most, hashing())
            await asyncio.sleep(0)
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(all_of_them()), most


def test_a_storm_is_bounded_in_threads_and_in_what_waits() -> None:
    passwords = Passwords(memory=1024, at_once=2, waiting=10)
    found, most = storm(passwords, 100)
    refused = [each for each in found if isinstance(each, ServiceUnavailable)]
    assert most == 2
    assert {(each.code, each.headers["retry-after"]) for each in refused} == {("logins-busy", "2")}
    # Two that begin, ten that wait, and whoever came when one of those was done.
    assert 12 <= len(found) - len(refused) < 90
    assert all(passwords.verify(WORD, each) for each in found if isinstance(each, str))
    until(lambda: hashing() == 0)


def test_a_storm_of_logins_is_bounded_before_its_hashes() -> None:
    """What comes before a hash, such as counting the try, is done for no more of them than may wait for one."""
    passwords = Passwords(memory=64, passes=1, at_once=1, waiting=2)
    with contextlib.ExitStack() as inside:
        for _ in range(3):
            inside.enter_context(passwords.admitted())
        with pytest.raises(ServiceUnavailable) as refused, passwords.admitted():
            raise AssertionError("one too many")
        assert (refused.value.code, refused.value.headers["retry-after"]) == ("logins-busy", "2")
    with passwords.admitted():
        assert passwords.hash(WORD)


def test_a_storm_in_threads_leaves_some_to_others() -> None:
    passwords = Passwords(memory=8192, passes=4, at_once=1)

    def one(_: int) -> Any:
        try:
            return passwords.hash(WORD)
        except ServiceUnavailable as error:
            return error

    with ThreadPoolExecutor(60) as threads:
        found = list(threads.map(one, range(60)))
    refused = [each for each in found if isinstance(each, ServiceUnavailable)]
    assert 17 <= len(found) - len(refused) < 60
    assert {each.code for each in refused} == {"logins-busy"}
    assert passwords.hash(WORD)


def test_the_loop_goes_on_while_passwords_are_hashed() -> None:
    app = App(docs=False)
    passwords = Passwords(at_once=1)
    kept = passwords.hash(WORD)

    def provided() -> Passwords:
        return passwords

    app.provide(provided, waits=True)

    @app.post("/async")
    async def in_async(found: Passwords) -> bool:
        return found.verify(WORD, kept).ok

    @app.post("/def")
    def in_def(found: Passwords) -> bool:
        return found.verify(WORD, kept).ok

    @app.get("/quiet")
    async def quiet() -> str:
        return "quiet"

    async def ask() -> list[int]:
        async with AsyncClient(app) as client:
            await client.get("/quiet")
            logins = [asyncio.create_task(client.post(path)) for path in ("/async", "/def") * 5]
            between = 0
            while not all(each.done() for each in logins):
                assert (await client.get("/quiet")).text == "quiet"
                await asyncio.sleep(0)
                between += 1
            assert [(await each).json() for each in logins] == [True] * 10
            return [between]

    # A loop that waits for a hash answers nothing meanwhile: at most one between two of them.
    assert asyncio.run(ask())[0] > 20


def test_who_goes_away_while_waiting_costs_no_hash() -> None:
    passwords = Passwords(memory=8192, passes=4, at_once=1)

    async def ask() -> None:
        begun = time.process_time()
        await driven(passwords.hash, WORD)
        one = time.process_time() - begun
        begun = time.process_time()
        first = asyncio.create_task(driven(passwords.hash, WORD))
        second = asyncio.create_task(driven(passwords.hash, WORD))
        third = asyncio.create_task(driven(passwords.hash, WORD))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert not first.done()
        assert {type(each) for each in await asyncio.gather(first, third)} == {str}
        assert time.process_time() - begun < 2.7 * one

    asyncio.run(ask())


def test_on_the_loop_itself_nothing_may_wait() -> None:
    async def ask() -> None:
        light().hash(WORD)

    with pytest.raises(CannotWait, match="to_thread"):
        asyncio.run(ask())


def test_a_process_that_was_forked_has_threads_of_its_own() -> None:
    """While the parent's only thread hashes, which the child does not have."""
    passwords = light(at_once=1)
    slow = "pbkdf2_sha256$2000000$saltsaltsalt$" + B64 + "="
    busy = threading.Thread(target=passwords.verify, args=(WORD, slow))
    busy.start()
    until(lambda: hashing() == 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # From 3.12 on forks beside threads are warned of.
        number = os.fork()
    if number == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(30)
        os._exit(0 if passwords.verify(WORD, passwords.hash(WORD)) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) == 0
    busy.join()


# -- which passwords are taken ---------------------------------------------------------------------------------------

TOO_SHORT, COMMON, ABOUT = "At least 10 characters.", "tried first", "too much like"


def test_length_in_characters_and_bytes() -> None:
    rules = PasswordRules()
    assert rules.faults("xkq7 vmwp") == [TOO_SHORT]
    assert rules.faults("xkq7 vmwpz") == []
    assert rules.faults("üöäßéèêë漢字") == []
    assert rules.faults("e\u0301" * 5 + "xyz") == [TOO_SHORT]  # Eight, as they are seen.
    assert rules.faults("é" * 2049) == ["This password is too long."]
    assert PasswordRules(8).faults("xkq7 vmw") == []
    assert PasswordRules(least=15).faults("xkq7 vmwp zelt") != []
    assert PasswordRules(most=20).faults("xkq7 vmwpz" * 3) == ["This password is too long."]
    assert "least=10" in repr(rules)


def test_there_are_no_rules_for_what_it_is_made_of() -> None:
    for password in ("zebra violin tunnel", "7391847260581", "ZEBRAVIOLINTUNNEL", "^%$~ §/&( ~#'", "     ш  щ    ъ"):
        assert PasswordRules().faults(password) == []


@pytest.mark.parametrize(
    "password",
    [
        *("password123", "Password1!", "1234567890", "qwertyuiop", "QWERTZUIOP", "iloveyou2024!", "!dragon!2019"),
        *("aaaaaaaaaaaa", "abcabcabcabc", "dragondragon", "monkeymonkeymo", "abcdefghijkl", "0987654321", "manchester"),
        *("ｐａｓｓｗｏｒｄ１２", "1q2w3e4r5t6y", "azertyuiop", "123456789012345"),
    ],
)
def test_what_is_tried_first_is_refused(password: str) -> None:
    [fault] = PasswordRules().faults(password)
    assert COMMON in fault
    assert PasswordRules(common=False).faults(password) == []


def test_most_of_another_list_of_common_passwords_is_refused() -> None:
    """Django's list is another selection; of what of it is long enough two thirds are refused."""
    packed = Path(django.contrib.auth.__file__).parent / "common-passwords.txt.gz"
    long = [each for each in gzip.decompress(packed.read_bytes()).decode().split() if len(each) >= 10][:600]
    refused = sum(bool(PasswordRules().faults(each)) for each in long)
    assert len(long) == 600 and refused >= 400


def test_the_list_is_as_its_notice_says() -> None:
    data = resources.files("wholestack.auth") / "data"
    words = zlib.decompress((data / "common-passwords.zlib").read_bytes()).decode().split("\n")[1:-1]
    assert f"{len(words):,}" in (data / "NOTICE").read_text("utf-8")
    assert words == sorted(set(words)) and all(each == each.casefold() and len(each) >= 4 for each in words)
    assert sum(len(each) >= 8 for each in words) >= 3000  # ASVS 5.0 §6.2.4


@pytest.mark.parametrize(
    ("password", "about"),
    [
        ("zoemueller99!", ["zoe.mueller@example.org"]),
        ("Zoe Mueller 1990", ["zoe.mueller@example.org"]),
        ("ZOË MÜLLER x1", ["a@b.org", "Zoë Müller"]),
        ("examplesite7!", ["zoe@examplesite.org"]),
        ("petrer-jonsons", ["peter.johnson@example.org"]),
        ("zoe.mueller@example.org", ["zoe.mueller@example.org"]),
    ],
)
def test_what_is_like_the_account_is_refused(password: str, about: list[str]) -> None:
    [fault] = PasswordRules().faults(password, about=about)
    assert ABOUT in fault
    assert PasswordRules().faults(password) == []


def test_what_has_enough_besides_is_taken() -> None:
    rules = PasswordRules()
    assert rules.faults("annabel likes old cheese", about=["anna@example.org"]) == []
    assert rules.faults("violin tunnel", about=["", "io", "bo@t.eu", "Jo Li"]) == []
    assert PasswordRules(words=["Hammerfall"]).faults("hammerfall 7x") != []


def test_much_that_is_known_takes_no_time() -> None:
    about = [f"{number}{'ab' * 2000}@{'cd' * 2000}" for number in range(500)]
    begun = time.process_time()
    for password in ("ab" * 2047 + "c", "ab" * 59 + "c", "!" * 4000, ("a" + "!" * 70) * 50):
        PasswordRules().faults(password, about=about)
    assert time.process_time() - begun < 1


def test_faults_are_said_in_the_language_of_who_reads_them() -> None:
    with language("de"):
        assert PasswordRules().faults("kurz") == ["Mindestens 10 Zeichen."]


@pytest.mark.parametrize("options", [{"least": 7}, {"least": 65}, {"most": 5000}, {"least": 20, "most": 10}])
def test_limits_that_are_none(options: Any) -> None:
    with pytest.raises(SetupError) as raised:
        PasswordRules(**options)
    assert raised.value.faults[0].code == "bad-login-setting"
