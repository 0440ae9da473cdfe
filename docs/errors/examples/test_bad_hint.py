import pytest

from wholestack import App, SetupError

app = App()


@app.get("/notes")
def notes(page: "Pages") -> str:  # noqa: F821
    return "notes"


def test_bad_hint() -> None:
    with pytest.raises(SetupError, match="bad-hint"):
        app.seal()
