"""What the document says of an app, part by part."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, Field, computed_field
from pydantic_core import core_schema

from wholestack import App, Body, Cookie, Form, Header, NotFound, Query, Response, Router, rule
from wholestack.forms import FormView
from wholestack.openapi import OpenAPI, document
from wholestack.templates import Page, Templates

HERE = Path(__file__).parent


def operation(made: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = made["paths"][path][method]
    return found


def parameters(made: dict[str, Any], method: str, path: str) -> dict[tuple[str, str], dict[str, Any]]:
    found = operation(made, method, path).get("parameters", [])
    by_key = {(each["in"], each["name"]): each for each in found}
    assert len(by_key) == len(found), "each place and name once"
    return by_key


def body(made: dict[str, Any], method: str, path: str, media: str = "application/json") -> Any:
    return operation(made, method, path)["requestBody"]["content"][media]["schema"]


def answer(made: dict[str, Any], method: str, path: str, status: int, media: str = "application/json") -> Any:
    return operation(made, method, path)["responses"][str(status)]["content"][media].get("schema")


def one(handler: Any, method: str = "get", path: str = "/", **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The document of an app with one handler, and its operation."""
    app = App()
    getattr(app, method)(path, **options)(handler)
    made = document(app)
    return made, operation(made, method, path)


# -- the whole -------------------------------------------------------------------------------------------------------


def test_it_is_valid(broad: dict[str, Any]) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(broad).iter_errors()] == []


def test_it_is_plain_json(broad: dict[str, Any]) -> None:
    assert json.loads(json.dumps(broad, allow_nan=False)) == broad


def test_it_is_the_same_bytes_for_every_hash_seed() -> None:
    program = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); import broad; from wholestack.openapi import document; "
        "sys.stdout.write(json.dumps(document(broad.app)))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program, str(HERE)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1


def test_a_small_app_is_described_as_it_was() -> None:
    """The snapshot: a difference here is one for every client that is generated. Write it anew only on purpose."""

    class Note(BaseModel):
        """Something to remember."""

        text: Annotated[str, Field(min_length=1, examples=["milk"])]
        done: bool = False

    app = App(title="Notes", version="1.0.0")

    @app.get("/notes", tags=["notes"])
    def list_notes(done: bool | None = None, limit: Annotated[int, Field(le=100)] = 20) -> list[Note]:
        """Every note.

        The newest comes first.
        """
        return []

    @app.post("/notes", status=201, tags=["notes"])
    def create_note(new: Note) -> Note:
        return new

    @app.get("/notes/{id}", tags=["notes"], errors=(NotFound,))
    def show_note(id: int) -> Note:
        raise NotFound

    made = json.dumps(document(app), indent=1) + "\n"
    assert made == (HERE / "small.json").read_text()


def test_every_reference_leads_somewhere_and_every_component_is_used(broad: dict[str, Any]) -> None:
    texts = set(_texts(broad))
    for kind, found in broad["components"].items():
        for name in found:
            assert kind == "securitySchemes" or f"#/components/{kind}/{name}" in texts
    for text in texts:
        if text.startswith("#/components/"):
            kind, name = text.removeprefix("#/components/").split("/")
            assert name in broad["components"][kind]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(inner)


def test_operation_ids_are_unique(broad: dict[str, Any]) -> None:
    ids = [each["operationId"] for item in broad["paths"].values() for each in item.values()]
    assert len(set(ids)) == len(ids)
    several = broad["paths"]["/admin/several"]
    assert [several[method]["operationId"] for method in ("get", "post")] == ["several_get", "several_post"]


def test_an_operation_is_called_like_its_handler_where_no_other_is() -> None:
    """Which one of a name was written first, and what only the framework serves, makes no difference."""

    def show(app: App, path: str, method: str = "GET", **options: Any) -> None:
        app.route(path, [method], name="show", returns=str, **options)(lambda: "")

    def ids(*places: tuple[str, str]) -> dict[str, str]:
        app = App()
        for path, method in places:
            show(app, path, method)
        show(app, "/hidden", hidden=True)
        app.get("/docs-like", name="show_docs")(lambda: "")
        made = document(app)["paths"]
        return {f"{method} {path}": each["operationId"] for path, item in made.items() for method, each in item.items()}

    notes, films = ("/notes/{id}", "GET"), ("/films", "POST")
    assert ids(notes) == {"get /notes/{id}": "show", "get /docs-like": "show_docs"}
    both = {"get /notes/{id}": "show_get_notes_id", "post /films": "show_post_films", "get /docs-like": "show_docs"}
    assert ids(notes, films) == ids(films, notes) == both


