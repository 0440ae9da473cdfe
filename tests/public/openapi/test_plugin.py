"""The plugin: where the document and the page are, who wins there, and when the document is built."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from wholestack import App, Router, SetupError, Text
from wholestack.openapi import OpenAPI, document

Serve = Callable[[App], Any]


@pytest.fixture
def app() -> App:
    app = App(title="Notes")
    app.get("/notes")(lambda: "milk")
    return app


def test_every_app_has_both(serve: Serve, app: App) -> None:
    client = serve(app)
    answer = client.get("/openapi.json")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == document(app)
    assert client.get("/docs").headers["content-type"] == "text/html; charset=utf-8"
    assert client.head("/docs").status == 200


def test_the_document_is_sent_once_and_packed_where_that_is_taken(serve: Serve, app: App) -> None:
    client = serve(app)
    plain = client.get("/openapi.json")
    again = client.get("/openapi.json", headers={"if-none-match": plain.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    packed = client.get("/openapi.json", headers={"accept-encoding": "br, gzip;q=0.8"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in packed.headers["vary"]
    assert packed.headers["etag"] != plain.headers["etag"]
    assert gzip.decompress(packed.body) == plain.body
    for refused in ("gzip;q=0", "identity, *;q=0", "br"):
        assert "content-encoding" not in client.get("/openapi.json", headers={"accept-encoding": refused}).headers


def test_it_is_built_for_the_first_request_and_once(serve_one: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    described = []

    class Counted(App):
        def describe(self) -> Any:
            described.append(1)
            return super().describe()

    app = Counted()
    client = serve_one(app)
    assert client.get("/docs").status == 200
    assert described == []
    assert client.get("/openapi.json").body == client.get("/openapi.json").body
    client.scope["root_path"] = "/old"
    assert client.get("/old/openapi.json").status == 200
    assert described == [1]


def test_it_can_be_moved_and_switched_off(serve_one: Serve, app: App) -> None:
    app.use(OpenAPI("/api/spec.json", docs="/api/"))
    client = serve_one(app)
    assert client.get("/api/spec.json").json()["info"]["title"] == "Notes"
    assert 'data-document="spec.json"' in client.get("/api/").text
    assert client.get("/api/init.js").status == 200
    assert client.get("/openapi.json").status == 404
    assert client.get("/docs").status == 404


def test_no_page_by_name(serve_one: Serve, app: App) -> None:
    app.use(OpenAPI(docs=None))
    client = serve_one(app)
    assert client.get("/openapi.json").status == 200
    assert client.get("/docs").status == 404
    assert client.get("/docs/init.js").status == 404


def test_nothing_by_name(serve_one: Serve) -> None:
    client = serve_one(App(docs=False))
    assert client.get("/openapi.json").status == 404
    assert client.get("/docs").status == 404


def mine() -> Text:
    return Text("mine")


def foreign(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"mine"]


def _own_route(app: App) -> None:
    app.get("/docs")(mine)
    app.get("/openapi.json")(mine)


def _own_router(app: App) -> None:
    inner = Router()
    inner.get("")(mine)
    outer = Router("/docs")
    outer.include(inner)
    documents = Router()
    documents.get(".json")(mine)
    app.include(outer)
    app.include(documents, at="/openapi")


def test_what_lies_below_a_mount_is_the_mount_s(serve_one: Serve, app: App) -> None:
    app.use(OpenAPI("/foreign/openapi.json", "/foreign/docs"))
    app.mount("/foreign", foreign)
    client = serve_one(app)
    assert client.get("/foreign/docs").text == "mine"
    assert client.get("/foreign/openapi.json").text == "mine"


def _own_mount(app: App) -> None:
    app.mount("/docs", foreign)
    app.mount("/openapi.json", foreign)


@pytest.mark.parametrize("add", [_own_route, _own_router, _own_mount])
@pytest.mark.parametrize("by_name", [False, True])
def test_what_the_app_has_there_itself_wins(
    serve_one: Serve, app: App, add: Callable[[App], None], by_name: bool
) -> None:
    if by_name:
        app.use(OpenAPI())
    add(app)
    client = serve_one(app)
    assert client.get("/docs").text == "mine"
    assert client.get("/openapi.json").text == "mine"


def test_other_methods_and_hosts_and_the_app_below_the_root_leave_the_place_free(serve_one: Serve, app: App) -> None:
    app.post("/docs")(mine)
    elsewhere = Router(host="other.example.org")
    elsewhere.get("/docs")(mine)
    app.include(elsewhere)
    app.mount("/", foreign)
    client = serve_one(app)
    assert "<title>Notes</title>" in client.get("/docs").text
    assert client.post("/docs").text == "mine"
    assert client.get("/docs", headers={"host": "other.example.org"}).text == "mine"
    assert client.get("/other").text == "mine"


def test_routers_in_a_circle_are_a_fault_and_not_a_hang() -> None:
    one, two = Router(), Router()
    one.include(two)
    two.include(one)
    app = App()
    app.include(one)
    with pytest.raises(SetupError, match="router-cycle"):
        app.seal()


def test_behind_a_prefix_the_document_names_it(serve_one: Serve, app: App) -> None:
    client = serve_one(app)
    client.scope["root_path"] = "/old"
    assert client.get("/old/openapi.json").json()["servers"] == [{"url": "/old"}]
    client.scope["root_path"] = ""
    assert "servers" not in client.get("/openapi.json").json()


def test_servers_by_name_stand_behind_a_prefix_too(serve_one: Serve, app: App) -> None:
    app.use(OpenAPI(servers=["https://api.example.org"]))
    client = serve_one(app)
    client.scope["root_path"] = "/old"
    assert client.get("/old/openapi.json").json()["servers"] == [{"url": "https://api.example.org"}]


def test_any_number_of_prefixes_is_answered(serve_one: Serve, app: App) -> None:
    client = serve_one(app)
    for number in range(20):
        client.scope["root_path"] = f"/{number}"
        assert client.get(f"/{number}/openapi.json").json()["servers"] == [{"url": f"/{number}"}]


def test_a_twin_has_a_document_of_its_own(serve_one: Serve, app: App) -> None:
    plugin = OpenAPI()
    app.use(plugin)
    first = serve_one(app).get("/openapi.json").json()
    with app.replace(int, 3) as twin:
        twin.title = "Twin"
        assert serve_one(twin).get("/openapi.json").json()["info"]["title"] == "Twin"
    assert serve_one(app).get("/openapi.json").json() == first


def test_a_settled_app_is_loaded_without_it_and_a_sealed_one_without_its_working_parts() -> None:
    program = """
import json, sys
from wholestack import App
app = App()
assert "wholestack.openapi" not in sys.modules
app.seal()
print(json.dumps(sorted(name for name in sys.modules if name.startswith("wholestack.openapi"))))
"""
    run = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True)
    assert run.returncode == 0, run.stderr
    loaded = json.loads(run.stdout)
    assert loaded[0] == "wholestack.openapi"
    assert "wholestack.openapi._document" not in loaded
    assert "wholestack.openapi._shapes" not in loaded
