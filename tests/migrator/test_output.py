"""Where a report goes, and what becomes of the status when nobody reads it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.migrator.scanning import migrate
from tests.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("command", ["scan", "scan --format json", "scan --format full", "status"])
def test_the_status_stays_when_nobody_reads_on(command: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import eventlet\n")
    (tmp_path / "broken.py").write_text("def f(:\n")
    reading, writing = os.pipe()
    os.close(reading)
    for errors in (None, subprocess.STDOUT):
        done = subprocess.run(
            [sys.executable, "-m", "migrator", *command.split(), "."],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=writing,
            stderr=errors,
            check=False,
        )
        assert done.returncode == 1
    os.close(writing)


def test_a_dash_is_stdout(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    done = migrate("scan", "-o", "-", cwd=tmp_path)
    assert done.stdout == "0 findings in 0 files of 1.\n"
    assert not (tmp_path / "-").exists()
