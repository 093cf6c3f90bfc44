"""TAB in real shells, each in a terminal of its own."""

from __future__ import annotations

import os
import re
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from tests.programs import ROOT
from tests.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
START = re.compile(r"```sh\n(# (bash|zsh|fish)\n.*?)```", re.DOTALL)


def documented(shell: str) -> str:
    """The lines that the documentation tells the users of a shell to take, as one."""
    page = (ROOT / "docs" / "recipes.md").read_text()
    (text,) = [text for text, name in START.findall(page) if name == shell]
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return "; ".join(lines)


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    """A shell that has `migrate` on its PATH, and what our documentation says in it."""
    name = request.param
    if not shutil.which(name):
        pytest.skip(f"no {name} here")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "migrate"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m migrator "$@"\n')
    program.chmod(0o755)
    (tmp_path / "elsewhere").mkdir()
    environment = {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PS1": "$ ",
        "LC_ALL": "C.UTF-8",
    }
    command = SHELLS[name]
    with Terminal(command=command, cwd=tmp_path, env=environment, columns=120) as terminal:
        # zsh asks before it lists much, and looks twice at a folder that others may write to.
        terminal.send(f"{documented(name)}; echo rea''dy\r")
        terminal.shows(r"(?m)^ready")
        terminal.send("clear\r")
        terminal.hides("ready")
        yield terminal


def completes(shell: Terminal, typed: str, whole: str) -> None:
    """What is ``typed``, and TAB, has to become ``whole``; the line is given up then."""
    shell.send(f"{typed}\t")
    shell.shows(re.escape(whole))
    shell.send("\x03")
    shell.send("clear\r")
    shell.hides(re.escape(whole))


def test_commands_options_rules_and_files_are_completed(shell: Terminal) -> None:
    completes(shell, "migrate expl", "migrate explain")
    completes(shell, "migrate scan --sele", "migrate scan --select")
    completes(shell, "migrate scan --format sar", "--format sarif")
    completes(shell, "migrate scan --select backd", "--select backdoor")
    completes(shell, "migrate apply --select debug,backd", "--select debug,backdoor")
    completes(shell, "migrate scan --fail-on non", "--fail-on none")
    completes(shell, "migrate scan elsew", "migrate scan elsewhere/")


def test_codes_are_offered(shell: Terminal) -> None:
    shell.send("migrate explain EVT10\t\t")
    for code in ("EVT101", "EVT105", "EVT109"):
        shell.shows(code)
