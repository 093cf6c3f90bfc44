from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge import doctor
from bridge.doctor import Diagnosis, examine
from bridge.style import Style
from inspector import access, mistaken
from inspector.process import look_up
from tests.programs import ROOT, every_target, wait_until

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython
    from tests.programs import Program

IDLE = "tests/targets/idle.py"
PLAIN = "import time\nprint('ready', flush=True)\ntime.sleep(600)\n"
HERE = Path(sys.executable)


def verdicts(diagnosis: Diagnosis) -> dict[str, str]:
    return {check.name: check.verdict for check in diagnosis.checks}


def say(diagnosis: Diagnosis, name: str) -> str:
    """The text of one check with its cure."""
    (check,) = (check for check in diagnosis.checks if check.name == name)
    return f"{check.verdict}: {check.text}\n{check.cure}"


@pytest.fixture
def plain(tmp_path: Path, start_target: StartTarget) -> Program:
    script = tmp_path / "plain.py"
    script.write_text(PLAIN)
    return start_target(HERE, script)


@every_target
def test_all_is_well(version: str, target_python: TargetPython, start_target: StartTarget) -> None:
    python = target_python(version, "greenlet", "eventlet")
    target = start_target(python, "samples/hybrid_service.py")
    diagnosis = examine(target.pid, Style())
    found = verdicts(diagnosis)
    remote = found.pop("remote debugging")
    assert remote == ("ok" if version >= "3.14" else "note")
    assert set(found.values()) == {"ok"}, diagnosis
    assert diagnosis.exit_status == 0
    assert say(diagnosis, "version").startswith(f"ok: CPython {version}.")
    worlds = say(diagnosis, "worlds")
    assert "asyncio, eventlet 0." in worlds
    assert "hub eventlet.hubs.asyncio" in worlds


