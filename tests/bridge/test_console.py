"""What a user types at the console, and sees: at the prompt, in pipes, beside the program."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

from bridge.console_link import open_link
from tests.consoles import console, said
from tests.programs import ROOT, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import StartTarget, TargetPython
    from tests.programs import Program


def test_a_program_without_streams_may_print(start: Any) -> None:
    program = start("3.14", "streamless")
    assert said(program, "import time; print('ours'); time.sleep(0.2)") == "ours\n"
    assert said(program, "import __main__; __main__.sys.stdout.real is None") == "True\n"


def test_the_programs_input_is_left_to_the_program(target_python: TargetPython) -> None:
    program = """
import sys, threading, time
print("ready", flush=True)
while not hasattr(sys, "go"): time.sleep(0.01)
for line in sys.stdin: print("read", line, end="", flush=True)
"""
    command = [str(target_python("3.14")), "-c", program]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            code = """
try: input("?")
except EOFError: print("none")
import time, sys
sys.go = True
help()
time.sleep(0.5)
"""
            with open_link(process.pid) as link:
                link.send(op="run", source=code, one=False)
                process.stdin.write("hello\n")
                process.stdin.flush()
                assert process.stdout.readline() == "read hello\n"  # while it is open
                text = ""
                while (message := link.receive(30))["op"] != "done":
                    text += message.get("text", "")
            assert message["error"] is None
            assert text.startswith("?none\n")
            assert "help utility" in text
        finally:
            process.kill()


def test_much_output_arrives_whole(start: Any) -> None:
    program = start("3.14", "asyncio")
    assert said(program, "for i in range(100_000): print(i)") == "".join(
        f"{i}\n" for i in range(100_000)
    )
    assert len(said(program, "print('x' * 20_000_000)")) == 20_000_001


def test_output_that_is_dropped_is_told(start: Any) -> None:
    done = console(
        start("3.14", "asyncio"), "--yes", "--exec", "for _ in range(30): print('x' * 10_000_000)"
    )
    assert done.returncode == 0
    assert "output came too fast; characters dropped: " in done.stderr


@pytest.mark.parametrize("world", ["asyncio", "sleep"])
def test_consoles_side_by_side_leave_each_other_and_the_streams_alone(
    world: str, start: Any, tmp_path: Path
) -> None:
    program = start("3.14", world, "silent")
    code = """
import asyncio, pathlib
print("a")
while not pathlib.Path({end!r}).exists(): await asyncio.sleep(0.01)
print("z")
"""
    files = [tmp_path / name for name in "12"]
    command = [sys.executable, "-m", "migrator", "console", "--yes", str(program.pid), "--exec"]
    open_ones = [
        subprocess.Popen(
            [*command, code.format(end=str(file))], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for file in files
    ]
    try:
        for one in open_ones:
            assert one.stdout is not None
            assert one.stdout.readline() == "a\n"
        for one, file in zip(open_ones, files, strict=True):  # the first leaves first
            file.touch()
            assert one.stdout is not None
            assert one.stdout.read() == "z\n"
            assert one.wait(30) == 0
    finally:
        for one in open_ones:
            one.kill()
            one.communicate()
    assert said(program, "import sys; type(sys.stdout.real).__name__") == "'TextIOWrapper'\n"


def test_a_terminal_that_takes_little_gets_escapes(start: Any) -> None:
    program = start("3.14", "asyncio", "silent")
    done = subprocess.run(
        [sys.executable, "-m", "migrator", "console", "--yes", str(program.pid), "--exec", "'é☃'"],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"'\\xe9\\u2603'\n", b"")


def test_the_program_goes_on_and_keeps_its_output(start: Any) -> None:
    program = start("3.14", "asyncio")
    code = """
