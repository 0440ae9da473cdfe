"""A task made ready in an app: which arguments come from its payload, which from the app, and how it is called.

It is called by a plan as a handler is, compiled by the same compiler from a function of ours that stands for the task:
so providers are entered and left as for a request, in either colour, and the session commits as its last word.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin

import pydantic
import typing_extensions
from pydantic_core import ValidationError

from wholestack import App, Request, Response
from wholestack.db import Session
from wholestack.encoding import MASK, has_secret, secrets_of
from wholestack.errors import Fault
from wholestack.handlers import (
    Compiler,
    Environment,
    JsonBody,
    JSONWriter,
    Plan,
    Providers,
    Surroundings,
    error_calls,
    hints_of,
    json_pointer,
    kind_of,
    read_signature,
)
from wholestack.http import Refused
from wholestack.routing import ErrorHandler, Route

from ._errors import PayloadRefused
from ._run import Progress, Run
from ._task import Task, given

_RUN, _SESSION = "outbox_run", "outbox_session"
_OF_A_REQUEST = "request", "path", "query", "header", "cookie", "form", "body"
_WORDS = {"at", "key"}
"""What `queue.put` takes for itself."""
_MASK = MASK.encode()


@dataclasses.dataclass(frozen=True)
class Bound:
    """A task of an app; what is put is written by it, and what was put is read."""

    task: Task
    plan: Plan
    signature: inspect.Signature
    body: JsonBody
    writer: JSONWriter

    @property
    def is_async(self) -> bool:
        """Whether the task is `async def`."""
        return self.plan.colour == "async"

    def written(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], most: int) -> str:
        """The arguments as JSON, of at most so many bytes.

        Raises:
            PayloadRefused: they are not what the task takes, or too many.
        """
        name = self.task.name
        try:
            values = self.body.check(dict(self.signature.bind(*args, **kwargs).arguments))
            payload, reason = self.writer.attempt(values)
            if payload is None:
                raise PayloadRefused(f"{name} was put with what JSON has no form for: {reason}.")
            if _MASK in payload and has_secret(values):
                raise PayloadRefused(f"{name} was put with a secret, and would be given asterisks in its place.")
            self.body.read(payload)  # What cannot be read again is refused here, not when it is to be run.
        except (ValidationError, Refused, TypeError) as error:
            raise PayloadRefused(f"{name} was put with other arguments than it takes: {told(error)}.") from None
        if len(payload) > most:
            cure = "Put the id of what lies in the database or in a file, and let the task read it there."
            raise PayloadRefused(f"{name} was put with {len(payload)} bytes, of {most} at most. {cure}")
        return payload.decode()

    def read(self, payload: str) -> dict[str, Any]:
        """The arguments.

        Raises:
            PayloadRefused: they are not what the task takes: of another release, or forged.
        """
        try:
            return dict(self.body.read(payload.encode("utf-8", "surrogatepass")))
        except (ValidationError, Refused) as error:
            raise PayloadRefused(told(error)) from None


def told(error: Exception) -> str:
    """What is wrong, without a word of the values: those may be private."""
    if isinstance(error, ValidationError):
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        return "; ".join(f"at {json_pointer(each['loc']) or 'the top'}: {each['msg']}" for each in faults[:5])
    return str(getattr(error, "detail", None) or error)


def bind(task: Task, app: App, around: Environment, faults: list[Fault]) -> Bound | None:
    """A task made ready, or None and what is wrong with it among the faults."""
    found: list[Fault] = []
    given_here, payload = _sorted(task, around, found)
    if found:
        faults += found
        return None
    try:
        arguments = _typed(task, payload)
        adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(arguments)
        body, writer = JsonBody(arguments, app.limits), JSONWriter(adapter.serializer)
    except Exception as error:  # A type's own schema hook may raise anything; the fault names the task.
        message = f"A parameter of {task.name} has no schema: {str(error).splitlines()[0].rstrip('.')}."
        cure = "Put plain types, models, dataclasses or TypedDicts; what the app provides has the default `given`."
        faults.append(Fault("no-schema", message, task.where, cure))
        return None
    secret = dict.fromkeys(secrets_of(adapter.core_schema))
    if secret:
        message = f"{task.name} takes a secret in {', '.join(secret)}, and would be given asterisks in its place."
        cure = "Put the id of what has the secret and read it in the task, or say by a serializer how it is kept."
        faults.append(Fault("bad-task", message, task.where, cure))
        return None
    parameters = [payload[name] for name in payload]
    handler = _handler(task, given_here)
    route = Route(("TASK",), "/", handler, {}, task.where)
    plan = Compiler(route, (), around, found).plan()
    for name, read in plan.handler.own:
        if hasattr(read, "placed"):  # A kind that wants to know its route: a socket, say.
            found.append(_unfit(task, name, "request"))
    # What stands for the task is ours; the fault is the task's.
    ours = handler.__code__.co_filename
    faults += [dataclasses.replace(each, where=task.where) if ours in each.where else each for each in found]
    return None if found else Bound(task, plan, inspect.Signature(parameters), body, writer)


def environment(app: App, providers: Providers) -> Environment:
    """What surrounds a task: the app's providers, and nothing that belongs to a request."""
    around = Environment(
        providers=providers,
        formats=app.errors,
        limits=app.limits,
        encoder=app.encoder,
        form_reader=app.form_reader,
        error_handlers=(ErrorHandler(Exception, _keep),),
        kinds=tuple(app.parameter_kinds),
    )
    return dataclasses.replace(around, error_calls=error_calls(around, []))


