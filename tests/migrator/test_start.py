"""The short way for `migrate ps PID` and `pstree PID` is the same as the long one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.live import migrate
from tests.programs import ROOT, Program, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import TargetPython

HEAVY = ("click", "dataclasses", "inspect", "asyncio", "greenlet", "eventlet", "libcst", "rich")


@pytest.fixture(scope="module")
def target(target_python: TargetPython) -> Iterator[Program]:
    with running(target_python("3.14"), "tests/targets/asyncio_shapes.py", "cycle") as program:
        yield program


def settled(text: str) -> str:
    return re.sub(r"\d+(\.\d+)?(s| s)?\b|\d+m", "N", text)


@pytest.mark.parametrize("view", ["ps", "pstree"])
def test_both_ways_show_the_same(view: str, target: Program) -> None:
    short, long = migrate(view, target.pid), migrate(view, "--wide", target.pid)
    assert short.returncode == long.returncode == 1
    assert settled(short.stdout) == settled(long.stdout)
    assert short.stderr == long.stderr


@pytest.mark.parametrize("view", ["ps", "pstree"])
def test_nothing_heavy_is_loaded(view: str, target: Program) -> None:
    program = (
        "import sys, json; from migrator.start import run\n"
        f"run([{view!r}, '{target.pid}'])\n"
        "print(json.dumps(list(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = json.loads(done.stderr.splitlines()[-1])
    assert [name for name in HEAVY if name in loaded] == []


@pytest.mark.parametrize("pid", ["0", "-1", "1e3", "99999999999999999999"])
def test_what_is_no_pid_is_refused_either_way(pid: str) -> None:
    done = migrate("ps", pid)
    assert done.returncode in (2, 4)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
