"""Processes in every state one may be looked at in: a right answer, or one clear error."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from inspector.capture import Options, take
from inspector.errors import MigrateError, NoSuchProcess, NotPython, UnsupportedPython
from tests.interpreters import TARGETS
from tests.programs import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inspector.snapshot import Snapshot, Thread
    from tests.conftest import StartTarget, TargetPython

IDLE = "tests/targets/idle.py"
WAITING = "tests/targets/waits_asyncio.py"


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def status(pid: int) -> str:
    return psutil.Process(pid).status()


def main_thread(snapshot: Snapshot) -> Thread:
    (found,) = [thread for thread in snapshot.threads if thread.tid == snapshot.pid]
    return found


@pytest.mark.parametrize("version", TARGETS)
@pytest.mark.parametrize(
    ("way", "state", "system_call", "holds_gil"),
    [
        ("sleep", "sleeping", "clock_nanosleep", False),
        ("gil", "sleeping", "clock_nanosleep", True),
        ("spin", "running", None, True),
    ],
)
def test_blocked_in_c_and_running(
    version: str,
    way: str,
    state: str,
    system_call: str | None,
    holds_gil: bool,
    target_python: TargetPython,
    start_target: StartTarget,
) -> None:
    program = start_target(target_python(version, "greenlet", "eventlet"), IDLE, way)
    if way != "spin":
        until(lambda: status(program.pid) == psutil.STATUS_SLEEPING)
    seen = take(program.pid)
    thread = main_thread(seen)
    assert thread.stack[-1].function == "<module>"
    assert thread.stack[-1].file == str(ROOT / IDLE)
    other = [thread for thread in seen.threads if thread.tid != seen.pid]
    assert other[0].stack[-1].function == "Thread._bootstrap"
    assert (thread.name, other[0].name) == ("MainThread", "second")
    if way == "spin":
        # It gives the GIL away now and then, and the scheduler may take it off the processor.
        until(lambda: main_thread(take(program.pid)).state == state)
        until(lambda: main_thread(take(program.pid)).holds_gil)
    else:
        assert (thread.state, thread.system_call) == (state, system_call)
        assert thread.holds_gil is holds_gil
        assert other[0].holds_gil is False


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.15"])
@pytest.mark.parametrize("where", ["thread", "green"])
def test_deep_stacks(
    version: str, where: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    python = target_python(version, "greenlet", "eventlet")
    for count, kept, notes in (
        (15_000, 15_000, []),
        (30_000, 20_000, ["without its middle"]),
    ):
        arguments = [str(count), *(["green"] if where == "green" else [])]
        seen = take(start_target(python, "tests/targets/deep.py", *arguments).rest().pid)
        stacks = [unit.stack for unit in seen.units] + [thread.stack for thread in seen.threads]
        deepest = max(stacks, key=len)
        assert kept <= len(deepest) < kept + 10
        outermost = "GreenThread.main" if where == "green" else "<module>"
        assert deepest[-1].function == outermost
        outer = [
            frame.args["left"] for frame in deepest[-4:] if frame.args and frame.function == "down"
        ]
        assert outer[-2:] == [str(count - 1), str(count)]
        assert [note[-18:] for note in seen.completeness.notes] == notes


@pytest.mark.parametrize("version", TARGETS)
def test_idle_in_epoll(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python(version, "greenlet", "eventlet"), WAITING)
    until(lambda: main_thread(take(program.pid)).system_call in ("epoll_wait", "epoll_pwait"))
    thread = main_thread(take(program.pid))
    assert (thread.state, thread.holds_gil) == ("sleeping", False)
    assert thread.stack[0].function == "EpollSelector.select"
    assert thread.current_task is None


# Stopping it.


@pytest.mark.parametrize("version", ["3.11", "3.15"])
def test_stopped_by_a_signal(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python(version, "greenlet", "eventlet"), WAITING)
    before = take(program.pid)
    os.kill(program.pid, signal.SIGSTOP)
    until(lambda: status(program.pid) == psutil.STATUS_STOPPED)
    for freeze in (False, True):
        seen = take(program.pid, Options(freeze=freeze))
        assert {unit.id for unit in seen.units} == {unit.id for unit in before.units}
        assert seen.completeness.complete
        assert main_thread(seen).state == "stopped"
        # What was stopped by another stays so.
        assert status(program.pid) == psutil.STATUS_STOPPED


def test_freeze_is_undone(target_python: TargetPython, start_target: StartTarget) -> None:
    program = start_target(target_python("3.14", "greenlet", "eventlet"), WAITING)
    seen = take(program.pid, Options(freeze=True))
    assert seen.completeness.frozen
    assert seen.completeness.complete
    assert status(program.pid) != psutil.STATUS_STOPPED
    # No guard is left behind.
    until(lambda: program.pid in [child.pid for child in psutil.Process().children()])
    names = [child.pid for child in psutil.Process().children() if child.pid != program.pid]
    assert not [pid for pid in names if psutil.Process(pid).cmdline() == psutil.Process().cmdline()]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_freeze_is_undone_when_we_are_killed(
    number: signal.Signals, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python("3.14", "greenlet", "eventlet"), WAITING)
    code = (
        "import sys, time; from inspector.freeze import frozen\n"
        "with frozen(int(sys.argv[1])): print('frozen', flush=True); time.sleep(600)"
    )
    tool = subprocess.Popen(
        [sys.executable, "-c", code, str(program.pid)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert tool.stdout is not None
    try:
        assert tool.stdout.readline() == b"frozen\n"
        assert status(program.pid) == psutil.STATUS_STOPPED
    finally:
        tool.send_signal(number)
        tool.wait()
        tool.stdout.close()
    until(lambda: status(program.pid) != psutil.STATUS_STOPPED)


# Elsewhere.


@pytest.fixture
def contained(target_python: TargetPython) -> Iterator[int]:
    """A target in a PID namespace of its own; gives its PID as seen from here."""
    if not shutil.which("unshare"):
        pytest.skip("no unshare here")
    python = target_python("3.14", "greenlet", "eventlet")
    outer = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", python, ROOT / WAITING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert outer.stdout is not None
    assert outer.stderr is not None
    try:
        lines = iter(outer.stdout.readline, "")
        if not any(line.startswith("ready") for line in lines):
            pytest.skip(f"no namespaces here: {outer.stderr.read().strip()}")
        yield psutil.Process(outer.pid).children()[0].pid
    finally:
        outer.kill()
        outer.wait()
        outer.stdout.close()
        outer.stderr.close()


def test_in_a_pid_namespace(contained: int) -> None:
    seen = take(contained, Options(freeze=True))
    assert seen.pid == contained
    assert seen.completeness.complete
    waits = {unit.name: unit.wait for unit in seen.units}
    assert len(waits) > 30
    lock, read = waits["lock-1"], waits["sock-recv"]
    assert lock is not None
    assert lock.text == "lock held by task lock-holder, 1 other waiting"
    assert read is not None
    assert read.peer is not None
    assert read.peer.startswith("127.0.0.1:")
    # Threads have other numbers in there; shown are those that are known here.
    assert {thread.tid for thread in seen.threads} == {
        thread.id for thread in psutil.Process(contained).threads()
    }
    assert {unit.tid for unit in seen.units} == {contained}
    assert {thread.state for thread in seen.threads} <= {"sleeping", "running"}


# Beginning and ending.


ERRORS = (NoSuchProcess, NotPython, UnsupportedPython)


@pytest.mark.parametrize("version", TARGETS)
def test_just_started(version: str, target_python: TargetPython) -> None:
    """From the first moment on: an error that says so, at last a snapshot; nothing else."""
    command = [target_python(version, "greenlet", "eventlet"), ROOT / IDLE]
    for delay in (0, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08):
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        try:
            time.sleep(delay)
            seen = first_answer(process.pid)
            assert seen.python.startswith(version)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def first_answer(pid: int) -> Snapshot:
    deadline = time.monotonic() + 30
    while True:
        try:
            return take(pid)
        except ERRORS as error:
            if time.monotonic() > deadline or not error.message.isprintable():
                raise


@pytest.mark.parametrize("version", ["3.11", "3.14"])
def test_exiting(version: str, target_python: TargetPython) -> None:
    """Looked at again and again until it is gone; the last answer is that it is."""
    code = (
        "import asyncio\n"
        "async def main(): await asyncio.gather(*[asyncio.sleep(0.3) for _ in range(200)])\n"
        "asyncio.run(main())\n"
    )
    python = target_python(version, "greenlet", "eventlet")
    for _ in range(3):
        process = subprocess.Popen([python, "-c", code])
        try:
            last: MigrateError | None = None
            deadline = time.monotonic() + 60
            while not isinstance(last, NoSuchProcess):
                assert time.monotonic() < deadline, last
                with contextlib.suppress(*ERRORS):
                    last = None
                    last = ended(process.pid)
            assert last.exit_status == 4
        finally:
            process.kill()
            process.wait()


def ended(pid: int) -> MigrateError | None:
    try:
        take(pid)
    except MigrateError as error:
        return error
    return None


def test_under_memory_pressure(target_python: TargetPython, start_target: StartTarget) -> None:
    """With little memory to spare the tool answers, or says in one line what is missing."""
    program = start_target(target_python("3.14", "greenlet", "eventlet"), WAITING)
    code = (
        "import resource, sys; limit = int(sys.argv[2]) << 20\n"
        "from migrator import cli\n"
        "import inspector.capture, bridge.graph, bridge.schema\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "sys.exit(cli.run(['ps', '--json', sys.argv[1]]))\n"
    )
    answered = 0
    for limit in (40, 60, 80, 120, 400):
        done = subprocess.run(
            [sys.executable, "-c", code, str(program.pid), str(limit)],
            cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, (limit, done.stderr)
        answered += done.stdout.startswith("{")
    assert answered
    assert status(program.pid) != psutil.STATUS_STOPPED
    assert Path(f"/proc/{program.pid}").exists()
