"""The plan of a handler, and the order of a request's life, which is written here and nowhere else.

A driver (`servers`) supplies reading, calling and sending; everything between is `Plan.answer`, one coroutine for both
colours: in a `def` plan nothing in it ever suspends, so that a thread runs it to its end with one `send(None)`.

    1  the gate has let the request pass, the tree has found this plan        (driver)
    2  the body is read as far as the plan reads one, within the limits       (driver)
    3  middleware goes in, outermost first; a Response before the yield answers at once
    4  rules are judged, with what they alone ask for, before anything else of the request is looked at
    5  every argument is bound and checked, all faults at once; then providers, in the order that sealing found
    6  the handler
    7  the answer's body is built, by the encoder that sealing chose, after what a provider does before (a flush)
    8  providers are resumed in reverse, with the response or with the error
    9  an error becomes a response, once, here
    10 middleware is resumed in reverse
    11 the response is sent                                                   (driver)
    12 after-send actions                                                     (driver)

Where the route allows `retries`, steps 4 to 8 are taken again after an error that a provider knows to pass.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import logging
import random
import time
from collections.abc import Callable, Generator, Mapping
from tempfile import TemporaryFile
from typing import IO, Any, Literal, NoReturn

from pydantic_core import ValidationError

from wholestack.errors import (
    ClientDisconnected,
    ErrorFormat,
    FieldFault,
    Forbidden,
    HTTPError,
    InternalError,
    ValidationFailed,
    error_page,
    http_error,
)
from wholestack.http import HTML, JSON, Limits, Refused, Request, Response, Text, etag_of, parse_query, preconditions
from wholestack.routing import Middleware

from ._answer import Respond, written
from ._body import BodyReader
from ._call import REQUEST, Call
from ._check import parameter_faults
from ._context import note_unhandled
from ._drive import Drive, is_driven, wait
from ._rules import Rule
from ._signature import Parameter

_log = logging.getLogger("wholestack")

Colour = Literal["async", "def", "inline"]
Opened = list[tuple[Any, bool]]


_UNSET: Any = object()


@dataclasses.dataclass(frozen=True, slots=True)
class _Failed:
    """In the place of a value: what its provider refused with, in a rule that `|` may pass over."""

    error: HTTPError


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One provider or rule of a plan: what is called, and the slot its value goes to.

    Of a rule, `strict` are the leaves that say by their return type that they answer yes or no, and `asks` the
    providers that each leaf needs, which are asked when it is its turn. A provider that stands in such a place, or
    after one, is there `again`: its slot may be filled already.
    """

    call: Call
    slot: int
    rule: Rule | None = None
    leaves: Mapping[Rule, Call] = dataclasses.field(default_factory=dict)
    strict: frozenset[Rule] = frozenset()
    asks: Mapping[Rule, tuple[Step, ...]] = dataclasses.field(default_factory=dict)
    again: bool = False


