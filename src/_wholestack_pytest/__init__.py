"""The pytest plugin: `client`, `async_client`, `as_user`, `async_as_user`, `db` and `mailbox`, for the app of the
fixture `app` or of `--wholestack-app`; and what `wholestack test` adds: which routes no test reached (`_routes`), and
the app's contract (`_contract`).

It stands beside the package, not in it: pytest loads it in every run, and a module within would load the framework.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ._database import Databases, sessions

if TYPE_CHECKING:
    from wholestack.db import Session
    from wholestack.mail import Mailbox
    from wholestack.testing import AsUser, AsyncClient, Client

_DATABASES: pytest.StashKey[Databases] = pytest.StashKey()
_APPS: pytest.StashKey[dict[tuple[Path, str], Any]] = pytest.StashKey()
_HOW = (
    "name the app under test by a fixture\n\n    @pytest.fixture\n    def app():\n        return my_app\n\n"
    "or by --wholestack-app path/to/app.py, or by `wholestack_app = path/to/app.py` in the ini file, "
    "or call its file app.py."
)
_USUAL = ("app.py", "main.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say which file has the app under test, and what else is to be done with it."""
    text = "the file whose App the fixtures client and async_client ask: path/to/app.py, or path/to/app.py:name"
    group = parser.getgroup("wholestack")
    group.addoption("--wholestack-app", metavar="FILE", help=text)
    parser.addini("wholestack_app", text)
    routes = "say at the end which routes, statuses and declared errors no test reached"
    group.addoption("--wholestack-routes", action="store_true", help=routes)
    least = "fail where less than this share of them was reached, in per cent"
    group.addoption("--wholestack-routes-fail-under", metavar="PERCENT", type=float, help=least)
    contract = "ask each operation of the app's document with invented requests (needs schemathesis)"
    group.addoption("--wholestack-contract", action="store_true", help=contract)
    examples = "how many requests to invent for each operation (50)"
    group.addoption("--wholestack-contract-examples", metavar="COUNT", type=int, default=50, help=examples)
    url = "where the app is served; without it, it is asked in this process"
    group.addoption("--wholestack-contract-url", metavar="URL", help=url)
    interface = "how it is asked in this process: asgi, wsgi or rsgi"
    choices = ["asgi", "wsgi", "rsgi"]
    group.addoption("--wholestack-contract-interface", choices=choices, default="asgi", help=interface)
    header = "a header field of each invented request, such as 'x-key: demo' (again and again)"
    group.addoption("--wholestack-contract-header", metavar="FIELD", action="append", default=[], help=header)


def pytest_configure(config: pytest.Config) -> None:
    """Say what this process is for, and load what was asked for, and no more."""
    os.environ.setdefault("WHOLESTACK_STAGE", "test")
    config.addinivalue_line("markers", "committing: what this test does to the app's database is not rolled back")
    config.stash[_DATABASES] = Databases()
    config.pluginmanager.register(config.stash[_DATABASES], "wholestack-databases")
    option = config.option
    if option.wholestack_routes or option.wholestack_routes_fail_under is not None:
        if getattr(option, "numprocesses", None):
            raise pytest.UsageError("--wholestack-routes counts in one process: leave -n out.")
        from ._routes import Routes

        config.pluginmanager.register(Routes(config), "wholestack-routes")
    if option.wholestack_contract:
        from ._contract import Operations

        config.pluginmanager.register(Operations(config), "wholestack-contract")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    """End what clients without a `with` block have brought to life in the test, unless they were made before it."""
    testing = sys.modules.get("wholestack.testing")
    before = testing.apps_with_clients() if testing is not None else []
    try:
        return (yield)
    finally:
        testing = sys.modules.get("wholestack.testing")  # The test itself may be the first to load it.
        if testing is not None:
            testing.end_lives(keep=before)


