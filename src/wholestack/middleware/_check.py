"""What an app lacks of guards: fine in development, and not in production."""

from __future__ import annotations

from wholestack import App

from ._allowed_hosts import AllowedHosts
from ._https import HTTPSOnly
from ._security_headers import SecurityHeaders

_LACKING = (
    (
        AllowedHosts,
        'Every host is answered for, so clients choose what stands in our URLs. app.use(AllowedHosts("example.org"))',
    ),
    (HTTPSOnly, "Plain HTTP is answered, and browsers are not told to remember https. app.use(HTTPSOnly())"),
    (SecurityHeaders, "No Content-Security-Policy says what pages may load. app.use(SecurityHeaders())"),
)


def unguarded(app: App) -> list[str]:
    """What an app in production should have and has not, each with what to type.

    Example:
        >>> app = App()
        >>> app.use(AllowedHosts("example.org"), HTTPSOnly())
        >>> unguarded(app)
        ['No Content-Security-Policy says what pages may load. app.use(SecurityHeaders())']
    """
    return [text for kind, text in _LACKING if not any(isinstance(plugin, kind) for plugin in app.plugins)]