@dataclasses.dataclass(slots=True)
class Plan:
    """What one handler needs, as flat lists. Everything that can be decided beforehand is.

    Attributes:
        colour: ``"async"``, ``"def"``, or ``"inline"`` for a plan of ours that does no work worth a thread.
        cancelled: whether it ends where it waits when its client leaves, on interfaces that tell of that.
        driven: whether something in it waits in plain code, so that the coroutine runs in a greenlet.
        reads: how the driver reads the body: not at all, whole, as a form, or as a stream.
        opens: what opens the temporary file of a large upload.
        validate: checks every value that does not come from a JSON body, in one call.
        steps: providers and rules; the first `judging` of them are the rules and what they need.
        judged: binds what those ask for, before all else is looked at.
        direct: the checked values are the handler's arguments as they stand.
        before_body: called with the value of a slot and with the handler's, before the answer's body is built.
        pages: whether the answer to an error may wait for what it shows.
        retries: how often steps 4 to 8 are taken again, after an error that one of `passing` says passes.
    """

    handler: Call
    respond: Respond
    formats: ErrorFormat
    colour: Colour = "async"
    cancelled: bool = False
    driven: bool = False
    middleware: tuple[Middleware, ...] = ()
    collect: tuple[Callable[[Request, dict[str, Any]], None], ...] = ()
    query: tuple[tuple[str, str, bool], ...] = ()
    validate: Callable[[Any], dict[str, Any]] | None = None
    parameters: Mapping[str, Parameter] = dataclasses.field(default_factory=dict)
    body: BodyReader | None = None
    body_limit: int = 0
    opens: Callable[[], IO[bytes]] = TemporaryFile
    limits: Limits = dataclasses.field(default_factory=Limits)
    steps: tuple[Step, ...] = ()
    judging: int = 0
    judged: Plan | None = None
    slots: int = 2
    direct: bool = True
    before_body: tuple[tuple[Callable[[Any, Any], None], int], ...] = ()
    retries: int = 0
    passing: tuple[Callable[[Exception], bool], ...] = ()
    error_calls: Mapping[type[BaseException], tuple[Call, Respond]] = dataclasses.field(default_factory=dict)
    etag: bool = False
    pages: bool = False
    timeout: float | None = None
    returns: Any = None
    body_parameter: Parameter | None = None

    async def answer(self, request: Request, fault: BaseException | None = None) -> Response:
        """Steps 3 to 10 of a request's life; the order is load-bearing (`tests/internal/test_order.py`)."""
        opened: list[Generator[None, Response, Response]] = []
        # Cookies and a whole query are parsed when somebody asks, within the limits of this route.
        request.limits = self.limits
        try:
            try:
                response = self._enter(request, opened) if self.middleware else None
                if response is None:
                    if fault is not None:
                        await self._at_fault(request, fault)
                    if self.query and request.query_string:
                        # As asking for `request.query` would do, in two calls less.
                        request.query = parse_query(request.query_string, self.limits.query_pairs)
                    if self.steps:
                        response = await (self._again(request) if self.retries else self._provided(request))
                    else:
                        call, checked = self.handler, self.bind(request)
                        value = call.function(**(checked if self.direct else call.arguments(checked, [request, None])))
                        if call.kind == "await":
                            value = await value
                        response = self.respond(value, request)
            except Exception as error:
                response = await self._recovered(request, error)
                if isinstance(fault, Refused) and error is not fault and ("connection", "close") in fault.headers:
                    response.headers.set("connection", "close")  # The rest of the body is not read.
            except SystemExit as error:
                # It ends the request that asked for it, and not the server.
                exited = RuntimeError("A handler, or something that it called, asked Python to exit.")
                exited.__cause__ = error
                response = await self._recovered(request, exited)
            if self.etag or response._headers is not None:
                response = self._conditional(request, response)
            while opened:
                response = await self._leave(request, opened, response)
            return response
        finally:
            while opened:  # It was ended in between: by its time limit, or with its client.
                _closed(opened.pop(), request)

    def bind(self, request: Request) -> dict[str, Any]:
        """Step 4: the checked values, by key.

        Raises:
            ValidationFailed: every fault of every field.
            Refused: the body or the query cannot be read at all.
        """
        checked: dict[str, Any] = {}
        faults: list[FieldFault] = []
        if self.validate is not None:
            raw: dict[str, Any] = {**request.params}
            if self.query and request.query_string:
                query = request.query
                for key, alias, many in self.query:
                    values = query.get(alias)
                    if values is not None:
                        # Two values where one belongs stay a list, which no scalar is read from (ASVS 5.0 §15.3.7).
                        raw[key] = values[0] if not many and len(values) == 1 else values
            for collect in self.collect:
                collect(request, raw)
            try:
                checked = self.validate(raw)
            except ValidationError as error:
                faults += parameter_faults(error, self.parameters, raw)
        if self.body is not None:
            self.body.take(request, checked, faults)
        if faults:
            raise ValidationFailed(faults)
        return checked

    # -- providers and rules -------------------------------------------------------------------------------------

    async def _at_fault(self, request: Request, fault: BaseException) -> NoReturn:
        """Raise what was wrong with the body, but to those only whom the rules let pass."""
        asked = self.judged.parameters.values() if self.judged is not None else ()
        if isinstance(fault, Refused) and self.judging and not any(each.place == "form" for each in asked):
            await self._provided(request, fault)
        raise fault

    async def _provided(self, request: Request, fault: Refused | None = None) -> Response:
        """Steps 4 to 8, for a plan that has providers or rules; with a fault of step 2, step 4 only."""
        slots: list[Any] = [_UNSET] * self.slots
        slots[REQUEST] = request
        opened: Opened = []
        try:
            checked = self.judged.bind(request) if self.judged is not None else {}
            for step in self.steps[: self.judging]:
                if step.rule is not None:
                    await _obeyed(step, step.rule, checked, slots, opened)
                elif step.again:
                    await _filled(step, checked, slots, opened)
                else:
                    slots[step.slot] = await _entered(step.call, checked, slots, opened)
            if fault is not None:
                raise fault
            checked |= self.bind(request)
            for step in self.steps[self.judging :]:
                if step.again:
                    await _filled(step, checked, slots, opened)
                else:
                    slots[step.slot] = await _entered(step.call, checked, slots, opened)
            value = self.handler.function(**self.handler.arguments(checked, slots))
            if self.handler.kind == "await":
                value = await value
            for settle, slot in self.before_body:
                settle(slots[slot], value)
            response = self.respond(value, request)
            while opened:
                await _resumed(opened, response)
        except BaseException as error:
            await _unwound(opened, error)
            raise
        return response

    async def _again(self, request: Request) -> Response:
        """Steps 4 to 8, and again after an error that passes; a body that the handler reads as it comes is gone."""
        for turn in range(self.retries):
            try:
                return await self._provided(request)
            except Exception as error:
                if request.stream is not None or not any(passes(error) for passes in self.passing):
                    raise
            # Longer each time, and for each one another: who has met at once would meet again.
            seconds = random.uniform(0.01, 0.02) * 2.0**turn  # noqa: S311  (no secret)
            if self.colour == "async":
                await asyncio.sleep(seconds)
            else:
                time.sleep(seconds)  # noqa: ASYNC251  (in a thread of its own)
            for _, upload in request.form.files if request.form is not None else ():
                upload.seek(0)
        return await self._provided(request)

    # -- middleware ----------------------------------------------------------------------------------------------

    def _enter(self, request: Request, opened: list[Generator[None, Response, Response]]) -> Response | None:
        """Step 3."""
        for middleware in self.middleware:
            generator = middleware(request)
            try:
                next(generator)
            except StopIteration as done:
                if not isinstance(done.value, Response):
                    raise RuntimeError("A middleware yields once or returns a Response; this did neither.") from None
                return written(done.value.copy())  # A middleware may keep it, as a handler may.
            opened.append(generator)
        return None

    async def _leave(
        self, request: Request, opened: list[Generator[None, Response, Response]], response: Response
    ) -> Response:
        """Step 10, for the innermost middleware that is still open."""
        generator = opened.pop()
        try:
            try:
                generator.send(response)
                generator.close()
            except StopIteration as done:
                # The same response is built already, or was emptied (304); only another one is yet to be.
                other = isinstance(done.value, Response) and done.value is not response
                return written(done.value.copy()) if other else response
            raise RuntimeError("A middleware yields once; this one yielded again.")
        except Exception as error:
            return await self._recovered(request, error)

    # -- errors --------------------------------------------------------------------------------------------------

    async def _recovered(self, request: Request, error: Exception) -> Response:
        """Step 9: the response for an error, from the nearest handler for its kind or from the error itself."""
        if isinstance(error, ClientDisconnected):
            return Response(status=400)  # Nobody is left to read it, and it is no error of the app.
        if isinstance(error, Refused):
            error = http_error(error)
        for kind in type(error).__mro__:
            if kind in self.error_calls:
                call, respond = self.error_calls[kind]
                slots = [request, error]
                try:
                    value = call.function(**call.arguments({}, slots))
                    if inspect.isawaitable(value):
                        # A plan of ours ("inline", as for a 404) runs on a loop or in a thread, as the server has it.
                        value = wait(value) if asyncio._get_running_loop() is None else await value
                    # A page may wait for what it shows, and this plan need not be driven.
                    waits = self.pages and not is_driven() and asyncio._get_running_loop() is not None
                    response = await Drive(_responded(respond, value, request)) if waits else respond(value, request)
                    if isinstance(error, HTTPError) and not isinstance(value, Response):
                        response.status = error.status  # The handler may be for a wider kind.
                    return response
                except Exception as second:
                    error = http_error(second) if isinstance(second, Refused) else second
                    break
        return self._shown(error if isinstance(error, HTTPError) else _logged(error, request), request)

    def _shown(self, error: HTTPError, request: Request, *, last: bool = False) -> Response:
        """The error's response; for one that cannot be written (a broken header, a fault in the app's format) a 500."""
        try:
            return self.error_response(error, request)
        except Exception as second:
            internal = _logged(second, request)
            return Text(internal.detail, 500) if last else self._shown(internal, request, last=True)

    def error_response(self, error: HTTPError, request: Request) -> Response:
        """An error as the app's format has it, or as a plain page where a browser asks."""
        if request.wants_html:
            response: Response = HTML(error_page(error, request.id), error.status)
        else:
            body = self.formats.body(error, request.id)
            response = written(JSON(body, error.status, self.formats.media_type))
        for name, value in error.headers.items():
            response.headers.set(name, value)
        response.headers.vary("accept")
        return response

    # -- conditional requests ------------------------------------------------------------------------------------

    def _conditional(self, request: Request, response: Response) -> Response:
        """The answer, or 304 or 412 in its place (RFC 9110 §13.2)."""
        if response.status != 200 or response.file is not None or response.stream is not None:
            return response
        if self.etag and "etag" not in response.headers:
            response.headers.set("etag", etag_of(response.body))
        tag = response.headers.get("etag")
        if tag is None or request.method not in {"GET", "HEAD"}:
            return response
        status = preconditions(request.method, request.headers, tag, None)
        if status is not None:
            response.status, response.body, response.media_type = status, b"", None
        return response