def test_an_operation_id_that_is_taken_gets_a_number() -> None:
    app = App()
    for path in ("/a-b", "/a_b", "/a.b"):
        app.get(path, name="same")(lambda: "")
    ids = [item["get"]["operationId"] for item in document(app)["paths"].values()]
    assert ids == ["same_get_a_b", "same_get_a_b_2", "same_get_a_b_3"]


def test_info_and_tags(broad: dict[str, Any]) -> None:
    assert broad["info"] == {
        "title": "Broad",
        "version": "2.0",
        "summary": "About everything",
        "termsOfService": "https://example.org/terms",
    }
    assert [each["name"] for each in broad["tags"]] == ["notes", "admin"]
    assert "servers" not in broad


def test_servers_by_name() -> None:
    app = App()
    app.use(OpenAPI(servers=["https://api.example.org", {"url": "/v1", "description": "here"}]))
    assert document(app)["servers"] == [{"url": "https://api.example.org"}, {"url": "/v1", "description": "here"}]


def test_an_app_without_routes_has_no_components() -> None:
    assert document(App(title="Empty")) == {
        "openapi": "3.1.1",
        "info": {"title": "Empty", "version": "0.1.0"},
        "paths": {},
    }


# -- operations ------------------------------------------------------------------------------------------------------


def test_words_come_from_the_docstring_and_the_router(broad: dict[str, Any]) -> None:
    found = operation(broad, "get", "/notes/")
    assert found["summary"] == "Search the notes"
    assert found["description"] == "Every word must be in the text.\n\n- a list"
    assert found["tags"] == ["notes"]
    assert "description" not in operation(broad, "post", "/notes/")
    assert operation(broad, "delete", "/notes/{id}")["deprecated"] is True
    assert "deprecated" not in operation(broad, "get", "/notes/{id}")


def test_what_is_hidden_is_left_out(broad: dict[str, Any]) -> None:
    assert "/secret" not in broad["paths"]
    assert not {"/docs", "/openapi.json"} & set(broad["paths"])


def test_a_method_without_a_place_in_the_document_is_left_out() -> None:
    app = App()
    app.route("/", methods=["PROPFIND", "GET"])(lambda: "")
    app.route("/only", methods=["PROPFIND"])(lambda: "")
    paths = document(app)["paths"]
    assert {path: list(item) for path, item in paths.items()} == {"/": ["get"]}


def test_a_path_of_two_hosts_stands_once_and_a_host_of_its_own_is_a_server() -> None:
    app = App()

    @app.get("/here/{id}")
    def here(id: int) -> str:
        return ""

    tenants = Router(host="{tenant}.example.org")

    @tenants.get("/here/{name}")
    def hidden_by_the_other(name: str) -> str:
        return ""

    @tenants.delete("/here/{name}")
    def remove(name: str, tenant: str) -> str:
        return ""

    fixed = Router(host="static.example.org")
    fixed.get("/there")(lambda: "")
    app.include(tenants)
    app.include(fixed)
    paths = document(app)["paths"]
    assert {path: list(item) for path, item in paths.items()} == {"/here/{id}": ["get", "delete"], "/there": ["get"]}
    assert paths["/here/{id}"]["delete"]["servers"] == [
        {"url": "//{tenant}.example.org", "variables": {"tenant": {"default": "tenant"}}}
    ]
    assert [each["name"] for each in paths["/here/{id}"]["delete"]["parameters"]] == ["id"]
    assert paths["/there"]["get"]["servers"] == [{"url": "//static.example.org"}]


# -- parameters ------------------------------------------------------------------------------------------------------


def test_a_whole_model_is_spread_into_parameters(broad: dict[str, Any]) -> None:
    found = parameters(broad, "get", "/notes/")
    assert found["query", "q"] == {
        "name": "q",
        "in": "query",
        "description": "Part of the text.",
        "schema": {"type": "string", "default": "", "examples": ["milk"]},
    }
    assert found["query", "tag"]["explode"] is True
    assert found["query", "tag"]["style"] == "form"
    assert found["query", "tag"]["schema"] == {
        "type": "array",
        "items": {"type": "string"},
        "maxItems": 5,
        "default": [],
    }
    assert found["query", "limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    assert found["query", "colour"] == {
        "name": "colour",
        "in": "query",
        "schema": {"$ref": "#/components/schemas/Colour"},
    }
    assert "Search" not in broad["components"]["schemas"]


