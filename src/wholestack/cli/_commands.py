"""The words of the command line, and what each means; everything heavy is loaded when a command runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from wholestack import __version__

from ._completion import SHELLS
from ._db import db
from ._facts import SERVERS
from ._outbox import outbox
from ._static import static
from ._user import user
from ._words import Commands, apps

F = TypeVar("F", bound=Callable[..., Any])

TARGET = click.argument("target", default=".", metavar="[APP]", shell_complete=apps)
PORT = click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port; 0: a free one."
)
SERVER = click.option(
    "--server", type=click.Choice(SERVERS), default="uvicorn", show_default=True, help="Which server."
)

WORKERS = click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    envvar="WEB_CONCURRENCY",
    show_envvar=True,
    help="How many processes.",
)


class Mode(click.ParamType[int]):
    """Rights of a file, as chmod has them."""

    name = "mode"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number behind the digits."""
        try:
            return value if isinstance(value, int) else int(value, 8)
        except ValueError:
            self.fail(f"{value!r} is no mode. Write three digits from 0 to 7, such as 660.", param, ctx)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="wholestack")
def group() -> None:
    """Wholestack: serve, inspect and check an app.

    APP is a file (app.py), a module (shop.app) or a folder, with :NAME where the app is not called `app`.
    Without APP: app.py or main.py in this folder.
    """


def seconds(name: str, default: float, text: str) -> Callable[[F], F]:
    """An option that is a time."""
    return click.option(name, default=default, show_default=True, type=click.FloatRange(0), help=text)


@group.command()
@click.argument("name", metavar="NAME")
def new(name: str) -> None:
    """Begin an app: NAME.py is a single file with its test, NAME a project with tests, types and CI.

    Nothing is asked, and nothing that is there is overwritten.
    """
    from ._new import new

    new(name)


@group.command()
@TARGET
@PORT
@click.option("--watch", multiple=True, type=click.Path(exists=True), help="Another folder to watch (again and again).")
def dev(**options: Any) -> None:
    """Serve for development: on this machine only, restarted when a file is saved."""
    from ._dev import dev

    sys.exit(dev(options))


@group.command()
@TARGET
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@PORT
@click.option("--uds", metavar="PATH", help="Listen at a Unix socket instead.")
@click.option(
    "--uds-mode", default="660", type=Mode(), show_default=True, metavar="MODE", help="Rights of the Unix socket."
)
@click.option("--fd", type=click.IntRange(0), help="Listen at a socket inherited under this number.")
@WORKERS
@SERVER
@click.option("--interface", type=click.Choice(["asgi", "rsgi", "wsgi"]), help="How the server calls the app.")
@click.option("--access-log/--no-access-log", default=False, show_default=True, help="Log every answer.")
@click.option(
    "--log", type=click.Choice(["json", "console"]), default="json", show_default=True, help="Form of the log."
)
@seconds("--timeout", 10.0, "Seconds that requests may go on after the stop.")
@seconds("--grace", 0.0, "Seconds after the stop's signal, in which /health/ready says 503, until the port is closed.")
@seconds("--watchdog", 30.0, "Seconds without a heartbeat after which a worker is replaced.")
@seconds("--start-timeout", 60.0, "Seconds that a worker may take to start.")
@seconds("--head-timeout", 10.0, "Seconds that a client may take for the head of a request.")
@seconds("--body-timeout", 20.0, "Seconds that a client may send nothing of a body, or take nothing of an answer.")
@seconds("--keep-alive", 5.0, "Seconds that a connection may wait for its next request.")
@click.option("--max-memory", type=click.IntRange(1), metavar="MIB", help="Replace a worker that uses more.")
@click.option("--backlog", default=2048, show_default=True, type=click.IntRange(1), help="Connections that may wait.")
def serve(**options: Any) -> None:
    """Serve in production: supervised workers, a finite stop, restart on SIGHUP."""
    from ._serve import serve

    sys.exit(serve(options))


@group.command()
@TARGET
@click.option("--json", is_flag=True, help="As JSON.")
@click.option("--access", is_flag=True, help="Who may reach each of them.")
def routes(**options: Any) -> None:
    """List the routes: methods, path, name, colour, rules, file and line."""
    from ._routes import routes

    routes(options)