def _closed(generator: Generator[None, Response, Response], request: Request) -> None:
    try:
        generator.close()
    except Exception as error:
        _logged(error, request)


async def _responded(respond: Respond, value: Any, request: Request) -> Response:
    return respond(value, request)


def _logged(error: Exception, request: Request) -> InternalError:
    """The answer for an error that is none, and the error in the log."""
    _log.error("unhandled error", exc_info=error, extra={"request_id": request.id})
    note_unhandled(error)
    return InternalError("The server met an error. The log has it under the request's id.")


async def _entered(call: Call, checked: dict[str, Any], slots: list[Any], opened: Opened) -> Any:
    """What a provider gives; one that yields is kept open."""
    value = call.function(**call.arguments(checked, slots))
    if call.kind == "value":
        return value
    if call.kind == "await":
        return await value
    is_async = call.kind == "await yield"
    opened.append((value, is_async))
    return await anext(value) if is_async else next(value)


async def _filled(step: Step, checked: dict[str, Any], slots: list[Any], opened: Opened) -> None:
    """Fill the slot of a provider that may have been asked before, or not; what it refused with then it does again."""
    found = slots[step.slot]
    if isinstance(found, _Failed):
        raise found.error
    if found is _UNSET:
        try:
            slots[step.slot] = await _entered(step.call, checked, slots, opened)
        except HTTPError as error:
            slots[step.slot] = _Failed(error)
            raise