def test_headers_and_cookies_of_a_model(broad: dict[str, Any]) -> None:
    found = parameters(broad, "get", "/headers")
    assert found["header", "x-trace-id"] == {
        "name": "x-trace-id",
        "in": "header",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    }
    assert "required" not in found["header", "x-tries"]
    assert found["cookie", "sid"]["required"] is True


def test_what_two_functions_ask_for_stands_once_and_holds_both(broad: dict[str, Any]) -> None:
    found = parameters(broad, "get", "/notes/")["query", "page"]
    assert found["schema"] == {
        "allOf": [{"type": "integer", "minimum": 1, "default": 1}, {"type": "integer", "default": 1}]
    }

    def rule(page: int) -> bool:
        return True

    def handler(page: int = 1) -> str:
        return ""

    _, made = one(handler, needs=rule)
    assert made["parameters"] == [
        {"name": "page", "in": "query", "required": True, "schema": made["parameters"][0]["schema"]}
    ]


def test_fields_of_the_path_have_its_order_and_none_is_missing(broad: dict[str, Any]) -> None:
    found = operation(broad, "get", "/colours/{colour}/{day}/{key}.json")["parameters"]
    assert [(each["name"], each["required"]) for each in found] == [("colour", True), ("day", True), ("key", True)]
    assert operation(broad, "get", "/unasked/{id}")["parameters"] == [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    ]


def test_no_parameter_is_null_and_defaults_are_json(broad: dict[str, Any]) -> None:
    assert parameters(broad, "get", "/notes/{id}")["header", "if-none-match"]["schema"] == {"type": "string"}
    found = parameters(broad, "get", "/loose")
    assert found["query", "number"]["schema"] == {"anyOf": [{"type": "integer"}, {"type": "string"}], "default": 3}
    assert found["query", "day"]["schema"] == {"type": "string", "format": "date", "default": "2026-01-02"}


def test_everything_that_field_says_is_there() -> None:
    def handler(
        old: Annotated[int, Field(alias="Old", description="Not this.", deprecated=True, ge=2, examples=[3])] = 4,
        either: Annotated[int, Field(description="One of them.")] | str | None = None,
        header: Annotated[Header[str], Field(alias="X_Strange")] = "",
        endless: float = float("inf"),
    ) -> str:
        return ""

    _, made = one(handler)
    old, either, header, endless = made["parameters"]
    assert old == {
        "name": "Old",
        "in": "query",
        "description": "Not this.",
        "deprecated": True,
        "schema": {"type": "integer", "minimum": 2, "examples": [3], "default": 4},
    }
    assert either["schema"] == {"anyOf": [{"type": "integer", "description": "One of them."}, {"type": "string"}]}
    assert header["name"] == "x-strange"
    assert endless["schema"] == {"type": "number"}


def test_a_union_of_models_in_the_query_requires_what_all_require() -> None:
    class A(BaseModel):
        common: int
        a: int = 0

    class B(BaseModel):
        common: int
        b: str

    def handler(query: Query[A | B]) -> str:
        return ""

    _, made = one(handler)
    assert {each["name"]: each.get("required", False) for each in made["parameters"]} == {
        "common": True,
        "a": False,
        "b": False,
    }


# -- bodies ----------------------------------------------------------------------------------------------------------


def test_bodies_of_json(broad: dict[str, Any]) -> None:
    assert body(broad, "post", "/tree") == {"$ref": "#/components/schemas/Tree"}
    assert body(broad, "post", "/points") == {"type": "array", "items": {"$ref": "#/components/schemas/Point"}}
    pets = operation(broad, "post", "/pets")["requestBody"]
    assert pets["description"] == "A cat or a dog."
    schema = pets["content"]["application/json"]["schema"]
    assert schema["discriminator"]["mapping"]["cat"] == "#/components/schemas/Cat"
    assert schema["examples"] == [{"kind": "cat"}]


def test_a_body_that_may_be_missing_is_not_required() -> None:
    class Note(BaseModel):
        text: str

    def handler(note: Note | None = None) -> str:
        return ""

    _, made = one(handler, "post")
    assert "required" not in made["requestBody"]


