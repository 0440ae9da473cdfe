from concurrent.futures import ThreadPoolExecutor

from wholestack.auth import Passwords
from wholestack.errors import ServiceUnavailable

passwords = Passwords(at_once=1, waiting=1)


def hashed(number: int) -> str:
    try:
        return passwords.hash("correct horse")
    except ServiceUnavailable as error:
        return error.code


def test_one_that_is_hashed_and_one_that_waits() -> None:
    with ThreadPoolExecutor(10) as threads:
        found = list(threads.map(hashed, range(10)))
    assert "logins-busy" in found
    assert any(each.startswith("$") for each in found)
