"""Where the console's code runs, in live processes of every kind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bridge.console_link import open_link
from tests.consoles import TARGET, console, said
from tests.programs import ROOT, wait_until

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython

HUBS = ("epolls", "poll", "selects", "asyncio")
NIGHTLY = pytest.mark.nightly
REMOTE = pytest.mark.parametrize("version", ["3.14", pytest.param("3.15", marks=NIGHTLY)])


@REMOTE
def test_an_idle_loop_answers_and_awaits(version: str, start: Any) -> None:
    program = start(version, "asyncio", "silent")
    code = """
import asyncio, threading
def where(): return threading.current_thread() is threading.main_thread()
async def nap(): await asyncio.sleep(0.01); return asyncio.get_running_loop() is loop
loop = asyncio.get_running_loop()
print(where(), await nap())
len(asyncio.all_tasks())
"""
    assert said(program, code) == "True True\n2\n"


@pytest.mark.parametrize(
    ("version", "world", "hub"),
    [
        ("3.14", "asyncio", ""),
        ("3.15", "asyncio", ""),
        ("3.11", "asyncio", ""),
        ("3.14", "hub", "epolls"),
        ("3.14", "hub", "asyncio"),
        ("3.13", "hub", "poll"),
    ],
)
def test_ctrl_c_ends_a_call_that_waits_in_c(version: str, world: str, hub: str, start: Any) -> None:
    program = start(version, world, "expose", EVENTLET_HUB=hub)
    said(program, "1")  # with its first thread the C library catches one of its own
    caught = _caught_signals(program.pid)
    for code in ("time.sleep(600)", "await later()"):
        if "await" in code and world == "hub" and hub != "asyncio":
            continue
        source = f"import time\nasync def later(): time.sleep(600)\nprint('go'); {code}"
        command = [sys.executable, "-m", "migrator", "console", str(program.pid), "--yes"]
        with subprocess.Popen(
            [*command, "--exec", source], cwd=ROOT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as tool:  # fmt: skip
            try:
                assert tool.stdout is not None
                assert tool.stdout.readline() == "go\n"
                tool.send_signal(signal.SIGINT)
                _, errors = tool.communicate(timeout=60)
            finally:
                tool.kill()
        assert (tool.returncode, errors.splitlines()[-1]) == (1, "KeyboardInterrupt")
        assert 'File "<console>", line 3' in errors
        assert "<migrate" not in errors
    assert said(program, "6 * 7") == "42\n"
    wait_until(lambda: _caught_signals(program.pid) == caught)
    assert program.process.poll() is None


def _caught_signals(pid: int) -> str:
    (line,) = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines()
               if one.startswith("SigCgt:")]  # fmt: skip
    return line


@pytest.mark.parametrize(
    ("version", "hub", "listening"),
    [
        *(("3.14", hub, ()) for hub in HUBS),
        ("3.14", "poll", ("listen",)),
        ("3.14", "epolls", ("listen",)),
        ("3.15", "epolls", ()),
        pytest.param("3.15", "poll", ("listen",), marks=NIGHTLY),
        pytest.param("3.15", "selects", ("listen",), marks=NIGHTLY),
        pytest.param("3.15", "asyncio", ("listen",), marks=NIGHTLY),
    ],
)
def test_an_idle_hub_of_each_kind_answers_in_a_green_thread(
    version: str, hub: str, listening: tuple[str, ...], start: Any
) -> None:
    program = start(version, "hub", *listening, EVENTLET_HUB=hub)
    code = """
