"""What drawing adds to reading: ps, pstree, JSON and page of a process with many units.

    python benchmarks/drawing.py [UNITS] [PYTHON]

One process of that many tasks is looked at (10,000 and CPython 3.14 unless given), some of
them alike, all with arguments of their own. Each view is made of what its command reads, in
process time, best of five, and compared with the best time to read that.
"""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from bridge import graph, html, schema, table, tree
from inspector.capture import Options, take
from tests.interpreters import environment
from tests.programs import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from bridge.graph import Graph
    from inspector.snapshot import Snapshot

BUDGET = 0.30  # of the time to read
ROUNDS = 5


def measured(prepare: Callable[[], Any], work: Callable[[Any], object]) -> float:
    """The least process time of some rounds of ``work`` on what ``prepare`` makes, seconds."""
    times = []
    for _ in range(ROUNDS):
        prepared = prepare()
        gc.collect()
        start = time.process_time()
        work(prepared)
        times.append(time.process_time() - start)
    return min(times)


def exhaust(pieces: Iterable[str]) -> int:
    """Make all of a view, as the commands do; returns its size in characters."""
    return sum(map(len, pieces))


def main(units: int, version: str) -> None:
    lean, late, full = Options(args=False), Options(late=True), Options()
    whole = tree.Options(group=False)
    # Each with what its command reads.
    views: dict[str, tuple[Options, Callable[[Graph], Iterable[str]]]] = {
        "ps": (lean, lambda built: table.lines(built, table.order(built))),
        "pstree": (late, tree.lines),
        "pstree --no-group": (full, lambda built: tree.lines(built, whole)),
        "--json": (full, lambda built: schema.chunks([built], "0")),
        "--html": (full, lambda built: html.chunks([built], "0")),
    }
    with running(
        environment(version), "tests/targets/asyncio_shapes.py", "many", str(units)
    ) as one:
        print(f"{len(take(one.pid).units):,} units")
        for name, (options, view) in views.items():

            def read(options: Options = options) -> Snapshot:
                return take(one.pid, options)

            def draw(snapshot: Snapshot, view: Callable[[Graph], Iterable[str]] = view) -> None:
                exhaust(view(graph.build(snapshot)))

            reading = measured(lambda: None, lambda _: read())
            drawing = measured(read, draw)
            verdict = "" if drawing <= BUDGET * reading else f"  over the budget of {BUDGET:.0%}"
            print(
                f"{name:20} read in {reading * 1000:4.0f} ms, drawn in {drawing * 1000:4.0f} ms: "
                f"{drawing / reading:4.0%}{verdict}"
            )


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 10_000,
        sys.argv[2] if len(sys.argv) > 2 else "3.14",
    )
