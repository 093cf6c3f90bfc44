from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.programs import running, wait_until

if TYPE_CHECKING:
    from tests.conftest import StartTarget

PYTHON = Path(sys.executable)

FORKS = """
import os, time
child = os.fork()
if child:
    print("ready", f"pid={os.getpid()} child={child}")
time.sleep(600)
"""


def test_gives_pid_and_words_and_ends_the_whole_group(tmp_path: Path) -> None:
    script = tmp_path / "forks.py"
    script.write_text(FORKS)
    with running(PYTHON, script) as program:
        child = psutil.Process(int(program.ready["child"]))
        assert program.pid == program.process.pid
        assert child.is_running()
    assert not psutil.pid_exists(program.pid)
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_ends_the_program_when_the_test_fails(tmp_path: Path) -> None:
    script = tmp_path / "forks.py"
    script.write_text(FORKS)
    pids = []

    def failing() -> None:
        with running(PYTHON, script) as program:
            pids.append(program.pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert not psutil.pid_exists(pids[0])


def test_says_why_a_program_is_not_ready(tmp_path: Path, start_target: StartTarget) -> None:
    script = tmp_path / "broken.py"
    script.write_text("import sys; print('first'); sys.exit('no such thing')")
    with pytest.raises(pytest.fail.Exception, match=r"(?s)status 1.*first.*no such thing"):
        start_target(PYTHON, script)


def test_a_program_does_not_inherit_python_settings(
    tmp_path: Path, start_target: StartTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONMALLOC", "malloc")
    monkeypatch.setenv("EVENTLET_HUB", "poll")
    script = tmp_path / "environment.py"
    script.write_text(
        "import os; print('ready', *(f'{k}={v}' for k, v in os.environ.items()"
        " if k in ('PYTHONMALLOC', 'EVENTLET_HUB', 'MINE')), flush=True); import time\n"
        "time.sleep(600)"
    )
    assert start_target(PYTHON, script, env={"MINE": "1"}).ready == {"MINE": "1"}
    assert os.environ["PYTHONMALLOC"] == "malloc"