def test_a_partial_model_requires_nothing_has_no_defaults_and_keeps_its_words(broad: dict[str, Any]) -> None:
    assert body(broad, "patch", "/notes/{id}") == {"$ref": "#/components/schemas/PartialNote"}
    schema = broad["components"]["schemas"]["PartialNote"]
    assert "required" not in schema
    assert schema["properties"]["text"] == {
        "type": "string",
        "minLength": 1,
        "maxLength": 200,
        "description": "What to remember.",
        "examples": ["milk"],
    }
    assert schema["properties"]["done"] == {"type": "boolean"}
    assert "ownerName" in schema["properties"]


def test_bytes_text_and_streams(broad: dict[str, Any]) -> None:
    binary = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
    assert body(broad, "put", "/raw", "application/octet-stream") == binary
    assert answer(broad, "put", "/raw", 200, "application/octet-stream") == binary
    assert body(broad, "put", "/stream", "application/octet-stream") == binary
    assert body(broad, "put", "/text", "text/plain") == {"type": "string"}
    for path in ("/raw", "/stream", "/text"):
        assert "required" not in operation(broad, "put", path)["requestBody"], "an empty body is taken"


def test_forms_and_uploads(broad: dict[str, Any]) -> None:
    content = operation(broad, "post", "/form")["requestBody"]["content"]
    assert list(content) == ["application/x-www-form-urlencoded", "multipart/form-data", "application/json"]
    assert body(broad, "post", "/form", "multipart/form-data") == {"$ref": "#/components/schemas/Upgrade"}
    several = body(broad, "post", "/fields", "application/x-www-form-urlencoded")
    assert list(several["properties"]) == ["name", "level", "tag"]
    assert several["required"] == ["name"]
    uploads = operation(broad, "post", "/notes/{id}/files")["requestBody"]
    assert list(uploads["content"]) == ["multipart/form-data"]
    schema = uploads["content"]["multipart/form-data"]["schema"]
    upload = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
    assert schema["properties"]["file"] == upload
    assert schema["properties"]["more"] == {"type": "array", "items": upload}
    assert schema["required"] == ["file"]


def test_a_form_that_may_be_empty_requires_nothing() -> None:
    def handler(name: Form[str] = "") -> str:
        return ""

    _, made = one(handler, "post")
    assert "required" not in made["requestBody"]
    assert "required" not in made["requestBody"]["content"]["multipart/form-data"]["schema"]


def test_other_media_types() -> None:
    class Packed:
        type = "application/x-packed"

        def encode(self, value: Any) -> bytes:
            return json.dumps(value).encode()

        def decode(self, body: bytes) -> Any:
            return json.loads(body)

    app = App(media=(Packed(),))

    @app.post("/", media="application/x-packed")
    def handler(numbers: Body[list[int]]) -> list[int]:
        return numbers

    made = document(app)
    assert list(operation(made, "post", "/")["requestBody"]["content"]) == ["application/json", "application/x-packed"]
    assert answer(made, "post", "/", 200, "application/x-packed") == {"type": "array", "items": {"type": "integer"}}


# -- answers ---------------------------------------------------------------------------------------------------------


def test_answers_by_type(broad: dict[str, Any]) -> None:
    assert answer(broad, "get", "/home", 200, "text/plain") == {"type": "string"}
    assert answer(broad, "post", "/form", 200, "text/html") == {"type": "string"}
    assert answer(broad, "post", "/points", 200)["type"] == "array"
    assert answer(broad, "get", "/headers", 200) is None
    assert operation(broad, "get", "/files/{rest}")["responses"]["200"]["content"] == {"*/*": {}}
    assert answer(broad, "get", "/any", 200, "application/vnd.api+json") is None
    assert operation(broad, "delete", "/notes/{id}")["responses"]["204"] == {"description": "No Content"}


