"""Parts of the command line that need no worker: what is said of sockets and options that cannot be."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import click.testing
import pytest

from wholestack.cli import _dev, _sockets
from wholestack.cli._commands import Mode, group
from wholestack.cli._fail import Stop


def run(*words: str) -> click.testing.Result:
    return click.testing.CliRunner().invoke(group, words)


def test_commands_that_cannot_start_say_why(tmp_path: Path) -> None:
    for words in (["serve", str(tmp_path / "nothing.py")], ["dev", str(tmp_path / "nothing.py")]):
        result = run(*words)
        assert result.exit_code == 2
        assert "There is no file" in result.output


@pytest.mark.parametrize(("typed", "mode"), [("660", 0o660), ("7", 7), ("0600", 0o600)])
def test_a_mode_is_read_as_chmod_reads_it(typed: str, mode: int) -> None:
    assert Mode().convert(typed, None, None) == mode


def test_what_is_no_mode_is_refused() -> None:
    result = run("serve", "app.py", "--uds", "web.sock", "--uds-mode", "rw")
    assert result.exit_code == 2
    assert "'rw' is no mode. Write three digits from 0 to 7, such as 660." in result.output


def test_a_port_that_cannot_be_opened_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Stop, match=rf"127\.0\.0\.1:{port} is in use\..*--port {port + 1}\."):
            _sockets.open_port("127.0.0.1", port, 1)
    with pytest.raises(Stop, match="cannot be opened"):
        _sockets.open_port("203.0.113.1", 8000, 1)  # An address for documentation: nobody has it.
    said = _sockets._why(PermissionError(13, "Permission denied"), "127.0.0.1:80", 80)
    assert said == "127.0.0.1:80 needs rights that this user has not. Take a port from 1024 up: --port 8000."


def test_sockets_of_a_service_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = str(os.getpid())
    assert _sockets.handed_over({"LISTEN_PID": "1", "LISTEN_FDS": "1"}) == []
    assert _sockets.handed_over({"LISTEN_PID": mine}) == []
    with pytest.raises(Stop, match="LISTEN_FDS in the environment is no number"):
        _sockets.handed_over({"LISTEN_PID": mine, "LISTEN_FDS": "all"})
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setattr(_sockets, "_FIRST", os.dup(listening.fileno()))
        environment = {"LISTEN_PID": mine, "LISTEN_FDS": "1"}
        (taken,) = _sockets.handed_over(environment)
        with taken:
            assert taken.getsockname() == listening.getsockname()
        monkeypatch.setattr(_sockets, "_FIRST", os.dup(listening.fileno()))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        options = {"uds": None, "fd": None, "host": "127.0.0.1", "port": 0, "backlog": 1}
        (taken,) = _sockets.listen(options)
        with taken:
            assert taken.getsockname() == listening.getsockname()


def test_the_terminal_is_given_back_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    import termios

    parent, child = os.openpty()
    with open(child, closefd=True) as stdin, open(parent, "wb", buffering=0):
        monkeypatch.setattr("sys.stdin", stdin)
        before = termios.tcgetattr(stdin)
        with _dev.terminal():
            silent = termios.tcgetattr(stdin)
            silent[3] &= ~termios.ECHO
            termios.tcsetattr(stdin, termios.TCSANOW, silent)
            assert termios.tcgetattr(stdin) != before
        assert termios.tcgetattr(stdin) == before


def test_a_change_that_breaks_ends_with_1(tmp_path: Path) -> None:
    info = {"openapi": "3.1.0", "info": {"title": "Notes", "version": "1"}}
    path = {"get": {"responses": {"200": {"description": "OK"}}}}
    for name, paths in {"old": {"/a": path, "/b": path}, "same": {"/a": path, "/b": path}, "new": {"/a": path}}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({**info, "paths": paths}))
    old, same, new, gone = (str(tmp_path / f"{name}.json") for name in ("old", "same", "new", "gone"))
    assert run("openapi", same, "--diff", old).exit_code == 0
    broken = run("openapi", new, "--diff", old)
    assert broken.exit_code == 1
    assert "/paths/~1b" in broken.output
    assert run("openapi", new, "--diff", gone).exit_code == 2
