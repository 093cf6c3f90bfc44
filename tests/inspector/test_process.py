"""Facts from /proc: against psutil, and each way in which a process cannot be read."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from inspector import process as facts
from inspector.capture import take
from inspector.errors import NoSuchProcess, NotAllowed, NotPython
from inspector.locate import _modules, _search_cookie, _vtables_by_type_name, locate
from tests.interpreters import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import StartTarget, TargetPython

IDLE = "tests/targets/idle.py"
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")


def memory(pid: int) -> Callable[[int, int], bytes]:
    def read(address: int, size: int) -> bytes:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:  # noqa: PTH123
            try:
                return os.pread(file.fileno(), size, address)
            except OSError:
                return b""

    return read


def nothing(address: int, size: int) -> bytes:
    return b""


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "600"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_facts_agree_with_psutil(target_python: TargetPython, start_target: StartTarget) -> None:
    pid = start_target(target_python("3.14", "greenlet", "eventlet"), IDLE).pid
    ours, oracle = facts.look_up(pid), psutil.Process(pid)
    assert ours.pid == ours.inner_pid == pid
    assert ours.ppid == os.getpid()
    assert ours.uid == os.geteuid()
    assert ours.command == " ".join(oracle.cmdline())
    assert ours.executable == oracle.exe()
    assert facts.is_same(ours)
    assert not facts.is_same(ours._replace(started=ours.started - 1))
    threads = facts.threads(pid)
    assert {thread.tid for thread in threads} == {thread.id for thread in oracle.threads()}
    assert len(threads) == 2
    assert all(thread.inner_tid == thread.tid for thread in threads)
    assert pid in facts.children(os.getpid())
    mapped = facts.mappings(pid)
    assert [f"{m.start:08x}-{m.end:08x}" for m in mapped] == [
        m.addr for m in oracle.memory_maps(grouped=False)
    ]
    assert any(m.path == "[heap]" and m.writable and not m.is_file for m in mapped)
    assert sum(m.executable and m.is_file for m in mapped) > 2


def test_children_are_found_without_the_kernels_list(sleeper: subprocess.Popen[bytes]) -> None:
    assert sleeper.pid in facts.children(os.getpid())
    assert sleeper.pid in facts._children_by_search(os.getpid())


def test_maps_with_odd_paths() -> None:
    text = (
        "00400000-00401000 r-xp 00000000 fe:00 12   /a b/x (deleted)\n"
        "7f0000000000-7f0000001000 rw-s 00001000 fe:00 13  /new\\012line\n"
        "7f0000001000-7f0000002000 rw-p 00000000 00:00 0 \n"
        "no mapping\n"
    )
    first, second, third = facts.parse_mappings(text)
    assert (first.path, first.deleted, first.executable) == ("/a b/x", True, True)
    assert (second.path, second.offset, second.writable) == ("/new\nline", 0x1000, True)
    assert (third.path, third.is_file) == ("", False)


def test_huge_pages_are_memory_and_no_file() -> None:
    text = "7f0000200000-7f0000400000 rw-p 00000000 00:10 4711  /anon_hugepage (deleted)\n"
    (mapping,) = facts.parse_mappings(text)
    assert (mapping.path, mapping.inode, mapping.is_file) == ("", 0, False)


# What cannot be read: one error, its status, its cure.


def test_gone() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    for function in (facts.look_up, facts.mappings):
        with pytest.raises(NoSuchProcess, match=rf"^no process {process.pid}( here)?$"):
            function(process.pid)
    assert facts.threads(process.pid) == ()
    assert facts.children(process.pid) == ()


def test_ended_but_not_collected() -> None:
    process = subprocess.Popen(["true"])
    until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
    with pytest.raises(NoSuchProcess, match="has ended and waits for its parent"):
        facts.look_up(process.pid)
    process.wait()


def test_a_thread_is_no_process(target_python: TargetPython, start_target: StartTarget) -> None:
    pid = start_target(target_python("3.14", "greenlet", "eventlet"), IDLE).pid
    tid = max(thread.tid for thread in facts.threads(pid))
    with pytest.raises(NoSuchProcess, match=f"{tid} is a thread of process {pid}") as caught:
        facts.look_up(tid)
    assert str(pid) in caught.value.hint


def test_kernel_thread() -> None:
    kernel = [
        process.pid
        for process in psutil.process_iter(["ppid"])
        if process.info["ppid"] == 2 or process.pid == 2
    ]
    if not kernel:
        pytest.skip("no kernel threads to be seen here (a container)")
    with pytest.raises(NotPython, match="thread of the kernel"):
        facts.look_up(kernel[0])


def test_not_python(sleeper: subprocess.Popen[bytes]) -> None:
    until(lambda: "sleep" in facts.look_up(sleeper.pid).executable)
    process = facts.look_up(sleeper.pid)
    with pytest.raises(NotPython, match="is not a CPython process"):
        locate(process, facts.mappings(sleeper.pid), memory(sleeper.pid))


@NEEDS_ROOT
def test_another_users(sleeper: subprocess.Popen[bytes]) -> None:
    """As nobody, the errors name the owner and the cure; run in a process that changed user."""
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); os.chdir('/')\n"
        "import importlib, inspector, pkgutil\n"
        "from inspector import process as facts\n"
        "from inspector.errors import MigrateError\n"
        # Before the change: the checkout need not be for everybody to read.
        "for module in pkgutil.walk_packages(inspector.__path__, 'inspector.'):\n"
        "    importlib.import_module(module.name)\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: facts.mappings(int(sys.argv[2]))\n"
        "except MigrateError as e: print(e.exit_status, e.message, e.hint, sep='\\n')\n"
    )
    root = Path(facts.__file__).resolve().parent.parent
    output = subprocess.run(
        [sys.executable, "-c", script, root, str(sleeper.pid)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    status, message, *hint = output.splitlines()
    assert status == str(NotAllowed.exit_status)
    assert message == (
        f"not allowed to read process {sleeper.pid}: it belongs to user 0, and you are user 65534"
    )
    assert hint == [f"run as root: sudo migrate ps {sleeper.pid}"]


@pytest.fixture
def contained(target_python: TargetPython) -> Iterator[tuple[int, int]]:
    """A process in a PID namespace of its own: (PID from here, PID in there)."""
    if not shutil.which("unshare"):
        pytest.skip("no unshare here")
    program = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    outer = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
         target_python("3.14"), "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert outer.stdout is not None
    assert outer.stderr is not None
    try:
        line = outer.stdout.readline()
        if not line:
            pytest.skip(f"no namespaces here: {outer.stderr.read().strip()}")
        until(lambda: facts.children(outer.pid))
        yield facts.children(outer.pid)[0], int(line)
    finally:
        outer.kill()
        outer.wait()
        outer.stdout.close()
        outer.stderr.close()


def test_pid_namespace(contained: tuple[int, int]) -> None:
    outside, inside = contained
    process = facts.look_up(outside)
    assert (process.pid, process.inner_pid) == (outside, inside)
    assert [(t.tid, t.inner_tid) for t in facts.threads(outside)] == [(outside, inside)]
    found = locate(process, facts.mappings(outside), nothing)
    assert memory(outside)(found.runtime, 8) == b"xdebugpy"


# Finding the runtime.


@pytest.mark.parametrize("version", TARGETS)
def test_located(version: str, target_python: TargetPython, start_target: StartTarget) -> None:
    pid = start_target(target_python(version, "greenlet", "eventlet"), IDLE).pid
    read, maps = memory(pid), facts.mappings(pid)
    found = locate(facts.look_up(pid), maps, nothing)
    minor = int(version[2:])
    assert int.from_bytes(read(found.version, 8), "little") >> 16 & 0xFFFF == 0x300 | minor
    assert (read(found.runtime, 8) == b"xdebugpy") == (minor >= 13)
    assert bool(found.asyncio) == (minor >= 14)
    if minor >= 13:
        assert _search_cookie(maps, read) == found.runtime
    # The two ways to the vtables, symbols and type information, agree.
    (library,) = [m for m in _modules(facts.look_up(pid), maps) if "_greenlet." in m.path]
    assert _vtables_by_type_name(library, maps, read) == {
        "user_greenlet": found.user_greenlet,
        "main_greenlet": found.main_greenlet,
    }


@pytest.mark.parametrize("change", ["deleted", "replaced"])
def test_interpreter_gone_from_disk(
    change: str, tmp_path: Path, target_python: TargetPython
) -> None:
    """Upgraded under a running service: the files that are mapped are read, not the new ones."""
    python = target_python("3.14").resolve()
    copy = tmp_path / "python3.14"
    shutil.copy2(python, copy)
    environment = {"PYTHONHOME": str(python.parent.parent), "PATH": os.environ["PATH"]}
    program = [str(copy), "-S", "-c", "import time; print(1, flush=True); time.sleep(600)"]
    process = subprocess.Popen(program, env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"1\n"
        copy.unlink()
        if change == "replaced":
            shutil.copy2(sys.executable, copy)  # another program altogether
        maps = facts.mappings(process.pid)
        assert any(m.path == str(copy) and m.deleted for m in maps)
        found = locate(facts.look_up(process.pid), maps, nothing)
        assert memory(process.pid)(found.runtime, 8) == b"xdebugpy"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_runtime_without_any_file(
    monkeypatch: pytest.MonkeyPatch, target_python: TargetPython, start_target: StartTarget
) -> None:
    pid = start_target(target_python("3.15", "greenlet", "eventlet"), IDLE).pid
    expected = locate(facts.look_up(pid), facts.mappings(pid), nothing)

    def refuse(pid: int, mapping: facts.Mapping) -> int:
        raise PermissionError

    monkeypatch.setattr("inspector.locate.open_mapped", refuse)
    found = locate(facts.look_up(pid), facts.mappings(pid), memory(pid))
    assert found.runtime == expected.runtime
    assert found[3:] == expected[3:]


@pytest.mark.parametrize("version", TARGETS)
def test_every_unit_is_found_without_any_file(
    version: str,
    monkeypatch: pytest.MonkeyPatch,
    target_python: TargetPython,
    start_target: StartTarget,
) -> None:
    """As for a user without rights on map_files, once all of Python was replaced on disk."""
    python = target_python(version, "greenlet", "eventlet")
    program = start_target(python, "tests/targets/waits_asyncio.py").rest()
    before = {unit.id for unit in take(program.pid).units}

    def refuse(pid: int, mapping: facts.Mapping) -> int:
        raise PermissionError

    monkeypatch.setattr("inspector.locate.open_mapped", refuse)
    seen = take(program.pid)
    assert seen.completeness.complete
    assert {unit.id for unit in seen.units} == before
    assert len(before) > 30


def test_what_cannot_be_found_is_said_to_be_missing(
    monkeypatch: pytest.MonkeyPatch, target_python: TargetPython, start_target: StartTarget
) -> None:
    python = target_python("3.14", "greenlet", "eventlet")
    program = start_target(python, "tests/targets/waits_asyncio.py").rest()
    monkeypatch.setattr("inspector.attach.search_asyncio", lambda *_: 0)
    monkeypatch.setattr(
        "inspector.attach.locate",
        lambda *given: locate(*given)._replace(asyncio=0, user_greenlet=0, main_greenlet=0),
    )
    found = take(program.pid).completeness
    assert not found.complete
    assert found.notes == (
        "the library of greenlet was not found: green threads are missing",
        "asyncio's own table was not found: tasks are missing",
    )


def test_starts_fast() -> None:
    """What it imports, not how long it takes: nothing heavy is loaded."""
    code = "import sys, inspector.process, inspector.locate; print(*sys.modules)"
    root = Path(facts.__file__).resolve().parent.parent
    loaded = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(root)!r}); {code}",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    heavy = r"^(json|subprocess|pathlib|inspect|dataclasses|socket|ctypes|asyncio)$"
    assert not [name for name in loaded if re.match(heavy, name)]
