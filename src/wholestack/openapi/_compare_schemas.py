"""Two schemas: whether the new one takes less than the old one, or more."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from ._place import Place

Effect = Literal["narrower", "wider"]
NARROWER: frozenset[Effect] = frozenset({"narrower"})
WIDER: frozenset[Effect] = frozenset({"wider"})
BOTH = NARROWER | WIDER
NEITHER: frozenset[Effect] = frozenset()

#: Both name a bound; the second is strict.
_LEAST = ("minimum", "exclusiveMinimum")
_MOST = ("maximum", "exclusiveMaximum")
_LEAST_COUNTS = ("minLength", "minItems", "minProperties")
_MOST_COUNTS = ("maxLength", "maxItems", "maxProperties")
_TEXTS = ("pattern", "format", "contentMediaType", "contentEncoding")
#: What is compared as it stands: any difference counts in both directions.
_OTHERS = (
    *("not", "if", "then", "else", "contains", "minContains", "maxContains", "propertyNames", "patternProperties"),
    *("dependentRequired", "dependentSchemas", "unevaluatedProperties", "unevaluatedItems"),
)
_KINDS: Mapping[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


@dataclasses.dataclass(frozen=True)
class Finding:
    """One difference of two schemas: what it does to the set of values, and where it stands."""

    effects: frozenset[Effect]
    kind: str
    pointer: str
    text: str


class Schemas:
    """Compares schemas of two documents; what it found out about two alternatives of a union is kept.

    Example:
        >>> old, new = Place({"type": "integer"}), Place({"type": "integer", "minimum": 1})
        >>> [each.text for each in Schemas().compare(old, new)]
        ['`minimum` is 1; there was none.']
    """

    def __init__(self) -> None:
        self._tried: dict[tuple[str, str, str, str], list[Finding]] = {}

    def compare(self, old: Place, new: Place) -> list[Finding]:
        """Every difference, each once, however the schemas refer to themselves."""
        return list(dict.fromkeys(self._schemas(old, new, set())))

    def _schemas(self, old: Place, new: Place, seen: set[tuple[str, str]]) -> Iterator[Finding]:
        old, new = old.resolved(), new.resolved()
        if (old.pointer, new.pointer) in seen:
            return
        seen.add((old.pointer, new.pointer))
        before, after = alternatives(old), alternatives(new)
        if len(before) == len(after) == 1:
            yield from self._alone(before[0], after[0], seen)
        else:
            yield from self._union(old, new, before, after)

    def _union(self, old: Place, new: Place, before: list[Place], after: list[Place]) -> Iterator[Finding]:
        """Each old alternative must have a place in a new one (else it is narrower), and the other way round."""
        yield from self._lost(NARROWER, before, after, old, new)
        yield from self._lost(WIDER, after, before, old, new)

    def _lost(
        self, effect: frozenset[Effect], these: list[Place], those: list[Place], old: Place, new: Place
    ) -> Iterator[Finding]:
        forwards = effect == NARROWER
        for each in these:
            tries = [(other, self._try(each, other) if forwards else self._try(other, each)) for other in those]
            if any(not any(effect <= finding.effects for finding in found) for _, found in tries):
                continue
            like = [found for other, found in tries if _likeness(each) == _likeness(other)]
            if like:
                best = min(like, key=len)
                yield from (finding for finding in best if effect <= finding.effects)
            elif forwards:
                yield Finding(NARROWER, "type-removed", old.pointer, f"It can no longer be {_named(each)}.")
            else:
                yield Finding(WIDER, "type-added", new.pointer, f"It can now be {_named(each)}.")

    def _try(self, old: Place, new: Place) -> list[Finding]:
        """The differences of two alternatives, whoever asks; one that is being looked at counts as the same."""
        key = (old.pointer, str(old.value.get("type")), new.pointer, str(new.value.get("type")))
        if key not in self._tried:
            self._tried[key] = []
            self._tried[key] = list(self._alone(old, new, set()))
        return self._tried[key]

    def _alone(self, old: Place, new: Place, seen: set[tuple[str, str]]) -> Iterator[Finding]:
        """Two schemas without alternatives."""
        before, after = _kind(old.value), _kind(new.value)
        if before != after:
            effects = _effect_of_kinds(before, after)
            text = f"The type is {after or 'anything'}, and was {before or 'anything'}."
            yield Finding(effects, "type-changed", new.pointer, text)
            if effects == BOTH or not (before and after):
                return
        yield from _values(old, new)
        yield from _bounds(old, new)
        yield from _texts(old, new)
        yield from self._object(old, new, seen)
        yield from self._array(old, new, seen)

    def _object(self, old: Place, new: Place, seen: set[tuple[str, str]]) -> Iterator[Finding]:
        before, after = old.value.get("properties", {}), new.value.get("properties", {})
        was, wanted = set(old.value.get("required", ())), set(new.value.get("required", ()))
        for name in before:
            place = new.at("properties", name)
            if name not in after:
                yield Finding(BOTH, "field-removed", old.at("properties", name).pointer, f"The field `{name}` is gone.")
                continue
            if name in wanted - was:
                yield Finding(NARROWER, "field-required", place.pointer, f"The field `{name}` is required.")
            if name in was - wanted:
                yield Finding(WIDER, "field-optional", place.pointer, f"The field `{name}` need not be there any more.")
            yield from self._schemas(old.at("properties", name), place, seen)
        for name in after:
            if name not in before:
                place, effects = new.at("properties", name), NARROWER if name in wanted else NEITHER
                word = "required" if name in wanted else "optional"
                yield Finding(effects, "field-added", place.pointer, f"The field `{name}` is new, and {word}.")
        yield from self._rest(old, new, seen)

    def _rest(self, old: Place, new: Place, seen: set[tuple[str, str]]) -> Iterator[Finding]:
        """What is said of the fields that have no name."""
        name = "additionalProperties"
        before, after = old.value.get(name, True), new.value.get(name, True)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from self._schemas(old.at(name), new.at(name), seen)
        elif before != after:
            # A client that took an object without other fields has no use for one; so much is no break.
            effects = NARROWER if after is False or before is True else NEITHER if before is False else WIDER
            text = "Other fields are " + (
                "refused." if after is False else "described." if after is not True else "free."
            )
            yield Finding(effects, "other-fields", new.pointer, text)

    def _array(self, old: Place, new: Place, seen: set[tuple[str, str]]) -> Iterator[Finding]:
        before, after = old.value.get("prefixItems", []), new.value.get("prefixItems", [])
        for index in range(min(len(before), len(after))):
            yield from self._schemas(old.at("prefixItems", index), new.at("prefixItems", index), seen)
        if len(before) != len(after):
            text = f"The array begins with {len(after)} items of their own, and began with {len(before)}."
            yield Finding(BOTH, "items-changed", new.pointer, text)
        was, now = "items" in old.value, "items" in new.value
        if was and now:
            yield from self._schemas(old.at("items"), new.at("items"), seen)
        elif was or now:
            text = "The items are described." if now else "The items can be anything."
            yield Finding(NARROWER if now else WIDER, "items-changed", new.pointer, text)


def alternatives(place: Place, seen: frozenset[str] = frozenset()) -> list[Place]:
    """A schema without `anyOf`, `oneOf` and lists of types: one schema for each alternative."""
    place = place.resolved()
    if place.pointer in seen or place.value is False:
        return []
    if not isinstance(place.value, Mapping):
        return [place.with_value({})]
    value = _merged(place)
    for word in ("anyOf", "oneOf"):
        if isinstance(value.get(word), list):
            beside = {name: inner for name, inner in value.items() if name != word}
            inner = Place(place.document, place.pointer, value)
            found = [
                each
                for index in range(len(value[word]))
                for each in alternatives(inner.at(word, index), seen | {place.pointer})
            ]
            return [each.with_value({**beside, **each.value}) for each in found]
    kinds = value.get("type")
    if isinstance(kinds, list):
        return [place.with_value({**value, "type": kind}) for kind in kinds]
    return [place.with_value(value)]


def _merged(place: Place) -> dict[str, Any]:
    """A schema with the parts of its `allOf` in it."""
    value: dict[str, Any] = {name: inner for name, inner in place.value.items() if name != "allOf"}
    for part in place.at("allOf").parts():
        if not isinstance(part.value, Mapping):
            continue
        inner = _merged(part)
        for name in ("properties", "required"):
            if name in inner and name in value:
                mine = value[name]
                inner[name] = {**inner[name], **mine} if isinstance(mine, Mapping) else [*inner[name], *mine]
        value = {**value, **inner}
    return value


def _kind(value: Mapping[str, Any]) -> str | None:
    """The type, also where only its values or its fields say it; None for anything."""
    if "type" in value:
        return str(value["type"])
    kinds = {_KINDS[type(each)] for each in _enumerated(value) or () if type(each) in _KINDS}
    if len(kinds) == 1:
        return kinds.pop()
    return "object" if "properties" in value else None


def _effect_of_kinds(before: str | None, after: str | None) -> frozenset[Effect]:
    if after is None or (before, after) == ("integer", "number"):
        return WIDER
    return NARROWER if before is None or (before, after) == ("number", "integer") else BOTH


def _enumerated(value: Mapping[str, Any]) -> list[Any] | None:
    if "const" in value:
        return [value["const"]]
    found = value.get("enum")
    return found if isinstance(found, list) else None


def _values(old: Place, new: Place) -> Iterator[Finding]:
    before, after = _enumerated(old.value), _enumerated(new.value)
    if before is None or after is None:
        if before is not after:
            text = "Only some values are left." if before is None else "The values are not named one by one any more."
            yield Finding(NARROWER if before is None else WIDER, "values-changed", new.pointer, text)
        return
    was, now = {_text(each) for each in before}, {_text(each) for each in after}
    for value in before:
        if _text(value) not in now:
            yield Finding(NARROWER, "value-removed", old.pointer, f"The value {_text(value)} is gone.")
    for value in after:
        if _text(value) not in was:
            yield Finding(WIDER, "value-added", new.pointer, f"The value {_text(value)} is new.")


def _bounds(old: Place, new: Place) -> Iterator[Finding]:
    for names, sign in ((_LEAST, 1), (_MOST, -1)):
        before, after = _bound(old.value, names, sign), _bound(new.value, names, sign)
        if (before and before[:2]) != (after and after[:2]):
            narrower = after is not None and (before is None or after[:2] > before[:2])
            yield _moved(NARROWER if narrower else WIDER, old, new, before and before[2], after and after[2])
    for counts, sign in ((_LEAST_COUNTS, 1), (_MOST_COUNTS, -1)):
        for name in counts:
            was, now = (each.value.get(name, 0 if sign == 1 else None) for each in (old, new))
            if was != now:
                narrower = was is None or (now is not None and now * sign > was * sign)
                yield _moved(NARROWER if narrower else WIDER, old, new, name, name)
    unique = [bool(each.value.get("uniqueItems")) for each in (old, new)]
    if unique[0] != unique[1]:
        text = "The items must differ." if unique[1] else "The items may be the same."
        yield Finding(NARROWER if unique[1] else WIDER, "bound-changed", new.pointer, text)


def _bound(value: Mapping[str, Any], names: Iterable[str], sign: int) -> tuple[float, bool, str] | None:
    """The stricter of both: its value, whether it is strict itself, and its name; larger means narrower."""
    found = []
    for name, strict in zip(names, (False, True), strict=True):
        limit = value.get(name)
        if isinstance(limit, (int, float)) and not isinstance(limit, bool):
            if strict and value.get("type") == "integer":
                found.append((limit * sign + 1, False, name))  # above 0 and from 1 on are the same
            else:
                found.append((limit * sign, strict, name))
    return max(found, default=None)


def _moved(effects: frozenset[Effect], old: Place, new: Place, was: str | None, now: str | None) -> Finding:
    before = None if was is None else old.value.get(was)
    after = None if now is None else new.value.get(now)
    if after is None:
        text = f"`{was}` was {before}; there is none any more."
    elif before is None:
        text = f"`{now}` is {after}; there was none."
    else:
        text = f"`{now}` is {after}; {'it' if was == now else f'`{was}`'} was {before}."
    return Finding(effects, "bound-changed", new.pointer, text)


def _texts(old: Place, new: Place) -> Iterator[Finding]:
    for name in _TEXTS:
        before, after = old.value.get(name), new.value.get(name)
        if before != after:
            effects = NARROWER if before is None else WIDER if after is None else BOTH
            yield Finding(effects, f"{name}-changed", new.pointer, _said(name, before, after))
    before, after = old.value.get("multipleOf"), new.value.get("multipleOf")
    if before != after:
        effects = NARROWER if before is None else WIDER if after is None else BOTH
        if before and after:
            effects = NARROWER if after % before == 0 else WIDER if before % after == 0 else BOTH
        yield Finding(effects, "bound-changed", new.pointer, _said("multipleOf", before, after))
    for name in _OTHERS:
        if old.value.get(name) != new.value.get(name):
            text = f"`{name}` is another; what follows from that is not looked into."
            yield Finding(BOTH, "constraint-changed", new.pointer, text)
    if old.value.get("default") != new.value.get("default"):
        text = _said("default", old.value.get("default"), new.value.get("default"))
        yield Finding(NEITHER, "default-changed", new.pointer, text)


def _said(name: str, before: Any, after: Any) -> str:
    if after is None:
        return f"`{name}` was {_text(before)}; there is none any more."
    return f"`{name}` is {_text(after)}; {'there was none' if before is None else f'it was {_text(before)}'}."


def _likeness(place: Place) -> tuple[Any, ...]:
    """Two alternatives that are likely to be the same one, before and after."""
    kind = _kind(place.value)
    name = place.pointer if place.pointer.startswith("/components/") else place.value.get("title")
    return (kind, name if kind == "object" else None)


def _named(place: Place) -> str:
    """An alternative in words."""
    values = _enumerated(place.value)
    name = place.pointer.rpartition("/")[2] if place.pointer.startswith("/components/schemas/") else ""
    return name or (_text(values[0]) if values and len(values) == 1 else "") or _kind(place.value) or "anything"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
