"""Sealing: from what was collected to the flat data that drivers run on. Every fault is found before one is
reported.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wholestack.errors import Fault, HTTPError, MethodNotAllowed, NotFound
from wholestack.handlers import (
    Call,
    Cell,
    Compiler,
    Environment,
    Plan,
    Provider,
    Providers,
    Reads,
    Surroundings,
    error_calls,
    kind_of,
    provider_of,
    read_signature,
    responder,
    rules_of,
)
from wholestack.http import Gate, Redirect, Request, Response, safe_redirect
from wholestack.routing import CONVERTERS, Mount, Provision, Route, Router, Template, TemplateFault, Tree, where_of
from wholestack.servers import AfterSend, Find, Lifetime, Sealed, Watch, Workers, answering

if TYPE_CHECKING:
    from ._app import App

Table = dict[str, Plan]
_WAITING_PER_THREAD = 25
_QUERY_SAFE = "%/:?@!$&'()*+,;=-._~[]"
#: A socket's key in a table of methods: no token, so that no HTTP request can name it (RFC 9110 §9.1).
_SOCKET = "(WEBSOCKET)"


@dataclasses.dataclass(frozen=True)
class Placed:
    """A route where it ended up: its whole path, what surrounds it, and its plan."""

    route: Route
    template: Template
    around: Environment
    plan: Plan

    @property
    def name(self) -> str:
        """The one it was given, else its function's."""
        return self.route.options.get("name") or str(getattr(self.route.handler, "__name__", "handler"))


