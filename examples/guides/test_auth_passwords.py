"""What docs/guides/auth.md shows of passwords and of the throttle, and the tests that hold it."""

from __future__ import annotations

import pytest

# [imports]
from wholestack import TooManyRequests
from wholestack.auth import PasswordRules, Passwords, Throttle
from wholestack.cache import RedisStore

# [/imports]

# [settings]
passwords = Passwords(memory=46 * 1024, passes=1)  # KiB; another of OWASP's settings
rules = PasswordRules(least=15, words=["Hammerfall"])  # the product's name
throttle = Throttle(account={"free": 10, "longest": 1800}, address={"free": 200})
# [/settings]


def test_the_settings_hold() -> None:
    assert "memory=47104" in repr(passwords)
    assert rules.faults("correct horse") and not rules.faults("correct horse battery")
    assert "free=200" in repr(throttle)


# [verify]
def log_in(password: str, stored: str | None) -> str | None:
    """The hash to keep from now on; None where the password is not the one."""
    if stored is None:
        passwords.verify_nobody(password)  # as long as for an account that there is
        return None
    found = passwords.verify(password, stored)
    if not found.ok:
        return None
    return passwords.hash(password) if found.rehash else stored


# [/verify]

DJANGO = "pbkdf2_sha256$1000$saltsaltsalt$HpSbrkBrDWDAB9HrNXHZggikF+GO3Q6ksWrO0IeZG4M="


def test_a_hash_of_django_becomes_one_of_ours() -> None:
    kept = log_in("correct horse é", DJANGO)
    assert kept is not None and kept.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert log_in("correct horse é", kept) == kept
    assert log_in("correct horse", kept) is log_in("x", None) is None


# [rules]
def test_what_is_refused() -> None:
    rules = PasswordRules()
    assert rules.faults("seven77") == ["At least 10 characters."]
    assert rules.faults("Dragon2024!") != []  # a common word with something around it
    assert rules.faults("zoemueller99", about=["zoe.mueller@example.org"]) != []
    assert rules.faults("green tea at half past four") == []


# [/rules]


# [redis]
shared = Throttle(store=RedisStore("redis://127.0.0.1:6379/0", prefix="logins"))
# [/redis]


# [throttle]
def test_who_guesses_waits_and_the_owner_does_not() -> None:
    throttle = Throttle(store="memory", clock=lambda: 1_800_000_000.0)
    for number in range(6):  # from six addresses
        throttle.take("zoe@example.org", f"198.51.100.{number}")
    with pytest.raises(TooManyRequests, match="in 2 seconds"):
        throttle.take("zoe@example.org", "203.0.113.5")
    throttle.take("zoe@example.org", "203.0.113.5", device="her laptop")
    throttle.passed("zoe@example.org", "203.0.113.5", device="her laptop")


# [/throttle]
