"""Sealing one handler: from a route and what surrounds it to a `Plan`."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Never, NoReturn

from wholestack.errors import ErrorFormat, Fault
from wholestack.http import Limits, Request
from wholestack.routing import ErrorHandler, Middleware, Route, where_of

from ._answer import JSON_TYPE, Encoder, Respond, responder
from ._body import BodyReader, FormBody, Media, ModelBody, RawBody, StreamBody
from ._call import ERROR, FIRST_FREE, REQUEST, Call, Cell, kind_of
from ._check import arguments_validator
from ._collect import FormReader, collectors
from ._partial import partial_model
from ._plan import Colour, Plan, Step
from ._providers import Provider, Providers
from ._rules import Rule
from ._signature import Parameter, Surroundings, read_signature
from ._types import bare, hints_of, is_upload, members, stream_kind


@dataclasses.dataclass(frozen=True)
class Environment:
    """What surrounds a handler: all that its routers and the app said, the nearest first where it counts.

    Its error handlers are made ready once for all its routes: `error_calls` is what the function of that name gives.
    """

    providers: Providers
    formats: ErrorFormat
    limits: Limits
    encoder: Encoder
    form_reader: FormReader
    middleware: tuple[Middleware, ...] = ()
    rules: tuple[Rule, ...] = ()
    error_handlers: tuple[ErrorHandler, ...] = ()
    tags: tuple[str, ...] = ()
    kinds: tuple[Any, ...] = ()
    answers: tuple[Any, ...] = ()
    media: tuple[Media, ...] = ()
    host: str | None = None
    error_calls: Mapping[type[BaseException], Any] = dataclasses.field(default_factory=dict)


class Compiler:
    """Seals one route; everything it finds wrong is added to `faults`."""

    def __init__(self, route: Route, path_names: tuple[str, ...], around: Environment, faults: list[Fault]) -> None:
        self.route = route
        self.around = around
        self.faults = faults
        self.path_names = path_names
        self.parameters: dict[str, Parameter] = {}
        self.bodies: list[tuple[str, Parameter]] = []
        self.steps: list[Step] = []
        self.slots: dict[Provider, int] = {}
        # The steps that fill a provider's slot, and the slots that are filled whatever the rules say.
        self.chains: dict[Provider, tuple[Step, ...]] = {}
        self.outermost: list[Step] = []
        self.before_body: list[tuple[Callable[[Any, Any], None], int]] = []
        self.passing: list[Callable[[Exception], bool]] = []
        self.sure: set[int] = set()
        self.perhaps: bool = False
        self.pending: list[Provider] = []
        self.next_slot: int = FIRST_FREE
        self.waits: bool = False
        plain: Colour = "inline" if getattr(route.handler, "inline", False) else "def"
        self.colour: Colour = "async" if kind_of(route.handler) == "await" else plain

    def plan(self) -> Plan:
        """The plan, compiled in the order in which a request will need its parts."""
        options, around = self.route.options, self.around
        for rule in around.rules:
            for each in rule.in_turn():
                self._rule(each)
        asked, judging = dict(self.parameters), len(self.steps)
        handler = self._call(self.route.handler, self.route.names, prefix="")
        mine = {key: each for key, each in self.parameters.items() if key not in asked}
        validator = arguments_validator(mine, self.faults, self.route.where)
        body = self._body()
        returns = self.returns()
        for kind in around.answers:
            self._needed(kind.needs(returns) if hasattr(kind, "needs") else ())
        wanted = options.get("media")
        media = next((each for each in around.media if each.type == wanted), wanted)
        steps = (*self.outermost, *self.steps)
        direct = not (handler.slots or handler.cells or handler.own or steps)
        return Plan(
            handler=handler,
            respond=self._respond(returns, media),
            formats=around.formats,
            colour=self.colour,
            cancelled=self.colour == "async" and not options.get("finish"),
            driven=self.waits and self.colour == "async",
            middleware=tuple(filter(None, (_middleware_for(each, self.route) for each in around.middleware))),
            collect=collectors(mine, around.form_reader) if validator is not None else (),
            query=_plain_queries(mine),
            validate=validator,
            parameters=self.parameters,
            body=body,
            body_limit=(options.get("limits") or around.limits).bytes_of("body") if body else 0,
            limits=options.get("limits") or around.limits,
            steps=steps,
            judging=judging + len(self.outermost),
            judged=self._judged(asked, handler),
            slots=self.next_slot,
            direct=direct,
            before_body=tuple(self.before_body),
            retries=options.get("retries", 0),
            passing=tuple(self.passing),
            error_calls=self.around.error_calls,
            etag=bool(options.get("etag")),
            pages=any(getattr(each, "waits", False) for each in around.answers),
            timeout=options.get("timeout", around.limits.timeout),
            returns=returns,
            body_parameter=self.bodies[0][1] if self.bodies else None,
        )

    def _judged(self, asked: dict[str, Parameter], handler: Call) -> Plan | None:
        """What binds the values that rules ask for; None where they ask for none."""
        validator = arguments_validator(asked, self.faults, self.route.where)
        if validator is None:
            return None
        return Plan(
            handler,
            responder(None, None, encoder=self.around.encoder),
            self.around.formats,
            collect=collectors(asked, self.around.form_reader),
            query=_plain_queries(asked),
            validate=validator,
            parameters=asked,
        )

    def returns(self) -> Any:
        """The type that the wire shows."""
        if "returns" in self.route.options:
            return self.route.options["returns"]
        try:
            return hints_of(self.route.handler, self.route.names).get("return", inspect.Parameter.empty)
        except (NameError, TypeError, AttributeError):
            return inspect.Parameter.empty  # `read_signature` has named the fault already.

    def _respond(self, returns: Any, media: Media | str | None) -> Respond:
        around, status = self.around, self.route.options.get("status")
        try:
            answers = self.route.options.get("answers", {})
            return responder(returns, status, media, encoder=around.encoder, kinds=around.answers, answers=answers)
        except Exception as error:  # A type's own schema hook may raise anything; the fault names the handler.
            message = f"The answer's type has no schema: {str(error).splitlines()[0].rstrip('.')}."
            cure = "Return plain types, a model, a dataclass or a TypedDict, or name the wire's type with returns=."
            self._fault("no-schema", message, self.route.where, cure)
            return responder(None, status, encoder=around.encoder)

    # -- calls ---------------------------------------------------------------------------------------------------

    def _call(self, function: Callable[..., Any], names: Mapping[str, Any], prefix: str) -> Call:
        """A function of this plan made ready: its values get keys, its providers get steps before it."""
        around = Surroundings(self.path_names, self.around.providers.has, self.around.kinds, names)
        parameters = read_signature(function, around, self.faults)
        checked: list[tuple[str, str]] = []
        slots: list[tuple[str, int]] = []
        cells: list[tuple[str, Cell]] = []
        own: list[tuple[str, Callable[[Request], Any]]] = []
        for each in parameters:
            key = prefix + each.name
            if each.place == "request":
                slots.append((each.name, REQUEST))
            elif each.place == "own":
                kind = next(kind for kind in self.around.kinds if kind.matches(each.type))
                own.append((each.name, kind.reader(each.name, each.type)))
            elif each.place == "provided":
                self._provided(each, slots, cells)
            else:
                checked.append((each.name, key))
                if each.place == "body":
                    self.bodies.append((key, each))
                else:
                    self.parameters[key] = each
        return Call(function, tuple(checked), tuple(slots), tuple(cells), tuple(own), kind_of(function))

    def _needed(self, types: Iterable[Any]) -> None:
        """Steps for providers that an answer asks for, such as the session that a page shows."""
        for kind in filter(self.around.providers.has, types):
            self._slot(self.around.providers.get(kind), "the answer")

    def _provided(self, parameter: Parameter, slots: list[tuple[str, int]], cells: list[tuple[str, Cell]]) -> None:
        provider = self.around.providers.get(parameter.type)
        if provider.scope == "app":
            cells.append((parameter.name, provider.cell))
        else:
            slots.append((parameter.name, self._slot(provider, parameter.name)))

    def _slot(self, provider: Provider, name: str) -> int:
        """The slot of a provider's value; its step is added behind those of the providers it needs itself."""
        if provider in self.slots:
            self._add(*(step for step in self.chains[provider] if step.slot not in self.sure))
            return self.slots[provider]
        if provider in self.pending:
            circle = " → ".join(each.label for each in [*self.pending[self.pending.index(provider) :], provider])
            message = f"These providers need each other: {circle}."
            self._fault("provider-cycle", message, provider.where, "Break the circle.")
            return REQUEST
        self._check_colour(provider, name)
        self.pending.append(provider)
        before = len(self.steps)
        # A provider may have another function for each route: what differs by route, and by its rules, is decided here.
        function = provider.function
        if (for_route := getattr(function, "for_route", None)) is not None:
            options: Any = {**self.route.options, "needs": self.around.rules}
            function = for_route(dataclasses.replace(self.route, options=options))
        call = self._call(function, provider.names, prefix=f"{provider.label}#{len(self.slots)}_{len(self.pending)}.")
        self.pending.pop()
        slot = self.slots[provider] = self.next_slot
        self.next_slot += 1
        if provider.outermost:
            return self._around(provider, call, slot)
        self._add(Step(call, slot, again=self.perhaps))
        self.chains[provider] = tuple(dataclasses.replace(step, again=True) for step in self.steps[before:])
        return slot

    def _around(self, provider: Provider, call: Call, slot: int) -> int:
        """Enter a provider before all others, whoever asks for it first, so that it is left after them."""
        if call.checked or call.own or any(number != REQUEST for _, number in call.slots):
            cure = "Let it ask for `Request` and for what lives as long as the app."
            message = f"{provider.label} is entered before all others, and asks for what comes after it."
            self._fault("outermost-provider", message, provider.where, cure)
        self.outermost.append(Step(call, slot))
        # What is around all may have something to do before the body is built, and know which errors pass.
        function: Any = call.function
        if hasattr(function, "before_body"):
            self.before_body.append((function.before_body, slot))
        if hasattr(function, "passing"):
            self.passing.append(function.passing)
        self.sure.add(slot)
        self.chains[provider] = ()
        return slot

    def _add(self, *steps: Step) -> None:
        self.steps += steps
        if not self.perhaps:
            self.sure.update(step.slot for step in steps)

    def _check_colour(self, provider: Provider, name: str) -> None:
        self.waits = self.waits or provider.waits
        if self.colour != "async" and provider.kind in {"await", "await yield"}:
            handler = getattr(self.route.handler, "__qualname__", "the handler")
            self._fault(
                "async-provider",
                f"{provider.label} is `async def`, but {handler}, which needs it for {name!r}, is `def`.",
                where_of(self.route.handler),
                "Make the handler `async def`, or write the provider as `def` with wait(…) and waits=True.",
            )

    def _rule(self, rule: Rule) -> None:
        leaves = {}
        asks: dict[Rule, tuple[Step, ...]] = {}
        strict = set()
        before = len(self.steps)
        # In `public | has_user` nobody is asked for a user whom the first part lets pass.
        self.perhaps = rule.how != "leaf"
        for number, leaf in enumerate(rule.leaves()):
            function = leaf.function or _no_function
            prefix = f"{leaf.name}{len(self.steps)}_{number}."
            leaves[leaf] = call = self._call(function, self.route.names, prefix=prefix)
            if self.perhaps:
                asks[leaf] = tuple(self.steps[before:])
                del self.steps[before:]
            if "yield" in call.kind:
                message = f"The rule {leaf.name} yields; a generator would let everybody pass."
                self._fault("async-rule", message, where_of(function), "Return True or False, or raise an error.")
            if self._answers(function):
                strict.add(leaf)
            if self.colour != "async" and call.kind == "await":
                cure = "Write the rule as `def`; wait(…) works in it."
                message = f"The rule {leaf.name} is `async def`, but the handler is `def`."
                self._fault("async-rule", message, where_of(function), cure)
        self.perhaps = False
        self.steps.append(Step(Call(_no_function), REQUEST, rule, leaves, frozenset(strict), asks))

    def _answers(self, function: Callable[..., Any]) -> bool:
        """Whether a rule's return type says that it gives an answer, so that None is no pass."""
        try:
            returns = hints_of(function, self.route.names).get("return")
        except (NameError, TypeError, AttributeError):
            return False  # `read_signature` has named the fault already.
        return returns not in {None, types.NoneType, Any, Never, NoReturn}

    # -- the body ------------------------------------------------------------------------------------------------

    def _body(self) -> BodyReader | None:
        forms = [each for each in self.parameters.values() if each.place == "form"]
        if len(self.bodies) > 1 or (self.bodies and forms):
            names = ", ".join(repr(each.name) for each in [*(found for _, found in self.bodies), *forms])
            cure = "Make one model of them, or mark one as `Query[…]` or give it a provider."
            self._fault("two-bodies", f"Several parameters read the body: {names}.", self.route.where, cure)
        if {"GET", "HEAD", "WEBSOCKET"}.intersection(self.route.methods) and (forms or self.bodies):
            name = (forms or [self.bodies[0][1]])[0].name
            message = f"{name!r} reads a body, which a GET request has none of (RFC 9110 §9.3.1)."
            self._fault("body-on-get", message, self.route.where, f"Mark it as `Query[…]`: {name}: Query[…].")
        if forms:
            alone = len(forms) == 1 and forms[0].whole
            return FormBody(uploads=any(is_upload(each.type) for each in forms), alone=alone)
        if not self.bodies:
            return None
        return self._reader(*self.bodies[0])

    def _reader(self, key: str, parameter: Parameter) -> BodyReader:
        kind = bare(parameter.type)
        stream = stream_kind(kind)
        if stream is not None:
            if stream != self.colour:
                word = "Iterator" if self.colour == "def" else "AsyncIterator"
                message = f"The body {parameter.name!r} is a stream of the other colour than its handler."
                self._fault("stream-colour", message, self.route.where, f"Write `Body[{word}[bytes]]`.")
            return StreamBody(key)
        if kind in {bytes, str}:
            return RawBody(key, text=kind is str, required=parameter.required)
        limits = self.route.options.get("limits") or self.around.limits
        partial, make = partial_model(parameter.type)
        try:
            return ModelBody(key, partial, limits, required=parameter.required, media=self.around.media, make=make)
        except Exception as error:
            message = f"The type of {parameter.name!r} has no schema: {str(error).splitlines()[0].rstrip('.')}."
            self._fault("no-schema", message, self.route.where, "Use a model, a dataclass, a TypedDict or plain types.")
            return RawBody(key)

    def _fault(self, code: str, message: str, where: str, cure: str) -> None:
        self.faults.append(Fault(code, message, where, cure))


