"""Consoles in programs that lack what one needs: what is said, and that they go on."""

from __future__ import annotations

import re
import resource
from typing import TYPE_CHECKING, Any

import pytest

from tests.consoles import console, rooms, said
from tests.programs import ROOT, wait_until

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython
    from tests.programs import Program

TARGET = "tests/targets/short_of.py"


@pytest.fixture
def start(start_target: StartTarget, target_python: TargetPython) -> Any:
    def run(version: str, *arguments: str) -> Program:
        python = target_python(version, "greenlet", "eventlet")
        program = start_target(python, TARGET, *arguments, env={"PYTHONPATH": str(ROOT)})
        program.wait_for_line("tick")
        return program

    return run


def refused(program: Program) -> str:
    """What the console that does not open says; the program goes on."""
    done = console(program, "--yes", "--exec", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert rooms(program) == []
    seen = len(program.lines)
    wait_until(lambda: len(program.lines) > seen)
    return done.stderr


@pytest.mark.parametrize("version", ["3.11", "3.13", "3.14"])
def test_no_descriptor_is_left(version: str, start: Any) -> None:
    program = start(version, "descriptors", "expose")
    text = refused(program)
    assert "64 of the 64 file descriptors it may have are in use" in text
    assert program.stderr == ""
    cure = re.search(r"prlimit --pid (\d+) --nofile=(\d+):$", text, re.MULTILINE)
    assert cure is not None
    _, hard = resource.prlimit(int(cure[1]), resource.RLIMIT_NOFILE)
    resource.prlimit(int(cure[1]), resource.RLIMIT_NOFILE, (int(cure[2]), hard))
    assert said(program, "6 * 7") == "42\n"


@pytest.mark.parametrize("version", ["3.13", "3.14"])
def test_no_thread_can_be_started(version: str, start: Any) -> None:
    """What the way in before 3.14, a signal handler, raises would hit the program."""
    program = start(version, "threads", "expose")
    assert "cannot open a console: RuntimeError: no threads here" in refused(program)
    assert program.stderr == ""


def test_a_hook_that_forbids_scripts_is_asked_twice_at_most(start: Any) -> None:
    program = start("3.14", "scripts")
    text = refused(program)
    assert "its Python took the code and could not run it" in text
    assert "waits in C" not in text
    assert program.stderr.count("RuntimeError: no scripts here") <= 2


def test_a_library_out_of_sight_is_said_with_the_cure(start: Any) -> None:
    program = start("3.14", "library")
    text = refused(program)
    assert "ModuleNotFoundError" in text
    assert "import bridge.console" in text
    assert said(start("3.14", "library", "expose"), "6 * 7") == "42\n"


@pytest.mark.parametrize("lack", ["streams", "open"])
def test_what_a_console_can_do_without(lack: str, start: Any) -> None:
    assert said(start("3.14", lack), "print(6 * 7)") == "42\n"
