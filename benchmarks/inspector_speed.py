"""How long ``migrate ps`` takes beside ``python -m asyncio ps``, whole processes, one run.

    python benchmarks/inspector_speed.py [ROUNDS] [PYTHON ...]

The tool runs as users have it, from its wheel: on the Python of this checkout, and on the
very 3.14 that ``asyncio ps`` runs on (others by version: ``3.12``). Commands run in turns on
the same idle target, so that a busy machine slows all of them; a figure is the median of
the rounds' wall times; the last column is the ratio of the least processor times, which
other programs disturb least. Budgets: half the time of ``asyncio ps`` at 10, 1,000 and 10,000
tasks, and 0.65 of it for ``pstree`` of 10,000 units, drawn to the end; 10,000 green threads in
1.3 times the time of 10,000 tasks; 1 GB of heap in 100 ms more. At the end, what a look costs
a target that works all the time.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.interpreters import environment, find  # noqa: E402 - found only from here on
from tests.programs import running  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Prints how many turns its loop took in each second of processor time, so that who else wants
# the processors does not count; a thousand other tasks sleep.
_BUSY = """
import asyncio, time
async def worker():
    while True:
        await asyncio.sleep(0)
async def main():
    quiet = [asyncio.create_task(asyncio.sleep(10_000)) for _ in range(1_000)]
    workers = [asyncio.create_task(worker()) for _ in range(10)]
    print("ready", flush=True)
    while True:
        start, turns = time.process_time(), 0
        while time.process_time() - start < 1:
            await asyncio.sleep(0)
            turns += 1
        print(turns, flush=True)
asyncio.run(main())
"""


class Figure(NamedTuple):
    """Seconds of one command: as a clock has them, and of the processor."""

    wall: float
    cpu: float


def main() -> None:
    """Print one line a figure."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    python = environment("3.14", ["greenlet", "eventlet"])
    theirs = [str(python), "-m", "asyncio", "ps"]
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bases = {platform.python_version(): Path(sys.executable)}
        bases |= {version: find(version).path for version in ["3.14", *sys.argv[2:]]}
        ours = dict(zip(bases, _install(bases.values(), scratch), strict=True))

        def start(world: str, count: int, megabytes: int = 0) -> str:
            arguments = (world, str(count), str(megabytes))
            program = running(python, "tests/targets/many.py", *arguments, seconds=300)
            return str(stack.enter_context(program).pid)

        print(f"{'target, tool':40}{'migrate':>11}{'other':>11}   ratio     CPU")
        for count in (10, 1_000, 10_000):
            pid = start("tasks", count)
            commands = [[*command, pid] for command in (*ours.values(), theirs)]
            *figures, other = _in_turns(rounds, *commands)
            for version, figure in zip(ours, figures, strict=True):
                _show(f"{count:,} tasks, {version} : asyncio ps", figure, other)
        tasks, greens = pid, start("greens", 10_000)
        for version, command in ours.items():
            figure, other = _in_turns(rounds, [command[0], "pstree", tasks], [*theirs, tasks])
            _show(f"pstree, 10,000, {version} : asyncio ps", figure, other)
        small, large = start("greens", 100), start("greens", 100, 1024)
        for version, command in ours.items():
            figure, other = _in_turns(rounds, [*command, greens], [*command, tasks])
            _show(f"10,000 green threads, {version} : tasks", figure, other)
            figure, other = _in_turns(rounds, [*command, large], [*command, small])
            _show(f"1 GB of heap, {version} : none", figure, other)
            print(f"{'':40}1 GB adds {(figure.wall - other.wall) * 1000:.0f} ms")
        _show_disturbance(str(python), next(iter(ours.values())))


def _install(bases: Iterable[Path], scratch: Path) -> Iterator[list[str]]:
    """``migrate ps`` of each base's own environment with the wheel in it, compiled."""
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", scratch, cwd=ROOT)
    (wheel,) = scratch.glob("*.whl")
    for number, base in enumerate(bases):
        home = scratch / str(number)
        _run(base, "-m", "venv", "--without-pip", home)
        pip = [sys.executable, "-m", "pip", "--python", home / "bin" / "python"]
        # What `ps` needs is in the wheel alone.
        _run(*pip, "install", "--quiet", "--no-deps", "--compile", wheel)
        yield [str(home / "bin" / "migrate"), "ps"]


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    subprocess.run(command, check=True, cwd=cwd, capture_output=True, env=_environment())


def _environment() -> dict[str, str]:
    """Compiled modules are kept, as they are where the tools are installed."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def _in_turns(rounds: int, *commands: list[str]) -> list[Figure]:
    """Median wall times of each command, and least processor times."""
    times: list[list[Figure]] = [[] for _ in commands]
    for one in range(rounds + 1):
        for command, taken in zip(commands, times, strict=True):
            start = time.perf_counter()
            with subprocess.Popen(
                command, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            ) as process:
                assert process.stdout is not None
                process.stdout.read()
                # Its own processor time, to the microsecond.
                _, status, used = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            wall = time.perf_counter() - start
            if process.returncode:
                raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
            if one:  # the first run fills the caches
                taken.append(Figure(wall, used.ru_utime + used.ru_stime))
    return [
        Figure(statistics.median(f.wall for f in taken), min(f.cpu for f in taken))
        for taken in times
    ]


def _show(what: str, ours: Figure, other: Figure) -> None:
    print(
        f"{what:40}{ours.wall * 1000:8.0f} ms{other.wall * 1000:8.0f} ms"
        f"{ours.wall / other.wall:8.2f}{ours.cpu / other.cpu:8.2f}",
        flush=True,
    )


def _show_disturbance(python: str, command: list[str], pairs: int = 15) -> None:
    """Compare the target's turns in its seconds with a look in them and in those without."""
    busy = [python, "-c", _BUSY]
    target = subprocess.Popen(busy, stdout=subprocess.PIPE, text=True)
    with target:
        assert target.stdout is not None
        target.stdout.readline()
        quiet, looked_at = [], []
        for one in range(2 * pairs + 1):
            look = subprocess.Popen(
                [*command, str(target.pid)] if one % 2 else ["true"],
                env=_environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            turns = int(target.stdout.readline())
            look.wait()
            if one:  # the first second is for warming up
                (looked_at if one % 2 else quiet).append(turns)
        target.kill()
    spread = statistics.quantiles(quiet, n=4)
    print(
        f"turns a second of a busy target: {statistics.median(looked_at):,.0f} with a look, "
        f"{statistics.median(quiet):,.0f} without (quartiles {spread[0]:,.0f} to {spread[2]:,.0f})"
    )


if __name__ == "__main__":
    main()
