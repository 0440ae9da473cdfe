import pytest

from wholestack import App, SetupError

app = App()


@app.get("/now")
def now(clock) -> str:
    return "12:00"


@app.get("/then/{when")
def then() -> str:
    return "later"


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(SetupError, match="2 faults") as raised:
        app.seal()
    assert [fault.code for fault in raised.value.faults] == ["no-type", "bad-path"]
