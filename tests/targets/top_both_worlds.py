"""Both worlds at rest; files that appear in the folder named say what is to happen.

grow: more and more tasks of one kind    end: the program ends
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import greenlet


def old_world() -> None:
    greenlet.getcurrent().parent.switch()


async def resting(name: str) -> None:
    await asyncio.Event().wait()


async def leaking() -> None:
    await asyncio.Event().wait()


async def main(folder: Path) -> None:
    kept = [asyncio.create_task(resting(name), name=name) for name in ("alpha", "beta", "gämma")]
    green = greenlet.greenlet(old_world)
    green.switch()
    print("ready", f"pid={os.getpid()}", flush=True)
    while True:
        await asyncio.sleep(0.05)
        if (folder / "grow").exists():
            kept.append(asyncio.create_task(leaking()))
        if (folder / "end").exists():
            return


asyncio.run(main(Path(sys.argv[1])))
