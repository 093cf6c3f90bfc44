"""Tasks, each named after it, whose wait is easily mistaken for another one.

With ``pure`` as argument asyncio is that written in Python only.
"""

from __future__ import annotations

import sys

if "pure" in sys.argv:
    sys.modules["_asyncio"] = None

import asyncio
import concurrent.futures
import contextlib
import math
import os
import socket
import ssl
import threading
import weakref

keep = []
looked_up = weakref.WeakValueDictionary()


def start(name, coroutine):
    task = asyncio.ensure_future(coroutine)
    task.set_name(name)
    keep.append(task)
    return task


def kept_future():
    future = asyncio.get_running_loop().create_future()
    keep.append(future)
    return future


async def nested():
    inner = asyncio.gather(asyncio.sleep(3600), asyncio.sleep(3600))
    await asyncio.gather(inner, asyncio.sleep(3600))


async def found_by_name():
    future = looked_up["answer"] = asyncio.get_running_loop().create_future()
    await future


async def warned_later():
    future = kept_future()
    asyncio.get_running_loop().call_later(1000, print, future)
    await future


async def warned_later_by_python():
    future = kept_future()

    def warn(future):
        print(future)

    asyncio.get_running_loop().call_later(1000, warn, future)
    await future


async def set_later():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_later(1000, future.set_result, None)
    await future


class Reporting(asyncio.Task):
    """A task that reports when it takes long, as a service's own class may."""

    def report(self):
        print(self)


async def reported_later():
    asyncio.get_running_loop().call_later(1000, asyncio.current_task().report)
    await kept_future()


async def cancelled_later():
    asyncio.get_running_loop().call_later(1000, asyncio.current_task().cancel)
    await kept_future()


async def wait_for_gather():
    await asyncio.wait_for(asyncio.gather(asyncio.sleep(3600)), 700)


async def completed():
    for one in asyncio.as_completed([asyncio.sleep(3600), asyncio.sleep(3600)]):
        await one


async def holds(lock):
    async with lock:
        await asyncio.sleep(3600)


async def takes(lock):
    async with lock:
        pass


async def lets_go(lock, condition):
    async with lock:
        await condition.wait()


async def locks():
    condition = asyncio.Condition()
    start("condition-holder", holds(condition))
    await asyncio.sleep(0)
    start("condition-enters", takes(condition))
    # Who waits for a condition has let go of its lock, which is taken by hand here.
    lock = asyncio.Lock()
    start("lets-go", lets_go(lock, asyncio.Condition(lock)))
    await asyncio.sleep(0.01)
    await lock.acquire()
    start("taken-by-hand", takes(lock))
    managed = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def inner():
        async with managed:
            yield

    @contextlib.asynccontextmanager
    async def manager():
        async with inner():
            yield

    start("manager-holder", holds(manager()))
    await asyncio.sleep(0.01)
    start("manager-takes", takes(manager()))
    for name, semaphore, holders in (
        ("plain", asyncio.Semaphore(1), 1),
        ("bounded", asyncio.BoundedSemaphore(1), 1),
        ("both", asyncio.BoundedSemaphore(2), 2),
        ("one-of", asyncio.BoundedSemaphore(2), 1),
    ):
        for number in range(holders):
            start(f"{name}-holder-{number}", holds(semaphore))
        await asyncio.sleep(0.01)
        while not semaphore.locked():
            await semaphore.acquire()
        start(f"{name}-takes", takes(semaphore))


async def threads():
    loop = asyncio.get_running_loop()
    block = threading.Event()
    pool = concurrent.futures.ThreadPoolExecutor(1)
    loop.set_default_executor(pool)
    keep.extend((block, pool))
    start("executor-runs", on_executor(block.wait))
    await asyncio.sleep(0.05)
    start("executor-full", asyncio.to_thread(block.wait))
    other = asyncio.new_event_loop()
    threading.Thread(target=other.run_forever, daemon=True).start()
    start("other-loop", across(other))
    pending = concurrent.futures.Future()
    keep.append(pending)
    start("concurrent", wrapped(pending))


async def on_executor(function):
    await asyncio.get_running_loop().run_in_executor(None, function)


async def across(loop):
    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(there(), loop))


async def there():
    asyncio.current_task().set_name("there")
    await asyncio.sleep(3600)


async def wrapped(future):
    await asyncio.wrap_future(future)


async def connections():
    silent = socket.create_server(("127.0.0.1", 0))
    keep.append(silent)
    host, port = silent.getsockname()
    start("handshake", asyncio.open_connection(host, port, ssl=ssl.create_default_context()))
    _, writer = await asyncio.open_connection(host, port)
    keep.append(writer)
    start("connection-closes", writer.wait_closed())
    server = await asyncio.start_server(lambda *pair: keep.append(pair), host, 0)
    keep.append(await asyncio.open_connection(*server.sockets[0].getsockname()))
    await asyncio.sleep(0.05)
    serving = start("serving", server.serve_forever())
    await asyncio.sleep(0.05)
    serving.cancel()
    return port


async def main():
    start("forever", asyncio.sleep(math.inf))
    start("nested", nested())
    start("found-by-name", found_by_name())
    start("warned", warned_later())
    start("warned-by-python", warned_later_by_python())
    start("set-later", set_later())
    start("cancelled-later", cancelled_later())
    keep.append(Reporting(reported_later(), name="reported-later"))
    start("wait_for-gather", wait_for_gather())
    start("completed", completed())
    await locks()
    await threads()
    port = await connections()
    await asyncio.sleep(0.3)
    print("ready", f"pid={os.getpid()}", f"port={port}", flush=True)
    await asyncio.sleep(600)


asyncio.run(main())
