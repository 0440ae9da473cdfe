"""The command line in this process: `wholestack("routes", "app.py")` gives the exit code, the output and the errors."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wholestack.cli import main


@dataclasses.dataclass
class Done:
    code: int
    out: str
    err: str


Wholestack = Callable[..., Done]


@pytest.fixture
def wholestack(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Wholestack]:
    """In a folder of its own; what a command imports is forgotten before the next."""
    path, anywhere = list(sys.path), str(tmp_path.parent)  # Other tests may have left a module of the same name.
    monkeypatch.chdir(tmp_path)
    # A file that is written anew within a second, as long as before, would be read from what was compiled of the old one.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def forget() -> None:
        for name, module in sorted(sys.modules.items(), reverse=True):
            places = [getattr(module, "__file__", None)]
            with contextlib.suppress(KeyError):
                # The path of a package without a file is worked out anew; its parent may be gone.
                places += list(getattr(module, "__dict__", {}).get("__path__", ()))
            if any(place is not None and str(place).startswith(anywhere) for place in places):
                sys.modules.pop(name, None)

    def run(*words: str) -> Done:
        forget()  # Each command is a process of its own.
        monkeypatch.setattr(sys, "argv", ["wholestack", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        code = ended.value.code
        return Done(code if isinstance(code, int) else int(code is not None), captured.out, captured.err)

    yield run
    sys.path[:] = path
    forget()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """`write("shop/app.py", text)` in the same folder."""

    def written(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return written
