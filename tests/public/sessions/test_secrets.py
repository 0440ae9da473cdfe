"""Secrets in a session's data: kept as its model says, or refused; never the asterisks that stand for them."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

import pydantic
import pytest
from typing_extensions import TypedDict

from wholestack import App, SetupError
from wholestack.sessions import BrowserSession, MemorySessions, Sessions
from wholestack.testing import Client

OWN = {"sec-fetch-site": "same-origin"}


def made() -> App:
    app = App(docs=False)
    app.use(Sessions(MemorySessions()))
    return app


class Token(pydantic.BaseModel):
    text: pydantic.SecretStr = pydantic.SecretStr("")


class Listed(pydantic.BaseModel):
    tokens: list[pydantic.SecretStr] = []


class Nested(pydantic.BaseModel):
    token: Token | None = None


class Tree(pydantic.BaseModel):
    inner: list[Tree] = []
    pin: pydantic.Secret[int] | None = None


@dataclasses.dataclass
class Held:
    raw: pydantic.SecretBytes | None = None


class Loose(TypedDict, total=False):
    token: Token


class Tagged(pydantic.BaseModel):
    kind: Literal["default"] = "default"
    pin: pydantic.SecretStr = pydantic.SecretStr("")


class Plain(pydantic.BaseModel):
    kind: Literal["plain"] = "plain"


class OneOf(pydantic.BaseModel):
    of: Annotated[Tagged | Plain, pydantic.Field(discriminator="kind")] = Plain()


class Open(pydantic.BaseModel, extra="allow"):
    """Takes what it does not name."""


class Anything(pydantic.BaseModel):
    value: Any = None


@pytest.mark.parametrize(
    ("model", "field"),
    [
        (Token, "text"),
        (OneOf, "pin"),
        (Listed, "tokens"),
        (Nested, "text"),
        (Tree, "pin"),
        (Held, "raw"),
        (Loose, "text"),
    ],
)
def test_secrets_are_not_kept_as_asterisks(model: Any, field: str) -> None:
    app = made()

    def handler(session: Any) -> None: ...

    handler.__annotations__["session"] = BrowserSession[model]
    app.get("/")(handler)
    with pytest.raises(SetupError) as caught:
        app.seal()
    assert [fault.code for fault in caught.value.faults] == ["bad-session-model"]
    assert f"a secret in {field}, which would come back as asterisks" in str(caught.value)


class Told(pydantic.BaseModel):
    """Says itself how its secrets are kept, or that they are not."""

    pin: pydantic.SecretStr = pydantic.SecretStr("")
    raw: Annotated[pydantic.SecretStr, pydantic.PlainSerializer(lambda secret: secret.get_secret_value())] = (
        pydantic.SecretStr("")
    )
    passing: pydantic.SecretStr = pydantic.Field(pydantic.SecretStr(""), exclude=True)

    @pydantic.field_serializer("pin", when_used="json")
    def _kept(self, secret: pydantic.SecretStr) -> str:
        return secret.get_secret_value()


def test_a_secret_is_kept_as_its_model_says() -> None:
    app = made()

    @app.post("/")
    def write(session: BrowserSession[Told]) -> None:
        session.data.pin = session.data.raw = session.data.passing = pydantic.SecretStr("hush")

    @app.get("/")
    def read(session: BrowserSession[Told]) -> list[str]:
        return [each.get_secret_value() for each in (session.data.pin, session.data.raw, session.data.passing)]

    with Client(app, headers=OWN) as client:
        client.post("/")
        assert client.get("/").json() == ["hush", "hush", ""]


def test_a_secret_in_data_without_a_model_is_told() -> None:
    app = made()

    values: dict[str, Any] = {
        "plain": pydantic.SecretStr("hush"),
        "deep": [{"inner": pydantic.SecretStr("hush")}],
        "model": Token(text=pydantic.SecretStr("hush")),
        "extra": Open(text=pydantic.SecretStr("hush")),
        "dataclass": [Held(pydantic.SecretBytes(b"hush"))],
    }

    @app.post("/untyped/{name}")
    def write(name: str, session: BrowserSession) -> None:
        session.data["token"] = values[name]

    @app.post("/typed/{name}")
    def write_typed(name: str, session: BrowserSession[Anything]) -> None:
        session.data.value = values[name]

    with Client(app, headers=OWN) as client:
        for path in [f"/{typed}/{name}" for typed in ("untyped", "typed") for name in values]:
            with pytest.raises(TypeError, match="A secret would be kept as asterisks"):
                client.post(path)
