"""The app's document against the app: schemathesis invents requests for each operation, allowed and not."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from wholestack import App
from wholestack.openapi import document

from ._client import Client
from ._errors import ClientFault, UnexpectedAnswer
from ._life import Interface

HERE = "http://testserver"
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
"""No 5xx, and nothing that the document does not say."""
_REFUSES = "negative_data_rejection"
_LENIENT = frozenset({"type", "uniqueItems", "format"})
"""What types read leniently by Pydantic's conversions: ``0.0`` for false, a value twice in a set, a day as a number."""
_ENDLESS = "text/event-stream"


class Contract:
    """What an app says of itself, to be checked operation by operation. It needs schemathesis.

    Arguments:
        app: the app; its document is read in this process.
        url: where it is served; without one it is asked in this process.
        interface: how it is asked in this process: ``"asgi"``, ``"wsgi"`` or ``"rsgi"``.
        headers: header fields of each request, such as a key.
        examples: how many requests to invent for each operation.

    Attributes:
        operations: their names, such as ``"GET /notes/{id}"``.

    Raises:
        ClientFault: schemathesis is not installed.

    Example:
        >>> from wholestack import App
        >>> app = App()
        >>> @app.get("/half/{number}")
        ... def half(number: int) -> int:
        ...     return number // 2
        >>> contract = Contract(app, examples=5)
        >>> contract.operations
        ('GET /half/{number}',)
        >>> contract.check("GET /half/{number}")
    """

    def __init__(
        self,
        app: App,
        *,
        url: str | None = None,
        interface: Interface = "asgi",
        headers: Mapping[str, str] | None = None,
        examples: int = 50,
    ) -> None:
        if importlib.util.find_spec("schemathesis") is None:
            raise ClientFault("schemathesis, which invents the requests, is not installed: pip install schemathesis")
        self._app = app
        self._url = url
        self._interface: Interface = interface
        self._headers = dict(headers or {})
        self._examples = examples
        schema = importlib.import_module("schemathesis").openapi.from_dict(document(app))
        found = [result.ok() for result in schema.get_all_operations()]
        self._operations = {operation.label: operation for operation in found}

    @property
    def operations(self) -> tuple[str, ...]:
        """The names of all operations, in the document's order."""
        return tuple(self._operations)

    def check(self, operation: str) -> None:
        """Ask one operation again and again, the same in each run.

        Raises:
            UnexpectedAnswer: it answered what the document does not say, or a 5xx, or took what the document forbids.
            Exception: what a handler raised. Both come with the request as a curl command.
        """
        hypothesis: Any = importlib.import_module("hypothesis")
        known = importlib.import_module("schemathesis.checks").CHECKS
        checks = [*(known.get_one(name) for name in _CHECKS), _refuses(known.get_one(_REFUSES))]
        base = self._url or HERE

        def ask(case: Any) -> None:
            answer = case.call(base_url=base, session=session, headers=dict(self._headers))
            case.validate_response(answer, checks=checks, headers=dict(self._headers))

        settings = hypothesis.settings(
            max_examples=self._examples,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        broken = importlib.import_module("schemathesis.core.failures").FailureGroup
        with self._session() as session, _unlogged():
            try:
                hypothesis.seed(0)(settings(hypothesis.given(self._cases(operation))(ask)))()
            except broken as error:
                text = str(error.message).partition("\n")[2].strip()
                raise UnexpectedAnswer(f"{operation} does not keep its contract:\n\n{text}") from None

    def _cases(self, operation: str) -> Any:
        """Requests that the document allows; and such as it does not, where there is anything to get wrong."""
        modes = importlib.import_module("schemathesis").GenerationMode
        chosen = self._operations[operation]
        allowed = chosen.as_strategy(generation_mode=modes.POSITIVE)
        if not chosen.body and not list(chosen.iter_parameters()):
            return allowed
        return importlib.import_module("hypothesis").strategies.one_of(
            allowed, chosen.as_strategy(generation_mode=modes.NEGATIVE)
        )

    @contextlib.contextmanager
    def _session(self) -> Iterator[Any]:
        """A session of requests, which schemathesis asks through: over a socket, or to the app itself."""
        requests = importlib.import_module("requests")
        with requests.Session() as session:
            session.trust_env = False  # No proxy of the machine stands between the test and its app.
            if self._url is not None:
                yield session
                return
            with Client(self._app, interface=self._interface) as client:
                session.mount(HERE, _adapter(client))
                yield session


def _refuses(check: Any) -> Any:
    """The check that what the document forbids gets a 4xx, but for what the types read leniently."""
    failure = importlib.import_module("schemathesis.core.failures").Failure

    def refuses(context: Any, response: Any, case: Any) -> bool | None:
        try:
            return bool(check(context, response, case)) or None
        except failure:
            changes = getattr(case.meta.phase.data, "mutations", ())
            if changes and all(_LENIENT.issuperset(change.keywords) for change in changes):
                return None
            raise

    return refuses


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """Errors are raised in the test; the log would have them for each request on the way to the simplest one."""
    log = logging.getLogger("wholestack")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def _adapter(client: Client) -> Any:
    """What a session of requests sends through: the client, without a socket."""
    adapters = importlib.import_module("requests.adapters")
    urllib3 = importlib.import_module("urllib3")

    def send(request: Any, **options: Any) -> Any:
        body = request.body or b""
        url = request.url.removeprefix(HERE)
        with client.stream(request.method, url, headers=list(request.headers.items()), body=body) as answer:
            # An endless stream is asked for its head.
            content = b"" if answer.media_type == _ENDLESS else answer.read()
        pairs = urllib3.HTTPHeaderDict(answer.head.pairs)
        raw = urllib3.HTTPResponse(io.BytesIO(content), pairs, answer.status, preload_content=False)
        return adapters.HTTPAdapter().build_response(request, raw)

    adapter = adapters.BaseAdapter()
    adapter.send, adapter.close = send, lambda: None
    return adapter