@pytest.mark.parametrize(
    ("offer", "said"), [("expose", "ok: the program offers a console"), ("silent", "note: CPython")]
)
def test_an_older_program_that_offers_a_console(
    offer: str, said: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    target = start_target(
        target_python("3.12", "greenlet", "eventlet"),
        "tests/targets/console_worlds.py",
        "asyncio",
        offer,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert say(examine(target.pid, Style()), "remote debugging").startswith(said)


def test_nothing_to_show_is_a_note(plain: Program) -> None:
    diagnosis = examine(plain.pid, Style())
    assert diagnosis.exit_status == 0
    assert say(diagnosis, "worlds").startswith("note: neither asyncio nor Eventlet is loaded")
    assert f"migrate ps --children {plain.pid}" in say(diagnosis, "worlds")


def test_a_stopped_process_is_read_and_said_to_be_stopped(plain: Program) -> None:
    os.kill(plain.pid, signal.SIGSTOP)
    wait_until(lambda: look_up(plain.pid).state == "T")
    diagnosis = examine(plain.pid, Style())
    assert diagnosis.exit_status == 0
    assert say(diagnosis, "state").startswith("note: it is stopped")
    assert f"kill -CONT {plain.pid}" in say(diagnosis, "state")
    assert verdicts(diagnosis)["picture"] == "ok"


def test_a_process_that_ended_and_was_not_collected() -> None:
    with subprocess.Popen(["true"]) as child:
        wait_until(lambda: Path(f"/proc/{child.pid}/stat").read_text().split()[2] == "Z")
        diagnosis = examine(child.pid, Style())
    assert diagnosis.exit_status == 4
    assert "has ended" in say(diagnosis, "process")


def test_a_wrong_pid() -> None:
    diagnosis = examine(2**22 + 7, Style())
    assert diagnosis.exit_status == 4
    assert diagnosis.command == ""
    assert verdicts(diagnosis) == {"process": "problem", "terminal": "ok"}
    assert "ps aux" in say(diagnosis, "process")


def test_what_is_not_python() -> None:
    with subprocess.Popen(["sleep", "600"]) as sleeper:
        try:
            wait_until(lambda: "sleep" in look_up(sleeper.pid).executable)
            diagnosis = examine(sleeper.pid, Style())
        finally:
            sleeper.kill()
    assert diagnosis.exit_status == 6
    assert say(diagnosis, "python").startswith(f"problem: process {sleeper.pid} is not a CPython")


def test_a_replaced_program(
    target_python: TargetPython, start_target: StartTarget, tmp_path: Path
) -> None:
    python = tmp_path / "python3"
    python.write_bytes(Path(os.path.realpath(target_python("3.14"))).read_bytes())
    python.chmod(0o755)
    script = tmp_path / "plain.py"
    script.write_text(PLAIN)
    home = subprocess.run(
        [target_python("3.14"), "-c", "import sys; print(sys.base_prefix)"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    target = start_target(python, script, env={"PYTHONHOME": home})
    python.unlink()
    diagnosis = examine(target.pid, Style())
    assert diagnosis.exit_status == 0
    assert say(diagnosis, "program").startswith("note: replaced or removed since")
    assert str(python) in say(diagnosis, "program")
    assert "restart" in say(diagnosis, "program")


@pytest.mark.parametrize("version", ["3.14", "3.15"])
def test_disabled_remote_debugging(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    target = start_target(target_python(version), IDLE, env={"PYTHON_DISABLE_REMOTE_DEBUG": "1"})
    diagnosis = examine(target.pid, Style())
    assert diagnosis.exit_status == 0
    assert say(diagnosis, "remote debugging").startswith("note: disabled")
    assert "PYTHON_DISABLE_REMOTE_DEBUG" in say(diagnosis, "remote debugging")


def test_a_terminal_without_utf8(plain: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "POSIX")
    diagnosis = examine(plain.pid, Style(unicode=False))
    assert diagnosis.exit_status == 0
    assert say(diagnosis, "terminal").startswith("note: its locale (POSIX) is not UTF-8")
    assert "export LC_ALL=C.UTF-8" in say(diagnosis, "terminal")
    assert all(line.isascii() for line in doctor.lines(diagnosis, Style(unicode=False)))


def test_each_check_of_the_kernel_is_listed(
    plain: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel with Yama and a container engine are not at hand: their facts are put in."""
    real = access.circumstances(plain.pid)
    refused = real._replace(
        us=real.us._replace(effective=0, permitted=0),
        ptrace_scope=1,
        descends_from_us=False,
        dumpable=False,
        contained=False,
        inner_pid=7,
        container=access.Container("docker", "0123456789ab"),
    )
    monkeypatch.setattr(access, "circumstances", lambda pid: refused)

    def refuse(pid: int) -> None:
        raise access.refusal(refused)

    monkeypatch.setattr(doctor, "attach", refuse)
    diagnosis = examine(plain.pid, Style())
    assert diagnosis.exit_status == 5
    found = verdicts(diagnosis)
    assert found["visible"] == found["user"] == "ok"
    assert found["protected"] == found["ptrace_scope"] == "problem"
    assert "sudo sysctl kernel.yama.ptrace_scope=0" in say(diagnosis, "ptrace_scope")
    assert "its PID is 7" in say(diagnosis, "container")
    assert f"sudo nsenter --target {plain.pid} --all -- migrate ps 7" in say(diagnosis, "container")


def test_hostile_command_lines_are_escaped(tmp_path: Path, start_target: StartTarget) -> None:
    script = tmp_path / "x\x1b[31m\nok  fake.py"
    script.write_text(PLAIN)
    target = start_target(HERE, script, "--password", "hunter2")
    diagnosis = examine(target.pid, Style())
    text = list(doctor.lines(diagnosis, Style()))
    assert all(line.isprintable() for line in text)
    assert "hunter2" not in "".join(text)


def test_lines_stand_below_each_other(plain: Program) -> None:
    diagnosis = examine(plain.pid, Style())
    columns = {line.index("  ", 8) for line in doctor.lines(diagnosis, Style()) if line[0] != " "}
    assert columns
    long = mistaken.missing(2**22 + 7).message
    assert long in "\n".join(doctor.lines(examine(2**22 + 7, Style()), Style()))
