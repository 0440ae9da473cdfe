"""`wholestack static build`."""

from __future__ import annotations

import json
from pathlib import Path


def test_the_files_are_written_out(wholestack, write, tmp_path: Path) -> None:
    write(
        "app.py", "from wholestack import App\nfrom wholestack.static import Static\napp = App()\napp.use(Static())\n"
    )
    write("static/app.css", "a { background: url(a.svg) }")
    write("static/a.svg", "<svg/>")
    done = wholestack("static", "build", "app.py", "-o", "out")
    assert (done.code, done.out, done.err) == (0, "Wrote 2 files to out.\n", "")
    manifest = json.loads((tmp_path / "out" / "static-names.json").read_text())
    assert (tmp_path / "out" / manifest["app.css"]).read_text() == f"a {{ background: url({manifest['a.svg']}) }}"


def test_an_app_without_any(wholestack, write) -> None:
    write("app.py", "from wholestack import App\napp = App()\n")
    done = wholestack("static", "build", "app.py")
    assert done.code == 1 and "app.use(Static())" in done.err