import eventlet
print(type(eventlet.getcurrent()).__name__, eventlet.hubs.get_hub().__module__)
print(eventlet.spawn(lambda: eventlet.sleep(0.01) or "green").wait())
"""
    assert said(program, code) == f"GreenThread eventlet.hubs.{hub}\ngreen\n"
    awaiting = "import asyncio; print(await asyncio.sleep(0.01, 'awaited'))"
    done = console(program, "--yes", "--exec", awaiting)
    if hub == "asyncio":
        assert (done.returncode, done.stdout) == (0, "awaited\n")
    else:
        assert done.returncode == 1
        assert "no asyncio loop to await on" in done.stderr


@REMOTE
@pytest.mark.parametrize("world", ["busy", "sleep"])
def test_a_program_without_a_loop_gets_a_thread(version: str, world: str, start: Any) -> None:
    program = start(version, world)
    assert said(program, "import os; os.getpid()") == f"{program.pid}\n"
    assert said(program, "import asyncio; await asyncio.sleep(0, 'there')") == "'there'\n"


def test_a_sleep_that_was_interrupted_lasts_as_long(start: Any) -> None:
    program = start("3.14", "nap")
    assert said(program, "1 + 1") == "2\n"
    assert program.wait_for_line("slept") == "slept True"


@REMOTE
def test_a_loop_in_another_thread_is_found(version: str, start: Any) -> None:
    program = start(version, "side")
    code = "import threading; threading.current_thread() is threading.main_thread()"
    assert said(program, code) == "False\n"
    code = "import asyncio, __main__; asyncio.get_running_loop() is __main__.loop"
    assert said(program, code) == "True\n"


def test_which_of_several_loops_it_is_is_said(start: Any) -> None:
    program = start("3.14", "side")
    said(program, "import __main__, time; __main__.loop.call_soon_threadsafe(time.sleep, 6)")
    done = console(program, "--yes", "--exec", "1")
    assert "the asyncio loop of thread Thread-1 (run_forever) is blocked" in done.stderr


def test_what_the_process_says_of_itself_is_escaped(
    start_target: StartTarget, target_python: TargetPython, tmp_path: Path
) -> None:
    script = tmp_path / "hostile.py"
    script.write_text(
        "import asyncio, bridge.console, bridge.console_worlds, time\n"
        "bridge.console_worlds.LoopWorld.name = '\\x1b[31mred\\nlines'\n"
        "bridge.console.expose()\n"
        "async def main():\n"
        "    print('ready', flush=True)\n"
        "    while True: pass\n"
        "asyncio.run(main())\n"
    )
    python = target_python("3.11", "greenlet", "eventlet")
    program = start_target(python, script, env={"PYTHONPATH": str(ROOT)})
    done = console(program, "--yes", "--exec", "1")
    assert "\\x1b[31mred\\nlines is blocked" in done.stderr
    assert "\x1b" not in done.stderr


@REMOTE
def test_another_thread_comes_when_the_main_one_waits_for_a_lock(version: str, start: Any) -> None:
    program = start(version, "joins")
    code = "import asyncio, __main__; asyncio.get_running_loop() is __main__.loop"
    assert said(program, code) == "True\n"


@REMOTE
@pytest.mark.parametrize("world", ["ended", "calls", "child"])
def test_a_main_thread_that_runs_no_python_is_not_needed(
    version: str, world: str, start: Any
) -> None:
    program = start(version, world)
    assert said(program, "import os; os.getpid()") == f"{program.pid}\n"
    assert program.process.poll() is None
    assert program.stderr == ""


def test_threads_that_come_and_go_are_not_harmed(start: Any) -> None:
    program = start("3.14", "churn")
    for _ in range(5):
        assert said(program, "6 * 7") == "42\n"
    count = len(program.lines)
    wait_until(lambda: len(program.lines) > count + 2)
    assert program.stderr == ""


def test_a_gevent_program_goes_on(target_python: TargetPython, start_target: StartTarget) -> None:
    program = start_target(target_python("3.14", "gevent"), TARGET, "gevent")
    assert said(program, "6 * 7") == "42\n"
    assert said(program, "import asyncio; await asyncio.sleep(0.01, 'awaited')") == "'awaited'\n"
    count = len(program.lines)
    wait_until(lambda: len(program.lines) > count + 2)
    assert program.stderr == ""


def test_a_blocked_loop_is_said_and_the_console_still_opens(start: Any) -> None:
    done = console(start("3.14", "blocked"), "--yes", "--exec", "1 + 1")
    assert (done.returncode, done.stdout) == (0, "2\n")
    assert "the asyncio loop is blocked" in done.stderr


@pytest.mark.parametrize(("world", "hub"), [("asyncio", "epolls"), ("hub", "asyncio")])
def test_leaving_within_a_task_does_not_end_the_loop(world: str, hub: str, start: Any) -> None:
    program = start("3.14", world, EVENTLET_HUB=hub)
    assert said(program, "import asyncio; await asyncio.sleep(0); exit()") == ""
    assert said(program, "import asyncio; await asyncio.sleep(0, 'alive')") == "'alive'\n"


@pytest.mark.parametrize("world", ["asyncio", "sleep", "hub"])
def test_an_interrupt_right_behind_the_code_is_not_lost(world: str, start: Any) -> None:
    program = start("3.14", world, "silent", EVENTLET_HUB="asyncio")
    with open_link(program.pid) as link:
        for code in ["while True: pass\n", "import asyncio; await asyncio.sleep(3600)\n"] * 10:
            link.send(op="run", source=code, one=True)
            link.send(op="interrupt")
            assert "KeyboardInterrupt" in link.receive(30)["error"]


def test_a_task_factory_that_refuses_is_reported(start: Any) -> None:
    program = start("3.14", "asyncio", "silent")
    code = """
import asyncio
def factory(loop, coro):  # as written before tasks had contexts
    return asyncio.Task(coro, loop=loop)
asyncio.get_running_loop().set_task_factory(factory)
"""
    said(program, code)
    done = console(program, "--yes", "--exec", "import asyncio; await asyncio.sleep(0)")
    assert done.returncode == 1
    assert "TypeError" in done.stderr
    eager = """
import asyncio
asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
"""
    said(program, eager)
    assert said(program, "import asyncio; await asyncio.sleep(0.01, 'eager')") == "'eager'\n"


def test_a_hub_that_is_between_two_waits_is_not_taken_for_blocked(start: Any) -> None:
    """A console that has just closed leaves it there."""
    program = start("3.14", "hub", EVENTLET_HUB="epolls")
    notes = []
    for _ in range(20):
        with open_link(program.pid) as link:
            notes.append(link.hello["note"])
    assert not any(notes)