class Sealing:
    """One app on its way from collected to sealed."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.faults: list[Fault] = []
        self.placed: list[Placed] = []
        self.mounts: list[tuple[str, Any]] = []
        self.converters: dict[str, str] = {**CONVERTERS, **app.converters}
        self.inner: dict[Any, Plan] = {}
        self.made: dict[int, Provider | None] = {}
        self.trees: dict[str | None, Tree[Table]] = {}
        self.fields: dict[object, tuple[tuple[str, ...], str]] = {}
        self.base: Environment = Environment(
            providers=Providers().nearer(self._own_providers()),
            formats=app.errors,
            limits=app.limits,
            encoder=app.encoder,
            form_reader=app.form_reader,
            kinds=tuple(app.parameter_kinds),
            answers=tuple(app.answer_kinds),
            media=tuple(app.media),
        )

    def run(self) -> Sealed:
        """The sealed app; `faults` holds what is wrong with it."""
        around = self._around(self.app, self.base)
        self.refusal: Plan = self._inner_plan(_refuse, around)
        self.missing: Table = {"": self._inner_plan(self._missing, around)}
        self.around = around
        self._walk(self.app, "", around)
        self._fill_tables()
        for tree in self.trees.values():
            tree.settle()
        # A kind of parameter that looks at more than its own route (`settled`) gives its faults when all are there.
        for kind in (each for each in self.app.parameter_kinds if hasattr(each, "settled")):
            self.faults += kind.settled(self.placed)
        app = self.app
        workers, after, watch = Workers(app.threads, app.threads * _WAITING_PER_THREAD), AfterSend(), Watch()
        # Opened last, so that it is closed first: what is still to be done may need all the others.
        managers = [*self._managers(around), lambda: answering(after, workers, watch)]
        lifetime = Lifetime(self._app_providers(around.providers), managers)
        find = self._find() if app.finders or any(host is not None for host in self.trees) else None
        sealed = Sealed(
            match=self._match(None),
            find=find,
            gate=Gate(app.limits),
            limits=app.limits,
            refusal=self.refusal,
            headers=app.constant_headers(),
            lifetime=lifetime,
            workers=workers,
            after=after,
            watch=watch,
            sockets=self._sockets,
            providers=around.providers,
            most=app.concurrency,
            prepared=app.prepared if find is None else {},
        )
        if app.socket_driver is not None and any("WEBSOCKET" in placed.route.methods for placed in self.placed):
            sealed.socket_driver = app.socket_driver(sealed, _SOCKET)
        return sealed

    # -- walking the routers -------------------------------------------------------------------------------------

    def _own_providers(self) -> list[Provider]:
        """What every app provides: itself, its settings, its plugins."""
        from ._app import App

        # The public `App` is a class over ours; either may be asked for.
        apps: dict[Any, Any] = {kind: self.app for kind in type(self.app).__mro__ if issubclass(kind, App)}
        values = {**apps, **{type(plugin): plugin for plugin in self.app.plugins}}
        if self.app.settings is not None:
            values[type(self.app.settings)] = self.app.settings
        where: Any = "the app itself"
        return [Provider(key, type(it), "value", "app", False, where, {}, cell=Cell(it)) for key, it in values.items()]

    def _provider(self, provision: Provision) -> Provider | None:
        """The provider of a provision: one, wherever it is seen, since an app-lifetime value lies in it."""
        if id(provision) not in self.made:
            self.made[id(provision)] = provider_of(provision, self.faults)
        return self.made[id(provision)]

    def _around(self, router: Router, outer: Environment) -> Environment:
        """The environment inside a router."""
        found = [self._provider(each) for each in (*router.provisions, *self.app.replaced.values())]
        providers = [provider for provider in found if provider is not None]
        inner = dataclasses.replace(
            outer,
            providers=outer.providers.nearer(providers),
            middleware=(*outer.middleware, *router.middlewares),
            rules=(*outer.rules, *rules_of(router.needs)),
            error_handlers=(*router.error_handlers.values(), *outer.error_handlers),
            tags=(*outer.tags, *router.tags),
            host=_lower(router.host) if router.host else outer.host,
        )
        return dataclasses.replace(inner, error_calls=error_calls(inner, self.faults))

    def _walk(self, router: Router, prefix: str, around: Environment, on_the_way: tuple[Router, ...] = ()) -> None:
        prefix += router.prefix
        for route in router.routes:
            self._place(route, prefix + route.path, around)
        for mount in router.mounts:
            self._mount(mount, prefix + mount.at, around)
        for inclusion in router.inclusions:
            if inclusion.router in (*on_the_way, router):
                self._fault("router-cycle", "A router includes itself.", inclusion.where, "Break the circle.")
                continue
            inner = self._around(inclusion.router, around)
            self._walk(inclusion.router, prefix + inclusion.at, inner, (*on_the_way, router))

    def _place(self, route: Route, path: str, around: Environment) -> None:
        try:
            template = Template.parse(path or "/", self.converters)
        except TemplateFault as fault:
            self._fault("bad-path", str(fault), route.where, "A path is like /items/{id} or /files/{rest:path}.")
            return
        around = dataclasses.replace(around, rules=(*around.rules, *rules_of(route.options.get("needs"))))
        host_names = tuple(re.findall(r"\{(\w+)\}", around.host or ""))
        plan = Compiler(route, (*template.names, *host_names), around, self.faults).plan()
        self._tell_readers(route, plan)
        self.placed.append(Placed(route, template, around, plan))
        # OpenAPI, too, takes two spellings of one path for one path (3.1 §4.8.8.2).
        parts = [(each.literal, each.pattern and each.pattern.pattern, each.rest) for each in template.segments]
        shape = (around.host, *parts)
        names, other = self.fields.setdefault(shape, (template.names, route.where))
        if names != template.names:
            message = f"{path} and the same path at {other} call its fields by different names."
            self._fault("field-names", message, route.where, f"Call them {', '.join(map(repr, names))} here as well.")
        table = self._table(around.host, template)
        for method in route.methods:
            key = _SOCKET if method == "WEBSOCKET" else method
            if key in table:
                other = next(p.route.where for p in self.placed if p.plan is table[key])
                message = f"{method} {template.plain} is answered twice, here and at {other}."
                self._fault("same-route", message, route.where, "Take one of them away.")
            table[key] = plan

    def _tell_readers(self, route: Route, plan: Plan) -> None:
        """Tell a kind of parameter that asks for it (`placed`) which route it is read for; it gives faults."""
        placed: list[Any] = [read for _, read in plan.handler.own if hasattr(read, "placed")]
        self.faults += [fault for read in placed for fault in read.placed(route)]
        if "WEBSOCKET" in route.methods and not placed:
            cure = "Write `socket: Socket[In, Out]`, with `from wholestack.realtime import Socket`."
            self._fault("no-socket", "The handler of a socket asks for no Socket.", route.where, cure)

    def _table(self, host: str | None, template: Template) -> Table:
        tree = self.trees.setdefault(host, Tree(self.missing))
        return tree.leaf(template, dict)

    def _mount(self, mount: Mount, path: str, around: Environment) -> None:
        path = path.rstrip("/")
        if path[:1] not in {"", "/"} or "{" in path:
            cure = "Mount it below a path like /old, in a router without fields in its prefix."
            self._fault("bad-path", f"The path {path!r} of a mount is no plain path.", mount.where, cure)
            return
        foreign = self.app.foreign(mount.app, mount.interface, path)
        if around.rules:
            foreign.sockets = None  # No request to judge by: what rules guard stays shut.
        plan = Compiler(Route((), path, foreign.answer, {}, mount.where), (), around, self.faults).plan()
        plan = dataclasses.replace(plan, timeout=None, cancelled=False, body=_Foreign())
        plan.body_limit = around.limits.bytes_of("body")
        self.mounts.append((path, foreign))
        for text in (path or "/", f"{path}/{{rest:path}}", f"{path}/"):
            self._table(around.host, Template.parse(text, self.converters)).setdefault("", plan)

    # -- tables --------------------------------------------------------------------------------------------------

    def _fill_tables(self) -> None:
        """HEAD where GET is, OPTIONS everywhere, and 405 for the rest, with the methods that are there."""
        for placed in self.placed:
            table = self._table(placed.around.host, placed.template)
            if "" in table:
                continue
            if "GET" in table:
                table.setdefault("HEAD", table["GET"])
            if _SOCKET in table:
                table.setdefault("GET", self._inner_plan(_upgrade(placed.template.plain), placed.around))
            allow = ", ".join(sorted({*table, "OPTIONS"} - {_SOCKET}))
            table.setdefault("OPTIONS", self._inner_plan(_options(allow), placed.around))
            table[""] = self._inner_plan(_not_allowed(allow), placed.around)

    def _match(self, host: str | None) -> Any:
        return self.trees.setdefault(host, Tree(self.missing)).match

    def _missing(self, request: Request) -> Response:
        """404; or, where only the last slash is wrong, the way to the path that is there, never to another host."""
        path = request.path
        if self.app.slashes == "redirect" and not path.startswith("//"):
            other = path[:-1] if path.endswith("/") else path + "/"
            table = self._find()(request, other)[0]
            raw = request.query_string.encode("latin-1", "replace")
            query = f"?{quote(raw, _QUERY_SAFE)}" if raw else ""
            target = quote(request.root_path + other) + query
            if table is not self.missing and safe_redirect(target):
                return Redirect(target, 308)
        raise NotFound("Nothing is here.")

    def _find(self) -> Find:
        """What finds the plans of a request and a path, where the path alone does not; plugins have a say in it."""
        default = self._match(None)
        fixed = {host: self._match(host) for host in self.trees if host is not None and "{" not in host}
        # A literal goes before a field, as in paths; what stands right in a host weighs more.
        named = sorted((host for host in self.trees if host is not None and "{" in host), key=_fields_of_host)
        patterns = [(_host_pattern(host), self._match(host)) for host in named]

        def by_host(request: Request, path: str) -> tuple[Mapping[str, Plan], dict[str, str]]:
            host = request.host
            name = (host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host).lower()
            if inner := fixed.get(name):
                table, params = inner(path)
                if table is not self.missing:
                    return table, params
            for pattern, inner in patterns:
                if found := pattern.fullmatch(name):
                    table, params = inner(path)
                    if table is not self.missing:
                        return table, {**found.groupdict(), **params}
            return default(path)  # type: ignore[no-any-return]

        find: Find = by_host
        for wrap in self.app.finders:
            find = wrap(find, self.missing)
        return find

    def _inner_plan(self, function: Any, around: Environment) -> Plan:
        """A plan for a function of ours that takes the request, inside the middleware of its place."""
        key = (around.middleware, around.error_handlers)
        base = self.inner.get(key)
        if base is None:
            route = Route((), "/", _refuse, {}, where_of(_refuse))
            plan = Compiler(route, (), dataclasses.replace(around, rules=()), self.faults).plan()
            respond = responder(Response, None, encoder=around.encoder)
            base = dataclasses.replace(plan, colour="inline", timeout=None, respond=respond)
            self.inner[key] = base
        handler = dataclasses.replace(base.handler, function=function, kind=kind_of(function))
        return dataclasses.replace(base, handler=handler)

    # -- the process ---------------------------------------------------------------------------------------------

    def _app_providers(self, providers: Providers) -> list[Provider]:
        """App-lifetime providers in the order in which they are opened."""
        seen: list[Provider] = []
        for around in {id(placed.around.providers): placed.around for placed in self.placed}.values():
            for provider in around.providers.all():
                self._app_provider(provider, around.providers, seen, ())
        for provider in providers.all():
            self._app_provider(provider, providers, seen, ())
        return [provider for provider in seen if provider.cell.value is None]

    def _app_provider(
        self, provider: Provider, providers: Providers, seen: list[Provider], pending: tuple[Provider, ...]
    ) -> None:
        if provider.scope != "app" or provider in seen or provider.cell.value is not None:
            return
        if provider in pending:
            self._fault("provider-cycle", f"{provider.label} needs itself.", provider.where, "Break the circle.")
            return
        parameters = read_signature(provider.function, Surroundings((), providers.has, (), provider.names), self.faults)
        needs = []
        for parameter in parameters:
            needed = providers.get(parameter.type) if parameter.place == "provided" else None
            if needed is None or needed.scope != "app":
                message = f"{provider.label} lives as long as the app, but {parameter.name!r} belongs to a request."
                self._fault("short-lived", message, provider.where, "Ask only for app-lifetime values there.")
                continue
            self._app_provider(needed, providers, seen, (*pending, provider))
            needs.append((parameter.name, needed))
        provider.needs = tuple(needs)
        seen.append(provider)

    def _managers(self, around: Environment) -> list[Any]:
        """The lifespans of the app and of what is mounted, each without arguments left to fill."""
        managers = [self._manager(function, around) for function in self.app.lifespans]
        return managers + [foreign.lifespan for _, foreign in self.mounts if foreign.lifespan is not None]

    def _manager(self, function: Any, around: Environment) -> Any:
        parameters = read_signature(function, Surroundings((), around.providers.has), self.faults)
        cells: list[tuple[str, Cell]] = []
        for parameter in parameters:
            provider = around.providers.get(parameter.type) if parameter.place == "provided" else None
            if provider is None or provider.scope != "app":
                message = f"A lifespan asks for {parameter.name!r}, which belongs to a request."
                self._fault("short-lived", message, where_of(function), "Ask only for app-lifetime values there.")
            else:
                cells.append((parameter.name, provider.cell))
        call = Call(function, cells=tuple(cells), kind=kind_of(function))
        return lambda: call.function(**call.arguments({}, []))

    def _sockets(self, path: str) -> Any:
        """What takes the WebSockets below a path: the mount nearest to it, if it takes any."""
        for at, foreign in sorted(self.mounts, key=lambda mount: -len(mount[0])):
            if path == at or path.startswith(f"{at}/"):
                return foreign.sockets
        return None

    def _fault(self, code: str, message: str, where: str, cure: str) -> None:
        self.faults.append(Fault(code, message, where, cure))


class _Foreign:
    """A mounted app reads its body itself."""

    reads: Reads = "stream"
    media_types: tuple[str, ...] = ()
    coded = True

    def take(self, request: Request, checked: dict[str, Any], faults: list[Any]) -> None:
        """Nothing: the handler takes the stream from the request."""


def _refuse(request: Request) -> Response:
    raise NotFound("Nothing is here.")


def _not_allowed(allow: str) -> Any:
    def not_allowed(request: Request) -> Response:
        raise MethodNotAllowed(f"This takes {allow}.", headers={"allow": allow})

    return not_allowed


def _upgrade(path: str) -> Any:
    def upgrade(request: Request) -> Response:
        message = f"{path} is a WebSocket: connect with ws:// or wss://, to a server that speaks ASGI or RSGI."
        fields = {"upgrade": "websocket", "connection": "upgrade"}
        raise HTTPError(message, status=426, code="upgrade-required", headers=fields)

    return upgrade


def _options(allow: str) -> Any:
    def options(request: Request) -> Response:
        return Response(status=204, headers={"allow": allow})

    return options


def _lower(host: str) -> str:
    """A host in lower case (RFC 9110 §4.2.3), its fields' names as they are."""
    return "".join(each if each[:1] == "{" else each.lower() for each in re.split(r"(\{\w+\})", host))


def _host_pattern(host: str) -> re.Pattern[str]:
    pieces = enumerate(re.split(r"\{(\w+)\}", host))
    return re.compile("".join(f"(?P<{each}>[^.]+)" if index % 2 else re.escape(each) for index, each in pieces))


def _fields_of_host(host: str) -> list[bool]:
    """Which of a host's labels hold a field, from the right."""
    return ["{" in label for label in reversed(host.split("."))]
