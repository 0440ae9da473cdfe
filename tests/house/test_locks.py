"""What `scripts/demo` installs is enough for what it serves: nobody who has only its lock is told to install more."""

from __future__ import annotations

import re
import tomllib

import pytest

from house.source import TOP

SHOWN = ("auth", "i18n", "images", "passkeys", "pg", "totp", "xlsx")
"""The extras of the richest example (scripts/setup, `lock`)."""


def locked(name: str) -> dict[str, str]:
    text = (TOP / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;\\]+)", text, re.MULTILINE))


@pytest.mark.parametrize("extra", SHOWN)
def test_the_demo_has_what_its_example_needs(extra: str) -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    run, test = locked("run"), locked("test")
    for each in project["optional-dependencies"][extra]:
        name = re.match(r"[a-z0-9-]+", each)
        assert name is not None and run.get(name[0]) == test[name[0]], each


def test_the_lock_is_made_with_them() -> None:
    assert f'"{" ".join(SHOWN)}".split()' in (TOP / "scripts" / "setup").read_text()
