"""How fast `migrate scan` is, as ratios to `ruff check` and `grep -rl` on the same files.

    python benchmarks/scan_speed.py [FOLDER [RUNS]]      default: this environment's packages

Bounds: `--select debug,backdoor` at most half of ruff's time, the full inventory no slower
than ruff, a repeated run with the cache at most twice grep's. Each command runs once to
warm the disk cache, then the best of several runs counts; only ratios mean anything.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path


def best(command: list[str], folder: str, runs: int) -> float:
    """The best wall time of several runs, in seconds."""
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPATH"] = str(Path(__file__).parents[1])
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        done = subprocess.run(command, cwd=folder, capture_output=True, env=environment)
        times.append(time.perf_counter() - start)
        if done.returncode not in (0, 1, 3):
            sys.exit(f"{' '.join(command)}: {done.stderr.decode()}")
    return min(times[1:])


def main() -> None:
    folder = sys.argv[1] if len(sys.argv) > 1 else sysconfig.get_path("purelib")
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    banned = 'lint.flake8-tidy-imports.banned-api = {eventlet = {msg = "no"}}'
    ruff = ["ruff", "check", "--no-cache", "--isolated", "--config", banned]
    migrate = [sys.executable, "-m", "migrator", "scan"]
    with tempfile.TemporaryDirectory() as cache:
        commands = {
            "ruff": [*ruff, "--select", "TID251", "-q", "."],
            "grep": ["grep", "-rl", "eventlet", "."],
            "debug,backdoor": [*migrate, "--no-cache", "--select", "debug,backdoor", "."],
            "full": [*migrate, "--no-cache", "."],
            "cached": [*migrate, "--cache-dir", cache, "."],
        }
        seconds = {name: best(command, folder, runs) for name, command in commands.items()}
    with tempfile.TemporaryDirectory() as small:
        for number in range(5):
            Path(small, f"m{number}.py").write_text("import eventlet\neventlet.sleep(1)\n")
        click = best([sys.executable, "-c", "import click"], small, runs)
        tiny = best([*migrate, "--no-cache", "."], small, runs)
    for name, value in seconds.items():
        print(f"{name:<16} {value:8.3f} s")
    print(f"debug / ruff     {seconds['debug,backdoor'] / seconds['ruff']:8.2f}   bound 0.5")
    print(f"full / ruff      {seconds['full'] / seconds['ruff']:8.2f}   bound 1")
    print(f"cached / grep    {seconds['cached'] / seconds['grep']:8.2f}   bound 2")
    print(f"5 files / click  {tiny / click:8.2f}   bound 2")


if __name__ == "__main__":
    main()
