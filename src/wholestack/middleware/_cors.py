"""Cross-origin requests (Fetch standard §3.2)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Generator, Sequence

from wholestack import App, Forbidden, Request, Response, SetupError
from wholestack.errors import Fault

from ._faults import bad_guard, outside, texts
from ._origins import OriginPattern, checked_origin
from ._place import CROSS_ORIGIN, place

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PREFLIGHT_VARIES = ("access-control-request-method", "access-control-request-headers")


@dataclasses.dataclass(frozen=True)
class CORS:
    """Let pages of other origins read what this app answers.

    Arguments:
        origins: exact ones (``https://example.org``), `OriginPattern`s, or ``*`` for everybody.
        methods: what a page may send beside plain forms.
        headers: request header fields that a page may set; ``*`` for all but `Authorization`.
        expose: answer header fields that a page may read.
        credentials: whether the browser sends cookies along; then nothing may be ``*``.
        max_age: for how many seconds a browser may remember a preflight.
        private_network: whether a page of the public network may ask this server in a private one.

    Raises:
        SetupError: an origin that no browser sends, `null`, or ``*`` together with `credentials`.

    Example:
        >>> app = App()
        >>> app.use(CORS(origins=["https://example.org"], headers=["content-type", "authorization"]))
    """

    origins: Sequence[str | OriginPattern] | str
    methods: Sequence[str] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
    headers: Sequence[str] = ("content-type",)
    expose: Sequence[str] = ()
    credentials: bool = False
    max_age: int = 600
    private_network: bool = False

    def __post_init__(self) -> None:
        given = (self.origins,) if isinstance(self.origins, str) else tuple(self.origins)
        patterns = tuple(each for each in given if isinstance(each, OriginPattern))
        exact = frozenset(each if each == "*" else checked_origin(each) for each in given if isinstance(each, str))
        if not given:
            raise bad_guard(
                "CORS(origins=[]) lets nobody in.", 'Name the origins: CORS(origins=["https://example.org"]).'
            )
        for name in ("methods", "headers", "expose"):
            for each in (found := texts(getattr(self, name), name)):
                if not _TOKEN.fullmatch(each):
                    raise bad_guard(
                        f"CORS({name}=…) lists {each!r}, which is no name.", "Write one name for each entry."
                    )
            object.__setattr__(self, name, found)
        if self.max_age < 0:
            raise bad_guard("CORS(max_age=…) is negative.", "Give seconds; 0 has browsers ask each time.")
        stars = [name for name in ("methods", "headers", "expose") if "*" in getattr(self, name)]
        stars += ["origins"] if "*" in exact else []
        if self.credentials and stars:
            message = f"CORS(credentials=True) has '*' in {' and '.join(stars)}: every site could act as the user."
            cure = 'Name each: CORS(origins=["https://example.org"], headers=["content-type"], credentials=True).'
            raise SetupError([Fault("cors-credentials", message, outside(), cure)])
        vars(self).update(_exact=exact, _patterns=patterns, _where=outside())

    def allows(self, origin: str) -> bool:
        """Whether pages of this origin may read answers.

        Example:
            >>> CORS(origins=["https://example.org"]).allows("https://evilexample.org")
            False
        """
        exact: frozenset[str] = vars(self)["_exact"]
        patterns: tuple[OriginPattern, ...] = vars(self)["_patterns"]
        return "*" in exact or origin in exact or any(each.matches(origin) for each in patterns)

    def setup(self, app: App) -> None:
        """See `Plugin`."""
        everybody = "*" in vars(self)["_exact"]
        shared = {"access-control-allow-credentials": "true"} if self.credentials else {}
        exposed = [("access-control-expose-headers", ", ".join(self.expose))] if self.expose else ()

        def cors(request: Request) -> Generator[None, Response, Response]:
            origin = request.headers.get("origin")
            allowed = {}
            if origin is not None and self.allows(origin):
                allowed = {"access-control-allow-origin": "*" if everybody else origin, **shared}
            if request.method == "OPTIONS" and origin and "access-control-request-method" in request.headers:
                return self._preflight(request, allowed, everybody)
            response = yield
            if allowed:
                for name, value in (*allowed.items(), *exposed):
                    response.headers.set(name, value)
            if not everybody:
                response.headers.vary("origin")
            return response

        place(app, CROSS_ORIGIN, cors)
        app.check(self._open)

    def _preflight(self, request: Request, allowed: dict[str, str], everybody: bool) -> Response:
        """Say what a page may send: what was configured, never what was asked for."""
        varies = ", ".join((*(() if everybody else ("origin",)), *_PREFLIGHT_VARIES))
        if not allowed:
            _refuse("Pages of that origin may not read this server's answers.", varies)
        method = request.headers["access-control-request-method"]
        if "*" not in self.methods and method not in self.methods:
            _refuse(f"Pages of other origins may send {', '.join(self.methods)}.", varies)
        asked = ",".join(request.headers.get_all("access-control-request-headers")).lower().split(",")
        names = {name.lower() for name in self.headers}
        unknown = {name.strip() for name in asked} - names - {""}
        if unknown and ("*" not in names or "authorization" in unknown):
            listed = ", ".join(self.headers) or "none"
            _refuse(f"Pages of other origins may set these header fields: {listed}.", varies)
        fields = {
            **allowed,
            "access-control-allow-methods": ", ".join(self.methods),
            "access-control-max-age": str(self.max_age),
            "vary": varies,
        }
        if self.headers:
            fields["access-control-allow-headers"] = ", ".join(self.headers)
        if request.headers.get("access-control-request-private-network") == "true":
            if not self.private_network:
                _refuse("Pages of the public network may not ask this server.", varies)
            fields["access-control-allow-private-network"] = "true"
        return Response(status=204, headers=fields)

    def _open(self) -> list[Fault]:
        where = vars(self)["_where"]
        faults = []
        if "*" in vars(self)["_exact"]:
            message = 'CORS(origins="*") lets the pages of every site read what this app answers.'
            faults.append(
                Fault("cors-open", message, where, "Name the origins, where the answers are not for everybody.")
            )
        plain = sorted(each for each in vars(self)["_exact"] if each.startswith("http:") and not _is_local(each))
        if plain and self.credentials:
            message = (
                f"CORS(origins=…, credentials=True) lists {', '.join(plain)}: whoever is on the wire is that page."
            )
            faults.append(Fault("cors-open", message, where, "Serve that page over https."))
        return faults


def _is_local(origin: str) -> bool:
    return re.match(r"http://(?:localhost|127\.0\.0\.1|\[::1\])(?::|\Z)", origin) is not None


def _refuse(detail: str, varies: str) -> None:
    raise Forbidden(detail, code="cors-refused", headers={"vary": varies})
