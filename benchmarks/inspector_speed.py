"""How long ``migrate ps`` takes beside ``python -m asyncio ps``, whole processes, one run.

    python benchmarks/inspector_speed.py [ROUNDS]

Both are run in turns on the same idle target, so that a busy machine slows both; a figure
is the median of the rounds' wall times; the last column is the ratio of processor times,
which other programs disturb less. Budgets: half the time of ``asyncio ps`` of 3.14 at
10, 1,000 and 10,000 tasks; 10,000 green threads in 1.3 times the time of 10,000 tasks; 1 GB
of heap in 100 ms more.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.interpreters import environment  # noqa: E402 - found only from here on
from tests.programs import running  # noqa: E402

_OURS = [sys.executable, "-m", "migrator", "ps"]


class Figure(NamedTuple):
    """Seconds of one command: as a clock has them, and of the processor."""

    wall: float
    cpu: float


def main() -> None:
    """Print one line a figure."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    python = environment("3.14", ["greenlet", "eventlet"])
    theirs = [str(python), "-m", "asyncio", "ps"]
    print(f"{'target':28}{'migrate ps':>11}{'other':>11}   ratio     CPU")
    with ExitStack() as stack:

        def start(world: str, count: int, megabytes: int = 0) -> str:
            arguments = (world, str(count), str(megabytes))
            program = running(python, "tests/targets/many.py", *arguments, seconds=300)
            return str(stack.enter_context(program).pid)

        for count in (10, 1_000, 10_000):
            pid = start("tasks", count)
            ours, other = _in_turns(rounds, [*_OURS, pid], [*theirs, pid])
            _show(f"{count:,} tasks : asyncio ps", ours, other)
        tasks, greens = start("tasks", 10_000), start("greens", 10_000)
        ours, other = _in_turns(rounds, [*_OURS, greens], [*_OURS, tasks])
        _show("10,000 green threads : tasks", ours, other)
        small, large = start("greens", 100), start("greens", 100, 1024)
        ours, other = _in_turns(rounds, [*_OURS, large], [*_OURS, small])
        _show("1 GB of heap : none", ours, other)
        print(f"{'':28}1 GB adds {(ours.wall - other.wall) * 1000:.0f} ms")


def _in_turns(rounds: int, *commands: list[str]) -> list[Figure]:
    """Median times of each command."""
    times: list[list[Figure]] = [[] for _ in commands]
    # Compiled modules are kept, as they are where the tools are installed.
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    for one in range(rounds + 1):
        for command, taken in zip(commands, times, strict=True):
            before, start = os.times(), time.perf_counter()
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=clean)
            wall, after = time.perf_counter() - start, os.times()
            cpu = after.children_user + after.children_system
            if one:  # the first run fills the caches
                taken.append(Figure(wall, cpu - before.children_user - before.children_system))
    return [
        Figure(statistics.median(f.wall for f in taken), statistics.median(f.cpu for f in taken))
        for taken in times
    ]


def _show(what: str, ours: Figure, other: Figure) -> None:
    print(
        f"{what:28}{ours.wall * 1000:8.0f} ms{other.wall * 1000:8.0f} ms"
        f"{ours.wall / other.wall:8.2f}{ours.cpu / other.cpu:8.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
