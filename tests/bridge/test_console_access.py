"""Which programs a console opens in, who may come in meanwhile, and what stays afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bridge.console_server import OFFER
from tests.consoles import TARGET, console, rooms, said
from tests.programs import ROOT, wait_until

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython

NIGHTLY = pytest.mark.nightly
OLDER = pytest.mark.parametrize("version", ["3.11", pytest.param("3.13", marks=NIGHTLY)])


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
    assert said(program, "print(answer)") == "42\n"
    assert said(program, "answer + 1") == "43\n"  # once more, and later


def test_an_offer_is_seen_on_a_newer_python_too(start: Any) -> None:
    assert said(start("3.14", "asyncio", "expose"), "answer") == "42\n"


@pytest.mark.parametrize("version", ["3.11", "3.14"])
def test_an_offer_that_fails_is_said_and_harms_nobody(version: str, start: Any) -> None:
    program = start(version, "fails")
    done = console(program, "--yes", "--exec", "6 * 7")
    assert (done.returncode, done.stdout) == (0, "42\n")
    assert "what the program offers is not there: KeyError: 'a bug'" in done.stderr
    count = len(program.lines)
    wait_until(lambda: len(program.lines) > count + 2)


@OLDER
def test_an_older_program_without_an_offer_is_refused_and_lives(version: str, start: Any) -> None:
    program = start(version, "asyncio")
    done = console(program, "--yes", "--exec", "1")
    assert (done.returncode, done.stdout) == (7, "")
    assert "bridge.console.expose()" in done.stderr
    assert program.process.poll() is None


def test_a_handler_that_was_replaced_does_not_get_the_program_killed(
    start: Any, target_python: TargetPython
) -> None:
    program = start("3.13", "asyncio", "expose")
    said(
        program,
        f"import signal, sys; signal.signal(sys.modules[{OFFER!r}].signal, signal.SIG_DFL)",
    )
    assert console(program, "--yes", "--exec", "1").returncode == 7
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
    done = console(program, "--yes", "--exec", "print('late')")
    assert (done.returncode, done.stdout) == (1, "")
    assert "does not answer" in done.stderr
    assert "console_worlds.py:" in done.stderr  # where it hangs
    assert rooms(program) == []
    os.kill(program.pid, 0)
    assert program.stderr == ""


def test_a_stopped_target_is_reported_with_the_cure(start: Any) -> None:
    program = start("3.14", "asyncio")
    os.kill(program.pid, signal.SIGSTOP)
    status = Path(f"/proc/{program.pid}/status")
    wait_until(lambda: "T (stopped)" in status.read_text())  # on a busy machine it takes a while
    done = console(program, "--yes", "--exec", "1")
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
        wait_until(lambda: bool(rooms(program)))
        sockets = rooms(program)
        folder = sockets[0].parent.stat()
        assert folder.st_mode & 0o777 == 0o700
        assert folder.st_uid == Path(f"/proc/{program.pid}").stat().st_uid
        if os.geteuid() == 0:
            code = (
                "import os, socket, sys; os.setgid(65534); os.setuid(65534);"
                "socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
            )
            other = subprocess.run(
                [sys.executable, "-c", code, str(sockets[0])],
                capture_output=True,
                text=True,
                check=False,
            )
            assert "PermissionError" in other.stderr
        # We may connect, but are not the target: turned away without a word.
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.settimeout(30)
            stranger.connect(str(sockets[0]))
            assert stranger.recv(1) == b""
        it.wait(30)
    assert not sockets[0].parent.exists()


def test_nothing_listens_while_and_after_a_console_is_open(start: Any) -> None:
    program = start("3.14", "asyncio", "silent")
    code = f"""
from pathlib import Path
sockets = [line.split() for line in open('/proc/net/unix', errors='replace')]
listening = [fields[-1] for fields in sockets if '00010000' in fields[3:4]]
print([path for path in listening if 'migrate-console-{program.pid}' in path])
print([str(p) for p in Path('/tmp').glob('migrate-console-{program.pid}-*')])
"""
    assert said(program, code) == "[]\n[]\n"
    sockets = Path("/proc/net/unix").read_text(errors="replace")
    assert f"migrate-console-{program.pid}" not in sockets


@pytest.mark.parametrize(("version", "lazy"), [("3.14", "normal"), ("3.15", "all")])
def test_no_module_is_left_behind(version: str, lazy: str, start: Any) -> None:
    program = start(version, "asyncio", "silent", PYTHON_LAZY_IMPORTS=lazy)
    code = "import sys; [name for name in sys.modules if 'console' in name or 'bridge' in name]"
    assert said(program, code) == "[]\n"


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_full_disk_is_not_used(
    target_python: TargetPython, start_target: StartTarget, tmp_path: Path
) -> None:
    if subprocess.run(["unshare", "--mount", "true"], check=False).returncode != 0:
        pytest.skip("this machine does not let root mount")
    fill = "mount -t tmpfs -o size=4k none /tmp && head -c 4096 /dev/zero > /tmp/full"
    python = tmp_path / "python"
    # The script is opened before, since the checkout may lie in /tmp.
    python.write_text(
        '#!/bin/sh\nexec < "$1" && shift && '
        f'exec unshare --mount sh -c \'{fill} && exec "$0" - "$@"\' {target_python("3.14")} "$@"\n'
    )
    python.chmod(0o755)
    program = start_target(python, TARGET, "asyncio", "silent")
    assert said(program, "import os; os.listdir('/tmp')") == "['full']\n"


@pytest.mark.parametrize("world", ["asyncio", "sleep"])
def test_a_tool_that_is_killed_leaves_nothing_behind(world: str, start: Any) -> None:
    program = start("3.14", world, "silent")

    def kept() -> tuple[int, int]:
        folder = Path(f"/proc/{program.pid}")
        files = []
        for fd in (folder / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                files.append(str(fd.readlink()))
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
    assert rooms(program) == []


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
    assert said(program, "import os; os.geteuid()") == "65534\n"
    program = start_target(python, script, "poor")
    done = console(program, "--yes", "--exec", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot open a console: ModuleNotFoundError" in done.stderr
    assert program.stderr == ""
