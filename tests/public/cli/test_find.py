"""Which app the command line means: a file, a module, a folder, a name, a factory; and what is said where there is
none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str, str], Path]

APP = """
from wholestack import App
{name} = App(docs=False)

@{name}.get("/{name}")
def {name}_home() -> str: ...
"""
FACTORY = """
from wholestack import App, Settings

class Shop(Settings, prefix="SHOP_"):
    title: str

def create(settings: Shop, size: int = 3) -> App:
    app = App(settings, title=settings.title, docs=False)
    app.get("/made")(home)
    return app

def home() -> str: ...
"""


@pytest.mark.parametrize(
    ("file", "name", "target"),
    [
        ("app.py", "app", "app.py"),
        ("app.py", "app", ""),
        ("app.py", "app", "."),
        ("app.py", "app", "app"),
        ("app.py", "other", "app.py"),
        ("app.py", "other", "app:other"),
        ("main.py", "app", ""),
        ("start.py", "app", "start.py:app"),
        ("shop/app.py", "app", "shop"),
        ("shop/app.py", "app", "shop/app.py"),
        ("shop/deep/web.py", "app", "shop.deep.web"),
    ],
)
def test_it_is_found(wholestack, write: Write, file: str, name: str, target: str) -> None:
    write(file, APP.format(name=name))
    done = wholestack("routes", *([target] if target else []))
    assert (done.code, done.err) == (0, "")
    assert f"/{name} " in done.out


def test_a_file_in_a_package_is_imported_under_its_whole_name(wholestack, write: Write) -> None:
    write("shop/__init__.py", "")
    write("shop/words.py", "WORD = 'from-a-sibling'")
    write("shop/web/__init__.py", "")
    write("shop/web/app.py", "from ..words import WORD\n" + APP.format(name="app").replace('"/app"', '"/" + WORD'))
    assert "/from-a-sibling" in wholestack("routes", "shop/web/app.py").out
    write("shop/web/__init__.py", APP.format(name="app"))


def test_a_package_may_hold_the_app_itself(wholestack, write: Write) -> None:
    write("shop/__init__.py", APP.format(name="app"))
    assert "/app" in wholestack("routes", "shop").out


def test_siblings_can_be_imported_from_anywhere(wholestack, write: Write) -> None:
    write("inner/words.py", "WORD = 'sibling'")
    write("inner/app.py", "from words import WORD\n" + APP.format(name="app").replace('"/app"', '"/" + WORD'))
    assert "/sibling" in wholestack("routes", "inner/app.py").out


def test_a_factory_gets_its_settings(wholestack, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("app.py", FACTORY)
    missing = wholestack("routes")
    assert missing.code == 1
    assert "SHOP_TITLE is not set." in missing.err
    monkeypatch.setenv("SHOP_TITLE", "Shop")
    assert "/made" in wholestack("routes").out
    assert "/made" in wholestack("routes", "app:create").out


WRONG = {
    "nothing.py": "There is no file 'nothing.py'.",
    "nothing": "There is no module 'nothing'",
    "app.deeper": "There is no module 'app.deeper'",
    "a b": "'a b' is no file, module or folder.",
    "app.py:": "No name stands after the colon",
    "app.py:gone": "app.py has no 'gone'.",
    "app.py:number": "'number' in app.py is a int, not an App.",
    "app.py:function": "'function' in app.py is a int, not an App.",
    "app.py:demanding": "'demanding' in app.py needs path; only Settings classes can be filled in here.",
    "empty": "The folder 'empty' has no app.py or main.py.",
    "none.py": "none.py has no app. Write `app = App()`",
    "two.py": "two.py has several apps. Name one: two:one, two:two.",
    "json.py": "json.py hides Python's own module 'json'.",
}


@pytest.mark.parametrize("target", WRONG)
def test_a_wrong_call_is_a_line_that_says_what_to_do(wholestack, write: Write, tmp_path: Path, target: str) -> None:
    write("app.py", "number = 1\ndef function(): return 1\ndef demanding(path: str): return 1\n")
    write("none.py", "")
    write("two.py", APP.format(name="one") + APP.format(name="two"))
    write("json.py", "")
    (tmp_path / "empty").mkdir()
    done = wholestack("routes", target)
    assert done.code == 2
    assert done.err.startswith(f"Error: {WRONG[target]}"), done.err
    assert done.err.count("\n") == 1
    assert done.out == ""


def test_an_error_of_the_module_has_its_frames_and_none_of_ours(wholestack, write: Write) -> None:
    write(
        "helper.py",
        "def fail():\n    try:\n        1 / 0\n"
        "    except ZeroDivisionError as error:\n        raise ValueError('two') from error\n",
    )
    write("app.py", "import helper\nhelper.fail()\n")
    done = wholestack("routes")
    assert done.code == 1
    assert "ZeroDivisionError" in done.err
    assert done.err.splitlines()[-1] == "ValueError: two"
    assert "helper.py" in done.err
    assert "app.py" in done.err
    assert "importlib" not in done.err
    assert "_find.py" not in done.err


def test_a_factory_that_fails(wholestack, write: Write) -> None:
    write("app.py", "def create():\n    raise ValueError('not today')\n")
    done = wholestack("routes")
    assert done.code == 1
    assert done.err.endswith("ValueError: not today\n")
    assert "_find.py" not in done.err


def test_a_missing_import_of_the_module_is_not_taken_for_the_module(wholestack, write: Write) -> None:
    write("app.py", "import nowhere_at_all\n")
    for target in ["app.py", "app"]:
        done = wholestack("routes", target)
        assert done.code == 1
        assert done.err.endswith("ModuleNotFoundError: No module named 'nowhere_at_all'\n")
        assert "line 1" in done.err


def test_all_faults_are_listed(wholestack, write: Write) -> None:
    write(
        "app.py",
        "from wholestack import App\napp = App(docs=False)\n"
        "@app.get('/a')\ndef a(x): ...\n@app.get('/b')\ndef b(y): ...\n",
    )
    done = wholestack("routes")
    assert done.code == 1
    assert done.err.startswith("Error: 2 faults in this app:")
    assert done.err.count("[no-type]") == 2
    assert "app.py:3" in done.err
    assert "app.py:5" in done.err
