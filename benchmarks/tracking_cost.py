"""What `bridge.tracking` costs a program that spawns a unit for every request.

    python benchmarks/tracking_cost.py [PYTHON ...]

Each world serves requests, a fresh task or green thread for each: read 2 KB of JSON,
wait twice, render an answer. Runs with and without records alternate, each in a new process;
of each run's batches of 50 requests the lower quartile counts, and of the runs the best, so
that whatever else the machine does decides little. The last column is what a birth adds to
a unit that does nothing.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TRACKING = Path(__file__).parents[1] / "bridge" / "tracking.py"
PAIRS = 8

PROGRAM = """
import sys, json, time, importlib.util
world, tracked, path = sys.argv[1:]
if tracked == "1":
    spec = importlib.util.spec_from_file_location("tracking", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.install()
document = json.dumps({"user": "ada", "items": [{"id": i, "price": i * 1.5, "tags": ["a", "b"]}
                                                for i in range(40)]})
def answer():
    order = json.loads(document)
    total = sum(item["price"] for item in order["items"])
    return json.dumps({"user": order["user"], "total": total, "items": order["items"]}).encode()

BATCHES, AT_ONCE = 60, 50
def quartile(times):
    return sorted(times)[len(times) // 4] / AT_ONCE
if world == "asyncio":
    import asyncio
    async def request():
        await asyncio.sleep(0)
        answer()
        await asyncio.sleep(0)
    async def nothing():
        pass
    async def batch(unit):
        start = time.process_time()
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(unit())
        return time.process_time() - start
    async def main():
        for unit in (request, nothing):
            yield quartile([await batch(unit) for _ in range(BATCHES)])
    async def both():
        return [figure async for figure in main()]
    busy, bare = asyncio.run(both())
else:
    import eventlet
    pool = eventlet.GreenPool(AT_ONCE)
    def request():
        eventlet.sleep(0)
        answer()
        eventlet.sleep(0)
    def nothing():
        pass
    def batch(unit):
        start = time.process_time()
        for _ in range(AT_ONCE):
            pool.spawn_n(unit)
        pool.waitall()
        return time.process_time() - start
    busy, bare = [quartile([batch(unit) for _ in range(BATCHES)]) for unit in (request, nothing)]
print(busy, bare)
"""


def _run(python: str, world: str, tracked: str) -> tuple[float, float]:
    command = [python, "-Wignore", "-c", PROGRAM, world, tracked, str(TRACKING)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    busy, bare = done.stdout.split()
    return float(busy), float(bare)


def main(pythons: list[str]) -> None:
    """Print one line for each interpreter and world."""
    print(f"{'python':8} {'world':9} {'request':>9} {'tracked':>9} {'cost':>7} {'a birth':>9}")
    for python in pythons:
        version = subprocess.run(
            [python, "-c", "import platform; print(platform.python_version())"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for world in ("asyncio", "eventlet"):
            pairs = [(_run(python, world, "0"), _run(python, world, "1")) for _ in range(PAIRS)]
            off, on = (min(pair[side][0] for pair in pairs) for side in (0, 1))
            bare_off, bare_on = (min(pair[side][1] for pair in pairs) for side in (0, 1))
            print(
                f"{version:8} {world:9} {off * 1e6:6.1f} us {on * 1e6:6.1f} us "
                f"{(on / off - 1) * 100:6.2f}% {(bare_on - bare_off) * 1e9:6.0f} ns"
            )


if __name__ == "__main__":
    main(sys.argv[1:] or [sys.executable])
