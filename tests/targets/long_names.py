"""Tasks, functions and files whose names are just as long as is shown, and a little longer.

Prints ``ready`` once all wait.
"""

import asyncio
import os
import types


async def hold():
    await asyncio.get_running_loop().create_future()


def called(name):
    code = hold.__code__.replace(co_name=name, co_qualname=name, co_filename=name + ".py")
    return types.FunctionType(code, globals())


async def main():
    tasks = [
        asyncio.create_task(hold(), name="whole" + "x" * 1019),
        asyncio.create_task(hold(), name="cut" + "é" * 1022),
        asyncio.create_task(hold(), name="wide cut" + "\U0001f600" * 10_000_000),
        asyncio.create_task(called("y" * 4093)(), name="whole function"),
        asyncio.create_task(called("y" * 4097)(), name="cut function"),
    ]
    await asyncio.sleep(0)
    print(f"ready pid={os.getpid()}", flush=True)
    await asyncio.gather(*tasks)


asyncio.run(main())
