import pydantic
import pytest

from wholestack import App, SetupError
from wholestack.sessions import BrowserSession


class Cart(pydantic.BaseModel):
    items: list[int]


def test_bad_session_model() -> None:
    app = App()

    @app.get("/cart")
    def cart(session: BrowserSession[Cart]) -> int:
        return len(session.data.items)

    with pytest.raises(SetupError, match="bad-session-model"):
        app.seal()
