"""What a server does by itself, beside what the framework promises: the rows that matter for the one that is chosen.

The same rows stand, with the figures, in the project's `docs/servers.md`, where the server matrix holds them.
"""

from __future__ import annotations

SERVERS = ("uvicorn", "granian", "gunicorn", "hypercorn")

FACTS: dict[str, tuple[str, ...]] = {
    "uvicorn": (
        "supervised by wholestack: respawn, watchdog, drain with a limit, restart without a failed request on SIGHUP",
        "slow heads and silent bodies are closed; no HTTP/2 (put a proxy in front)",
    ),
    "granian": (
        "a worker that hangs is not replaced: there is no watchdog",
        "requests that are cut at --timeout leave the clean-ups of the app out",
        "RSGI has no raw path and no path the app is mounted at; a client that sends half a body is not closed",
        "--fd is not possible: it opens its sockets itself, with SO_REUSEPORT",
        "breakpoint() does not work: workers have no standard input",
    ),
    "gunicorn": (
        "--interface wsgi: each request takes a thread; streams without an end and WebSockets are refused",
        "--interface wsgi: clients that send half a head or half a body are never closed (put a proxy in front)",
    ),
    "hypercorn": (
        "an answer without an end keeps it from stopping until --timeout",
        "a worker that dies takes the whole server down: let a service manager restart it",
        "a client that sends half a body is not closed; slower than the others by a factor of four or more",
    ),
}
