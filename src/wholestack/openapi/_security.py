"""Rules as OpenAPI's security requirements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wholestack import Rule

Requirement = dict[str, list[str]]

_ASKED = ("openIdConnectUrl", "tokenUrl", "refreshUrl")
_SAID = frozenset({"scopes", "alone"})
_PLACES = frozenset({"header", "query", "cookie"})


def requirements(rules: Sequence[Rule]) -> list[Requirement]:
    """What a client must show: any one of these, each the names of the schemes that it takes together.

    Example:
        >>> key, token = Rule(len, scheme={"key": {}}), Rule(len, scheme={"token": {}})
        >>> requirements([key | token])
        [{'key': []}, {'token': []}]
    """
    alone = {name for scheme in _named(rules) for name, each in scheme.items() if each.get("alone")}
    found: list[Requirement] = [{}]
    for rule in rules:
        merged = [_merged(one, other) for one in found for other in _alternatives(rule)]
        # Rules that none of them satisfies together are not for anybody, and must not look as if they were.
        found = _least([each for each in merged if len(alone & each.keys()) < 2] or merged, alone)
    return [] if found == [{}] else found


def _merged(one: Requirement, other: Requirement) -> Requirement:
    names = dict.fromkeys((*one, *other))
    return {name: [*dict.fromkeys((*one.get(name, ()), *other.get(name, ())))] for name in names}


def _least(found: list[Requirement], alone: set[str]) -> list[Requirement]:
    """Each once, without what takes more than one of those `alone` does: whoever shows that one needs no more."""
    asked = {frozenset((name, word) for name, scopes in each.items() for word in ("", *scopes)): each for each in found}
    enough = [its for its, each in asked.items() if alone & each.keys()]
    return [each for mine, each in asked.items() if not any(its < mine for its in enough)]


def _alternatives(rule: Rule) -> list[Requirement]:
    if rule.how == "leaf":
        return [{name: list(scheme.get("scopes", ())) for name, scheme in rule.scheme.items()}]
    if rule.how == "or":
        return [each for part in rule.parts for each in _alternatives(part)]
    if rule.how == "and":
        return requirements(rule.parts) or [{}]
    return [{}]  # Whoever must *not* show something shows nothing.


def schemes(rules: Iterable[Rule]) -> dict[str, dict[str, Any]]:
    """The security schemes that these rules name, without what an operation says of them.

    That are `scopes`, what it asks for, and `alone`: that no client shows two of those which say so.
    """
    return {
        name: {word: value for word, value in scheme.items() if word not in _SAID}
        for found in _named(rules)
        for name, scheme in found.items()
    }


def _named(rules: Iterable[Rule]) -> list[Mapping[str, Mapping[str, Any]]]:
    return [leaf.scheme for rule in rules for leaf in rule.leaves()]


def asked_by(rules: Iterable[Rule]) -> list[str]:
    """The addresses that a page must ask so that its reader can log in.

    Example:
        >>> scheme = {"type": "openIdConnect", "openIdConnectUrl": "https://login.example.org/openid"}
        >>> asked_by([Rule(len, scheme={"login": scheme})])
        ['https://login.example.org/openid']
    """
    return asked(schemes(rules))


def asked(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The addresses in these schemes that a page must ask.

    Example:
        >>> asked({"key": {"type": "apiKey"}})
        []
    """
    addresses = []
    for scheme in found.values():
        places = [scheme, *scheme.get("flows", {}).values()]
        addresses += [place[word] for place in places for word in _ASKED if word in place]
    return addresses


def described(found: Mapping[str, Mapping[str, Any]]) -> frozenset[tuple[str, str]]:
    """Place and name of the values that schemes describe, so that they are no parameters as well.

    Example:
        >>> described({"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}})
        frozenset({('header', 'x-api-key')})
    """
    keys = set()
    for scheme in found.values():
        if scheme.get("type") == "apiKey" and scheme.get("in") in _PLACES:
            name = str(scheme.get("name"))
            keys.add((str(scheme["in"]), name.lower() if scheme["in"] == "header" else name))
        elif scheme.get("type") in {"http", "oauth2", "openIdConnect"}:
            keys.add(("header", "authorization"))
    return frozenset(keys)
