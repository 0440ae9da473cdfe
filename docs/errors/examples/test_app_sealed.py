import pytest

from wholestack import App, SetupError

app = App()
app.seal()


def test_nothing_is_added_to_a_sealed_app() -> None:
    with pytest.raises(SetupError, match="app-sealed"):

        @app.get("/late")
        def late() -> str:
            return "too late"