async def _resumed(opened: Opened, response: Response) -> None:
    """Step 8 for the innermost provider: it gets the response, may set headers, and ends."""
    generator, is_async = opened.pop()
    try:
        await generator.asend(response) if is_async else generator.send(response)
    except (StopIteration, StopAsyncIteration):
        return
    raise RuntimeError("A provider yields once; this one yielded again.")


async def _unwound(opened: Opened, error: BaseException) -> None:
    """Step 8 after an error: each open provider gets it; what a provider raises instead goes on in its place."""
    while opened:
        generator, is_async = opened.pop()
        try:
            await generator.athrow(error) if is_async else generator.throw(error)
        except (StopIteration, StopAsyncIteration):
            continue
        except BaseException as raised:
            if raised is not error:
                await _unwound(opened, raised)
                raise


async def _obeyed(step: Step, rule: Rule, checked: dict[str, Any], slots: list[Any], opened: Opened) -> None:
    """Raise what the rule refuses with; `&` needs all, `|` one, `~` the opposite; in turn, as far as needed."""
    if rule.how == "leaf":
        for needed in step.asks.get(rule, ()):
            await _filled(needed, checked, slots, opened)
        call = step.leaves[rule]
        value = call.function(**call.arguments(checked, slots))
        if inspect.isawaitable(value):
            value = await value  # Also of a `partial` or a lambda: what is not awaited would let everybody pass.
        # None is a pass only from a rule that is declared to give nothing and raises where it refuses.
        if not value and (value is not None or rule in step.strict):
            raise Forbidden(f"The rule {rule.name!r} does not let this request pass.")
        return
    refusals: list[HTTPError] = []
    for part in rule.parts:
        try:
            await _obeyed(step, part, checked, slots, opened)
            if rule.how == "or":
                return
        except HTTPError as error:
            # What could not be judged has refused nobody, so `~` must not let everybody pass.
            if rule.how == "and" or (rule.how == "not" and _unjudged(error, slots)):
                raise
            refusals.append(error)
    if rule.how == "or":
        raise next((each for each in refusals if _unjudged(each, slots)), refusals[0])
    if rule.how == "not" and not refusals:
        raise Forbidden(f"The rule {rule.name!r} does not let this request pass.")


def _unjudged(error: HTTPError, slots: list[Any]) -> bool:
    """Whether an error is none of a rule's own answers: its store is away (503), a provider refused, or it says so."""
    said = error.status >= 500 or error.unjudged
    return said or any(isinstance(each, _Failed) and each.error is error for each in slots)
