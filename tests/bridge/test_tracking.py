"""Birth records inside live processes, and the launcher that turns them on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from inspector.capture import take
from tests.live import migrate
from tests.programs import ROOT, every_target

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartTarget, TargetPython

TARGET = "tests/targets/tracked_births.py"
ANYIO = ("anyio", "aiohttp", "aiosqlite", "psycopg[binary]", "websockets")  # as other tests have it


def _launch(python: Path, *arguments: str | Path, **environment: str) -> str:
    command = [sys.executable, "-m", "migrator", "run", "--", python, *arguments]
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONWARNINGS": "ignore", **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _check(lines: list[str]) -> set[str]:
    records = [json.loads(line) for line in lines if line.startswith("{")]
    for record in records:
        way = record["way"]
        assert record["file"] == "tracked_births.py", record
        wanted = "asyncio.run(spawn_tasks())" if way == "run" else f'units["{way}"] = '
        assert record["source"].startswith(wanted), record
        assert record["parent"], record
        assert record["time"], record
        assert record["greenlet"], record
    return {record["way"] for record in records}


@every_target
@pytest.mark.parametrize("when", ["early", "late"])
def test_every_way_to_spawn_is_recorded(
    version: str, when: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python(version, "greenlet", "eventlet"), TARGET, when)
    program.wait_for_line("done")
    ways = _check(program.lines)
    assert {"spawn", "spawn_n", "pool", "raw", "own", "run", "create_task", "group"} <= ways
    assert ("eager" in ways) == (version != "3.11")


def test_the_launcher_tracks_without_a_change_to_the_program(target_python: TargetPython) -> None:
    python = target_python("3.14", "greenlet", "eventlet")
    lines = _launch(python, ROOT / TARGET, "launched").splitlines()
    assert lines[-1] == "done"
    assert len(_check(lines)) > 10


def test_the_launcher_passes_arguments_and_can_be_off(target_python: TargetPython) -> None:
    python = target_python("3.14", "greenlet", "eventlet")
    code = "import sys; print(sys.argv[1:], '_eventlet_migrate_tracking' in sys.modules)"
    assert _launch(python, "-c", code, "--x", "-h") == "['--x', '-h'] True\n"
    assert _launch(python, "-c", code, EVENTLET_MIGRATE_TRACK="0") == "[] False\n"


@pytest.mark.parametrize("flags", [["-I"], ["-u", "-bE"], ["-S"]])
def test_the_launcher_says_when_a_python_keeps_it_out(flags: list[str]) -> None:
    done = migrate("run", sys.executable, *flags, "-c", "import sys; print(sys.argv)", "-h")
    assert (done.returncode, done.stdout) == (0, "['-c', '-h']\n")
    assert f"-{flags[-1][-1]} loads no sitecustomize" in done.stderr
    done = migrate("run", sys.executable, "-c", "import sys; print(sys.argv)", *flags)
    assert (done.stdout, done.stderr) == (f"{['-c', *flags]}\n", "")


@pytest.mark.parametrize(
    "flags", [["-Ic"], ["-X", "dev", "-bSuc"], ["-Wignore", "-W", "error", "-E", "-c"]]
)
def test_options_before_and_around_it_do_not_hide_that(flags: list[str]) -> None:
    done = migrate("run", sys.executable, *flags, "print(1)")
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert "loads no sitecustomize" in done.stderr
    done = migrate("run", sys.executable, "-X", "utf8=0", "-W", "ignore", "-c", "print(1)", "-I")
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_the_programs_own_sitecustomize_still_runs(
    target_python: TargetPython, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.seen = __file__\n")
    python = target_python("3.14", "greenlet", "eventlet")
    printed = _launch(
        python, "-c", "import sys; print(seen, sys.path[1])", PYTHONPATH=str(tmp_path)
    )
    assert printed == f"{tmp_path}/sitecustomize.py {tmp_path}\n"


def test_children_of_the_program_are_tracked_too(target_python: TargetPython) -> None:
    python = target_python("3.14", "greenlet", "eventlet")
    child = "import sys; print('_eventlet_migrate_tracking' in sys.modules)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    assert _launch(python, "-c", parent) == "True\n"


def test_uvloops_own_functions_spawn_for_their_caller(
    target_python: TargetPython, tmp_path: Path
) -> None:
    script = tmp_path / "served.py"
    script.write_text(
        "import asyncio, sys, uvloop\n"
        "async def main():\n"
        "    tracking = sys.modules['_eventlet_migrate_tracking']\n"
        "    print(tracking.birth(asyncio.current_task()))\n"
        "uvloop.run(main())\n"
    )
    assert "served.py', line=5" in _launch(target_python("3.14", "uvloop"), script)


def test_anyio_spawns_for_its_caller(target_python: TargetPython, tmp_path: Path) -> None:
    script = tmp_path / "served.py"
    script.write_text(
        "import anyio, asyncio, sys\n"
        "async def child():\n"
        "    tracking = sys.modules['_eventlet_migrate_tracking']\n"
        "    print(tracking.birth(asyncio.current_task()))\n"
        "async def main():\n"
        "    async with anyio.create_task_group() as group:\n"
        "        group.start_soon(child)\n"
        "        await group.start(ready)\n"
        "async def ready(*, task_status):\n"
        "    await child()\n"
        "    task_status.started()\n"
        "anyio.run(main)\n"
    )
    found = _launch(target_python("3.14", *ANYIO), script)
    assert sorted(re.findall(r"(\w+\.py)', line=(\d+)", found)) == [
        ("served.py", "7"),
        ("served.py", "8"),
    ]


@pytest.mark.parametrize("first", ["", "import greenlet, eventlet; eventlet.sleep(0)"])
def test_gevent_keeps_its_greenlets_to_itself(
    first: str, target_python: TargetPython, tmp_path: Path
) -> None:
    """Its classes are made in C: below a class made in Python each call would never end."""
    script = tmp_path / "served.py"
    script.write_text(
        f"{first}\n"
        "from gevent import monkey; monkey.patch_all()\n"
        "import gc, gevent, greenlet, threading\n"
        "thread = threading.Thread(target=gevent.sleep, args=(0.01,))\n"
        "thread.start(); thread.join()\n"
        "units = [gevent.spawn(pow, 2, number) for number in range(10)]\n"
        "print(sum(unit.get() for unit in units), gc.collect() >= 0)\n"
        "print(greenlet.greenlet(lambda: 7).switch())\n"
    )
    python = target_python("3.14", "greenlet", "eventlet", "gevent")
    assert _launch(python, script) == "1023 True\n7\n"


def test_a_program_that_cannot_start_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "migrator", "run", "--", "/no/such/python"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "/no/such/python" in done.stderr
    assert "Traceback" not in done.stderr


def test_records_keep_nothing_alive(target_python: TargetPython) -> None:
    code = (
        "import greenlet, weakref, gc; gc.disable();"
        "g = greenlet.greenlet(print); assert '_migrate_born' in g.__dict__;"
        "r = weakref.ref(g); del g; print(r() is None)"
    )
    python = target_python("3.14", "greenlet", "eventlet")
    assert _launch(python, "-c", code) == "True\n"


@every_target
def test_births_are_read_from_outside(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    python = target_python(version, "greenlet", "eventlet")
    program = start_target(python, TARGET, "early", "stay")
    program.wait_for_line("done")
    records = [json.loads(line) for line in program.lines if line.startswith("{")]
    snapshot = take(program.pid)
    units = {unit.id: unit for unit in snapshot.units}
    seen = 0
    for record in records:
        if record["id"] not in units:  # raw greenlets that nothing has started have no stack
            continue
        unit = units[record["id"]]
        assert unit.spawned is not None, record
        assert unit.spawned.file.endswith("/" + TARGET)
        assert unit.spawned.line == record["line"]
        assert abs(unit.spawned.at - record["at"]) < 5  # two readings of two clocks
        # The green thread that spawned has ended: nobody may be named in its place.
        expected = f"task:{record['by']:#x}" if f"task:{record['by']:#x}" in units else None
        if record["way"] != "run":
            assert unit.spawned.by == expected
        assert unit.runtime is not None
        slept = unit.wait and unit.wait.on == "sleep" and unit.wait.seconds_total is not None
        assert unit.runtime.how == ("exact" if slept else "tracked")
        assert unit.runtime.seconds <= snapshot.taken_at - unit.spawned.at + 5
        seen += 1
    assert seen >= 8


def test_the_views_show_it(target_python: TargetPython, start_target: StartTarget) -> None:
    python = target_python("3.14", "greenlet", "eventlet")
    program = start_target(python, TARGET, "early", "stay")
    program.wait_for_line("done")
    done = subprocess.run(
        [sys.executable, "-m", "migrator", "ps", "--json", str(program.pid)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    units = json.loads(done.stdout)["processes"][0]["units"]
    hows = {unit["runtime"]["how"] for unit in units if unit["runtime"]}
    assert hows == {"exact", "tracked"}
    done = subprocess.run(
        [sys.executable, "-m", "migrator", "pstree", str(program.pid)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    born = [line for line in done.stdout.splitlines() if "(T) named" in line]
    assert re.search(r"spawned at /.+/tracked_births.py:\d+ by Task-1", born[0])


def test_a_forged_record_is_no_record(
    target_python: TargetPython, start_target: StartTarget, tmp_path: Path
) -> None:
    script = tmp_path / "forged.py"
    script.write_text(
        "import asyncio, importlib.util, os\n"
        f"path = {str(ROOT / 'bridge/tracking.py')!r}\n"
        "spec = importlib.util.spec_from_file_location('t', path)\n"
        "t = importlib.util.module_from_spec(spec); spec.loader.exec_module(t); t.install()\n"
        "forged = [None, 7, (), ('x',) * 4, (1e308, 1, 2, 3), (0.5, None, 1 << 70, 'y'),\n"
        "          (float('nan'), asyncio.run.__code__, 1, 2),\n"
        "          (0.5, asyncio.run.__code__, -9, 2),\n"
        "          (0.5, asyncio.run.__code__, 1 << 60, 1 << 2000)]\n"
        "async def main():\n"
        "    tasks = [asyncio.create_task(asyncio.Event().wait()) for _ in forged]\n"
        "    for task, record in zip(tasks, forged): task._migrate_born = record\n"
        "    await asyncio.sleep(0); print('ready', f'pid={os.getpid()}', flush=True)\n"
        "    await asyncio.gather(*tasks)\n"
        "asyncio.run(main())\n"
    )
    program = start_target(target_python("3.14", "greenlet", "eventlet"), script)
    tasks = [unit for unit in take(program.pid).units if unit.kind == "task"]
    assert len(tasks) == 10
    lines = [unit.spawned.line for unit in tasks if unit.spawned and "forged" in unit.spawned.file]
    assert len(lines) == 1  # the one task that nobody has forged
