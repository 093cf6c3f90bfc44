"""What `bridge.tracking` costs a program that spawns a unit for every request.

    python benchmarks/tracking_cost.py [PYTHON ...]

Each world serves requests, a fresh task or green thread for each: read 2 KB of JSON,
wait twice, render an answer. Runs with and without records alternate, each pair in new
processes, and the median of the pairs' ratios counts, so that a machine that gets slower
or busier meanwhile does not decide. The last column is the bare cost of a birth.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

TRACKING = Path(__file__).parents[1] / "bridge" / "tracking.py"
PAIRS = 15

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

REQUESTS, AT_ONCE, EMPTY = 1500, 50, 5000
if world == "asyncio":
    import asyncio
    async def request():
        await asyncio.sleep(0)
        answer()
        await asyncio.sleep(0)
    async def nothing():
        pass
    async def serve():
        for _ in range(REQUESTS // AT_ONCE):
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(request())
    async def main():
        await serve()
        start = time.process_time()
        await serve()
        middle = time.process_time()
        for _ in range(EMPTY):
            await asyncio.create_task(nothing())
        return middle - start, time.process_time() - middle
    busy, bare = asyncio.run(main())
else:
    import eventlet
    def request():
        eventlet.sleep(0)
        answer()
        eventlet.sleep(0)
    def nothing():
        pass
    def serve():
        pool = eventlet.GreenPool(AT_ONCE)
        for _ in range(REQUESTS):
            pool.spawn_n(request)
        pool.waitall()
    serve()
    start = time.process_time()
    serve()
    middle = time.process_time()
    for _ in range(EMPTY):
        eventlet.spawn(nothing).wait()
    busy, bare = middle - start, time.process_time() - middle
print(busy / REQUESTS, bare / EMPTY)
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
            ratio = statistics.median(on[0] / off[0] for off, on in pairs)
            off = statistics.median(off[0] for off, _ in pairs)
            on = statistics.median(on[0] for _, on in pairs)
            birth = statistics.median(on[1] - off[1] for off, on in pairs)
            print(
                f"{version:8} {world:9} {off * 1e6:6.1f} us {on * 1e6:6.1f} us "
                f"{(ratio - 1) * 100:6.2f}% {birth * 1e9:6.0f} ns"
            )


if __name__ == "__main__":
    main(sys.argv[1:] or [sys.executable])