@pytest.fixture
def client(request: pytest.FixtureRequest, _session: Session | None) -> Iterator[Client]:
    """A `wholestack.testing.Client` for the app, which is started before the test and stopped after it.

    What the test does to the app's database is rolled back, as with `db`.
    """
    from wholestack.testing import Client

    with Client(_app(request)) as client:
        yield client


@pytest.fixture
def async_client(request: pytest.FixtureRequest, _session: Session | None) -> AsyncClient:
    """A `wholestack.testing.AsyncClient`; the app starts at the first request and stops with the test's event loop."""
    from wholestack.testing import AsyncClient

    return AsyncClient(_app(request))


@pytest.fixture
def as_user(request: pytest.FixtureRequest, _session: Session | None) -> Iterator[AsUser[Client]]:
    """A `wholestack.testing.AsUser`: ``as_user("editor")`` is a new client, logged in as a new user with that role.

    What the test does to the app's database, the users included, is rolled back, as with `db`.
    """
    from wholestack.testing import AsUser, Client

    with contextlib.ExitStack() as stack:
        yield AsUser(lambda: stack.enter_context(Client(_app(request))))


@pytest.fixture
def async_as_user(request: pytest.FixtureRequest, _session: Session | None) -> AsUser[AsyncClient]:
    """As `as_user`, for clients whose requests are awaited."""
    from wholestack.testing import AsUser, AsyncClient

    return AsUser(lambda: AsyncClient(_app(request)))


@pytest.fixture
def db(_session: Session | None) -> Session:
    """A session of the app's database, which the tests have for themselves: new, with the tables of its migrations.

    Everything of the test, its requests in either colour included, is one transaction that is rolled back. With
    ``@pytest.mark.committing`` it commits: for what must be seen by another connection.
    """
    if _session is None:
        raise pytest.UsageError("The fixture 'db' needs an app with a Database: app.use(Database()).")
    return _session


@pytest.fixture
def mailbox(request: pytest.FixtureRequest) -> Iterator[Mailbox]:
    """A `wholestack.mail.Mailbox`: the messages that the app sends in the test; none of them goes out."""
    from wholestack.mail import Mailbox

    with Mailbox(_app(request)) as mailbox:
        yield mailbox


@pytest.fixture
def _session(request: pytest.FixtureRequest) -> Iterator[Session | None]:
    """What `db`, `client` and `async_client` of one test share."""
    databases = request.config.stash[_DATABASES].of(_app(request))
    with sessions(databases, committing=request.node.get_closest_marker("committing") is not None) as session:
        yield session


def _app(request: pytest.FixtureRequest) -> Any:
    try:
        return request.getfixturevalue("app")
    except pytest.FixtureLookupError as missing:
        if missing.argname != "app":
            raise
    found = named_app(request.config) or usual_app(request.config)
    if found is None:
        raise pytest.UsageError(f"The fixture {request.fixturename!r} has no app: {_HOW}")
    return found


def named_app(config: pytest.Config) -> Any:
    """The app that the option or the ini file names; None where neither does."""
    if named := config.getoption("--wholestack-app"):
        return _load(config, config.invocation_params.dir, named)
    if named := config.getini("wholestack_app"):
        return _load(config, config.rootpath, named)
    return None


def usual_app(config: pytest.Config) -> Any:
    """The app of app.py or main.py in the project's folder, as the command line takes it; None without such a file."""
    found = next((name for name in _USUAL if (config.rootpath / name).is_file()), None)
    return _load(config, config.rootpath, found) if found is not None else None


def _load(config: pytest.Config, top: Path, named: str) -> Any:
    """The App that a file or a module has, found once, as the command line finds it; a function makes one for all."""
    found = config.stash.setdefault(_APPS, {})
    if (top, named) not in found:
        found[top, named] = _found(top, named)
    return found[top, named]


def _found(top: Path, named: str) -> Any:
    from click import ClickException

    from wholestack.cli import find_app

    try:
        return find_app(named, top)
    except ClickException as error:
        raise pytest.UsageError(f"{error.format_message()}\n{_HOW[0].upper()}{_HOW[1:]}") from None
