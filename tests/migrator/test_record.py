from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bridge.test_recording import check_speedscope
from tests.programs import every_target, wait_until

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython
    from tests.programs import Program

RECORD = [sys.executable, "-m", "migrator", "record"]


def record(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*RECORD, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def hybrid(target_python: TargetPython, start_target: StartTarget) -> Program:
    python = target_python("3.14", "eventlet", "greenlet")
    return start_target(python, "samples/hybrid_service.py")


def test_both_worlds_are_in_the_profile_with_what_they_wait_for(
    hybrid: Program, tmp_path: Path
) -> None:
    file = tmp_path / "profile.json"
    done = record(hybrid.pid, "--duration", 1.5, "--interval", 0.1, "-o", file)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert f"looks at process {hybrid.pid}" in done.stderr
    document = check_speedscope(file.read_text())
    frames = [frame["name"] for frame in document["shared"]["frames"]]
    everything = document["profiles"][0]
    stacks = {
        tuple(frames[index] for index in sample): weight
        for sample, weight in zip(everything["samples"], everything["weights"], strict=True)
    }
    whole = max(stacks.values())
    assert 0 < whole < 60
    assert ("tasks", "NewHalf.settle", "[waits for green Ledger.settle]") in stacks
    ends: dict[str, set[str]] = {}
    for stack in stacks:
        ends.setdefault(stack[0], set()).add(stack[-1])
    assert {"[waits for task NewHalf.fetch_price]", "[waits: sleep]"} < ends["tasks"]
    assert any(end.startswith("[waits for task") for end in ends["green threads"])
    assert not [path for path in tmp_path.iterdir() if path != file]


@every_target
def test_a_sleeper_is_there_on_every_version(
    version: str, target_python: TargetPython, start_target: StartTarget, tmp_path: Path
) -> None:
    program = start_target(target_python(version), "samples/asyncio_service.py")
    done = record(program.pid, "--duration", 0.5, "--format", "collapsed", "-o", "-")
    assert done.returncode == 0, done.stderr
    counts = Counter[str]()
    for line in done.stdout.splitlines():
        stack, _, milliseconds = line.rpartition(" ")
        counts[stack.split(";")[0]] += int(milliseconds)
    assert counts["tasks"] > 0


def test_ends_with_the_process_and_keeps_what_it_saw(hybrid: Program, tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    command = [*RECORD, str(hybrid.pid), "--duration", "600", "-o", str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as recorder:
        wait_until(lambda: has_read(recorder.pid))
        hybrid.end()
        _, errors = recorder.communicate(timeout=60)
    assert recorder.returncode == 0, errors
    assert "which then ended" in errors
    check_speedscope(file.read_text())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_writes_what_it_has_when_interrupted(
    hybrid: Program, tmp_path: Path, number: signal.Signals
) -> None:
    file = tmp_path / "profile.json"
    command = [*RECORD, str(hybrid.pid), "--duration", "600", "-o", str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as recorder:
        wait_until(lambda: has_read(recorder.pid))
        recorder.send_signal(number)
        _, errors = recorder.communicate(timeout=60)
    assert recorder.returncode == 130, errors
    assert check_speedscope(file.read_text())["profiles"][0]["samples"]


def has_read(pid: int) -> bool:
    """Whether the recorder ``pid`` has taken a look: its handlers are set, modules loaded."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(status.split("SigCgt:")[1].split()[0], 16)
    return bool(caught >> (signal.SIGHUP - 1) & 1) and has_slept(pid)


def has_slept(pid: int) -> bool:
    # 230 and 35 are clock_nanosleep and nanosleep on x86_64: it waits for its next look.
    call = Path(f"/proc/{pid}/syscall").read_text().split()[0]
    return call in ("230", "35", "115", "101")


def test_replaces_a_file_whole_and_keeps_none_half_written(hybrid: Program, tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    file.write_text("old" * 100_000)
    assert record(hybrid.pid, "--duration", 0.2, "-o", file).returncode == 0
    json.loads(file.read_text())
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("missing/profile.json", "No such file or directory"),
        (".", "Is a directory"),
        ("/proc/profile.json", "No such file or directory"),
        ("", "cannot write ''"),
    ],
)
def test_says_at_once_what_cannot_be_written(tmp_path: Path, output: str, says: str) -> None:
    # Where it is only found out afterwards the recording does not end in time.
    done = record(os.getpid(), "--duration", "1h", "-o", output and tmp_path / output)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("value", ["nan", "inf", "0", "-1", "soon"])
def test_a_recording_that_would_never_end_is_refused(tmp_path: Path, value: str) -> None:
    done = record(os.getpid(), f"--duration={value}", "-o", tmp_path / "profile.json")
    assert (done.returncode, done.stdout) == (2, "")


def test_no_file_is_left_when_there_is_no_process(tmp_path: Path) -> None:
    done = record(2**22 - 1, "-o", tmp_path / "profile.json")
    assert done.returncode == 4
    assert "no process" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_writes_into_a_pipe(hybrid: Program, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    done = record(hybrid.pid, "--duration", 0.2, "-o", pipe)
    reader.join(60)
    assert done.returncode == 0, done.stderr
    check_speedscope(read[0])
    assert pipe.is_fifo()
