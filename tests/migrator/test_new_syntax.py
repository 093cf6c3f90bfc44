"""Code that needs a newer Python than the one that `migrate` runs on, on either."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.interpreters import environment
from tests.migrator.scanning import ROOT, document, migrate

if TYPE_CHECKING:
    from pathlib import Path

_SOURCE = """\
import eventlet  #= eventlet
from eventlet import debug  #= eventlet.debug
type Hook = debug.Spew  #= eventlet.debug.Spew
type Text = "debug.Spew"  #= eventlet.debug.Spew
def f[T: debug.Spew](x: T) -> T:  #= eventlet.debug.Spew
    debug.spew()  #= eventlet.debug.spew
class C[T = debug.Spew]:  #= eventlet.debug.Spew
    pass
def g[debug](x):
    debug.spew()
try:
    pass
except eventlet.Timeout, ValueError:  #= eventlet.Timeout
    pass
x = t"{debug.unspew()} eventlet"  #= eventlet.debug.unspew
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text(_SOURCE)
    return tmp_path


def test_it_is_understood_by_a_python_that_knows_it(project: Path) -> None:
    python = environment("3.14", ["click", "pathspec"])
    done = subprocess.run(
        [python, "-m", "migrator", "scan", "--no-cache", "--format", "json"],
        cwd=project,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    found = json.loads(done.stdout)["findings"]
    expected = [
        (number, match[1])
        for number, line in enumerate(_SOURCE.splitlines(), 1)
        if (match := re.search(r"#= (\S+)", line))
    ]
    assert [(one["line"], one["api"]) for one in found] == expected


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python knows the syntax")
def test_it_is_named_as_unread_by_one_that_does_not(project: Path) -> None:
    done = migrate("scan", "--format", "json", cwd=project)
    assert done.returncode == 3
    (unread,) = document(done)["unread"]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert unread["path"] == "a.py"
    assert unread["reason"].endswith(f"(read as Python {version})")
