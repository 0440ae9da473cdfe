"""What surrounds the code: locks without addresses, scripts that are described, no silenced checks."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from house.source import TOP, modules

LOCKS = sorted((TOP / "requirements").glob("*.txt"))
SILENCERS = re.compile(
    r"#\s*(?:TODO|FIXME|XXX|pragma: no (?:cover|branch)|type: ignore(?!\[)|pyright: ignore(?!\[)|noqa(?!: [A-Z]))"
)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_has_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert not re.search(r"://|^\s*-(?!-hash)|(?<![\w.])/\w", text, re.MULTILINE)
    requirements = re.split(r"^(?=[\w-])", text, flags=re.MULTILINE)[1:]
    assert requirements
    assert [each.split()[0] for each in requirements if "==" not in each or "--hash=sha256:" not in each] == []


def test_the_locks_agree() -> None:
    """What several locks of `.venv` hold is the same in each, variants for other platforms included."""
    seen: dict[str, dict[str, set[str]]] = {}
    for name in ("setup", "run", "test", "lint"):
        for line in re.findall(r"^[\w.-]+==[^\\\n]+", (TOP / f"requirements/{name}.txt").read_text(), re.MULTILINE):
            seen.setdefault(line.partition("==")[0], {}).setdefault(name, set()).add(line.strip())
    differing = {
        package: by_lock
        for package, by_lock in seen.items()
        if any(
            {each.split()[0] for each in lines} - {each.split()[0] for each in other}
            for lines in by_lock.values()
            for other in by_lock.values()
        )
    }
    assert not differing


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    extras = [each for extra in project["project"]["optional-dependencies"].values() for each in extra]
    plain = project["project"]["dependencies"]
    wanted = {
        "run": plain,
        "test": [*plain, *extras, *groups["test"]],
        "lint": groups["lint"],
        "bench": [*plain, *extras, *groups["bench"]],
        "setup": groups["setup"],
    }
    missing = []
    for name, requirements in wanted.items():
        locked = set(re.findall(r"^([\w.-]+)==", (TOP / f"requirements/{name}.txt").read_text(), re.MULTILINE))
        named = {re.split(r"[^\w.-]", each)[0].lower() for each in requirements}
        missing += [f"{name}: {each}" for each in sorted(named - locked)]
    assert not missing, "scripts/setup --lock"


def test_every_script_is_described_and_can_be_run() -> None:
    described = (TOP / "CONTRIBUTING.md").read_text()
    scripts = [path for path in (TOP / "scripts").iterdir() if path.is_file()]
    assert {path.name for path in scripts} == {"setup", "test", "lint", "docs", "demo", "bench"}
    assert [
        path.name for path in scripts if not path.stat().st_mode & 0o100 or f"`scripts/{path.name}" not in described
    ] == []


def test_nothing_in_the_source_is_silenced_or_asserted() -> None:
    wrong = []
    for module in modules():
        for number, line in enumerate(module.text.splitlines(), 1):
            if SILENCERS.search(line):
                wrong.append(f"{module.where}:{number}: {line.strip()}")
        wrong += [
            f"{module.where}:{node.lineno}: assert" for node in ast.walk(module.tree) if isinstance(node, ast.Assert)
        ]
    assert not wrong, "\n".join(wrong)
