"""`wholestack test`: pytest with its arguments, the routes that no test reached, and the app's contract."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from servers import serving
from servers.serving import Serving

Write = Callable[[str, str], Path]

APP = """
from wholestack import App, NotFound

app = App(title="Notes")


@app.get("/notes/{id}", errors=(NotFound,))
def read(id: int) -> str:
    if id > 99:
        raise NotFound("none")
    return "note"


@app.post("/notes", status=201)
def add(text: str = "") -> str:
    return text
"""
TEST = """
def test_read(client):
    assert client.get("/notes/1").expect(200).text == "note"


def test_again(client):
    client.get("/notes/2").expect(200)
"""
BROKEN = """

@app.get("/broken")
def broken(count: int = 1) -> int:
    return 10 // count


@app.get("/silent")
def silent(what: str = "") -> str:
    if what:
        raise NotFound("nothing")
    return "here"


@app.get("/lies")
async def lies(what: int = 0) -> int:
    from wholestack import JSON
    return JSON("text") if what else 1


@app.get("/keyed")
def keyed(x_key: Header[str] = "") -> str:
    if x_key == "demo":
        raise NotFound("with the key only")
    return "x"
"""
BROKEN_APP = "from wholestack import App, Header, NotFound\n\napp = App()\n" + BROKEN


def run(folder: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [*serving.COMMAND, "test", "-p", "no:cacheprovider", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        env=serving.environment(),
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def notes(write: Write, tmp_path: Path) -> Path:
    write("app.py", APP)
    write("test_app.py", TEST)
    return tmp_path


def test_it_is_pytest_and_takes_its_arguments(notes: Path) -> None:
    code, out = run(notes)
    assert (code, "2 passed" in out) == (0, True), out
    code, out = run(notes, "-q", "-k", "again", "test_app.py")
    assert (code, "1 passed, 1 deselected" in out) == (0, True), out
    assert "routes" not in out
    (notes / "test_app.py").write_text(TEST + "\ndef test_no():\n    assert 1 == 2\n")
    assert run(notes, "-x")[0] == 1
    assert run(notes, "--no-such-option")[0] == 4


def test_what_no_test_reached(notes: Path) -> None:
    code, out = run(notes, "--routes")
    assert code == 0
    assert "GET /notes/{id}  never answered 404 not-found  (app.py:7)" in out
    assert "POST /notes  never asked  (app.py:14)" in out
    assert "1 of 3 statuses and errors were reached: 33.3 %." in out


def test_a_bound_for_what_is_reached(notes: Path) -> None:
    code, out = run(notes, "--fail-under", "33.3")
    assert (code, "FAILED" in out) == (0, False), out
    code, out = run(notes, "--fail-under", "34")
    assert (code, "FAILED: 34 % are asked for." in out) == (1, True), out
    assert "2 passed" in out


def test_the_app_may_lie_elsewhere(notes: Path, write: Write) -> None:
    (notes / "app.py").rename(notes / "other.py")
    code, out = run(notes)
    assert code == 1
    assert "has no app" in out
    for named in ["other.py", "other", "other.py:app", "other:app"]:
        assert run(notes, "--app", named, "-q")[0] == 0
    write("pytest.ini", "[pytest]\nwholestack_app = other.py\n")
    assert run(notes)[0] == 0


def test_without_a_client_nothing_was_reached(notes: Path) -> None:
    (notes / "test_app.py").write_text("def test_nothing(): ...\n")
    code, out = run(notes, "--fail-under", "1")
    assert code == 1
    assert "0 of 3" in out
    (notes / "app.py").unlink()
    code, out = run(notes, "--routes")
    assert (code, "No client of wholestack.testing asked an app" in out) == (0, True), out


def test_a_contract_that_is_kept(notes: Path) -> None:
    code, out = run(notes, "--contract", "--examples", "15", "-v")
    assert code == 0, out
    assert "contract::GET /notes/{id} PASSED" in out
    assert "4 passed" in out


@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
def test_a_contract_that_is_broken(notes: Path, interface: str) -> None:
    """Of the four that are wrong, three are found; the fourth only with the key that leads there."""
    (notes / "app.py").write_text(BROKEN_APP)
    (notes / "test_app.py").unlink()
    words = ["--contract", "--interface", interface, "-rf"]
    code, out = run(notes, *words)
    assert code == 1
    failed = set(re.findall(r"^FAILED contract::(.*?)(?: - .*)?$", out, re.MULTILINE))
    assert failed == {"GET /broken", "GET /silent", "GET /lies"}, out
    assert "ZeroDivisionError" in out
    assert re.search(r"curl -X GET '?http://testserver/broken\?count=0", out)
    assert "return 10 // count" in out
    assert "_plan.py" not in out, "frames of ours"
    assert "GET /silent does not keep its contract:" in out
    assert "Undocumented status code" in out
    assert re.search(r"curl -X GET '?http://testserver/silent\?what=", out)


def test_a_header_of_each_request(notes: Path) -> None:
    (notes / "app.py").write_text(BROKEN_APP)
    words = ["--contract", "--header", "x-key: demo", "--examples", "5", "-rf", "-k", "keyed"]
    code, out = run(notes, *words)
    assert code == 1, out
    code, out = run(notes, "--contract", "--header", "demo")
    assert code == 4
    assert "'demo' is no header field. Write it as 'name: value'." in out


def test_a_contract_over_a_socket(notes: Path) -> None:
    (notes / "app.py").write_text(BROKEN_APP)
    with Serving("serve", "app.py", "--port", "0", cwd=notes) as server:
        server.ready()
        code, out = run(notes, "--contract", "--url", server.address, "--examples", "30", "-rf")
    assert code == 1
    assert "FAILED contract::GET /silent" in out
    assert "FAILED contract::GET /broken" in out
    assert "Server error" in out
    assert "FAILED contract::GET /keyed" not in out


def test_the_same_in_each_run(notes: Path) -> None:
    (notes / "app.py").write_text(BROKEN_APP)
    words = ["--contract", "-q", "-k", "silent"]
    first, second = (re.findall(r"curl .*", run(notes, *words)[1]) for _ in range(2))
    assert first == second != []


def test_without_an_app_or_with_a_faulty_one(notes: Path) -> None:
    (notes / "app.py").write_text("from wholestack import App\napp = App()\n@app.get('/')\ndef home(x): ...\n")
    (notes / "test_app.py").unlink()
    code, out = run(notes, "--contract")
    assert (code, "[no-type]" in out) == (4, True), out
    (notes / "app.py").unlink()
    code, out = run(notes, "--contract")
    assert (code, "The contract of which app?" in out) == (4, True), out


@pytest.mark.parametrize(("missing", "words"), [("pytest", []), ("schemathesis", ["--contract"])])
def test_what_is_missing_is_named_with_the_command(
    wholestack, monkeypatch: pytest.MonkeyPatch, missing: str, words: list[str]
) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find(name))
    done = wholestack("test", *words)
    assert done.code == 1
    assert done.err.endswith(f"is not installed: {sys.executable} -m pip install {missing}\n")
    assert done.err.startswith(f"Error: {missing}, which ")
