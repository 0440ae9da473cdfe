"""The way back to a form's page: after faults, after a button for rows, and for a check of one field."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from wholestack import HTML, App, HTTPError, Request, Response
from wholestack.encoding import form_values
from wholestack.errors import FieldFault, ValidationFailed
from wholestack.handlers import Call, Drive, Plan, run_inline

from ._conflict import faults_of
from ._rows import change, pressed
from ._values import Found, State, Told
from ._view import FormView, _steps

STATE = "_wholestack_form"
#: What of the page's request is its own; all else that its plan puts there is the form's request's as well.
_OWN = frozenset({"method", "path", "params", "form", "body", "content_type", "limits", STATE})
CHECK = "x-form-check"
UPLOAD, LEADS = "x-form-upload", "x-form-location"
"""In the request of our script that sends files; and in the answer, where it is to go on: a script sees no redirect."""
_HTMX, _TRIGGER = "hx-request", "hx-trigger-name"
#: In `Call`'s slots: the request, and the error that is answered.
_REQUEST, _ERROR = 0, 1

Answer = Callable[[Request, Exception], Any]


class Pressed(Exception):
    """A button for a row has sent the form: no error, it ends what asks for something else."""

    def __init__(self, button: tuple[str, str]) -> None:
        super().__init__(*button)
        self.button = button


class Checked(Exception):
    """One field is to be checked, and nothing done."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclasses.dataclass(frozen=True)
class Again:
    """A form's handler, and the page that shows the form once more.

    Attributes:
        app: that both are in.
        model: the form's.
        plan: the form's own.
        page: the plan of its page, without the middleware that stands around the form as well.
        path: from the request to the page's path.
    """

    app: App
    model: Any
    plan: Plan
    page: Plan
    path: Callable[[Request], str]

    def install(self) -> None:
        """Let the form's plan answer so."""
        before = dict(self.plan.error_calls)
        calls: dict[type[BaseException], Any] = {ValidationFailed: self._after(ValidationFailed, self._faults, before)}
        kind = _integrity_error()
        if kind is not None:
            calls[kind] = self._after(kind, self._conflict, before)
        for refused in _refused_files():
            calls[refused] = self._after(refused, self._refused, before)
        calls[Pressed] = self._after(Pressed, self._pressed, before)
        calls[Checked] = self._after(Checked, self._checked, before)
        self.plan.error_calls = before | calls
        self.plan.middleware = (*self.plan.middleware, _asked_otherwise)

    def _after(self, kind: type[Exception], answer: Answer, before: Mapping[type[BaseException], Any]) -> Any:
        """An error's call: the form's page, else what the app does with such an error otherwise."""
        earlier: Any = next((before[each] for each in kind.__mro__ if each in before), None)

        def call(request: Request, error: Exception) -> Any:
            found = answer(request, error)
            if found is not None:
                return found
            if earlier is None:
                raise error
            return earlier[0].function(**earlier[0].arguments({}, [request, error]))

        # The API's document tells of what its own clients get.
        if earlier is None or getattr(earlier[0].function, "for_pages", False):
            vars(call)["for_pages"] = True
        else:
            vars(call)["__wrapped__"] = earlier[0].function

        def respond(value: Any, request: Request) -> Response:
            # The page's own plan has built its answer already.
            if earlier is None or value is vars(request).get(STATE):
                return value  # type: ignore[no-any-return]  # what `call` gives without another handler is a response
            return earlier[1](value, request)  # type: ignore[no-any-return]  # a `Respond`

        return Call(call, slots=(("request", _REQUEST), ("error", _ERROR))), respond

    # -- the five ways back --------------------------------------------------------------------------------------

    def _faults(self, request: Request, error: Exception) -> Any:
        if not isinstance(error, ValidationFailed) or not _wants_page(request):
            return None
        return self._shown(request, self._state(request, lambda: faults_at(error.faults)), 422)

    def _conflict(self, request: Request, error: Exception) -> Any:
        if not _wants_page(request):
            return None
        faults = faults_of(error, self.model)
        return self._shown(request, self._state(request, lambda: faults), 422)

    def _refused(self, request: Request, error: Exception) -> Any:
        """What the handler's storage did not take is told beside the file, where only one field has sent some."""
        if not isinstance(error, HTTPError) or not _wants_page(request):
            return None
        names = {name for name, _ in request.form.files}
        path = tuple(_steps(names.pop())) if len(names) == 1 else ()
        return self._shown(request, self._state(request, lambda: [(path, Told(error.code, error.detail))]), 422)

    def _pressed(self, request: Request, error: Exception) -> Any:
        state = self._state(request, tuple)
        change(state, error.button)  # type: ignore[attr-defined]  # called for `Pressed` only
        return self._shown(request, state, 200)

    def _checked(self, request: Request, error: Exception) -> Any:
        name: str = error.name  # type: ignore[attr-defined]  # called for `Checked` only

        def faults() -> Sequence[Found]:
            try:
                self.plan.bind(request)
            except ValidationFailed as found:
                return faults_at(found.faults)
            return ()

        return self._shown(request, self._state(request, faults), 200, field=name)

    def _state(self, request: Request, faults: Callable[[], Sequence[Found]]) -> State:
        return State(self.model, form_values(self.model)(request.form), faults)

    # -- the page ------------------------------------------------------------------------------------------------

    def _shown(self, request: Request, state: State, status: int, *, field: str | None = None) -> Any:
        """The page's answer, or what is to be awaited for it, as the colours of both plans have it."""
        inner = copy.copy(request)
        vars(inner).update({"method": "GET", "form": None, "body": b"", "content_type": "", STATE: state})
        vars(inner)["path"] = self.path(request)

        def finished(response: Response) -> Response:
            # What ends with the request, such as the visit of a session, is looked for in the form's own. The check of
            # one field does nothing: a message that its page shows to nobody is not shown yet.
            if field is None:
                vars(request).update({name: value for name, value in vars(inner).items() if name not in _OWN})
            if state.view is not None and response.status == 200:
                response.status = status
                response = _field_alone(state.view, field) if field is not None else response
            response.headers.vary("accept")
            vars(request)[STATE] = response
            return response

        if asyncio._get_running_loop() is None and self.page.colour != "async":
            return finished(run_inline(self.page.answer(inner)))

        async def answered() -> Response:
            if self.page.colour == "def":
                return finished(await self.app.seal().workers.run(lambda: run_inline(self.page.answer(inner))))
            coroutine = self.page.answer(inner)
            return finished(await (Drive(coroutine) if self.page.driven else coroutine))

        return answered()


