"""The AsyncAPI document: what is in it, that it hangs together, and its page."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import pydantic

import wholestack
from wholestack import App, Header, rule
from wholestack.realtime import Channel, Events, Live, Socket
from wholestack.testing import Client


class Move(pydantic.BaseModel):
    kind: Literal["move"]
    by: int


class Say(pydantic.BaseModel):
    kind: Literal["say"]
    text: str


class Board(pydantic.BaseModel):
    last: Move | Say | None = None


@rule(scheme={"key": {"type": "apiKey", "in": "header", "name": "X-Key"}})
def has_key(x_key: Header[str] = "") -> bool:
    return bool(x_key)


def app() -> App:
    app = App(title="Games <b>", version="2")

    @app.socket("/game/{name}", needs=has_key, tags=["play"])
    async def play(
        name: str,
        socket: Socket[Annotated[Move | Say, pydantic.Field(discriminator="kind")], Board],
        boards: Channel[Board],
        seat: int = 1,
    ) -> None:
        """Play a game.

        Everybody at the table sees every move.
        """

    @app.socket("/raw", hidden=True)
    async def raw(socket: Socket[bytes, bytes]) -> None: ...

    @app.socket("/text")
    async def text(socket: Socket[None, str]) -> None: ...

    @app.get("/boards")
    async def boards(boards: Channel[Board]) -> Events[Board]:
        return Events(boards.subscribe())

    @app.get("/plain")
    async def plain() -> str:
        return ""

    return app


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def at(document: Any, reference: str) -> Any:
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


def test_what_is_in_it() -> None:
    document = Client(app()).get("/asyncapi.json").expect(200).json()
    assert (document["asyncapi"], document["info"]) == ("3.0.0", {"title": "Games <b>", "version": "2"})
    assert [each["address"] for each in document["channels"].values()] == ["/game/{name}", "/text", "/boards", None]
    game = document["channels"]["play"]
    assert set(game["parameters"]) == {"name"}
    assert game["bindings"]["ws"]["query"]["properties"] == {"seat": {"type": "integer"}}
    assert set(game["messages"]) == {"received", "sent", "problem"}
    receive = document["operations"]["receive_play"]
    assert (receive["action"], receive["summary"], receive["tags"]) == ("receive", "Play a game", [{"name": "play"}])
    assert receive["security"] == [{"$ref": "#/components/securitySchemes/key"}]
    assert document["components"]["securitySchemes"]["key"]["type"] == "httpApiKey"
    text = document["channels"]["text"]
    assert set(text["messages"]) == {"sent"}
    assert "receive_text" not in document["operations"]
    assert document["operations"]["send_boards"]["bindings"]["http"]["method"] == "GET"


def test_it_hangs_together() -> None:
    """Every reference leads somewhere, every field of a path is a parameter, every payload is a JSON schema."""
    document = Client(app()).get("/asyncapi.json").json()
    assert [reference for reference in references(document) if not at(document, reference)] == []
    for key, channel in document["channels"].items():
        assert re.fullmatch(r"[A-Za-z0-9_-]+", key)
        assert set(re.findall(r"\{(\w+)\}", channel["address"] or "")) == set(channel.get("parameters", {}))
        assert channel["messages"]
    for operation in document["operations"].values():
        assert operation["action"] in {"send", "receive"}
        channel = operation["channel"]["$ref"]
        assert all(each["$ref"].startswith(f"{channel}/messages/") for each in operation["messages"])
    for message in document["components"]["messages"].values():
        jsonschema.Draft202012Validator.check_schema(message["payload"])
    payload = {**at(document, "#/components/messages/play_received/payload")}
    checker = jsonschema.Draft202012Validator({**payload, "components": document["components"]})
    assert checker.is_valid({"kind": "move", "by": 1})
    assert not checker.is_valid({"kind": "move", "by": "x"})
    assert not checker.is_valid({"kind": "other"})


def test_it_is_the_same_each_time() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_asyncapi as t; from wholestack.testing import Client;"
        "print(Client(t.app()).get('/asyncapi.json').text)"
    )
    path = str(Path(wholestack.__file__).parents[1])
    found = {
        subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parent)],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": path},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
    assert json.loads(found.pop())["asyncapi"] == "3.0.0"


def test_the_page_shows_it_without_a_script() -> None:
    answer = Client(app()).get("/asyncapi").expect(200)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "unsafe" not in policy
    seen: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.append((tag, dict(attrs)))

    Reader().feed(answer.text)
    assert not {"script", "style", "b"} & {tag for tag, _ in seen}
    assert not any("style" in attributes for _, attributes in seen)
    assert "Games &lt;b&gt;" in answer.text
    for text in ("/game/{name}", "/boards", "Everybody at the table", "The client sends", "&quot;by&quot;"):
        assert text in answer.text
    assert Client(app()).get("/asyncapi.css").headers["content-type"].startswith("text/css")


def test_without_documentation_there_is_none() -> None:
    bare = App(docs=False)
    bare.use(Live())
    assert Client(bare).get("/asyncapi.json").status == 404


def test_a_channel_of_a_union_is_called_by_its_members() -> None:
    made = App(title="Games")
    either = Annotated[Move | Say, pydantic.Field(discriminator="kind")]
    short = Annotated[str, pydantic.Field(max_length=3)]

    @made.post("/moves")
    async def moves(moves: Channel[either], texts: Channel[str], shorts: Channel[short]) -> list[str]:  # type: ignore[valid-type]
        return [moves.name, texts.name, shorts.name]

    with Client(made) as client:
        channels = client.get("/asyncapi.json").json()["channels"]
        names = client.post("/moves").json()
    here = Move.__module__
    assert names[:2] == [f"{here}.Move | {here}.Say", "str"]
    assert len(set(names)) == 3  # What a channel takes is told by its type alone.
    titles = {channel["title"] for channel in channels.values()}
    assert titles == set(names)


def test_an_app_without_any() -> None:
    app = App()
    app.use(Live())
    with Client(app) as client:
        assert "There are none" in client.get("/asyncapi").text
