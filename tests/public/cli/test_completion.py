"""`wholestack completion`: what each shell is told, and what a real bash makes of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from servers import serving

Write = Callable[[str, str], Path]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_each_shell_reads(wholestack, shell: str) -> None:
    done = wholestack("completion", shell)
    assert (done.code, done.err) == (0, "")
    assert "_WHOLESTACK_COMPLETE" in done.out
    assert f"{shell}_complete" in done.out


@pytest.fixture
def completed(write: Write, tmp_path: Path) -> Callable[[str], list[str]]:
    """`completed("wholestack rou")`: what bash offers at the end of this line."""
    program = write("bin/wholestack", f"#!{sys.executable}\nfrom wholestack.cli import main\nmain()\n")
    program.chmod(0o755)
    environment = serving.environment(PATH=f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    def completed(line: str) -> list[str]:
        words = line.split(" ")
        script = (
            'eval "$(wholestack completion bash)"\n'
            f"COMP_WORDS=({' '.join(each or repr('') for each in words)}); COMP_CWORD={len(words) - 1}\n"
            '"$(complete -p wholestack | sed "s/.*-F \\([^ ]*\\).*/\\1/")" wholestack\n'
            'printf "%s\\n" "${COMPREPLY[@]}"\n'
        )
        done = subprocess.run(
            ["bash", "--norc", "-c", script], cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return completed


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_a_real_bash(completed: Callable[[str], list[str]], write: Write) -> None:
    assert completed("wholestack ro") == ["routes"]
    assert {"dev", "new", "serve", "shell", "test"} <= set(completed("wholestack "))
    assert completed("wholestack serve --work") == ["--workers"]
    assert completed("wholestack serve --server g") == ["granian", "gunicorn"]
    assert completed("wholestack completion z") == ["zsh"]
    assert completed("wholestack zz") == []
