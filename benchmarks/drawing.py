"""What drawing adds to reading: ps, pstree, JSON and page of a process with many units.

    python benchmarks/drawing.py [UNITS] [PYTHON]

One process of that many tasks is looked at (10,000 and CPython 3.14 unless given), some of
them alike, all with arguments of their own. Each view is made of the same snapshot, in
process time, best of five, and compared with the best time to read the process.
"""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from bridge import graph, html, schema, table, tree
from inspector import capture
from tests.interpreters import environment
from tests.programs import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.graph import Graph

BUDGET = 0.30  # of the time to read
ROUNDS = 5


def best(work: Callable[[], object]) -> float:
    """The least process time of some rounds, seconds."""
    times = []
    for _ in range(ROUNDS):
        gc.collect()
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def exhaust(pieces: Iterable[str]) -> int:
    """Make all of a view, as the commands do; returns its size in characters."""
    return sum(map(len, pieces))


def main(units: int, version: str) -> None:
    with running(
        environment(version), "tests/targets/asyncio_shapes.py", "many", str(units)
    ) as one:
        reading = best(lambda: capture.take(one.pid))
        taken = capture.take(one.pid)
    print(f"{len(taken.units):,} units, read in {reading * 1000:.0f} ms")
    whole = tree.Options(group=False)
    views: dict[str, Callable[[Graph], Iterable[str]]] = {
        "ps": lambda built: table.lines(built, table.order(built)),
        "pstree": tree.lines,
        "pstree --no-group": lambda built: tree.lines(built, whole),
        "--json": lambda built: schema.chunks([built], "0"),
        "--html": lambda built: html.chunks([built], "0"),
    }
    for name, view in views.items():
        drawing = best(lambda view=view: exhaust(view(graph.build(taken))))  # type: ignore[misc]
        verdict = "" if drawing <= BUDGET * reading else f"  over the budget of {BUDGET:.0%}"
        print(f"{name:20} {drawing * 1000:6.0f} ms  {drawing / reading:4.0%} of reading{verdict}")


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 10_000,
        sys.argv[2] if len(sys.argv) > 2 else "3.14",
    )
