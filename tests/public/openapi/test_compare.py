"""What breaks clients between two documents: a table of small pairs, each with all that is found."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from wholestack import App
from wholestack.openapi import Change, compare, document

TEXT, NUMBER, WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}
JSON = "application/json"


def written(item: Any, path: str = "/notes", **more: Any) -> dict[str, Any]:
    return {"openapi": "3.1.1", "info": {"title": "Notes", "version": "1"}, "paths": {path: item}, **more}


def sends(schema: Any, **more: Any) -> dict[str, Any]:
    """A document in which clients send this."""
    return written({"post": {"requestBody": {"content": {JSON: {"schema": schema}}}, "responses": {}}}, **more)


def gets(schema: Any, **more: Any) -> dict[str, Any]:
    """A document in which clients get this."""
    return written({"get": {"responses": {"200": {"content": {JSON: {"schema": schema}}}}}}, **more)


def found(old: Any, new: Any) -> list[tuple[str, bool, str]]:
    return [(each.kind, each.breaks, each.pointer) for each in compare(old, new)]


def fields(required: tuple[str, ...] = (), more: Any = None, **properties: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "properties": properties, "required": list(required)}
    return made if more is None else {**made, "additionalProperties": more}


SENT, GOT = (
    "/paths/~1notes/post/requestBody/content/application~1json/schema",
    ("/paths/~1notes/get/responses/200/content/application~1json/schema"),
)

# Each row: before, after, the kind, whether it breaks what is sent, whether it breaks what is got, where below the schema.
SCHEMAS: list[tuple[Any, Any, str, bool, bool, str]] = [
    (TEXT, WHOLE, "type-changed", True, True, ""),
    (NUMBER, WHOLE, "type-changed", True, False, ""),
    (WHOLE, NUMBER, "type-changed", False, True, ""),
    ({}, TEXT, "type-changed", True, False, ""),
    (TEXT, {}, "type-changed", False, True, ""),
    (TEXT, True, "type-changed", False, True, ""),
    # values
    ({"enum": ["a", "b"]}, {"enum": ["a"]}, "value-removed", True, False, ""),
    ({"enum": ["a"]}, {"enum": ["a", "b"]}, "value-added", False, True, ""),
    ({"const": 1}, {"enum": [1, 2]}, "value-added", False, True, ""),
    (TEXT, {"type": "string", "enum": ["a"]}, "values-changed", True, False, ""),
    ({"type": "string", "enum": ["a"]}, TEXT, "values-changed", False, True, ""),
    # bounds
    (WHOLE, {**WHOLE, "minimum": 1}, "bound-changed", True, False, ""),
    ({**WHOLE, "minimum": 1}, WHOLE, "bound-changed", False, True, ""),
    ({**WHOLE, "minimum": 1}, {**WHOLE, "minimum": 2}, "bound-changed", True, False, ""),
    ({**WHOLE, "maximum": 9}, {**WHOLE, "maximum": 8}, "bound-changed", True, False, ""),
    ({**WHOLE, "maximum": 9}, {**WHOLE, "maximum": 10}, "bound-changed", False, True, ""),
    ({**NUMBER, "minimum": 0}, {**NUMBER, "exclusiveMinimum": 0}, "bound-changed", True, False, ""),
    ({**NUMBER, "exclusiveMaximum": 9}, {**NUMBER, "maximum": 9}, "bound-changed", False, True, ""),
    (TEXT, {**TEXT, "minLength": 1}, "bound-changed", True, False, ""),
    ({**TEXT, "maxLength": 9}, {**TEXT, "maxLength": 8}, "bound-changed", True, False, ""),
    ({**TEXT, "maxLength": 9}, TEXT, "bound-changed", False, True, ""),
    ({"type": "array", "minItems": 2}, {"type": "array", "minItems": 1}, "bound-changed", False, True, ""),
    ({"type": "array"}, {"type": "array", "uniqueItems": True}, "bound-changed", True, False, ""),
    ({"type": "array", "uniqueItems": True}, {"type": "array"}, "bound-changed", False, True, ""),
    (WHOLE, {**WHOLE, "multipleOf": 2}, "bound-changed", True, False, ""),
    ({**WHOLE, "multipleOf": 2}, WHOLE, "bound-changed", False, True, ""),
    ({**WHOLE, "multipleOf": 2}, {**WHOLE, "multipleOf": 4}, "bound-changed", True, False, ""),
    ({**WHOLE, "multipleOf": 4}, {**WHOLE, "multipleOf": 2}, "bound-changed", False, True, ""),
    ({**WHOLE, "multipleOf": 2}, {**WHOLE, "multipleOf": 3}, "bound-changed", True, True, ""),
    (TEXT, {**TEXT, "pattern": "^a"}, "pattern-changed", True, False, ""),
    ({**TEXT, "pattern": "^a"}, {**TEXT, "pattern": "^b"}, "pattern-changed", True, True, ""),
    ({**TEXT, "format": "date"}, {**TEXT, "format": "date-time"}, "format-changed", True, True, ""),
    ({**TEXT, "format": "date"}, TEXT, "format-changed", False, True, ""),
    (TEXT, {**TEXT, "not": {"const": "a"}}, "constraint-changed", True, True, ""),
    (TEXT, {**TEXT, "default": "a"}, "default-changed", False, False, ""),
    # fields
    (fields(a=TEXT), fields(), "field-removed", True, True, "/properties/a"),
    (fields(), fields(a=TEXT), "field-added", False, False, "/properties/a"),
    (fields(), fields(("a",), a=TEXT), "field-added", True, False, "/properties/a"),
    (fields(a=TEXT), fields(("a",), a=TEXT), "field-required", True, False, "/properties/a"),
    (fields(("a",), a=TEXT), fields(a=TEXT), "field-optional", False, True, "/properties/a"),
    (fields(a=fields(b=WHOLE)), fields(a=fields(b=TEXT)), "type-changed", True, True, "/properties/a/properties/b"),
    (fields(), fields(more=False), "other-fields", True, False, ""),
    (fields(more=False), fields(), "other-fields", False, False, ""),
    (fields(more=WHOLE), fields(more=NUMBER), "type-changed", False, True, "/additionalProperties"),
    (fields(more=WHOLE), fields(), "other-fields", False, True, ""),
    (fields(), fields(more=WHOLE), "other-fields", True, False, ""),
    (fields(more=WHOLE), fields(more=False), "other-fields", True, False, ""),
    (fields(more=False), fields(more=WHOLE), "other-fields", False, False, ""),
    # items
    ({"type": "array", "items": TEXT}, {"type": "array", "items": WHOLE}, "type-changed", True, True, "/items"),
    ({"type": "array"}, {"type": "array", "items": TEXT}, "items-changed", True, False, ""),
    ({"type": "array", "items": TEXT}, {"type": "array"}, "items-changed", False, True, ""),
    ({"prefixItems": [TEXT]}, {"prefixItems": [TEXT, TEXT]}, "items-changed", True, True, ""),
    ({"prefixItems": [WHOLE]}, {"prefixItems": [NUMBER]}, "type-changed", False, True, "/prefixItems/0"),
    # alternatives
    (TEXT, {"anyOf": [TEXT, {"type": "null"}]}, "type-added", False, True, ""),
    ({"anyOf": [TEXT, {"type": "null"}]}, TEXT, "type-removed", True, False, ""),
    ({"type": ["string", "null"]}, TEXT, "type-removed", True, False, ""),
    (TEXT, {"type": ["string", "integer"]}, "type-added", False, True, ""),
    (
        {"anyOf": [{**TEXT, "maxLength": 9}, {"type": "null"}]},
        {"anyOf": [{**TEXT, "maxLength": 8}, {"type": "null"}]},
        "bound-changed",
        True,
        False,
        "/anyOf/0",
    ),
    ({"oneOf": [{"const": "a"}, {"const": 1}]}, {"oneOf": [{"const": "a"}]}, "type-removed", True, False, ""),
    ({"allOf": [fields(a=TEXT), fields(b=TEXT)]}, fields(a=TEXT), "field-removed", True, True, "/properties/b"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "kind", "breaks_sent", "breaks_got", "below"), SCHEMAS)
def test_a_schema_that_changed(
    before: Any, after: Any, kind: str, breaks_sent: bool, breaks_got: bool, below: str
) -> None:
    sent, got = found(sends(before), sends(after)), found(gets(before), gets(after))
    if (kind, below) in {("type-added", ""), ("type-removed", "")} or "/anyOf" in below:
        assert [each[:2] for each in sent] == [(kind, breaks_sent)]
        assert [each[:2] for each in got] == [(kind, breaks_got)]
    elif "allOf" in str(before):
        assert (sent, got) == ([(kind, True, SENT + below)], [(kind, True, GOT + below)])
    else:
        assert (sent, got) == ([(kind, breaks_sent, SENT + below)], [(kind, breaks_got, GOT + below)])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (TEXT, {**TEXT, "title": "Text", "description": "Words.", "examples": ["a"], "deprecated": True}),
        ({"const": "a"}, {"enum": ["a"]}),
        ({"type": ["string", "null"]}, {"anyOf": [{"type": "null"}, TEXT]}),
        ({"oneOf": [TEXT, WHOLE]}, {"anyOf": [WHOLE, TEXT]}),
        ({**WHOLE, "exclusiveMinimum": 0}, {**WHOLE, "minimum": 1}),
        ({"minLength": 0, **TEXT}, TEXT),
        (fields(("a",), a=TEXT, b=WHOLE), {"allOf": [fields(("a",), a=TEXT), fields(b=WHOLE)]}),
        ({"anyOf": [TEXT]}, TEXT),
        ({"anyOf": [TEXT, WHOLE], "description": "Either."}, {"anyOf": [TEXT, WHOLE]}),
        ({"anyOf": [{}, {}], "type": "string"}, TEXT),
        ({"type": "object", "additionalProperties": TEXT}, fields(more=TEXT)),
        ({}, True),
    ],
)
def test_what_says_the_same_in_other_words_is_no_change(before: Any, after: Any) -> None:
    for make in (sends, gets):
        assert compare(make(before), make(after)) == compare(make(after), make(before)) == []


def test_an_alternative_may_be_taken_in_by_a_wider_one() -> None:
    wider = {"anyOf": [NUMBER, TEXT]}
    assert [each.breaks for each in compare(sends(WHOLE), sends(wider))] == [False, False]
    assert [each.text for each in compare(gets(WHOLE), gets(wider))] == [
        "What a client gets: It can now be number.",
        "What a client gets: It can now be string.",
    ]
    assert [each.breaks for each in compare(sends(wider), sends(WHOLE))] == [True, True]


# -- operations ------------------------------------------------------------------------------------------------------


def parameter(name: str = "q", place: str = "query", schema: Any = None, **more: Any) -> Any:
    return written({"get": {"parameters": [{"name": name, "in": place, "schema": schema or TEXT, **more}]}})


def body(**of_the_body: Any) -> Any:
    return written({"post": {"requestBody": {"content": {JSON: {}}, **of_the_body}}})


def answers(**of_the_answer: Any) -> Any:
    return written({"get": {"responses": {"200": of_the_answer}}})


def needs(*requirements: Any, **schemes: Any) -> Any:
    return written({"get": {"security": list(requirements)}}, components={"securitySchemes": schemes})


GET, BASIC = "/paths/~1notes/get", {"type": "http", "scheme": "basic"}
NOTHING = written({"get": {}})
OPERATIONS: list[tuple[Any, Any, list[tuple[str, bool, str]]]] = [
    (NOTHING, written({}, "/other"), [("path-removed", True, "/paths/~1notes"), ("path-added", False, "/paths/~1other")]),
    (NOTHING, written({"put": {}}), [("method-removed", True, GET), ("method-added", False, "/paths/~1notes/put")]),
    (written({"get": {}}, "/n/{a}"), written({"get": {}}, "/n/{b}"), [("path-renamed", False, "/paths/~1n~1{b}")]),
    (NOTHING, written({"get": {"deprecated": True}}), [("deprecated", False, f"{GET}/deprecated")]),
    (written({"get": {"operationId": "a"}}), written({"get": {"operationId": "b"}}), [("operation-renamed", False, GET)]),
    # parameters
    (parameter(), NOTHING, [("parameter-removed", True, f"{GET}/parameters/0")]),
    (NOTHING, parameter(), [("parameter-added", False, f"{GET}/parameters/0")]),
    (NOTHING, parameter(required=True), [("parameter-added", True, f"{GET}/parameters/0")]),
    (parameter(), parameter(required=True), [("parameter-required", True, f"{GET}/parameters/0")]),
    (parameter(required=True), parameter(), [("parameter-optional", False, f"{GET}/parameters/0")]),
    (parameter(), parameter(schema=WHOLE), [("type-changed", True, f"{GET}/parameters/0/schema")]),
    (parameter(), parameter(style="pipeDelimited"), [("parameter-written", True, f"{GET}/parameters/0")]),
    (parameter(), parameter(style="form", explode=True), []),
    (parameter(), parameter(explode=False), [("parameter-written", True, f"{GET}/parameters/0")]),
    (parameter("a", "header"), parameter("a", "header", style="simple", explode=False), []),
    (parameter("X-Key", "header"), parameter("x-key", "header"), []),
    (parameter("q"), parameter("Q"), [
        ("parameter-removed", True, f"{GET}/parameters/0"), ("parameter-added", False, f"{GET}/parameters/0"),
    ]),
    # bodies
    (body(), written({"post": {}}), [("body-removed", True, "/paths/~1notes/post/requestBody")]),
    (written({"post": {}}), body(), [("body-added", False, "/paths/~1notes/post/requestBody")]),
    (written({"post": {}}), body(required=True), [("body-added", True, "/paths/~1notes/post/requestBody")]),
    (body(), body(required=True), [("body-required", True, "/paths/~1notes/post/requestBody")]),
    (body(required=True), body(), [("body-optional", False, "/paths/~1notes/post/requestBody")]),
    (body(), body(content={JSON: {}, "text/csv": {}}), [
        ("media-added", False, "/paths/~1notes/post/requestBody/content/text~1csv"),
    ]),
    # answers
    (answers(), written({"get": {"responses": {}}}), [("status-removed", True, f"{GET}/responses/200")]),
    (answers(), written({"get": {"responses": {"200": {}, "404": {}}}}), [("status-added", False, f"{GET}/responses/404")]),
    (written({"get": {"responses": {"404": {}}}}), written({"get": {"responses": {}}}), [
        ("status-removed", False, f"{GET}/responses/404"),
    ]),
    (answers(content={JSON: {}}), answers(content={"text/csv": {}}), [
        ("media-removed", True, f"{GET}/responses/200/content/application~1json"),
        ("media-added", False, f"{GET}/responses/200/content/text~1csv"),
    ]),
    (answers(content={JSON: {}}), answers(content={"Application/JSON; charset=utf-8": {}}), []),
    (answers(headers={"ETag": {"schema": TEXT}}), answers(headers={"etag": {"schema": WHOLE}}), [
        ("type-changed", True, f"{GET}/responses/200/headers/etag/schema"),
    ]),
    (answers(headers={"ETag": {}}), answers(), [("header-removed", True, f"{GET}/responses/200/headers/ETag")]),
    (answers(headers={"ETag": {"required": True}}), answers(headers={"ETag": {}}), [
        ("header-optional", True, f"{GET}/responses/200/headers/ETag"),
    ]),
    # who may come in, and where
    (NOTHING, needs({"key": []}), [("security-added", True, GET)]),
    (needs({"key": []}), NOTHING, [("security-changed", False, GET)]),
    (needs({"key": []}), needs({"key": []}, {"token": []}), [("security-changed", False, GET)]),
    (needs({"key": []}, {"token": []}), needs({"key": []}), [("security-added", True, GET)]),
    (needs({"key": []}), needs({"key": [], "token": []}), [("security-added", True, GET)]),
    (needs({"key": ["read"]}), needs({"key": ["read", "write"]}), [("security-added", True, GET)]),
    (needs(key=BASIC), needs(key={"type": "http", "scheme": "bearer"}), [
        ("security-changed", True, "/components/securitySchemes/key"),
    ]),
    (needs({"key": []}, key=BASIC), needs({"key": []}), []),
    (needs({"key": []}, key=BASIC), needs({"key": []}, key={**BASIC, "description": "A key."}), []),
    (written({}, security=[]), written({}, security=[{"key": []}]), []),
    (written({"get": {}}), written({"get": {}}, security=[{"key": []}]), [("security-added", True, GET)]),
    (written({}, servers=[{"url": "/a"}]), written({}, servers=[{"url": "/b"}, {"url": "/a"}]), []),
    (written({}, servers=[{"url": "/a"}]), written({}), []),
    (written({}, servers=[{"url": "/a"}]), written({}, servers=[{"url": "/b"}]), [("server-removed", True, "/servers")]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), OPERATIONS)
def test_an_operation_that_changed(old: Any, new: Any, expected: list[tuple[str, bool, str]]) -> None:
    assert found(old, new) == expected


def test_a_renamed_path_field_is_the_same_parameter() -> None:
    old, new = (
        written(
            {"get": {"parameters": [{"name": name, "in": "path", "required": True, "schema": schema}]}},
            f"/n/{{{name}}}",
        )
        for name, schema in (("id", WHOLE), ("note_id", TEXT))
    )
    place = "/paths/~1n~1{note_id}"
    expected = [("type-changed", True, f"{place}/get/parameters/0/schema"), ("path-renamed", False, place)]
    assert found(old, new) == expected


# -- webhooks and callbacks: there the app sends, and the client answers ---------------------------------------------


def hook(schema: Any, answered: Any = None) -> dict[str, Any]:
    """A path item of something that the app calls."""
    answer = {"204": {}} if answered is None else {"200": {"content": {JSON: {"schema": answered}}}}
    return {"post": {"requestBody": {"content": {JSON: {"schema": schema}}}, "responses": answer}}


@pytest.mark.parametrize("kind", ["webhook", "callback"])
def test_what_the_app_sends_by_itself_is_what_clients_get(kind: str) -> None:
    def made(item: Any) -> Any:
        if kind == "webhook":
            return {**written({}), "webhooks": {"sold": item}}
        return written({"post": {"callbacks": {"sold": {"{$request.body#/url}": item}}}})

    required, optional = fields(("a",), a=TEXT), fields(a=TEXT)
    assert [each[:2] for each in found(made(hook(required)), made(hook(optional)))] == [("field-optional", True)]
    assert [each[:2] for each in found(made(hook(optional)), made(hook(required)))] == [("field-required", False)]
    asked = found(made(hook(TEXT, optional)), made(hook(TEXT, required)))
    assert [each[:2] for each in asked] == [("field-required", True)]


def test_webhooks_and_callbacks_that_come_and_go() -> None:
    old = {**written({"post": {"callbacks": {"sold": {}}}}), "webhooks": {"sold": hook(TEXT)}}
    new = {**written({"post": {}}), "webhooks": {"bought": hook(TEXT)}}
    assert found(old, new) == [
        ("callback-removed", True, "/paths/~1notes/post/callbacks/sold"),
        ("webhook-removed", True, "/webhooks/sold"),
        ("webhook-added", False, "/webhooks/bought"),
    ]


# -- references ------------------------------------------------------------------------------------------------------


def shared(note: Any, **more: Any) -> dict[str, Any]:
    """Two operations that share a schema."""
    reference = {"$ref": "#/components/schemas/Note"}
    made = gets({"type": "array", "items": reference}, components={"schemas": {"Note": note, **more}})
    made["paths"]["/notes"] |= sends(reference)["paths"]["/notes"]
    return made


def test_what_is_shared_is_found_once_for_each_way_with_all_its_operations() -> None:
    old, new = shared(fields(("text",), text=TEXT)), shared(fields(text=TEXT))
    place = "/components/schemas/Note/properties/text"
    assert compare(old, new) == [
        Change("field-optional", True, place, "What a client gets: The field `text` need not be there any more.", ("GET /notes",)),
        Change("field-optional", False, place, "What a client sends: The field `text` need not be there any more.", ("POST /notes",)),
    ]  # fmt: skip


def test_a_schema_in_a_circle_ends_and_is_looked_into() -> None:
    note = {"$ref": "#/components/schemas/Note"}
    reply = {"anyOf": [{"type": "array", "items": note}, {"type": "null"}]}
    old, new = (shared(fields(text=schema, reply=reply, next=note)) for schema in (TEXT, WHOLE))
    assert compare(old, old) == []
    assert found(old, new) == [("type-changed", True, "/components/schemas/Note/properties/text")] * 2


def test_an_alternative_that_is_the_whole_again_adds_nothing() -> None:
    again = {"anyOf": [TEXT, {"$ref": "#/components/schemas/Note"}]}
    assert compare(shared(again), shared({"anyOf": [TEXT]})) == []
    assert {each.kind for each in compare(shared(again), shared(WHOLE)) if each.breaks} == {"type-changed"}


def test_words_beside_a_reference_count() -> None:
    def made(**beside: Any) -> Any:
        return sends({"$ref": "#/components/schemas/Text", **beside}, components={"schemas": {"Text": TEXT}})

    assert found(made(), made(maxLength=9)) == [("bound-changed", True, "/components/schemas/Text")]


def test_answers_and_parameters_may_be_references() -> None:
    def made(schema: Any) -> Any:
        item = {
            "parameters": [{"$ref": "#/components/parameters/page"}],
            "get": {"responses": {"200": {"$ref": "#/components/responses/Notes"}}},
        }
        answer = {"content": {JSON: {"schema": schema}}}
        page = {"name": "page", "in": "query", "schema": schema}
        return written(item, components={"responses": {"Notes": answer}, "parameters": {"page": page}})

    assert found(made(WHOLE), made(NUMBER)) == [
        ("type-changed", True, "/components/responses/Notes/content/application~1json/schema"),
        ("type-changed", False, "/components/parameters/page/schema"),
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "not OpenAPI 3.1"),
        ({}, "not OpenAPI 3.1"),
        ({"openapi": "3.0.3", "paths": {}}, "not OpenAPI 3.1 but 3.0.3"),
        (gets({"$ref": "#/components/schemas/Gone"}), "leads nowhere: #/components/schemas/Gone"),
        (gets({"$ref": "other.json#/Note"}), "leads out of the document: other.json"),
        (
            gets({"$ref": "#/components/schemas/A"}, components={"schemas": {"A": {"$ref": "#/components/schemas/A"}}}),
            "leads in a circle",
        ),
        (gets({"type": "object", "properties": 3}), "has not the form"),
    ],
)
def test_what_cannot_be_read_is_said(wrong: Any, message: str) -> None:
    for pair in ((wrong, gets(fields(a=TEXT))), (gets(fields(a=TEXT)), wrong)):
        with pytest.raises(ValueError, match=message):
            compare(*pair)


# -- a whole app -----------------------------------------------------------------------------------------------------


def test_a_broad_app_is_the_same_as_itself(broad: dict[str, Any]) -> None:
    assert compare(broad, copy.deepcopy(broad)) == []


def test_two_versions_of_an_app() -> None:
    def made(*, later: bool) -> dict[str, Any]:
        app = App()

        @app.get("/notes")
        def list_notes(limit: int = 20) -> list[str]:
            return []

        if later:

            @app.delete("/notes/{id}")
            def delete_note(id: int) -> None: ...

        return document(app)

    assert [each.kind for each in compare(made(later=False), made(later=True)) if each.breaks] == []
    assert [each.kind for each in compare(made(later=True), made(later=False)) if each.breaks] == ["path-removed"]
