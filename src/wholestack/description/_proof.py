"""What a client shows for a route: what its rules ask for, and what is asked for beneath them and its handler."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from wholestack import App, Rule
from wholestack.handlers import Call, Plan, Step

Schemes = Mapping[str, Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class Proof:
    """That a function wants to know who sends a request: a plugin says so of its providers and rules, as `proof`.

    What a client shows for it are the security schemes of the app's plugins, any one of them. A plugin has them as
    ``security_schemes(app)``, which gives OpenAPI's objects by name.

    Attributes:
        optional: whether it takes a request that shows nothing.
        scopes: what a token must carry for it.
        by: types of schemes, such as ``"apiKey"``, that alone will do; None for all.

    Example:
        >>> def user() -> str:
        ...     return "zoe"
        >>> vars(user)["proof"] = Proof()
        >>> user.proof.optional
        False
    """

    optional: bool = False
    scopes: tuple[str, ...] = ()
    by: frozenset[str] | None = None


def security_schemes(app: App) -> dict[str, Mapping[str, Any]]:
    """The security schemes of an app's plugins, by name.

    Example:
        >>> security_schemes(App())
        {}
    """
    found: dict[str, Mapping[str, Any]] = {}
    for each in app.plugins:
        schemes = getattr(each, "security_schemes", None)
        found |= {} if schemes is None else schemes(app)
    return found


def security_of(plan: Plan, schemes: Schemes) -> tuple[Rule, ...]:
    """The rules of a plan, and what a client shows for them and for its handler as further ones; all must hold.

    What only an answer asks for, as a page does for its menu, is not among it.
    """
    found = [_shown(step.rule, step, plan, schemes) for step in plan.steps if step.rule is not None]
    return (*found, *_proofs(plan.handler, _providers(plan), schemes))


def _shown(rule: Rule, step: Step, plan: Plan, schemes: Schemes) -> Rule:
    if rule.how != "leaf":
        return dataclasses.replace(rule, parts=tuple(_shown(part, step, plan, schemes) for part in rule.parts))
    more = _proofs(step.leaves[rule], _providers(plan), schemes)
    return Rule(None, "and", (rule, *more)) if more else rule


def _providers(plan: Plan) -> dict[int, Call]:
    """What fills each slot."""
    steps = [*plan.steps, *(each for step in plan.steps for asked in step.asks.values() for each in asked)]
    return {step.slot: step.call for step in steps if step.rule is None}


def _proofs(call: Call, providers: Mapping[int, Call], schemes: Schemes) -> list[Rule]:
    found = dict.fromkeys(proof for each in _beneath(call, providers) if (proof := getattr(each, "proof", None)))
    return [made for proof in found if (made := _rule(proof, schemes)) is not None]


def _beneath(call: Call, providers: Mapping[int, Call]) -> Iterator[Any]:
    """A function, and all that is called before it for its sake."""
    yield call.function
    for _, slot in call.slots:
        if slot in providers:
            yield from _beneath(providers[slot], providers)


def _rule(proof: Proof, schemes: Schemes) -> Rule | None:
    """Any one of the schemes, as a rule that is not judged: its words are for documents."""
    taken = {name: each for name, each in schemes.items() if proof.by is None or each.get("type") in proof.by}
    parts = [Rule(_any, scheme={name: {**each, "scopes": proof.scopes, "alone": True}}) for name, each in taken.items()]
    if not parts:
        return None
    return Rule(None, "or", (*parts, Rule(_any)) if proof.optional else tuple(parts))


def _any() -> None:
    """Stands in a rule that is not judged."""
