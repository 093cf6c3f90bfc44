"""How fast `migrate scan` is, as ratios to `ruff check` and `grep -rl` on the same files.

    python benchmarks/scan_speed.py [FOLDER [RUNS]]      default: this environment's packages

Bounds: `--select debug,backdoor` at most half of ruff's time, the full inventory no slower
than ruff, a repeated run with the cache at most twice grep's. Each command runs once to
warm the disk cache, then the best of several runs counts; only ratios mean anything. On a
busy machine look at those of processor time, which count all processes of a command: those of
time then say more about the others (from 0.7 to 1.0 and from 0.8 to 6.8 in two runs of one hour).
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path


class Cost:
    """The least wall and processor time of several runs, in seconds."""

    def __init__(self, command: list[str], folder: str, runs: int) -> None:
        environment = dict(os.environ, PYTHONPATH=str(Path(__file__).parents[1]))
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        measured = []
        for _ in range(runs + 1):
            start, spent = time.perf_counter(), processor_time()
            done = subprocess.run(
                command,
                cwd=folder,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environment,
            )
            measured.append((time.perf_counter() - start, processor_time() - spent))
            if done.returncode not in (0, 1, 3):
                sys.exit(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")
        self.wall = min(wall for wall, _ in measured[1:])
        self.processor = min(processor for _, processor in measured[1:])

    def compared(self, other: Cost) -> str:
        return f"{self.wall / other.wall:8.2f} {self.processor / other.processor:11.2f}"


def processor_time() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ruff() -> str:
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    found = shutil.which("ruff", path=path)
    return found or sys.exit("ruff is not installed: run this in the development environment")


def main() -> None:
    folder = sys.argv[1] if len(sys.argv) > 1 else sysconfig.get_path("purelib")
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    banned = 'lint.flake8-tidy-imports.banned-api = {eventlet = {msg = "no"}}'
    check = [ruff(), "check", "--no-cache", "--isolated", "--config", banned]
    migrate = [sys.executable, "-m", "migrator", "scan"]
    with tempfile.TemporaryDirectory() as cache:
        commands = {
            "ruff": [*check, "--select", "TID251", "-q", "."],
            "grep": ["grep", "-rl", "eventlet", "."],
            "debug,backdoor": [*migrate, "--no-cache", "--select", "debug,backdoor", "."],
            "full": [*migrate, "--no-cache", "."],
            "cached": [*migrate, "--cache-dir", cache, "."],
        }
        costs = {name: Cost(command, folder, runs) for name, command in commands.items()}
    with tempfile.TemporaryDirectory() as small:
        for number in range(5):
            Path(small, f"m{number}.py").write_text("import eventlet\neventlet.sleep(1)\n")
        many = 3 * runs  # each takes a tenth of a second
        costs["click"] = Cost([sys.executable, "-c", "import click"], small, many)
        costs["5 files"] = Cost([*migrate, "--no-cache", "."], small, many)
    print(f"{'seconds':<22} {'wall':>8} {'processor':>11}")
    for name, cost in costs.items():
        print(f"{name:<22} {cost.wall:8.3f} {cost.processor:11.3f}")
    print()
    for name, other, bound in (
        ("debug,backdoor", "ruff", 0.5),
        ("full", "ruff", 1),
        ("cached", "grep", 2),
        ("5 files", "click", 2),
    ):
        ratio = costs[name].compared(costs[other])
        print(f"{f'{name} / {other}':<22} {ratio}   bound {bound}")


if __name__ == "__main__":
    main()
