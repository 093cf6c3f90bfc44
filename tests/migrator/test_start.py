"""The short way for `migrate ps PID` and `pstree PID` is the same as the long one."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.live import migrate
from tests.programs import ROOT, Program, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import TargetPython

HEAVY = ("click", "dataclasses", "inspect", "asyncio", "greenlet", "eventlet", "libcst", "rich")


@pytest.fixture(scope="module")
def target(target_python: TargetPython) -> Iterator[Program]:
    with running(target_python("3.14"), "tests/targets/asyncio_shapes.py", "cycle") as program:
        yield program.rest()


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


@pytest.mark.parametrize("arguments", [["scan"], ["ps", "1", "--wide"], ["--help"]])
def test_an_interrupt_while_it_loads_leaves_no_traceback(arguments: list[str]) -> None:
    program = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's & ignores it
        "class Interrupts:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'click': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupts())\n"
        "from migrator.start import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("pid", ["0", "-1", "1e3", "loader", "9" * 20, "9" * 5000])
def test_what_is_no_pid_is_refused_either_way(pid: str) -> None:
    done = migrate("ps", pid)
    assert done.returncode in (2, 4)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr


@pytest.mark.parametrize(
    ("command", "unbuffered"), [("ps", ""), ("ps", "1"), ("pstree --json", ""), ("--help", "")]
)
def test_output_that_cannot_be_written_is_said(
    command: str, unbuffered: str, target: Program
) -> None:
    pid = [] if command == "--help" else [target.pid]
    done = shell("/dev/full", command, *pid, PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr) == (
        2,
        "migrate: error: cannot write: No space left on device\n",
    )


@pytest.mark.parametrize(("command", "status"), [("ps", 1), ("pstree --json", 1), ("--help", 0)])
@pytest.mark.parametrize("closed", ["&-", "&- 2>&- <&-"])
def test_streams_may_be_closed(command: str, status: int, closed: str, target: Program) -> None:
    pid = [] if command == "--help" else [target.pid]
    done = shell(closed, command, *pid)
    assert (done.returncode, done.stderr.partition("migrate: error")[1]) == (status, "")


@pytest.mark.parametrize("errors", ["/dev/full", "&-"])
@pytest.mark.parametrize(("command", "status"), [("ps 1073741823", 4), ("ps --bogus", 2)])
def test_an_error_that_cannot_be_told_keeps_its_status(
    command: str, status: int, errors: str
) -> None:
    assert shell("/dev/null", f"{command} 2>{errors}").returncode == status


def shell(output: str, command: str, *pid: int, **env: str) -> subprocess.CompletedProcess[str]:
    """The command with its stdout where ``output``, a redirection, sends it."""
    line = f"exec {shlex.quote(sys.executable)} -m migrator {command} {' '.join(map(str, pid))}"
    return subprocess.run(
        ["sh", "-c", f"{line} >{output}"],
        cwd=ROOT,
        env={**os.environ, **env},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", [("scan", "--format", "full"), ("apply", "--to", "asyncio")])
def test_what_the_encoding_lacks_is_escaped(command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "\N{EURO SIGN}.py").write_text(
        "import eventlet.debug\neventlet.debug.spew('\N{EURO SIGN}')\n", encoding="utf-8"
    )
    done = migrate(*command, tmp_path, env={"PYTHONIOENCODING": "latin-1"})
    assert done.returncode == 1, done.stderr
    assert r"\u20ac.py:2:1" in done.stdout


def test_a_file_name_may_be_any(tmp_path: Path) -> None:
    (tmp_path / "odd\udce9.py").write_text("from eventlet import debug\ndebug.unspew()\n")
    done = migrate("apply", "--to", "asyncio", "--check", tmp_path)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(f"would change {tmp_path}/odd\\udce9.py")


def test_a_reader_that_goes_early_changes_no_status(target: Program, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("from eventlet import debug\ndebug.unspew()\n")
    commands = [f"{view} {target.pid}" for view in ("ps", "ps --json", "pstree", "check")]
    for command in [*commands, f"apply --check {tmp_path}"]:
        words = [sys.executable, "-m", "migrator", *command.split()]
        with subprocess.Popen(
            words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as run:
            assert run.stdout is not None
            assert run.stderr is not None
            run.stdout.close()  # before the first line
            assert run.wait(60) == 1, run.stderr.read()
