"""Sleeps of odd lengths, on a loop whose clock is the one that the first argument names."""

import asyncio
import math
import os
import sys
import time


class Loop(asyncio.SelectorEventLoop):
    def time(self):
        return CLOCKS[sys.argv[1]]()


CLOCKS = {"monotonic": time.monotonic, "wall": time.time}


async def main():
    for name, delay in (("finite", 1000), ("for-ever", math.inf), ("ages", 1e300)):
        tasks.append(asyncio.create_task(asyncio.sleep(delay), name=name))
    await asyncio.sleep(0.05)
    print(f"ready pid={os.getpid()}", flush=True)
    await asyncio.wait(tasks)


tasks = []
Loop().run_until_complete(main())
