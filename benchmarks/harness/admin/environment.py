"""The environment of the peers, `.venv-bench-admin`, made from requirements/admin-peers.txt."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[3]
LOCK = TOP / "requirements" / "admin-peers.txt"
FOLDER = TOP / ".venv-bench-admin"


def versions() -> str:
    """Of what takes part, as text."""
    names = ("django", "sqladmin", "starlette-admin", "sqlalchemy", "psycopg", "jinja2")
    code = f"import importlib.metadata as m; print(', '.join(f'{{n}} {{m.version(n)}}' for n in {names}))"
    return subprocess.run([python(), "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def python() -> Path:
    """Its interpreter; it is made where it is missing, or made from another lock."""
    found, stamp = FOLDER / "bin" / "python", FOLDER / "lock.stamp"
    wanted = hashlib.sha256(LOCK.read_bytes() + str(TOP).encode()).hexdigest()
    if not stamp.is_file() or stamp.read_text("utf-8") != wanted:
        pip = [str(found), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True)
        subprocess.run([*pip, "--require-hashes", "-r", str(TOP / "requirements" / "setup.txt")], check=True)
        subprocess.run([*pip, "--require-hashes", "-r", str(LOCK)], check=True)
        path = f"{FOLDER / 'bin'}:/usr/bin:/bin"
        subprocess.run(
            [*pip, "--no-deps", "--no-build-isolation", "--editable", str(TOP)], check=True, env={"PATH": path}
        )
        stamp.write_text(wanted, "utf-8")
    return found
