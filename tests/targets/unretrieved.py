"""Keeps tasks and futures that ended in every way; names those that never told of an exception.

The file that the argument names gets their addresses, as the interpreter's own flag has it.
"""

import asyncio
import gc
import json
import os
import sys
from pathlib import Path


class Own(asyncio.Task):
    pass


class OwnError(Exception):
    pass


async def fail(error):
    raise error


async def fail_deeper(number):
    await asyncio.sleep(0)
    await fail(OwnError(f"number {number}"))


async def succeed():
    return 1


async def main():
    loop = asyncio.get_running_loop()
    kept = [loop.create_task(fail_deeper(number), name=f"bad-{number}") for number in range(100)]
    kept.append(Own(fail(KeyError("own")), loop=loop, name="own"))
    asked = [loop.create_task(fail_deeper(number), name="asked") for number in range(50)]
    cancelled = [loop.create_task(asyncio.sleep(100), name="cancelled") for _ in range(20)]
    kept += [loop.create_task(succeed(), name="fine") for _ in range(20)]
    kept.append(loop.create_task(asyncio.sleep(3600), name="alive"))
    for error in (OSError(2, "no such thing"), ValueError()):
        future = loop.create_future()
        future.set_exception(error)
        kept.append(future)
    for task in cancelled:
        task.cancel()
    # Freed again: what they leave in memory is nothing to report.
    for _ in range(200):
        future = loop.create_future()
        future.set_exception(OSError(3, "freed"))
        future.exception()
    del future
    await asyncio.sleep(0.2)
    for task in asked:
        task.exception()
    told = [
        f"{id(one):#x}"
        for one in gc.get_objects()
        if isinstance(one, asyncio.Future) and one.done() and one._log_traceback
    ]
    Path(sys.argv[1]).write_text(json.dumps(told))
    print(f"ready pid={os.getpid()}", flush=True)
    await asyncio.sleep(3600)
    del kept, asked, cancelled


asyncio.run(main())
