"""Coroutines that have raw greenlets in hand, of which only some go on in them.

Those called ``in_..`` run in the greenlet that awaits by their hand, in the ways that code
has for it; ``beside_..`` only keep a suspended one. With an argument, ``blocked`` runs one that
blocks. Prints ``ready`` once all stand.
"""

import asyncio
import os
import sys
import time

from greenlet import getcurrent, greenlet


async def greenlet_spawn(function, *args):
    inner = greenlet(function, getcurrent())
    result = inner.switch(*args)
    while not inner.dead:
        result = inner.switch(await result)
    return result


def by_local(_):
    awaitable = asyncio.sleep(3600)
    return getcurrent().parent.switch(awaitable)


def by_stack(_):
    return getcurrent().parent.switch(asyncio.sleep(3600))


def by_cell(_):
    awaitable = asyncio.sleep(3600)
    (lambda: awaitable)()
    return getcurrent().parent.switch(awaitable)


def by_future(future):
    return getcurrent().parent.switch(future)


class Connection:
    def __await__(self):
        yield from asyncio.sleep(3600).__await__()


def by_object(_):
    return getcurrent().parent.switch(Connection())


async def items():
    await asyncio.sleep(3600)
    yield 1


def by_generator(_):
    return getcurrent().parent.switch(anext(items()))


def by_nesting(_):
    return getcurrent().parent.switch(greenlet_spawn(by_local, None))


def numbers():
    for number in range(3):
        getcurrent().parent.switch(number)


async def beside_generator(_):
    generator = greenlet(numbers)
    first = generator.switch()
    await asyncio.sleep(3600)
    return first, generator


async def beside_argument(kept):
    await asyncio.sleep(3600)


async def beside_future(kept):
    await asyncio.get_running_loop().create_future()


def blocks(_):
    print(f"ready pid={os.getpid()}", flush=True)
    time.sleep(3600)


def by_one_that_blocks(_):
    return getcurrent().parent.switch(greenlet_spawn(blocks, None))


async def main():
    future = asyncio.get_running_loop().create_future()
    kept = greenlet(numbers)
    kept.switch()
    tasks = [
        asyncio.create_task(greenlet_spawn(function, future), name="in_" + function.__name__)
        for function in (
            by_local, by_stack, by_cell, by_future, by_object, by_generator, by_nesting,
        )
    ]  # fmt: skip
    tasks += [
        asyncio.create_task(coroutine(kept), name=coroutine.__name__)
        for coroutine in (beside_generator, beside_argument, beside_future)
    ]
    await asyncio.sleep(0.1)
    if len(sys.argv) > 1:
        tasks.append(asyncio.create_task(greenlet_spawn(by_one_that_blocks, None), name="blocked"))
    else:
        print(f"ready pid={os.getpid()}", flush=True)
    await asyncio.gather(*tasks)


asyncio.run(main())
