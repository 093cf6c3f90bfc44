"""The console in live processes of every kind: what runs where, who may come in, what stays."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

from bridge.console_link import open_link
from bridge.console_server import OFFER
from tests.programs import ROOT, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import StartTarget, TargetPython
    from tests.programs import Program

TARGET = "tests/targets/console_worlds.py"
HUBS = ("epolls", "poll", "selects", "asyncio")
NIGHTLY = pytest.mark.nightly
REMOTE = pytest.mark.parametrize("version", ["3.14", pytest.param("3.15", marks=NIGHTLY)])
OLDER = pytest.mark.parametrize("version", ["3.11", pytest.param("3.13", marks=NIGHTLY)])


@pytest.fixture
def start(target_python: TargetPython, start_target: StartTarget) -> Any:
    def start(version: str, *arguments: str, **environment: str) -> Program:
        python = target_python(version, "greenlet", "eventlet")
        environment = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **environment}
        return start_target(python, TARGET, *arguments, env=environment)

    return start


def _console(
    program: Program, *arguments: str, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "migrator", "console", str(program.pid), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        input=stdin,
        check=False,
    )


def _said(program: Program, code: str) -> str:
    done = _console(program, "--yes", "--exec", code)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def _rooms(program: Program) -> list[Path]:
    """The folders that a console in the program has open: their sockets."""
    return [
        path
        for base in ("/tmp", "/var/tmp", "/dev/shm")
        for path in Path(base).glob(f"migrate-console-{program.pid}-*/s")
    ]


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
    assert _said(program, code) == "True True\n2\n"


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
    assert _said(program, code) == f"GreenThread eventlet.hubs.{hub}\ngreen\n"
    awaiting = "import asyncio; print(await asyncio.sleep(0.01, 'awaited'))"
    done = _console(program, "--yes", "--exec", awaiting)
    if hub == "asyncio":
        assert (done.returncode, done.stdout) == (0, "awaited\n")
    else:
        assert done.returncode == 1
        assert "no asyncio loop to await on" in done.stderr


@REMOTE
@pytest.mark.parametrize("world", ["busy", "sleep"])
def test_a_program_without_a_loop_gets_a_thread(version: str, world: str, start: Any) -> None:
    program = start(version, world)
    assert _said(program, "import os; os.getpid()") == f"{program.pid}\n"
    assert _said(program, "import asyncio; await asyncio.sleep(0, 'there')") == "'there'\n"


def test_a_sleep_that_was_interrupted_lasts_as_long(start: Any) -> None:
    program = start("3.14", "nap")
    assert _said(program, "1 + 1") == "2\n"
    assert program.wait_for_line("slept") == "slept True"


@REMOTE
def test_a_loop_in_another_thread_is_found(version: str, start: Any) -> None:
    program = start(version, "side")
    code = "import threading; threading.current_thread() is threading.main_thread()"
    assert _said(program, code) == "False\n"
    code = "import asyncio, __main__; asyncio.get_running_loop() is __main__.loop"
    assert _said(program, code) == "True\n"


@REMOTE
def test_another_thread_comes_when_the_main_one_waits_for_a_lock(version: str, start: Any) -> None:
    program = start(version, "joins")
    code = "import asyncio, __main__; asyncio.get_running_loop() is __main__.loop"
    assert _said(program, code) == "True\n"


@REMOTE
@pytest.mark.parametrize("world", ["ended", "calls", "child"])
def test_a_main_thread_that_runs_no_python_is_not_needed(
    version: str, world: str, start: Any
) -> None:
    program = start(version, world)
    assert _said(program, "import os; os.getpid()") == f"{program.pid}\n"
    assert program.process.poll() is None
    assert program.stderr == ""


def test_threads_that_come_and_go_are_not_harmed(start: Any) -> None:
    program = start("3.14", "churn")
    for _ in range(5):
        assert _said(program, "6 * 7") == "42\n"
    count = len(program.lines)
    wait_until(lambda: len(program.lines) > count + 2)
    assert program.stderr == ""


def test_a_gevent_program_goes_on(target_python: TargetPython, start_target: StartTarget) -> None:
    program = start_target(target_python("3.14", "gevent"), TARGET, "gevent")
    assert _said(program, "6 * 7") == "42\n"
    assert _said(program, "import asyncio; await asyncio.sleep(0.01, 'awaited')") == "'awaited'\n"
    count = len(program.lines)
    wait_until(lambda: len(program.lines) > count + 2)
    assert program.stderr == ""


def test_a_program_without_streams_may_print(start: Any) -> None:
    program = start("3.14", "streamless")
    assert _said(program, "import time; print('ours'); time.sleep(0.2)") == "ours\n"
    assert _said(program, "import __main__; __main__.sys.stdout.real is None") == "True\n"


@pytest.mark.parametrize("version", ["3.11", "3.14"])
def test_an_offer_that_fails_is_said_and_harms_nobody(version: str, start: Any) -> None:
    program = start(version, "fails")
    done = _console(program, "--yes", "--exec", "6 * 7")
    assert (done.returncode, done.stdout) == (0, "42\n")
    assert "what the program offers is not there: KeyError: 'a bug'" in done.stderr
    count = len(program.lines)
    wait_until(lambda: len(program.lines) > count + 2)


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
    assert _said(program, "for i in range(100_000): print(i)") == "".join(
        f"{i}\n" for i in range(100_000)
    )
    assert len(_said(program, "print('x' * 20_000_000)")) == 20_000_001


def test_output_that_is_dropped_is_told(start: Any) -> None:
    done = _console(
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
    assert _said(program, "import sys; type(sys.stdout.real).__name__") == "'TextIOWrapper'\n"


@pytest.mark.parametrize("world", ["asyncio", "sleep"])
def test_a_tool_that_is_killed_leaves_nothing_behind(world: str, start: Any) -> None:
    program = start("3.14", world, "silent")

    def kept() -> tuple[int, int]:
        folder = Path(f"/proc/{program.pid}")
        files = [str(fd.readlink()) for fd in (folder / "fd").iterdir()]
        # A library that was loaded stays, as what is imported does.
        return sum("/lib" not in file for file in files), len(list((folder / "task").iterdir()))

    before = kept()
    for code in ("await asyncio.sleep(3600)", "while True: time.sleep(0.01)", "exit()"):
        code = f"import asyncio, time\nprint('go')\n{code}"
        command = [sys.executable, "-m", "migrator", "console", "--yes", "--exec", code]
        with subprocess.Popen(
            [*command, str(program.pid)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as tool:
            assert tool.stdout is not None
            assert tool.stdout.readline() == "go\n"
            if "exit" not in code:
                tool.kill()
        wait_until(lambda: kept() == before)
    assert _rooms(program) == []


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_full_disk_is_not_used(
    target_python: TargetPython, start_target: StartTarget, tmp_path: Path
) -> None:
    if subprocess.run(["unshare", "--mount", "true"], check=False).returncode != 0:
        pytest.skip("this machine does not let root mount")
    fill = "mount -t tmpfs -o size=4k none /tmp && head -c 4096 /dev/zero > /tmp/full"
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\n"
        f'exec unshare --mount sh -c \'{fill} && exec "$0" "$@"\' {target_python("3.14")} "$@"\n'
    )
    python.chmod(0o755)
    program = start_target(python, TARGET, "asyncio", "silent")
    assert _said(program, "import os; os.listdir('/tmp')") == "['full']\n"


def test_a_blocked_loop_is_said_and_the_console_still_opens(start: Any) -> None:
    done = _console(start("3.14", "blocked"), "--yes", "--exec", "1 + 1")
    assert (done.returncode, done.stdout) == (0, "2\n")
    assert "the asyncio loop is blocked" in done.stderr


@pytest.mark.parametrize(
    ("version", "world"),
    [
        ("3.11", "asyncio"),
        ("3.11", "hub"),
        ("3.12", "hub"),
        ("3.13", "asyncio"),
        ("3.13", "busy"),
        pytest.param("3.12", "sleep", marks=NIGHTLY),
        pytest.param("3.12", "asyncio", marks=NIGHTLY),
        pytest.param("3.13", "hub", marks=NIGHTLY),
    ],
)
def test_an_older_program_that_offers_a_console_has_one(
    version: str, world: str, start: Any
) -> None:
    program = start(version, world, "expose")
    assert _said(program, "print(answer)") == "42\n"
    assert _said(program, "answer + 1") == "43\n"  # once more, and later


def test_an_offer_is_seen_on_a_newer_python_too(start: Any) -> None:
    assert _said(start("3.14", "asyncio", "expose"), "answer") == "42\n"


@OLDER
def test_an_older_program_without_an_offer_is_refused_and_lives(version: str, start: Any) -> None:
    program = start(version, "asyncio")
    done = _console(program, "--yes", "--exec", "1")
    assert (done.returncode, done.stdout) == (7, "")
    assert "bridge.console.expose()" in done.stderr
    assert program.process.poll() is None


def test_a_handler_that_was_replaced_does_not_get_the_program_killed(
    start: Any, target_python: TargetPython
) -> None:
    program = start("3.13", "asyncio", "expose")
    _said(
        program,
        f"import signal, sys; signal.signal(sys.modules[{OFFER!r}].signal, signal.SIG_DFL)",
    )
    assert _console(program, "--yes", "--exec", "1").returncode == 7
    assert program.process.poll() is None


@pytest.mark.parametrize("how", ["environment", "option"])
def test_disabled_remote_debugging_is_honoured(how: str, target_python: TargetPython) -> None:
    python = target_python("3.14", "greenlet", "eventlet")
    option = ["-X", "disable-remote-debug"] if how == "option" else []
    environment = {"PYTHON_DISABLE_REMOTE_DEBUG": "1"} if how == "environment" else {}
    command = [
        str(python),
        *option,
        "-c",
        "import time; print('ready', flush=True); time.sleep(600)",
    ]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            done = subprocess.run(
                [sys.executable, "-m", "migrator", "console", str(process.pid), "--yes"],
                input="1",
                capture_output=True,
                text=True,
                cwd=ROOT,
                timeout=60,
                check=False,
            )
            assert (done.returncode, done.stdout) == (5, "")
            assert "PYTHON_DISABLE_REMOTE_DEBUG" in done.stderr
        finally:
            process.kill()


def test_a_target_stuck_in_c_is_reported_and_nothing_runs_later(start: Any) -> None:
    program = start("3.14", "c")
    done = _console(program, "--yes", "--exec", "print('late')")
    assert (done.returncode, done.stdout) == (1, "")
    assert "does not answer" in done.stderr
    assert "console_worlds.py:" in done.stderr  # where it hangs
    assert _rooms(program) == []
    os.kill(program.pid, 0)
    assert program.stderr == ""


def test_a_stopped_target_is_reported_with_the_cure(start: Any) -> None:
    program = start("3.14", "asyncio")
    os.kill(program.pid, signal.SIGSTOP)
    done = _console(program, "--yes", "--exec", "1")
    os.kill(program.pid, signal.SIGCONT)
    assert done.returncode == 1
    assert f"kill -CONT {program.pid}" in done.stderr


def test_the_room_is_private_and_gone_afterwards(start: Any) -> None:
    program = start("3.14", "c")
    command = [sys.executable, "-m", "migrator", "console", str(program.pid), "--yes"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
    ) as it:
        assert it.stdin is not None
        it.stdin.close()
        wait_until(lambda: bool(_rooms(program)))
        rooms = _rooms(program)
        folder = rooms[0].parent.stat()
        assert folder.st_mode & 0o777 == 0o700
        assert folder.st_uid == Path(f"/proc/{program.pid}").stat().st_uid
        if os.geteuid() == 0:
            code = (
                "import os, socket, sys; os.setgid(65534); os.setuid(65534);"
                "socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
            )
            other = subprocess.run(
                [sys.executable, "-c", code, str(rooms[0])],
                capture_output=True,
                text=True,
                check=False,
            )
            assert "PermissionError" in other.stderr
        # We may connect, but are not the target: turned away without a word.
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.settimeout(30)
            stranger.connect(str(rooms[0]))
            assert stranger.recv(1) == b""
        it.wait(30)
    assert not rooms[0].parent.exists()


def test_nothing_listens_while_and_after_a_console_is_open(start: Any) -> None:
    program = start("3.14", "asyncio", "silent")
    code = f"""
