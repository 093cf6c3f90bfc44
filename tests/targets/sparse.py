"""A process that has mapped far more memory than it uses: ``sparse.py BYTES``."""

import asyncio
import mmap
import os
import sys

import greenlet

MAP_NORESERVE = 0x4000
FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE
reserve = mmap.mmap(-1, int(sys.argv[1]), flags=FLAGS)
reserve[len(reserve) // 2] = 1


def waits():
    greenlet.getcurrent().parent.switch()


waiting = greenlet.greenlet(waits)
waiting.switch()


async def main():
    print(f"ready pid={os.getpid()}", flush=True)
    await asyncio.sleep(600)


asyncio.run(main())