def test_several_answers(broad: dict[str, Any]) -> None:
    found = operation(broad, "get", "/admin/report")["responses"]
    assert list(found) == ["200", "202", "303", "401", "403", "404", "409", "422"]
    assert found["202"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Totals"}
    assert found["303"]["headers"]["location"]["required"] is True
    assert "content" not in found["303"]
    assert found["404"]["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert found["409"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Point"}


def test_what_the_handler_returns_instead_of_its_annotation() -> None:
    class Shown(BaseModel):
        name: str

    def handler() -> Any:
        return None

    made, _ = one(handler, returns=list[Shown])
    assert answer(made, "get", "/", 200) == {"type": "array", "items": {"$ref": "#/components/schemas/Shown"}}


def test_two_media_types_of_one_status_stand_side_by_side() -> None:
    class Shown(BaseModel):
        name: str

    def handler() -> Shown | Response:
        return Response()

    _, made = one(handler)
    assert list(made["responses"]["200"]["content"]) == ["application/json", "*/*"]


def test_a_status_without_a_phrase() -> None:
    def handler() -> str:
        return ""

    _, made = one(handler, status=299)
    assert made["responses"]["299"]["description"]


# -- models ----------------------------------------------------------------------------------------------------------


def test_a_model_that_differs_as_input_and_output_has_two_names(broad: dict[str, Any]) -> None:
    schemas = broad["components"]["schemas"]
    taken, shown = schemas["broad__Note-Input"], schemas["broad__Note-Output"]
    assert "shout" not in taken["properties"]
    number, text = taken["properties"]["price"]["anyOf"]
    assert number == {"type": "number"}
    assert re.fullmatch(text["pattern"], "1.50")
    assert not re.fullmatch(text["pattern"], "cheap")
    assert shown["properties"]["shout"]["readOnly"] is True
    assert taken["required"] == ["text"]
    assert shown["required"] == ["text", "shout"]
    assert "ownerName" in taken["properties"]
    assert "ownerName" in shown["properties"]


def test_a_model_that_is_the_same_both_ways_has_one_name_even_where_it_contains_itself(broad: dict[str, Any]) -> None:
    schemas = broad["components"]["schemas"]
    assert schemas["Tree"]["properties"]["children"]["items"] == {"$ref": "#/components/schemas/Tree"}
    assert {"Tree-Input", "Tree-Output", "Point-Input"}.isdisjoint(schemas)


def test_a_model_around_one_that_differs_keeps_two_names() -> None:
    class Inner(BaseModel):
        a: int
        outer: "Outer | None" = None

        @computed_field
        def twice(self) -> int:
            return self.a * 2

    class Outer(BaseModel):
        inner: Inner

    class Plain(BaseModel):
        plain: list["Plain"]

    Inner.model_rebuild()

    def handler(body: Body[dict[str, Outer | Plain]]) -> dict[str, Outer | Plain]:
        return body

    made, _ = one(handler, "post")
    schemas = made["components"]["schemas"]
    names = {"Inner-Input", "Inner-Output", "Outer-Input", "Outer-Output", "Plain"}
    assert names == {name for name in schemas if "Problem" not in name}
    assert schemas["Outer-Output"]["properties"]["inner"] == {"$ref": "#/components/schemas/Inner-Output"}


def test_sets_in_defaults_are_sorted_and_nothing_else_is_changed(broad: dict[str, Any]) -> None:
    found = broad["components"]["schemas"]["Words"]["properties"]
    assert found["by_name"]["default"] == {"a": [["w", "x", "y", "z"]]}
    usual = found["usual"]["default"]
    assert usual["tags"] == ["four", "one", "three", "two"]
    assert (usual["ownerName"], usual["price"], usual["colour"]) == ("nobody", "1.50", "red")
    assert found["where"]["default"] == {"x": 1.0, "y": 0.0}


def test_two_models_of_one_name_are_told_apart_by_their_modules(broad: dict[str, Any]) -> None:
    schemas = broad["components"]["schemas"]
    assert "Note" not in schemas
    assert schemas["music__notes__Note"]["properties"] == {"melody": {"type": "string"}}
    assert answer(broad, "post", "/songs", 200)["additionalProperties"] == {
        "$ref": "#/components/schemas/music__notes__Note"
    }


def test_no_title_is_made_of_a_field_s_name(broad: dict[str, Any]) -> None:
    assert "title" not in broad["components"]["schemas"]["Point"]["properties"]["x"]


def test_what_json_schema_has_no_words_for_takes_anything() -> None:
    class Opaque:
        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
            return core_schema.no_info_plain_validator_function(lambda value: value)

    class Holder(BaseModel):
        opaque: Opaque

    def handler(holder: Holder) -> None: ...

    made, _ = one(handler, "post")
    assert made["components"]["schemas"]["Holder"]["properties"] == {"opaque": {}}


def test_a_kind_of_answer_that_a_plugin_added_may_have_no_schema() -> None:
    class Page:
        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
            raise ValueError("A page is no JSON.")

    class Pages:
        def matches(self, kind: Any) -> bool:
            return kind is Page

        def responder(self, kind: Any, status: int | None) -> Any:
            return lambda value, request: Response()

    app = App()
    app.answer(Pages())

    @app.get("/")
    def page(number: int) -> Page:
        return Page()

    made = document(app)
    assert operation(made, "get", "/")["responses"]["200"]["content"] == {"application/json": {}}
    assert parameters(made, "get", "/")["query", "number"]["schema"] == {"type": "integer"}


# -- security --------------------------------------------------------------------------------------------------------


def test_rules_are_security_and_their_values_no_parameters(broad: dict[str, Any]) -> None:
    found = operation(broad, "get", "/admin/report")
    assert found["security"] == [{"key": []}]
    assert [each["name"] for each in found["parameters"]] == ["x-trace"]
    assert operation(broad, "delete", "/notes/{id}")["security"] == [{"bearer": []}]
    assert ("header", "authorization") not in parameters(broad, "delete", "/notes/{id}")
    assert list(broad["components"]["securitySchemes"]) == ["bearer", "key"]


def test_combined_rules(broad: dict[str, Any]) -> None:
    # (token | weekday) and not weekday, behind the router's key: the token is one way of two, the key is always needed.
    assert operation(broad, "get", "/admin/either")["security"] == [{"key": [], "bearer": []}, {"key": []}]


def test_rules_taken_together_and_schemes_in_other_places() -> None:
    @rule(scheme={"session": {"type": "apiKey", "in": "cookie", "name": "sid"}})
    def session(sid: Cookie[str]) -> bool:
        return True

    @rule(scheme={"token": {"type": "apiKey", "in": "query", "name": "token"}})
    def token(token: str) -> bool:
        return True

    @rule(scheme={"mutual": {"type": "mutualTLS"}})
    def mutual() -> bool:
        return True

    def handler(other: int) -> str:
        return ""

    _, made = one(handler, needs=(session & token, mutual))
    assert made["security"] == [{"session": [], "token": [], "mutual": []}]
    assert [each["name"] for each in made["parameters"]] == ["other"]


def test_a_rule_without_a_scheme_is_no_security_but_can_refuse() -> None:
    made, operation = one(lambda: "", needs=lambda: True)
    assert "security" not in operation
    assert "securitySchemes" not in made["components"]
    assert list(operation["responses"]) == ["200", "403"]


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("get", "/home", ["200"]),
        ("get", "/notes/", ["200", "400", "414", "422"]),
        ("get", "/notes/{id}", ["200", "404", "410", "422"]),
        ("post", "/notes/", ["201", "400", "409", "413", "415", "422"]),
        ("put", "/raw", ["200", "400", "413"]),
        ("put", "/text", ["200", "400", "413", "415", "422"]),
        ("delete", "/notes/{id}", ["204", "401", "403", "404", "422"]),
        ("get", "/unasked/{id}", ["200"]),
    ],
)
def test_the_errors_that_a_route_can_answer_with(
    broad: dict[str, Any], method: str, path: str, statuses: list[str]
) -> None:
    assert list(operation(broad, method, path)["responses"]) == statuses