def _plain_queries(parameters: Mapping[str, Parameter]) -> tuple[tuple[str, str, bool], ...]:
    """Key, name on the wire and whether many, of each value of the query that is not a whole model."""
    found = [(key, each) for key, each in parameters.items() if each.place == "query" and not each.whole]
    return tuple((key, each.alias, each.many) for key, each in found)


def _middleware_for(middleware: Middleware, route: Route) -> Middleware | None:
    """A middleware may have another function for each route, or none: what differs by route is decided here."""
    for_route: Any = getattr(middleware, "for_route", None)
    return middleware if for_route is None else for_route(route)


def _no_function() -> None:
    """Stands in a step that only judges a rule."""


def error_calls(around: Environment, faults: list[Fault]) -> dict[type[BaseException], Any]:
    """Error handlers by kind, the nearest router's first; each may ask for the error, the request, app-lifetime
    values.
    """
    found: dict[type[BaseException], Any] = {}
    for each in around.error_handlers:
        compiled = None if each.kind in found else _error_call(each, around, faults)
        if compiled is not None:
            found[each.kind] = compiled
    return found


def _error_call(handler: ErrorHandler, around: Environment, faults: list[Fault]) -> tuple[Call, Any] | None:
    """An error handler made ready."""
    function = handler.function

    def provided(annotation: Any) -> bool:
        there = around.providers.has(annotation)
        return _is_error(annotation) or (there and around.providers.get(annotation).scope == "app")

    known = len(faults)
    parameters = read_signature(function, Surroundings((), provided, (), handler.names), faults)
    if len(faults) > known:
        return None
    wrong = [each for each in parameters if each.place not in {"request", "provided"}]
    if wrong:
        name = wrong[0].name
        message = f"The error handler asks for {name!r}, which is neither the error, the request nor app-lifetime."
        faults.append(Fault("bad-error-handler", message, where_of(function), "Take only those."))
        return None
    slots = [(each.name, REQUEST) for each in parameters if each.place == "request"]
    given = [each for each in parameters if each.place != "request"]
    slots += [(each.name, ERROR) for each in given if _is_error(each.type)]
    cells = [(each.name, around.providers.get(each.type).cell) for each in given if not _is_error(each.type)]
    call = Call(function, (), tuple(slots), tuple(cells), (), kind_of(function))
    returns = hints_of(function, handler.names).get("return", inspect.Parameter.empty)
    status = getattr(handler.kind, "status", None) or 500
    media = JSON_TYPE if returns is dict else None
    return call, responder(returns, status, media, encoder=around.encoder, kinds=around.answers)


def _is_error(annotation: Any) -> bool:
    found = members(annotation)
    return bool(found) and all(inspect.isclass(each) and issubclass(each, BaseException) for each in found)