import asyncio, builtins
print("ours")
await asyncio.sleep(0.7)
print(hasattr(builtins, "_"))
"""
    assert said(program, code) == "ours\nFalse\n"
    assert set(program.lines[1:]) == {"tick"}
    count = len(program.lines)
    wait_until(lambda: len(program.lines) > count + 2)  # and after it was closed


def test_views_and_failures_and_exit(start: Any) -> None:
    program = start("3.14", "asyncio")
    assert "worker" in said(program, "ps()")
    assert "(T) worker" in said(program, "pstree()")
    failed = console(program, "--yes", "--exec", "def f():\n    1/0\nf()")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith('Traceback (most recent call last):\n  File "<console>"')
    assert "ZeroDivisionError" in failed.stderr
    assert "console_server" not in failed.stderr
    assert console(program, "--yes", "--exec", "1 +").returncode == 1
    assert said(program, "exit()") == said(program, "import sys; sys.exit(0)") == ""
    ends = console(program, "--yes", "--exec", "raise SystemExit(3)")
    assert (ends.returncode, ends.stdout, ends.stderr) == (1, "", "")
    complains = console(program, "--yes", "--exec", "import sys; sys.exit('no such order')")
    assert (complains.returncode, complains.stderr) == (1, "no such order\n")
    assert program.process.poll() is None


def test_scripts_and_pipes_need_a_yes(start: Any, tmp_path: Path) -> None:
    program = start("3.14", "asyncio")
    script = tmp_path / "script.py"
    script.write_text("for i in range(2):\n    print(i)\n'last'\n")
    assert console(program, "--yes", "--script", str(script)).stdout == "0\n1\n'last'\n"
    assert console(program, "--yes", stdin="2 ** 8\n").stdout == "256\n"
    refused = console(program, "--exec", "1")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--yes" in refused.stderr
    both = console(program, "--yes", "--exec", "1", "--script", str(script))
    assert both.returncode == 2


def test_what_the_program_prints_cannot_touch_the_terminal(start: Any) -> None:
    assert (
        said(start("3.14", "asyncio"), r"print('\x1b[2J\tred\u202e')") == "\\x1b[2J\tred\\u202e\n"
    )


@pytest.fixture
def terminal(start: Any, tmp_path: Path) -> Iterator[Any]:
    open_ones = []

    def terminal(program: Program) -> Any:
        child = pexpect.spawn(
            sys.executable,
            ["-m", "migrator", "console", str(program.pid)],
            cwd=ROOT,
            encoding="utf-8",
            timeout=30,
            env={
                **os.environ,
                "XDG_STATE_HOME": str(tmp_path),
                "TERM": "dumb",
                "INPUTRC": "/dev/null",
            },
        )
        open_ones.append(child)
        child.expect("Go on\\? \\[y/N\\]")
        child.sendline("y")
        child.expect_exact(">>> ")
        return child

    yield terminal
    for child in open_ones:
        child.close(force=True)


def test_the_question_hides_secrets_and_takes_no_for_an_answer(
    target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(
        target_python("3.14"), "tests/targets/asyncio_shapes.py", "plain", "--password", "hunter2"
    )
    child = pexpect.spawn(
        sys.executable, ["-m", "migrator", "console", str(program.pid)], cwd=ROOT, encoding="utf-8",
        timeout=30,
    )  # fmt: skip
    child.expect_exact("Go on?")
    assert "--password <hidden>" in child.before
    assert "hunter2" not in child.before
    child.sendline("n")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_the_prompt_through_a_terminal(start: Any, terminal: Any, tmp_path: Path) -> None:
    program = start("3.14", "asyncio")
    child = terminal(program)
    child.sendline("def double(x):")
    child.expect_exact("... ")
    child.sendline("    return 2 * x")
    child.expect_exact("... ")
    child.sendline("")
    child.expect_exact(">>> ")
    child.sendline("double(21)")
    child.expect_exact("42")
    child.sendline("import asyncio; await asyncio.sleep(3600)")
    child.expect_exact("3600)")
    wait_until(lambda: "migrate console" in _tasks(program))
    child.sendintr()  # cancels what is awaited
    child.expect_exact("KeyboardInterrupt")
    child.expect_exact(">>> ")
    child.sendline("while True: pass")
    child.expect_exact("... ")
    child.sendline("")
    child.expect_exact("\r\n")
    count = len(program.lines)
    child.sendintr()  # and ends what never gives way
    child.expect_exact("KeyboardInterrupt")
    child.expect_exact(">>> ")
    wait_until(lambda: len(program.lines) > count + 1)  # the program is served again
    child.send("doub\t")
    child.expect_exact("double")
    child.send("(4)\r")
    child.expect_exact("8")
    child.sendintr()  # drops the line
    child.expect_exact("KeyboardInterrupt")
    child.expect_exact(">>> ")
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    history = tmp_path / "eventlet-migrate" / "console_history"
    assert "double(21)" in history.read_text()
    assert history.stat().st_mode & 0o777 == 0o600
    assert program.process.poll() is None


def _tasks(program: Program) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "migrator", "ps", str(program.pid)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    return done.stdout


def test_ctrl_c_reaches_a_green_thread(start: Any, terminal: Any) -> None:
    program = start("3.14", "hub", EVENTLET_HUB="epolls")
    child = terminal(program)
    child.sendline("import eventlet; print('go'); eventlet.sleep(3600)")
    child.expect("\ngo\r?\n")
    child.sendintr()
    child.expect_exact("KeyboardInterrupt")
    child.expect_exact(">>> ")
    child.sendline("6 * 7")
    child.expect_exact("42")
    child.expect_exact(">>> ")
    child.sendeof()
    child.expect(pexpect.EOF)
    assert program.process.poll() is None


def test_ctrl_c_in_a_task_that_never_gives_way(start: Any, terminal: Any) -> None:
    program = start("3.14", "asyncio")
    child = terminal(program)
    child.sendline("import asyncio")
    child.expect_exact(">>> ")
    child.sendline("async def spin():")
    child.expect_exact("... ")
    child.sendline("    while True: pass")
    child.expect_exact("... ")
    child.sendline("")
    child.expect_exact(">>> ")
    child.sendline("await asyncio.sleep(0); print('go'); await spin()")
    child.expect("\ngo\r?\n")
    child.sendintr()
    child.expect_exact("KeyboardInterrupt")
    child.expect_exact(">>> ")
    count = len(program.lines)
    wait_until(lambda: len(program.lines) > count + 1)  # served again
    child.sendeof()
    child.expect(pexpect.EOF)


def test_a_no_runs_nothing(start: Any) -> None:
    program = start("3.14", "asyncio")
    child = pexpect.spawn(
        sys.executable,
        ["-m", "migrator", "console", str(program.pid), "--exec", "print('ran')"],
        cwd=ROOT,
        encoding="utf-8",
        timeout=30,
    )
    child.expect("inside process")
    child.sendline("")
    child.expect(pexpect.EOF)
    assert not re.search(r"^ran", child.before or "", re.MULTILINE)
    child.close(force=True)


def test_the_end_of_the_process_ends_the_console(start: Any, terminal: Any) -> None:
    program = start("3.14", "asyncio")
    child = terminal(program)
    child.sendline("import os; os._exit(3)")
    child.expect_exact("the process has ended")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 4