@pytest.mark.parametrize(
    ("media", "schema"),
    [
        ("text/csv", {"type": "string"}),
        ("text/csv; charset=utf-8", {"type": "string"}),
        ("image/png", {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}),
        ("application/vnd.api+json", None),
    ],
)
def test_content_of_no_type_is_text_or_bytes_so_that_clients_keep_it(media: str, schema: Any) -> None:
    def export() -> Response:
        return Response(b"")

    made, _ = one(export, media=media)
    assert answer(made, "get", "/", 200, media) == schema


def test_pages_for_browsers_leave_the_errors_of_the_api(tmp_path: Path) -> None:
    class NewPost(BaseModel):
        title: str = Field(min_length=3)

    (tmp_path / "new.html").write_text("{{ form }}")
    app = App()
    app.use(Templates(str(tmp_path)))

    @app.get("/posts/new")
    def new(form: FormView[NewPost]) -> Page:
        return Page("new.html", form=form)

    @app.post("/posts/new")
    def add(new: Form[NewPost]) -> str:
        return new.title

    made = document(app)
    assert {"200", "413", "415", "422"} <= made["paths"]["/posts/new"]["post"]["responses"].keys()
    assert made["paths"]["/posts/new"]["post"]["responses"]["422"] == {
        "$ref": "#/components/responses/ValidationFailed"
    }
