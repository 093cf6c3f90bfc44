from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inspector import access, mistaken
from inspector.errors import NoSuchProcess, NotPython, UnsupportedPython
from inspector.process import look_up
from tests.programs import ROOT, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import StartTarget, TargetPython

NAMESPACES = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


@contextlib.contextmanager
def contained(program: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A program in a PID namespace of its own, and the line that it prints."""
    if not shutil.which("unshare"):
        pytest.skip("no unshare here")
    command = [*NAMESPACES, sys.executable, "-c", program]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as outer:  # type: ignore[call-overload]
        try:
            line = outer.stdout.readline().strip()
            if not line:
                pytest.skip(f"no namespaces here: {outer.stderr.read().strip()}")
            yield outer, line
        finally:
            outer.kill()


def test_a_pid_from_inside_a_container_leads_to_the_process() -> None:
    fork_with_high_pid = (
        "import os, time\n"
        "open('/proc/sys/kernel/ns_last_pid', 'w').write('4194000')\n"
        "if not os.fork(): print(os.getpid(), flush=True)\n"
        "time.sleep(600)\n"
    )
    with contained(fork_with_high_pid) as (_, inner):
        if Path(f"/proc/{inner}").exists():
            pytest.skip(f"there is a process {inner} here")
        with pytest.raises(NoSuchProcess) as caught:
            look_up(int(inner))
        outer = int(caught.value.hint.rpartition(" ")[2])
        assert access.circumstances(outer).inner_pid == int(inner)


def test_a_pid_of_the_machine_is_not_there_in_a_container() -> None:
    look = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from inspector import mistaken\n"
        "print(mistaken.missing(4_000_000).hint.replace(chr(10), ' '))"
    )
    with contained(look) as (_, line):
        assert "container with PIDs of its own" in line


def test_no_such_process_names_what_to_look_at() -> None:
    error = mistaken.missing(2**22 + 5)
    assert str(2**22 + 5) in error.message
    assert "ps aux" in error.hint


def test_what_is_not_python_names_the_python_below_it(
    target_python: TargetPython, start_target: StartTarget, tmp_path: Path
) -> None:
    script = tmp_path / "shell.sh"
    python = shlex.quote(sys.executable)
    script.write_text(f"{python} -c 'import time; time.sleep(600)' &\necho ready\nwait\n")
    shell = start_target(Path(shutil.which("sh") or "/bin/sh"), script)

    def below() -> list[int]:
        return list(mistaken._pythons_below(shell.pid))

    wait_until(lambda: bool(below()))
    error = mistaken.not_python(look_up(shell.pid))
    assert isinstance(error, NotPython)
    assert f"process {shell.pid} is not a CPython process: it runs " in error.message
    assert error.hint == f"Python runs below it: migrate ps {below()[0]}"


def test_a_program_without_python_below_it_is_not_searched_for_long() -> None:
    with subprocess.Popen(["sleep", "600"]) as sleeper:
        try:
            wait_until(lambda: "sleep" in look_up(sleeper.pid).executable)
            error = mistaken.not_python(look_up(sleeper.pid))
        finally:
            sleeper.kill()
    assert "it runs " in error.message
    assert "ps aux" in error.hint


@pytest.mark.parametrize(
    ("program", "version"),
    [
        ("python2.7", "2.7"),
        ("python2", "2"),
        ("python3.6", "3.6"),
        ("bash", ""),
        ("pythonista", ""),
    ],
)
def test_a_python_without_a_runtime_is_too_old(program: str, version: str) -> None:
    process = look_up(os.getpid())._replace(pid=2**22 + 5, executable=f"/usr/bin/{program}")
    error = mistaken.not_python(process)
    if version:
        assert isinstance(error, UnsupportedPython)
        assert f"runs Python {version}, which is too old" in error.message
        assert "3.11" in error.hint
    else:
        assert isinstance(error, NotPython)
