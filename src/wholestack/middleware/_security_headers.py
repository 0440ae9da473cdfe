"""Security headers beyond the core's four: what a page may load and do, decided when the app is sealed."""

from __future__ import annotations

import dataclasses
import re
import secrets
from collections.abc import Callable, Generator, Mapping
from types import MappingProxyType

from wholestack import App, Request, Response
from wholestack.errors import Fault
from wholestack.routing import Route

from ._faults import bad_guard, outside
from ._place import HEADERS, place
from ._reports import REPORTS, take_reports
from ._security import check_directives, differing_of

#: Everything from this site, nothing embedded by or in another, no plug-ins, no change of what links mean.
CONTENT_SECURITY_POLICY: Mapping[str, str] = MappingProxyType(
    {
        "default-src": "'self'",
        "img-src": "'self' data:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
)
#: Powers that a page asks its user for, and few pages need.
PERMISSIONS_POLICY = (
    "camera=(), microphone=(), geolocation=(), display-capture=(), midi=(), payment=(), usb=(), serial=(), "
    "accelerometer=(), gyroscope=(), magnetometer=(), browsing-topics=()"
)
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_GROUP = "reports"
_RUNS_ANYTHING = re.compile(r"'unsafe-inline'|'unsafe-eval'|(?:^| )(?:\*|https?:|data:)(?= |$)")
_HEADER, _REPORTING = "content-security-policy", "content-security-policy-report-only"


class Nonce(str):
    """A word that is new for each request, and that marks a page's own inline scripts and styles.

    A handler that asks for one gets it, and its answer's Content-Security-Policy lets it pass; needs `SecurityHeaders`.

    Example:
        >>> Nonce("r4nd0m").attribute
        'nonce="r4nd0m"'
    """

    __slots__ = ()

    @property
    def attribute(self) -> str:
        """What stands in the tag: ``<script nonce="…">``."""
        return f'nonce="{self}"'


@dataclasses.dataclass(frozen=True)
class SecurityHeaders:
    """Tell browsers what the app's pages may load and do; on every answer, at no cost for a request.

    Arguments:
        csp: directives of the Content-Security-Policy that differ from the default: text, or None to leave one out.
            None in place of them all sends no policy.
        report_only: browsers report what the policy would forbid, and forbid nothing.
        permissions_policy: which powers of the browser pages may use; None sends no such field.
        resource_policy: who may embed what is served here: ``"same-origin"``, ``"same-site"``, ``"cross-origin"`` (a
            server of public images), or None.
        embedder_policy: ``"require-corp"`` or ``"credentialless"`` isolates pages from other origins, which gives them
            shared memory and exact clocks (with the core's Cross-Origin-Opener-Policy); None sends no such field.
        reports: a path that browsers send reports to of what the policy has stopped, ``"/-/reports"``; each is a line
            in the log ``wholestack.reports``.

    Raises:
        SetupError: a directive that would end the policy and begin another.

    Example:
        >>> SecurityHeaders(csp={"img-src": "'self' https://images.example.org"}).policy()[:60]
        "default-src 'self'; img-src 'self' https://images.example.or"
    """

    csp: Mapping[str, str | None] | None = dataclasses.field(default_factory=dict)
    report_only: bool = False
    permissions_policy: str | None = PERMISSIONS_POLICY
    resource_policy: str | None = "same-origin"
    embedder_policy: str | None = None
    reports: str | None = None

    def __post_init__(self) -> None:
        check_directives(self.csp or {}, "SecurityHeaders(csp=…)")
        if self.embedder_policy not in {"require-corp", "credentialless", None}:
            cure = 'It is "require-corp", "credentialless" or None.'
            raise bad_guard(f"SecurityHeaders(embedder_policy={self.embedder_policy!r}) is unknown.", cure)
        if self.reports is not None and not _PATH.fullmatch(self.reports):
            raise bad_guard(f"SecurityHeaders(reports={self.reports!r}) is no path.", 'Write one like "/-/reports".')
        if self.resource_policy not in {"same-origin", "same-site", "cross-origin", None}:
            cure = 'It is "same-origin", "same-site", "cross-origin" or None.'
            raise bad_guard(f"SecurityHeaders(resource_policy={self.resource_policy!r}) is unknown.", cure)
        directives = {**CONTENT_SECURITY_POLICY, **(self.csp or {})}
        kept = {name: sources for name, sources in directives.items() if sources is not None}
        if self.reports is not None:
            kept |= {"report-uri": self.reports, "report-to": _GROUP}
        vars(self).update(_directives=kept, _where=outside())

    def policy(self, nonce: str | None = None, differs: Mapping[str, str | None] = MappingProxyType({})) -> str:
        """The whole Content-Security-Policy.

        Arguments:
            nonce: scripts and styles that carry it may stand in the page.
            differs: directives that are others than the app's; None takes one out.
        """
        given: dict[str, str | None] = {**vars(self)["_directives"], **differs}
        directives = {name: sources for name, sources in given.items() if sources is not None}
        if nonce is not None:
            for name in ("script-src", "style-src"):
                sources = directives.get(name, directives.get("default-src", "'self'"))
                directives[name] = f"{sources.replace(_NONE, '')} 'nonce-{nonce}'".strip()
        return "; ".join(f"{name} {sources}".strip() for name, sources in directives.items())

    @property
    def field(self) -> str:
        """The header field of the policy: the one that forbids, or the one that only reports."""
        return _REPORTING if self.report_only else _HEADER

    def setup(self, app: App) -> None:
        """See `Plugin`."""
        fields = {
            self.field: self.policy() if self.csp is not None else None,
            "permissions-policy": self.permissions_policy,
            "cross-origin-resource-policy": self.resource_policy,
        }
        # These are never taken away, only asked for.
        if self.embedder_policy is not None:
            fields["cross-origin-embedder-policy"] = self.embedder_policy
        if self.reports is not None:
            fields["reporting-endpoints"] = f'{_GROUP}="{self.reports}"'
        # What the app itself says of a field, in App(headers=…), goes before.
        app.headers = {**fields, **{name.lower(): value for name, value in app.headers.items()}}
        app.provide(self._nonces())
        app.check(self._open)
        vars(self)["_marked"] = self.policy(_MARK)
        place(app, HEADERS, _by_route(self))
        if self.reports is not None:
            app.post(self.reports, hidden=True, csrf=False, limits=REPORTS, name="security_reports")(take_reports)

    @property
    def template_helpers(self) -> Mapping[str, Callable[[Request], Nonce]]:
        """What templates get by this plugin: `nonce`, the page's own."""
        return {"nonce": _nonce_of}

    def page_rendered(self, page: Response, request: Request) -> None:
        """Let the nonce pass that a page's template has used; one that is streamed may yet use it."""
        found = vars(request).get(_NONCE) or (_nonce_of(request) if page.stream is not None else None)
        if found is not None and self.csp is not None and self.field not in page.headers:
            marked: str = vars(request).get(_MARKED) or vars(self)["_marked"]
            page.headers.set(self.field, marked.replace(_MARK, found))

    def _nonces(self) -> Callable[[Request], Generator[Nonce, Response, None]]:
        """The provider of nonces; the policy that lets one pass is the route's own."""
        header = self.field

        def for_route(route: Route | None) -> Callable[[Request], Generator[Nonce, Response, None]]:
            marked = self.policy(_MARK, differing_of(route).csp if route is not None else {})

            def nonce(request: Request) -> Generator[Nonce, Response, None]:
                value = _nonce_of(request)
                response = yield value
                if self.csp is not None and header not in response.headers:
                    response.headers.set(header, marked.replace(_MARK, value))

            return nonce

        provider = for_route(None)
        vars(provider)["for_route"] = for_route
        return provider

    def _open(self) -> list[Fault]:
        where = vars(self)["_where"]
        if self.csp is None:
            message = "SecurityHeaders(csp=None) lets a page run whatever somebody gets into it."
            return [Fault("policy-open", message, where, 'Leave it out, or say what differs: csp={"img-src": "…"}.')]
        directives = vars(self)["_directives"]
        scripts = directives.get("script-src", directives.get("default-src", "*"))
        found = _RUNS_ANYTHING.search(scripts)
        if found is None:
            return []
        message = (
            f"The Content-Security-Policy lets scripts run by {found[0].strip()!r}, so it stops none that is got in."
        )
        return [Fault("policy-open", message, where, "Take it out; mark inline scripts with a Nonce.")]


def by_itself(app: App) -> list[SecurityHeaders]:
    """The plugin, where nobody has used one; asked where an app shows pages."""
    return [] if any(isinstance(each, SecurityHeaders) for each in app.plugins) else [SecurityHeaders()]


def _nonce_of(request: Request) -> Nonce:
    """The nonce of a request: one for its handler and its page's template alike."""
    found: Nonce | None = vars(request).get(_NONCE)
    if found is None:
        found = vars(request)[_NONCE] = Nonce(secrets.token_urlsafe(16))
        vars(request).setdefault(_PERSONAL, []).append(("nonce", found))
    return found


def _by_route(headers: SecurityHeaders) -> Callable[[Request], Generator[None, Response, Response]]:
    """Middleware of those routes alone whose handler is marked by `security`."""

    def for_route(route: Route) -> Callable[[Request], Generator[None, Response, Response]] | None:
        differs = differing_of(route)
        fields = dict(differs.fields)
        if differs.csp and headers.csp is not None:
            fields[headers.field] = headers.policy(None, differs.csp)

        marked = headers.policy(_MARK, differs.csp)

        def differing(request: Request) -> Generator[None, Response, Response]:
            vars(request)[_MARKED] = marked
            response = yield
            for name, value in fields.items():
                if name not in response.headers:
                    response.headers.set(name, value)
            return response

        return differing if fields else None

    def security_headers(request: Request) -> Generator[None, Response, Response]:
        return (yield)

    vars(security_headers)["for_route"] = for_route
    vars(security_headers)["of_page"] = True  # It says something of the page: shown again after faults, it goes along.
    return security_headers


_NONE = "'none'"
# What is kept with a request: its nonce, and the policy of its route.
_NONCE, _MARKED = "wholestack.nonce", "wholestack.policy"
# What is its reader's own is noted there, by its name: an answer that holds it is not kept in a cache.
_PERSONAL = "wholestack.personal"
# Stands for the nonce in a policy that is ready but for it; no directive can hold it.
_MARK = "\0"
