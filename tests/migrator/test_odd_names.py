"""Files whose names are no text, or hold what moves a cursor."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = b"from eventlet import debug\ndebug.spew()\n"
FORMATS = ("concise", "full", "json", "jsonl", "sarif", "github", "gitlab", "junit", "markdown")


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    folder = os.fsencode(tmp_path)
    for name in (b"bad\xff.py", b"line\nbreak.py", b"red\x1b[31m.py"):
        with open(os.path.join(folder, name), "wb") as file:  # noqa: PTH118, PTH123
            file.write(SOURCE)
    return tmp_path


def migrate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "migrator", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("output", [*FORMATS, "html"])
def test_scan_reports_them_in_every_format(odd: Path, output: str) -> None:
    done = migrate(odd, "scan", "--format", output, ".")
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"\x1b[31m" not in done.stdout
    assert done.stdout.decode("utf-8").count("EVT108") >= 3


def test_apply_rewrites_them(odd: Path) -> None:
    done = migrate(odd, "apply", "--to", "bridge", "--write", "--allow-dirty", ".")
    assert (done.returncode, done.stderr) == (0, b"")
    rewritten = [file.read_bytes() for file in odd.glob("*.py")]
    assert rewritten == [SOURCE.replace(b"eventlet", b"bridge")] * 3
