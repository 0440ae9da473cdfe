"""Who is measured, and how each is started: as its own documentation says, in its best configuration, one worker."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
"""The folder `benchmarks/`: where servers are started."""
QUIET = {"PYTHONWARNINGS": "ignore", "PYTHONDONTWRITEBYTECODE": ""}


def interpreter() -> str:
    """The Python with the peers in it: this one, or the one named by BENCH_PYTHON, or that of `.venv-bench`."""
    named = os.environ.get("BENCH_PYTHON")
    prepared = HERE.parent / ".venv-bench" / "bin" / "python"
    return named or (str(prepared) if prepared.exists() else sys.executable)


PYTHON = interpreter()


def uvicorn(app: str, port: int) -> list[str]:
    """Uvicorn with its C parser and loop."""
    fast = ["--http", "httptools", "--loop", "uvloop", "--backlog", "2048"]
    quiet = ["--no-access-log", "--log-level", "error"]
    return [PYTHON, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port), *fast, *quiet]


def granian(interface: str, *more: str) -> Callable[[str, int], list[str]]:
    """Granian with one worker and one thread for each of its two kinds."""
    one = ["--workers", "1", "--runtime-threads", "1", "--blocking-threads", "1"]
    options = ["--interface", interface, *one, "--no-ws", "--backlog", "2048", "--log-level", "error", *more]

    def command(app: str, port: int) -> list[str]:
        return [PYTHON, "-m", "granian", app, "--host", "127.0.0.1", "--port", str(port), *options]

    return command


def gunicorn(app: str, port: int) -> list[str]:
    """Gunicorn's threaded worker, which is what its documentation advises for a WSGI app that keeps connections."""
    options = ["-k", "gthread", "--workers", "1", "--threads", "4", "--log-level", "critical", "--backlog", "2048"]
    return [PYTHON, "-m", "gunicorn", app, "--bind", f"127.0.0.1:{port}", *options]


def sanic(app: str, port: int) -> list[str]:
    """Sanic's own server, without the process manager, which only costs memory here."""
    options = ["--single-process", "--no-access-logs", "--no-motd", "--host", "127.0.0.1"]
    return [PYTHON, "-m", "sanic", app, *options, "--port", str(port)]


def robyn(app: str, port: int) -> list[str]:
    """Robyn's own server; the port comes by environment, the rest as arguments it reads itself."""
    return [PYTHON, "-m", app, "--processes", "1", "--workers", "1", "--log-level", "ERROR"]


def bolt(app: str, port: int) -> list[str]:
    """django-bolt's own server."""
    one = ["--processes", "1", "--workers", "1", "--no-admin", "--backlog", "2048"]
    return [PYTHON, "-m", app, "runbolt", "--host", "127.0.0.1", "--port", str(port), *one]


def serve(app: str, port: int) -> list[str]:
    """Our own command for production, with the one worker that every peer has: Uvicorn, in one write an answer."""
    return [PYTHON, "-m", "wholestack", "serve", app, "--host", "127.0.0.1", "--port", str(port), "--log", "console"]


SERVERS: Mapping[str, Callable[[str, int], list[str]]] = {
    "uvicorn": uvicorn,
    "serve": serve,
    "granian-rsgi": granian("rsgi", "--loop", "uvloop"),
    "granian-asgi": granian("asgi", "--loop", "uvloop"),
    "granian-wsgi": granian("wsgi"),
    "gunicorn": gunicorn,
    "sanic": sanic,
    "robyn": robyn,
    "bolt": bolt,
}
OWN = {"sanic", "robyn", "bolt"}
"""Servers that come with a framework and serve nothing else."""


@dataclass(frozen=True)
class Peer:
    """One framework on one server."""

    framework: str
    server: str
    app: str
    distribution: str = ""
    lacks: Mapping[str, str] = field(default_factory=dict)
    """Workloads it is not asked, each with the reason that the table prints."""

    @property
    def name(self) -> str:
        """What `--only` and the table call it."""
        return self.framework if self.server in OWN else f"{self.framework}-{self.server}"

    @property
    def ceiling(self) -> str:
        """The name of the bare callable on the same server (there may be none); `serve` runs Uvicorn."""
        return f"bare-{'uvicorn' if self.server == 'serve' else self.server}"

    def command(self, port: int) -> list[str]:
        """The command that serves it on 127.0.0.1."""
        return SERVERS[self.server](self.app, port)

    def environment(self, port: int, routes: int) -> dict[str, str]:
        """Its environment: quiet, with the project's own source, and the number of routes to add."""
        paths = os.pathsep.join([str(HERE), str(HERE.parent / "src")])
        return os.environ | QUIET | {"PYTHONPATH": paths, "PORT": str(port), "BENCH_ROUTES": str(routes)}


PEERS = (
    Peer("bare", "uvicorn", "apps.bare_asgi:app"),
    Peer("wholestack", "uvicorn", "apps.wholestack_app:app", "wholestack"),
    Peer("wholestack", "serve", "apps.wholestack_app:app", "wholestack"),
    Peer("fastapi", "uvicorn", "apps.fastapi_app:app", "fastapi"),
    Peer("starlette", "uvicorn", "apps.starlette_app:app", "starlette"),
    Peer("litestar", "uvicorn", "apps.litestar_app:app", "litestar"),
    Peer("blacksheep", "uvicorn", "apps.blacksheep_app:app", "blacksheep"),
    Peer("falcon", "uvicorn", "apps.falcon_asgi:app", "falcon"),
    Peer("bare", "granian-rsgi", "apps.bare_rsgi:app"),
    Peer("wholestack", "granian-rsgi", "apps.wholestack_app:app", "wholestack"),
    Peer("emmett55", "granian-rsgi", "apps.emmett_app:app", "emmett55"),
    Peer("bare", "granian-asgi", "apps.bare_asgi:app"),
    Peer("wholestack", "granian-asgi", "apps.wholestack_app:app", "wholestack"),
    Peer("fastapi", "granian-asgi", "apps.fastapi_app:app", "fastapi"),
    Peer("litestar", "granian-asgi", "apps.litestar_app:app", "litestar"),
    Peer("blacksheep", "granian-asgi", "apps.blacksheep_app:app", "blacksheep"),
    Peer("bare", "granian-wsgi", "apps.bare_wsgi:app"),
    Peer("wholestack", "granian-wsgi", "apps.wholestack_sync:app", "wholestack"),
    Peer("falcon", "granian-wsgi", "apps.falcon_wsgi:app", "falcon"),
    Peer("flask", "granian-wsgi", "apps.flask_app:app", "flask"),
    Peer("django", "granian-wsgi", "apps.django_bare:app", "django"),
    Peer("django-default", "granian-wsgi", "apps.django_default:app", "django"),
    Peer("django-drf", "granian-wsgi", "apps.django_drf:app", "djangorestframework"),
    Peer("django-ninja", "granian-wsgi", "apps.django_ninja:app", "django-ninja"),
    Peer("flask", "gunicorn", "apps.flask_app:app", "flask"),
    Peer("django-bolt", "bolt", "apps.bolt", "django-bolt"),
    Peer("sanic", "sanic", "apps.sanic_app:app", "sanic"),
    Peer("robyn", "robyn", "apps.robyn_app", "robyn"),
)
