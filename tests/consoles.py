"""Consoles as a user opens them, in a program of `TARGET`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.programs import ROOT

if TYPE_CHECKING:
    from tests.programs import Program

TARGET = "tests/targets/console_worlds.py"


def console(program: Program, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """``migrate console`` in the program, run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "migrator", "console", str(program.pid), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        input=stdin,
        check=False,
    )


def said(program: Program, code: str) -> str:
    """What the code prints and shows there; it has to run without a complaint."""
    done = console(program, "--yes", "--exec", code)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def rooms(program: Program) -> list[Path]:
    """The folders that a console in the program has open: their sockets."""
    return [
        path
        for base in ("/tmp", "/var/tmp", "/dev/shm")
        for path in Path(base).glob(f"migrate-console-{program.pid}-*/s")
    ]