from pathlib import Path
sockets = [line.split() for line in open('/proc/net/unix', errors='replace')]
listening = [fields[-1] for fields in sockets if '00010000' in fields[3:4]]
print([path for path in listening if 'migrate-console-{program.pid}' in path])
print([str(p) for p in Path('/tmp').glob('migrate-console-{program.pid}-*')])
"""
    assert _said(program, code) == "[]\n[]\n"
    sockets = Path("/proc/net/unix").read_text(errors="replace")
    assert f"migrate-console-{program.pid}" not in sockets


def test_a_forged_room_is_not_entered(start: Any, target_python: TargetPython) -> None:
    """A folder that others may write to, or with nobody in it, is not answered to."""
    program = start("3.13", "asyncio", "expose")
    with tempfile.TemporaryDirectory(prefix=f"migrate-console-{program.pid}-", dir="/tmp") as room:
        Path(room).chmod(0o777)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{room}/s")
            listener.listen()
            listener.settimeout(0.5)
            os.kill(program.pid, int(signal.SIGRTMIN) + 11)
            with pytest.raises(TimeoutError):
                listener.accept()


def test_the_program_goes_on_and_keeps_its_output(start: Any) -> None:
    program = start("3.14", "asyncio")
    code = """
import asyncio, builtins
print("ours")
await asyncio.sleep(0.7)
print(hasattr(builtins, "_"))
"""
    assert _said(program, code) == "ours\nFalse\n"
    assert set(program.lines[1:]) == {"tick"}
    count = len(program.lines)
    wait_until(lambda: len(program.lines) > count + 2)  # and after it was closed


def test_views_and_failures_and_exit(start: Any) -> None:
    program = start("3.14", "asyncio")
    assert "worker" in _said(program, "ps()")
    assert "(T) worker" in _said(program, "pstree()")
    failed = _console(program, "--yes", "--exec", "def f():\n    1/0\nf()")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith('Traceback (most recent call last):\n  File "<console>"')
    assert "ZeroDivisionError" in failed.stderr
    assert "console_server" not in failed.stderr
    assert _console(program, "--yes", "--exec", "1 +").returncode == 1
    assert _said(program, "exit()") == ""
    assert program.process.poll() is None


def test_scripts_and_pipes_need_a_yes(start: Any, tmp_path: Path) -> None:
    program = start("3.14", "asyncio")
    script = tmp_path / "script.py"
    script.write_text("for i in range(2):\n    print(i)\n'last'\n")
    assert _console(program, "--yes", "--script", str(script)).stdout == "0\n1\n'last'\n"
    assert _console(program, "--yes", stdin="2 ** 8\n").stdout == "256\n"
    refused = _console(program, "--exec", "1")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--yes" in refused.stderr
    both = _console(program, "--yes", "--exec", "1", "--script", str(script))
    assert both.returncode == 2


def test_what_the_program_prints_cannot_touch_the_terminal(start: Any) -> None:
    assert (
        _said(start("3.14", "asyncio"), r"print('\x1b[2J\tred\u202e')") == "\\x1b[2J\tred\\u202e\n"
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


@pytest.mark.parametrize(("world", "hub"), [("asyncio", "epolls"), ("hub", "asyncio")])
def test_leaving_within_a_task_does_not_end_the_loop(world: str, hub: str, start: Any) -> None:
    program = start("3.14", world, EVENTLET_HUB=hub)
    assert _said(program, "import asyncio; await asyncio.sleep(0); exit()") == ""
    assert _said(program, "import asyncio; await asyncio.sleep(0, 'alive')") == "'alive'\n"


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
    _said(program, code)
    done = _console(program, "--yes", "--exec", "import asyncio; await asyncio.sleep(0)")
    assert done.returncode == 1
    assert "TypeError" in done.stderr
    eager = """
import asyncio
asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
"""
    _said(program, eager)
    assert _said(program, "import asyncio; await asyncio.sleep(0.01, 'eager')") == "'eager'\n"


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be another user")
def test_root_reaches_the_process_of_another_user(
    target_python: TargetPython, start_target: StartTarget, tmp_path: Path
) -> None:
    """What cannot be imported as that user is reported too."""
    script = tmp_path / "other.py"
    script.write_text(
        "import asyncio, ctypes, os, sys, threading\n"
        "if sys.argv[1] == 'full': import _queue, codeop, json, typing, keyword, linecache\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # may be traced again\n"
        "if sys.argv[1] == 'poor': sys.path[:] = []; sys.modules.pop('codeop', None)\n"
        "async def main():\n"
        "    print('ready', f'pid={os.getpid()}', flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    python = target_python("3.14", "greenlet", "eventlet")
    program = start_target(python, script, "full")
    assert _said(program, "import os; os.geteuid()") == "65534\n"
    program = start_target(python, script, "poor")
    done = _console(program, "--yes", "--exec", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot open a console: ModuleNotFoundError" in done.stderr
    assert program.stderr == ""