@group.command()
@click.argument("words", nargs=-1, required=True, metavar="[APP] [METHOD] PATH")
def explain(words: tuple[str, ...]) -> None:
    """Show what runs for a request, and where each argument comes from.

    METHOD is GET where none is given: wholestack explain app.py POST /orders
    """
    from ._routes import explain

    explain(words)


@group.command()
@TARGET
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write it to this file.")
@click.option("--diff", type=click.Path(dir_okay=False), metavar="OLD", help="Compare with this older document.")
@click.option("--json", is_flag=True, help="With --diff: as JSON.")
@click.option("--all", is_flag=True, help="With --diff: also the changes that break nothing.")
def openapi(**options: Any) -> None:
    """Print the OpenAPI document: the same app, the same bytes.

    With --diff, print instead what breaks clients of an older document; the exit code is then 0 (nothing), 1 (something
    does) or 2 (one of the two cannot be read). APP may then be a document too: a file that ends in .json.
    """
    from ._openapi import openapi

    sys.exit(openapi(options))


@group.command()
@TARGET
@SERVER
@WORKERS
@click.option("--strict", is_flag=True, help="Fail, too, where something is lacking for production.")
def check(**options: Any) -> None:
    """List every fault of the app (exit code 1), and what it lacks for production."""
    from ._check import check

    sys.exit(check(options))


@group.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("target", metavar="APP")
@click.argument("name", required=False)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[ARGUMENTS]")
def run(target: str, name: str | None, words: tuple[str, ...]) -> None:
    """Run a command of the app (a function marked with @app.command); without NAME, list them."""
    from ._run import run

    run(target, name, words)


@group.command(context_settings={"ignore_unknown_options": True})
@click.option(
    "--app", metavar="APP", help="The app under test, where no ini file names it and it is not app.py or main.py."
)
@click.option("--routes", is_flag=True, help="Say which routes, statuses and declared errors no test reached.")
@click.option(
    "--fail-under", type=click.FloatRange(0, 100), metavar="PERCENT", help="Fail where less of them was reached."
)
@click.option("--contract", is_flag=True, help="Ask each operation of the document with invented requests.")
@click.option("--examples", type=click.IntRange(1), help="How many requests for each operation.  [default: 50]")
@click.option("--url", metavar="URL", help="Where the app is served; without it, it is asked in this process.")
@click.option("--interface", type=click.Choice(["asgi", "rsgi", "wsgi"]), help="How it is asked in this process.")
@click.option("--header", multiple=True, metavar="FIELD", help="A header field of each request: 'x-key: demo'.")
@click.option(
    "--idor", is_flag=True, help="In place of the tests: ask each route of APP with values of somebody else's."
)
@click.option("--world", metavar="FUNCTION", help="What makes the users and rows of --idor: tests/world.py:world")
@click.option("--allow", multiple=True, metavar="ROUTE", help="A route that --idor is to leave out: 'GET /posts/{id}'.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[ARGUMENTS OF PYTEST]")
def test(words: tuple[str, ...], **options: Any) -> None:
    """Run the tests: pytest, with all its arguments, and more.

    --examples, --url, --interface and --header belong to --contract; --world and --allow to --idor, which takes APP.
    """
    if options["idor"]:
        from ._idor import idor

        sys.exit(idor(options, words))
    from ._test import test

    sys.exit(test(options, words))


@group.command()
@TARGET
@click.option("--plain", is_flag=True, help="Python's own shell, even if IPython is there.")
def shell(**options: Any) -> None:
    """Type Python with the app, a client for it, its settings and its names at hand.

    What stands on standard input is run as a script: echo 'print(app.title)' | wholestack shell
    """
    from ._shell import shell

    shell(options)


@group.command(
    epilog="\b\nbash:  wholestack completion bash >> ~/.bashrc\nzsh:   wholestack completion zsh >> ~/.zshrc\n"
    "fish:  wholestack completion fish > ~/.config/fish/completions/wholestack.fish"
)
@click.argument("shell", type=click.Choice(SHELLS), metavar="SHELL")
def completion(shell: str) -> None:
    """Print what lets bash, zsh or fish complete our words."""
    from ._completion import completion

    completion(shell, group)


group.add_command(db)
group.add_command(outbox)
group.add_command(user)
group.add_command(static)
