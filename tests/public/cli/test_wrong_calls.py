"""Every wrong call ends with 2, says why in its last line, and says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str, str], Path]

APP = """
from wholestack import App
app = App(docs=False)
number = 1
@app.get("/notes/{id}")
def note(id: int) -> str: ...
@app.command
def sync() -> None: ...
"""

HELP = "Try 'wholestack"
HOW = "Name a file (app.py), a module (shop.app) or a folder, with `:name` where the app has another name."
CALLS: dict[str, tuple[str, str]] = {
    # what is typed: the cause, what to do
    "rotues": ("There is no command 'rotues'.", "Did you mean routes or test?"),
    "zzzzzz": ("There is no command 'zzzzzz'.", "There are: check,"),
    "zzzzz": ("There is no command 'zzzzz'.", "There are: check, completion, db, dev, explain,"),
    "app.py": ("'app.py' is no command.", "To serve an app, type: wholestack dev app.py"),
    "gone.py": ("'gone.py' is no command.", "type: wholestack dev gone.py"),
    "shop": ("'shop' is no command.", "type: wholestack dev shop"),
    "--prot": ("No such option", HELP),
    "dev --prot 1": ("No such option", "'--port'?"),
    "dev app.py other.py": ("Got unexpected extra argument (other.py)", "Try 'wholestack dev --help'"),
    "serve --port x": ("Invalid value for '--port': 'x'", "Try 'wholestack serve --help'"),
    "serve --port 99999": ("99999 is not in the range 0<=x<=65535", HELP),
    "serve --workers 0": ("0 is not in the range x>=1", HELP),
    "serve --server nginx": ("'nginx' is not one of", "'uvicorn', 'granian', 'gunicorn', 'hypercorn'"),
    "serve --uds-mode 9": ("'9' is no mode.", "Write three digits from 0 to 7, such as 660."),
    "routes ap.py": ("There is no file 'ap.py'.", "Did you mean app.py?"),
    "routes shop/ap.py": ("There is no file 'shop/ap.py'.", "Did you mean shop/app.py?"),
    "routes nothing-like-it.py": ("There is no file", f"Found here: app.py, two.py. {HOW}"),
    "routes nowhere/app.py": ("There is no file 'nowhere/app.py'.", HOW),
    "routes nowhere": ("There is no module 'nowhere'", HOW),
    "routes empty": ("The folder 'empty' has no app.py or main.py.", HOW),
    "routes models": ("The folder 'models' has no app.py or main.py.", "Found here: note.py, user.py."),
    "routes app.py:": ("No name stands after the colon", HOW),
    "routes app.py:ap": ("app.py has no 'ap'.", "It has the app app."),
    "routes models/note.py:app": ("note.py has no 'app'.", "It has no app at all: write `app = App()`."),
    "routes models/note.py": ("note.py has no app.", "Write `app = App()`, or a function `create()`"),
    "routes app.py:number": (
        "'number' in app.py is a int, not an App.",
        "Give an App, or a function that returns one.",
    ),
    "routes two.py": ("two.py has several apps.", "Name one: two:one, two:other."),
    "explain": ("Missing argument '[APP] [METHOD] PATH'.", "Try 'wholestack explain --help'"),
    "explain notes": ("Say what to explain:", "such as `wholestack explain GET /items/3`"),
    "explain POST /notes/1": ("Nothing answers POST /notes/1;", "GET, HEAD would be answered there."),
    "explain /elsewhere": ("Nothing answers GET /elsewhere.", "`wholestack routes` lists the 1 routes of this app."),
    "run": ("Missing argument 'APP'.", "Try 'wholestack run --help'"),
    "run app.py snyc": ("The app has no command 'snyc'.", "There are: sync."),
    "run app.py sync --now": ("No such option", "Try 'wholestack run app.py sync --help'"),
    "new": ("Missing argument 'NAME'.", "Try 'wholestack new --help'"),
    "new shop": ("The folder 'shop' is not empty, and nothing is overwritten.", "Take another name."),
    "new json": ("'json' would hide Python's own module 'json'.", "Take another name, such as my_json."),
    "new 7": ("'7' is no name for an app.", "such as `wholestack new shop` or `wholestack new hello.py`."),
    "test --app gone.py": ("There is no file 'gone.py'.", HOW),
    "test --app gone.deep": ("There is no module 'gone.deep'", "Name the app's file: --app path/to/app.py"),
    "test --fail-under 101": ("101.0 is not in the range 0<=x<=100", HELP),
    "shell gone.py": ("There is no file 'gone.py'.", HOW),
    "completion tcsh": ("'tcsh' is not one of 'bash', 'zsh', 'fish'", HELP),
    "openapi --diff": ("Option '--diff'", "requires an argument."),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_call(wholestack, write: Write, tmp_path: Path, call: str) -> None:
    write("app.py", APP)
    write("shop/app.py", APP)
    write("two.py", "from wholestack import App\none, other = App(), App()\n")
    write("models/note.py", "")
    write("models/user.py", "")
    (tmp_path / "empty").mkdir()
    cause, cure = CALLS[call]
    done = wholestack(*call.split())
    assert done.code == 2, done.err
    assert cause in done.err
    assert cure in done.err
    assert "Error: " in done.err.splitlines()[-1]
    assert "Traceback" not in done.err
    assert done.out == ""