def _keep(error: Exception, request: Request) -> Response:
    """Remember what a run raised, for the runner."""
    if isinstance(request, Run):
        request.error = error
    return Response(status=500)


# -- the parameters ------------------------------------------------------------------------------------------------


def _sorted(
    task: Task, around: Environment, faults: list[Fault]
) -> tuple[dict[str, Any], dict[str, inspect.Parameter]]:
    """The types of what the framework gives, and the parameters that the payload has."""
    told: list[Fault] = []
    places = Surroundings((), around.providers.has, around.kinds, task.names)
    found = {each.name: each for each in read_signature(task.function, places, told)}
    faults += [each for each in told if each.code != "no-place"]  # Of a request's query, where no task reads.
    if faults:
        return {}, {}
    hints = hints_of(task.function, task.names)
    given_here: dict[str, Any] = {}
    payload: dict[str, inspect.Parameter] = {}
    for parameter in inspect.signature(task.function).parameters.values():
        name, hint = parameter.name, hints[parameter.name]
        place = found[name].place if name in found else "payload"
        if _plain(hint) is Progress or place in {"provided", "own"}:
            given_here[name] = hint
        elif place == "request" or parameter.default is given or name in _WORDS:
            faults.append(_unfit(task, name, place))
        else:
            payload[name] = parameter.replace(annotation=hint)
    _of_requests(task, given_here, around, faults)
    return given_here, payload


def _unfit(task: Task, name: str, place: str) -> Fault:
    label = f"The parameter {name!r} of {task.name}"
    if place == "request":
        return Fault("short-lived", f"{label} is the request, which is over.", task.where, "Put what it needs of it.")
    if name in _WORDS:
        return Fault("bad-task", f"{label} is a word of `queue.put`.", task.where, "Give it another name.")
    cure = "Give the type a provider: app.provide(…), or put the value and take `given` away."
    return Fault("no-place", f"{label} is `given` by nobody: nothing provides its type.", task.where, cure)


def _of_requests(task: Task, wanted: Mapping[str, Any], around: Environment, faults: list[Fault]) -> None:
    """Find what is provided, but from a request."""
    providers, seen = around.providers, set()
    waiting = [providers.get(hint) for hint in wanted.values() if _is_provided(providers, hint)]
    while waiting:
        provider = waiting.pop()
        if provider in seen or provider.scope == "app" or provider.outermost:
            continue
        seen.add(provider)
        places = Surroundings((), providers.has, around.kinds, provider.names)
        for each in read_signature(provider.function, places, []):
            if each.place == "provided":
                waiting.append(providers.get(each.type))
            elif each.place in _OF_A_REQUEST:
                message = f"{task.name} needs {provider.label}, which asks for {each.name!r} of a request."
                cure = "Put what it needs of the request, or give the task a provider that needs none."
                faults.append(Fault("short-lived", message, task.where, cure))


def _is_provided(providers: Providers, hint: Any) -> bool:
    try:
        providers.get(hint)
    except StopIteration:
        return False
    return True


def _plain(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _typed(task: Task, payload: Mapping[str, inspect.Parameter]) -> Any:
    """The arguments as one type; what has a default may be missing, and what is not there may not be there."""
    fields: dict[str, Any] = {}
    for name, parameter in payload.items():
        wanted = typing_extensions.Required if parameter.default is parameter.empty else typing_extensions.NotRequired
        fields[name] = wanted[parameter.annotation]
    make: Any = typing_extensions.TypedDict
    arguments = make("Arguments", fields)
    arguments.__module__ = task.function.__module__
    arguments.__pydantic_config__ = pydantic.ConfigDict(extra="forbid", hide_input_in_errors=True)
    return arguments


# -- the call ------------------------------------------------------------------------------------------------------


def _handler(task: Task, wanted: Mapping[str, Any]) -> Any:
    """The function that stands for the task: it asks for what the app provides, and for the run and its session."""
    function = task.function
    progress = [name for name, hint in wanted.items() if _plain(hint) is Progress]

    def arguments(values: dict[str, Any]) -> tuple[Run, Session, dict[str, Any]]:
        run, session = values.pop(_RUN), values.pop(_SESSION)
        return run, session, {**run.values, **values, **dict.fromkeys(progress, run.progress)}

    handler: Callable[..., Any]
    if kind_of(function) == "await":

        async def call_async(**values: Any) -> Response:
            run, session, words = arguments(values)
            await function(**words)
            return run.mark_done(session)

        handler = call_async
    else:

        def call(**values: Any) -> Response:
            run, session, words = arguments(values)
            function(**words)
            return run.mark_done(session)

        handler = call
    asked = {name: hint for name, hint in wanted.items() if name not in progress}
    asked |= {_RUN: Request, _SESSION: Session}
    stands: Any = handler
    stands.__qualname__ = getattr(function, "__qualname__", task.name)
    stands.__annotations__ = {**asked, "return": Response}
    keyword = inspect.Parameter.KEYWORD_ONLY
    stands.__signature__ = inspect.Signature([inspect.Parameter(name, keyword) for name in asked])
    return stands
