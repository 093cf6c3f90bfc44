"""Builds of CPython other than the usual, and interpreters inside of interpreters."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inspector.capture import take
from tests.live import migrate
from tests.programs import every_target, running

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython

# What pycore_debug_offsets.h makes the runtime of a free-threaded build begin with.
FREE_THREADED = """
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
__attribute__((section(".PyRuntime"), used))
struct { char cookie[8]; uint64_t version, free_threaded, offsets[500]; } _PyRuntime =
    {"xdebugpy", VERSION, 1, {0}};
int main(void) {
    printf("ready pid=%d\\n", getpid());
    fflush(stdout);
    for (;;) pause();
}
"""

# A program that brings Python along, as uWSGI does: it has no symbol of it by itself.
LAUNCHER = """
#include <dlfcn.h>
int main(int argc, char **argv) {
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
    int (*run)(int, char **) = library ? dlsym(library, "Py_BytesMain") : 0;
    argv[1] = argv[0];
    return run ? run(argc - 1, argv + 1) : 9;
}
"""


def compiled(source: str, into: Path, *options: str) -> Path:
    """The program made of C; skips where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no C compiler here")
    file = into.with_suffix(".c")
    file.write_text(source)
    subprocess.run([compiler, "-o", into, file, *options], check=True)
    return into


def check_refused(pid: int, version: str, build: str) -> None:
    for command in (["ps"], ["pstree", "--json"], ["check"]):
        done = migrate(*command, pid)
        assert (done.returncode, done.stdout) == (7, "")
        assert done.stderr.startswith(f"migrate: error: CPython {version}")
        assert build in done.stderr.splitlines()[0]
        assert "supported: CPython 3.11 to" in done.stderr
    doctor = migrate("doctor", pid)
    assert doctor.returncode == 7
    assert build in doctor.stdout


@pytest.mark.parametrize("version", ["3.13", "3.14", "3.15"])
def test_a_runtime_that_says_it_is_free_threaded(version: str, tmp_path: Path) -> None:
    number = f"0x03{int(version[2:]):02x}00f0"
    program = compiled(FREE_THREADED, tmp_path / "python", f"-DVERSION={number}")
    with running(program, "") as target:
        check_refused(target.pid, f"{version}.0", "free-threaded")


@pytest.mark.nightly
@pytest.mark.parametrize("version", ["3.13t", "3.14t", "3.15t"])
def test_free_threaded(
    version: str, target_python: TargetPython, start_target: StartTarget, tmp_path: Path
) -> None:
    check_refused(start_idle(version, target_python, start_target, tmp_path), version[:-1],
                  "free-threaded")  # fmt: skip


@pytest.mark.nightly
@pytest.mark.parametrize("version", ["3.14d", "3.15d"])
def test_debug_build(
    version: str, target_python: TargetPython, start_target: StartTarget, tmp_path: Path
) -> None:
    check_refused(start_idle(version, target_python, start_target, tmp_path), version[:-1],
                  "built for debugging")  # fmt: skip


def start_idle(
    version: str, target_python: TargetPython, start_target: StartTarget, folder: Path
) -> int:
    script = folder / "idle.py"
    script.write_text("import asyncio, os\nprint(f'ready pid={os.getpid()}', flush=True)\n"
                      "asyncio.run(asyncio.sleep(600))\n")  # fmt: skip
    return start_target(target_python(version), script).pid


@every_target
def test_tasks_of_every_interpreter(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    python = target_python(version, "greenlet", "eventlet")
    program = start_target(python, "tests/targets/interpreters.py").rest()
    seen = take(program.pid)
    assert seen.completeness.complete
    units = {unit.name: unit for unit in seen.units}
    threads = {thread.name: thread.tid for thread in seen.threads}
    ids = {unit.id: unit.name for unit in seen.units}
    edges = {(ids[edge.waiter], ids[edge.target]) for edge in seen.edges}
    seen_tids = set()
    for number in range(int(program.ready["count"])):
        for task in ("holder", "sleep-0", "sleep-1", "sleep-2"):
            unit = units[f"{number}-{task}"]
            assert unit.wait is not None
            assert unit.wait.on == "sleep"
        wait = units[f"{number}-wanter"].wait
        assert wait is not None
        assert wait.text == f"lock held by task {number}-holder"
        assert (f"{number}-wanter", f"{number}-holder") in edges
        tids = {unit.tid for name, unit in units.items() if name.startswith(f"{number}-")}
        assert len(tids) == 1
        seen_tids |= tids
    assert len(seen_tids) == int(program.ready["count"])
    assert seen_tids <= set(threads.values())
    # threading's names are known of the interpreter that started the threads.
    assert threads["loop-0"] == units["0-holder"].tid


@every_target
def test_embedded_in_another_program(
    version: str, tmp_path: Path, target_python: TargetPython
) -> None:
    python = target_python(version, "greenlet", "eventlet")
    library, home, packages = subprocess.run(
        [python, "-c", "import sys, sysconfig as s; v = s.get_config_var; "
         "print(f\"{v('LIBDIR')}/{v('INSTSONAME')}\", sys.base_prefix, s.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    if ".so" not in library or not Path(library).exists():
        pytest.skip(f"this CPython {version} comes without libpython")
    program = compiled(LAUNCHER, tmp_path / "service", "-ldl")
    env = {"PYTHONHOME": home, "PYTHONPATH": packages}
    with running(program, library, "tests/targets/interpreters.py", env=env) as target:
        seen = take(target.rest().pid)
    assert seen.python.startswith(version)
    assert seen.completeness.complete
    assert {"0-wanter", "1-wanter"} <= {unit.name for unit in seen.units}
