"""A walk through two documents of one API, side by side."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from ._change import Change
from ._compare_schemas import Effect, Schemas
from ._place import Place

Way = Literal["sends", "gets"]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_FIELD = re.compile(r"\{[^{}]*\}")
_BREAKS: Mapping[Way, Effect] = {"sends": "narrower", "gets": "wider"}
_OTHER_WAY: Mapping[Way, Way] = {"sends": "gets", "gets": "sends"}


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """What `compare` answers, for two documents that are known to be ones."""
    comparison = _Comparison(Place(old), Place(new))
    comparison.all()
    found = [
        dataclasses.replace(change, operations=tuple(dict.fromkeys(operations)))
        for change, operations in comparison.found.items()
    ]
    return sorted(found, key=lambda each: not each.breaks)


class _Comparison:
    """A walk through both documents side by side; a change that many operations share is found once."""

    def __init__(self, old: Place, new: Place) -> None:
        self.found: dict[Change, list[str]] = {}
        self._old, self._new = old, new
        self._schemas = Schemas()
        self._at: tuple[str, ...] = ()

    def all(self) -> None:
        self._paths(self._old.at("paths"), self._new.at("paths"), "sends")
        self._paths(self._old.at("webhooks"), self._new.at("webhooks"), "gets")
        self._at = ()
        self._servers()
        self._schemes()

    def _note(self, kind: str, breaks: bool, place: Place, text: str) -> None:
        self.found.setdefault(Change(kind, breaks, place.pointer, text), []).extend(self._at)

    # -- paths and operations ------------------------------------------------------------------------------------

    def _paths(self, old: Place, new: Place, way: Way) -> None:
        """Paths, webhooks or callbacks; fields of a path are told by where they stand, not by their names."""
        word = "path" if way == "sends" else "webhook"
        before, after = ({_FIELD.sub("{}", name): (name, at) for name, at in each.items()} for each in (old, new))
        for key, (name, place) in before.items():
            if key not in after:
                self._note(f"{word}-removed", True, old.at(name), f"The {word} {name} is gone.")
                continue
            now, there = after[key]
            if name != now:
                self._note("path-renamed", False, new.at(now), f"The path {name} is written {now}.")
            self._item((name, now), place, there, way)
        for key, (name, _) in after.items():
            if key not in before:
                self._note(f"{word}-added", False, new.at(name), f"The {word} {name} is new.")

    def _item(self, names: tuple[str, str], old: Place, new: Place, way: Way) -> None:
        fields = ([field[1:-1] for field in _FIELD.findall(each)] for each in names)
        renamed = dict(zip(*fields, strict=True))
        name, outer = names[0], self._at
        for method in _METHODS:
            before, after = old.at(method), new.at(method)
            self._at = (*outer, f"{method.upper()} {name}")
            if before.value is not None and after.value is None:
                self._note("method-removed", True, before, f"{method.upper()} {name} is gone.")
            elif before.value is None and after.value is not None:
                self._note("method-added", False, after, f"{method.upper()} {name} is new.")
            elif before.value is not None:
                self._operation((old, before), (new, after), renamed, way)
        self._at = outer

    def _operation(
        self, old: tuple[Place, Place], new: tuple[Place, Place], renamed: Mapping[str, str], way: Way
    ) -> None:
        before, after = old[1], new[1]
        self._parameters(_parameters(old, renamed), _parameters(new, {}), way)
        self._body(before.at("requestBody"), after.at("requestBody"), way)
        self._responses(before.at("responses"), after.at("responses"), _OTHER_WAY[way])
        if way == "sends":
            self._security(before, after)
        if after.value.get("deprecated") and not before.value.get("deprecated"):
            self._note("deprecated", False, after.at("deprecated"), "It is deprecated.")
        was, now = before.value.get("operationId"), after.value.get("operationId")
        if was != now:
            text = f"The operation is called {now}, and was called {was}; a client made anew calls it so."
            self._note("operation-renamed", False, after, text)
        for name, callback in before.at("callbacks").items():
            there = after.at("callbacks", name)
            if there.value is None:
                self._note("callback-removed", True, callback, f"The callback `{name}` is gone.")
            else:
                self._paths(callback, there.resolved(), _OTHER_WAY[way])

    # -- what is sent --------------------------------------------------------------------------------------------

    def _parameters(
        self, before: Mapping[tuple[str, str], Place], after: Mapping[tuple[str, str], Place], way: Way
    ) -> None:
        for (place, name), old in before.items():
            new = after.get((place, name))
            if new is None:
                text = f"The {place} parameter `{name}` is not read any more."
                self._note("parameter-removed", True, old, text)
                continue
            if new.value.get("required") and not old.value.get("required"):
                self._note("parameter-required", way == "sends", new, f"The {place} parameter `{name}` is required.")
            elif old.value.get("required") and not new.value.get("required"):
                self._note("parameter-optional", way == "gets", new, f"The {place} parameter `{name}` may be left out.")
            if any(_written(old, place)[word] != _written(new, place)[word] for word in ("style", "explode")):
                self._note("parameter-written", True, new, f"The {place} parameter `{name}` is written in another way.")
            self._schema(old.at("schema"), new.at("schema"), way)
            self._content(old.at("content"), new.at("content"), way)
        for (place, name), new in after.items():
            if (place, name) not in before:
                required = bool(new.value.get("required"))
                text = f"The {place} parameter `{name}` is new, and {'required' if required else 'optional'}."
                self._note("parameter-added", required and way == "sends", new, text)

    def _body(self, old: Place, new: Place, way: Way) -> None:
        if old.value is None and new.value is None:
            return
        if old.value is None or new.value is None:
            gone = new.value is None
            place = old if gone else new.resolved()
            breaks = (gone or bool(place.value.get("required"))) if way == "sends" else gone
            self._note(
                "body-removed" if gone else "body-added", breaks, place, f"The body is {'gone' if gone else 'new'}."
            )
            return
        old, new = old.resolved(), new.resolved()
        was, now = bool(old.value.get("required")), bool(new.value.get("required"))
        if was != now:
            breaks = now if way == "sends" else was
            text = "The body is required." if now else "The body may be left out."
            self._note("body-required" if now else "body-optional", breaks, new, text)
        self._content(old.at("content"), new.at("content"), way)

    # -- what is answered ----------------------------------------------------------------------------------------

    def _responses(self, old: Place, new: Place, way: Way) -> None:
        after = dict(new.items())
        for status, place in old.items():
            there = after.get(status)
            if there is None:
                # An error that cannot happen any more hurts nobody.
                breaks = not status.startswith(("4", "5"))
                self._note("status-removed", breaks, old.at(status), f"The status {status} is not answered any more.")
                continue
            self._headers(place.at("headers"), there.at("headers"), way)
            self._content(place.at("content"), there.at("content"), way)
        for status in after:
            if old.at(status).value is None:
                self._note("status-added", False, new.at(status), f"The status {status} is new.")

    def _headers(self, old: Place, new: Place, way: Way) -> None:
        after = {name.lower(): place for name, place in new.items()}
        for name, place in old.items():
            there = after.get(name.lower())
            if there is None:
                self._note("header-removed", True, place, f"The header field `{name}` is gone.")
                continue
            if place.value.get("required") and not there.value.get("required"):
                self._note("header-optional", True, there, f"The header field `{name}` need not be there any more.")
            self._schema(place.at("schema"), there.at("schema"), way)

    def _content(self, old: Place, new: Place, way: Way) -> None:
        before, after = ({_media(name): (name, at) for name, at in each.items()} for each in (old, new))
        for kind, (name, place) in before.items():
            if kind not in after:
                self._note("media-removed", True, old.at(name), f"The media type {kind} is gone.")
            else:
                self._schema(place.at("schema"), after[kind][1].at("schema"), way)
        for kind, (name, _) in after.items():
            if kind not in before:
                self._note("media-added", False, new.at(name), f"The media type {kind} is new.")

    def _schema(self, old: Place, new: Place, way: Way) -> None:
        old, new = (each.with_value({}) if each.value is None else each for each in (old, new))
        for finding in self._schemas.compare(old, new):
            breaks = _BREAKS[way] in finding.effects
            self.found.setdefault(
                Change(finding.kind, breaks, finding.pointer, f"What a client {way}: {finding.text}"), []
            ).extend(self._at)

    # -- who may come in, and where ------------------------------------------------------------------------------

    def _security(self, old: Place, new: Place) -> None:
        """Whoever was let in with what he shows must be let in with it."""
        before, after = (_requirements(document, each) for document, each in ((self._old, old), (self._new, new)))
        for shown in before:
            if not any(_is_enough(shown, wanted) for wanted in after):
                what = " and ".join(shown) or "nothing"
                self._note("security-added", True, new, f"To show {what} is not enough any more.")
        if before != after and all(any(_is_enough(each, wanted) for wanted in after) for each in before):
            self._note("security-changed", False, new, "There are other ways to come in.")

    def _schemes(self) -> None:
        old, new = (each.at("components", "securitySchemes") for each in (self._old, self._new))
        for name, place in old.items():
            there = new.at(name)
            words = ("type", "in", "name", "scheme", "openIdConnectUrl")
            if there.value is not None and any(place.value.get(each) != there.value.get(each) for each in words):
                self._note("security-changed", True, there, f"What is shown for `{name}` is another.")

    def _servers(self) -> None:
        before, after = (
            [each.value.get("url") for each in document.at("servers").parts()] for document in (self._old, self._new)
        )
        for url in before:
            if after and url not in after:
                self._note("server-removed", True, self._old.at("servers"), f"The server {url} is gone.")


def _parameters(of: Iterable[Place], renamed: Mapping[str, str]) -> dict[tuple[str, str], Place]:
    """The parameters of a path and of its operation, whose own go before; header fields have no case."""
    found = {}
    for each in of:
        for place in each.at("parameters").parts():
            where, name = str(place.value.get("in")), str(place.value.get("name"))
            name = name.lower() if where == "header" else renamed.get(name, name) if where == "path" else name
            found[where, name] = place
    return found


def _written(place: Place, where: str) -> dict[str, Any]:
    """How a parameter is written, with OpenAPI's defaults (§4.8.12.2)."""
    style = place.value.get("style", "form" if where in {"query", "cookie"} else "simple")
    return {"style": style, "explode": place.value.get("explode", style == "form")}


def _requirements(document: Place, operation: Place) -> list[dict[str, list[str]]]:
    found = operation.value.get("security", document.value.get("security"))
    return [dict(each) for each in found] if found else [{}]


def _is_enough(shown: Mapping[str, list[str]], wanted: Mapping[str, list[str]]) -> bool:
    return all(name in shown and set(scopes) <= set(shown[name]) for name, scopes in wanted.items())


def _media(name: str) -> str:
    return name.partition(";")[0].strip().lower()
