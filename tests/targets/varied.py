"""Units of every make: loops in two threads, Python tasks, eager tasks, spliced greenlets.

Prints ``ready pid=.. first=TID second=TID`` once all are at rest (the first thread blocks in
C inside a task, so that a task and its thread are running).
"""

import asyncio
import contextlib
import functools
import os
import sys
import threading
import time

from greenlet import getcurrent, greenlet


class MyPyTask(asyncio.tasks._PyTask):
    """A subclass of the task that is written in Python."""


class MyTask(asyncio.Task):
    """A subclass of the one in C."""


async def sleeper(label):
    await asyncio.sleep(100_000)


async def waits_for(other):
    await other


# as sqlalchemy.util.concurrency has it, without SQLAlchemy


async def greenlet_spawn(function, *args):
    context = greenlet(function, getcurrent())
    result = context.switch(*args)
    while not context.dead:
        value = await result
        result = context.switch(value)
    return result


def await_only(awaitable):
    return getcurrent().parent.switch(awaitable)


async def driver_query(sql):
    await asyncio.sleep(100_000)


def orm_flush(sql):
    return await_only(driver_query(sql))


def orm_commit(sql):
    return orm_flush(sql)


async def audit(sql):
    await greenlet_spawn(orm_commit, sql)


def before_commit(sql):
    await_only(audit(sql))


async def request(work):
    await greenlet_spawn(work, "SELECT 1")


async def blocks(seconds):
    print(f"ready pid={os.getpid()} first={threading.get_native_id()} second={second}", flush=True)
    time.sleep(seconds)


@contextlib.asynccontextmanager
async def resource():
    await asyncio.sleep(100_000)
    yield


async def uses_resource():
    async with resource() as value:
        print(value)


async def in_first_thread():
    loop = asyncio.get_running_loop()
    made = [
        asyncio.create_task(request(orm_commit), name="orm"),
        asyncio.create_task(request(before_commit), name="orm in orm"),
        MyTask(sleeper("subclass"), loop=loop, name="subclass"),
        MyPyTask(sleeper("python"), loop=loop, name="python"),
        asyncio.tasks._PyTask(sleeper("plain python"), loop=loop, name="plain python"),
        asyncio.create_task(uses_resource(), name="resource"),
    ]
    made.append(asyncio.create_task(waits_for(made[3]), name="waits for python"))
    made.append(asyncio.create_task(waits_for(asyncio.shield(made[2])), name="shields"))
    if sys.version_info >= (3, 12):
        eager = functools.partial(asyncio.Task, loop=loop, eager_start=True)
        made.append(eager(sleeper("eager"), name="eager"))
    await asyncio.sleep(0.1)
    made.append(asyncio.create_task(sleeper("never"), name="not started"))
    woken = loop.create_future()
    made.append(asyncio.create_task(waits_for(woken), name="runnable"))
    await asyncio.sleep(0)
    woken.set_result(None)
    made.append(asyncio.create_task(sleeper("never"), name="not started either"))
    await blocks(100_000)


async def in_second_thread():
    global second
    second = threading.get_native_id()
    made = [asyncio.create_task(sleeper(number), name=f"second {number}") for number in range(3)]
    started.set()
    await asyncio.gather(*made)


second = 0
started = threading.Event()
threading.Thread(target=asyncio.run, args=(in_second_thread(),), daemon=True).start()
started.wait()
asyncio.run(in_first_thread())
