"""Work in forked children: all results, and nobody left behind."""

from __future__ import annotations

import subprocess
import sys

from tests.migrator.scanning import ROOT

STOPS_EARLY = """
import os
from migrator import parallel

results = parallel.map_forked(lambda number: bytes(2**22), range(12), 3, 1)
next(results)
results.close()
try:
    os.wait()
except ChildProcessError:
    print("nobody is left")
"""


def test_children_that_nobody_reads_any_more_end() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPS_EARLY],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout == "nobody is left\n", done.stderr