def _asked_otherwise(request: Request) -> Generator[None, Response, Response]:
    """Middleware of a form's plan: what was sent by a button for rows, or to be checked, does not reach the handler."""
    if request.form is not None:
        name = request.headers.get(CHECK)
        if name is not None:
            raise Checked(name or request.headers.get(_TRIGGER) or "")
        button = pressed(request.form)
        if button is not None and _wants_page(request):
            raise Pressed(button)
    response = yield
    # A redirect is seldom asked for so; nobody else's answer has its fields looked at.
    if 300 <= response.status < 400 and UPLOAD in request.headers and "location" in response.headers:
        location = response.headers["location"]
        response.status = 200
        response.headers.set(LEADS, location)
        response.headers.remove("location")
    return response


def _wants_page(request: Request) -> bool:
    return request.form is not None and (request.wants_html or _HTMX in request.headers)


def _field_alone(view: FormView[Any], name: str) -> Response:
    try:
        return HTML(str(view[name].html))
    except (KeyError, IndexError):
        return HTML("", 404)


def faults_at(faults: Sequence[FieldFault]) -> list[Found]:
    """Faults by the path of each field; those of a path, a query or a header belong to the form as a whole."""
    found = []
    for fault in faults:
        steps = [step.replace("~1", "/").replace("~0", "~") for step in fault.pointer.split("/")[1:]]
        path = [int(step) if step.isascii() and step.isdigit() and len(step) < 10 else step for step in steps]
        found.append((tuple(path) if fault.source == "form" else (), Told(fault.code, fault.detail)))
    return found


def _refused_files() -> tuple[type[Exception], ...]:
    """The errors for files that are not taken, where an app keeps files at all."""
    import sys

    if "wholestack.files" not in sys.modules:
        return ()
    from wholestack.files import ArchiveRefused, FileTooLarge, FileTypeRefused, ImageRefused

    return ArchiveRefused, FileTooLarge, FileTypeRefused, ImageRefused


def _integrity_error() -> type[Exception] | None:
    """SQLAlchemy's, where a database is loaded at all."""
    import sys

    if "wholestack.db" not in sys.modules:
        return None
    from sqlalchemy.exc import IntegrityError

    return IntegrityError
