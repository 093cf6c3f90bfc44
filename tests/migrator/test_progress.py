"""The progress bar, in a real terminal: there while work is long, and gone without a trace."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.migrator.scanning import git as repository_git
from tests.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

SCAN = ("scan", "--no-cache", "--isolated", "first.py", "second.py")


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A folder of two files that come when they are `given`: pipes."""
    for name in ("first.py", "second.py"):
        os.mkfifo(tmp_path / name)
    return tmp_path


def give(file: Path, seconds: float = 0) -> None:
    with file.open("wb") as pipe:  # waits for the reader
        time.sleep(seconds)
        pipe.write(b"import eventlet\n")


def quoted(*arguments: str) -> str:
    return " ".join(f"'{one}'" for one in arguments)


def test_long_work_shows_a_bar_and_leaves_nothing(slow: Path) -> None:
    with Terminal(*SCAN, cwd=slow, columns=160) as terminal:
        give(slow / "first.py", 1)
        terminal.shows(r"Scanning .*1/2")
        assert not terminal.screen.cursor.hidden  # a kill could not give it back
        give(slow / "second.py")
        assert terminal.ends() == 1
        shown = [line for line in terminal.screen.display if line.strip()]
        assert [line.split()[0] for line in shown] == ["first.py:1:8", "second.py:1:8", "2"]
        assert not terminal.screen.cursor.hidden


def test_an_interrupt_takes_the_bar_along(slow: Path) -> None:
    with Terminal(*SCAN, cwd=slow) as terminal:
        give(slow / "first.py", 1)
        terminal.shows(r"Scanning .*1/2")
        terminal.send("\x03")
        assert terminal.ends() == 130
        assert "Scanning" not in terminal.text
        assert not terminal.screen.cursor.hidden


@pytest.mark.parametrize(
    ("redirection", "environment"),
    [("2> errors", {}), ("2>&1 | cat > errors", {}), ("", {"TERM": "dumb"})],
)
def test_no_bar_where_nobody_watches(
    redirection: str, environment: dict[str, str], slow: Path
) -> None:
    line = f"{quoted(sys.executable, '-m', 'migrator', *SCAN)} {redirection}"
    with Terminal(command=["sh", "-c", line], cwd=slow, env=environment) as terminal:
        give(slow / "first.py", 1)
        give(slow / "second.py")
        terminal.ends()
        assert b"Scanning" not in terminal.raw
        assert b"\x1b" not in terminal.raw
    if redirection:
        assert "Scanning" not in (slow / "errors").read_text()


def test_short_work_costs_no_import(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import eventlet\n")
    script = (
        "import sys; from migrator.cli import run; run(['scan', '--no-cache', 'a.py'])\n"
        "print('rich' in sys.modules, sys.stderr.isatty())"
    )
    with Terminal(command=[sys.executable, "-c", script], cwd=tmp_path) as terminal:
        terminal.ends()
        assert "False True" in terminal.text


def test_history_has_a_bar_of_its_commits(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import eventlet\n")
    for arguments in (["init"], ["add", "-A"], ["commit", "-m", "x"]):
        repository_git(tmp_path, *arguments)
    (tmp_path / "bin").mkdir()
    git = tmp_path / "bin" / "git"  # the real one, which takes the time of a long history
    git.write_text(f'#!/bin/sh\nsleep 0.6\nexec "{shutil.which("git")}" "$@"\n')
    git.chmod(0o755)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    with Terminal("status", "--history", cwd=tmp_path, env={"PATH": path}) as terminal:
        assert terminal.ends() == 0
        assert b"Reading history" in terminal.raw
        assert "Reading history" not in terminal.text
