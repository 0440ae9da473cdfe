"""Clients generated from the richest example's document compile, and talk to it over a socket."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.airports.app import app

from apps.clients.tools import HERE, TOOLS, TOP, installed, run, with_node_modules
from browsing import serving

LOCK = TOP / "requirements" / "clients.txt"

EXPECTED = {
    "found": [16, 2, "HI"],
    "hawaii": 16,
    "distance": [3974.2, "km"],
    "refused": "unauthorized",
    "created": [201, "Field"],
    "taken": "code-taken",
    "faulty": ["/name", "/latitude"],
    "changed": "New",
    "read": ["New", 40.5],
    "near": 1,
    "imported": [0, 1],
    "csv": "code,name,city,state,latitude,longitude",
    "deleted": 204,
    "missing": "no-such-airport",
}

#: Each client writes an airport of its own.
CODES = {"openapi_typescript": "ZTS1", "hey_api": "ZTS2", "openapi_python_client": "ZPY1", "openapi_generator": "ZPY2"}


@pytest.fixture(scope="module")
def python_tools() -> Path:
    """The folder of the programs of the Python generators."""
    place = TOOLS / "python"
    uv = Path(sys.executable).parent / "uv"

    def install() -> None:
        run(sys.executable, "-m", "venv", "--clear", place, cwd=TOP)
        with_pip = [place / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        with_uv = [uv, "pip", "install", "--quiet", "--python", place / "bin" / "python"]
        what = ["--require-hashes", "-r", LOCK]
        # As scripts/setup: a machine may not let uv have it.
        with contextlib.suppress(AssertionError, FileNotFoundError):
            run(*with_uv, *what, cwd=TOP, UV_LINK_MODE="copy")
            return
        run(*with_pip, *what, cwd=TOP)

    installed("python", [LOCK], install)
    return place / "bin"


@pytest.fixture(scope="module")
def node_tools() -> Path:
    return with_node_modules()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The example with its data fresh from the file, on a real server."""
    with serving(app) as address:
        yield address


@pytest.fixture
def document(address: str, tmp_path: Path) -> Path:
    """The document, as a generator gets it: from the address at which the app shows it."""
    path = tmp_path / "openapi.json"
    with urllib.request.urlopen(f"{address}/openapi.json", timeout=30) as answer:
        path.write_bytes(answer.read())
    return path


def typescript(name: str, here: Path, tools: Path, address: str, generate: list[str | Path]) -> dict[str, object]:
    """Generate, compile our program with what was generated, strictly, and run it."""
    (here / "package.json").write_text('{"type": "module"}')
    (here / "node_modules").symlink_to(tools / "node_modules")
    shutil.copy(HERE / f"round_trip_{name}.ts", here)
    shutil.copy(HERE / "tsconfig.json", here)
    run("node", *generate, cwd=here)
    run("node", "node_modules/typescript/bin/tsc", cwd=here)
    return dict(json.loads(run("node", f"made/round_trip_{name}.js", address, CODES[name], cwd=here)))


def python(name: str, here: Path, tools: Path, address: str, generate: list[str | Path]) -> dict[str, object]:
    """Generate, check our program's types against what was generated, strictly, and run it."""
    program = f"round_trip_{name}.py"
    shutil.copy(HERE / program, here)
    run(*generate, cwd=here, PATH=f"{tools}{os.pathsep}{os.environ['PATH']}")
    run(tools / "mypy", "--strict", "--follow-imports=silent", "--cache-dir=types", program, cwd=here)
    return dict(json.loads(run(tools / "python", "-W", "error", program, address, CODES[name], cwd=here)))


@pytest.mark.services("node", "npm")
def test_openapi_typescript(document: Path, address: str, node_tools: Path) -> None:
    generate = ["node_modules/openapi-typescript/bin/cli.js", document, "-o", "schema.d.ts"]
    assert typescript("openapi_typescript", document.parent, node_tools, address, generate) == EXPECTED


@pytest.mark.services("node", "npm")
def test_hey_api(document: Path, address: str, node_tools: Path) -> None:
    generate = ["node_modules/@hey-api/openapi-ts/bin/run.js", "-f", HERE / "openapi-ts.config.mjs"]
    assert typescript("hey_api", document.parent, node_tools, address, generate) == EXPECTED


def test_openapi_python_client(document: Path, address: str, python_tools: Path) -> None:
    generate = [python_tools / "openapi-python-client", "generate", "--path", document]
    generate += ["--meta", "none", "--output-path", "airports_attrs", "--fail-on-warning"]
    assert python("openapi_python_client", document.parent, python_tools, address, generate) == EXPECTED


@pytest.mark.services("java")
def test_openapi_generator(document: Path, address: str, python_tools: Path) -> None:
    generator = python_tools / "openapi-generator-cli"
    generate = [generator, "generate", "-i", document, "-g", "python", "-o", "."]
    generate += ["-p", "packageName=airports_pydantic"]
    assert python("openapi_generator", document.parent, python_tools, address, generate) == EXPECTED
