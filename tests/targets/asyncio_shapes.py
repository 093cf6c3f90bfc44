"""Asyncio programs: ``asyncio_shapes.py SHAPE [NUMBER | JSON]``, standard library only.

Prints ``ready pid=PID`` once every unit stands still.
"""

import asyncio
import json
import os
import sys
import threading
import time


async def announce():
    for _ in range(5):
        await asyncio.sleep(0)
    print(f"ready pid={os.getpid()}", flush=True)


async def rest(number=0):
    await asyncio.sleep(3600)


async def wait_for_tasks(*tasks):
    for task in tasks:
        await task


async def wait_for_all(*tasks):
    await asyncio.gather(*tasks)


def task(coroutine, name):
    return asyncio.create_task(coroutine, name=name)


async def names(wanted):
    return [task(rest(), name) for name in wanted]


async def many(number):
    return [task(rest(i), f"unit-{i}") for i in range(number)]


async def chain(number):
    """link-0 waits for link-1, and so on."""
    links = [task(rest(), f"link-{number - 1}")]
    for i in range(number - 2, -1, -1):
        links.append(task(wait_for_tasks(links[-1]), f"link-{i}"))
    return links


async def diamond(number):
    """Levels of two, each waiting for both below."""
    units = [task(rest(), "bottom")]
    level = units[:]
    for i in range(number):
        level = [task(wait_for_all(*level), f"level-{i}-{side}") for side in "ab"]
        units += level
    return [*units, task(wait_for_all(*level), "top")]


async def cycle(number):
    """A and B wait for each other; C waits for A; D has nothing to do with it."""
    units = {}

    async def wait_by_name(name):
        await asyncio.sleep(0)
        await units[name]

    for name, other in (("A", "B"), ("B", "A"), ("C", "A")):
        units[name] = task(wait_by_name(other), name)
    units["D"] = task(rest(), "D")
    return list(units.values())


async def generators(number):
    async def source():
        while True:
            await rest()
            yield 1

    async def through(inner):
        async for item in inner:
            yield item

    async def consumer():
        async for _ in through(source()):
            pass

    return [task(consumer(), "consumer")]


async def python_tasks(number):
    loop = asyncio.get_running_loop()
    return [asyncio.tasks._PyTask(rest(), loop=loop, name="pure-python")]


async def secrets(number):
    async def login(user, password, headers, url):
        await asyncio.sleep(3600)

    headers = {"Authorization": "Bearer hunter2", "Accept": "text/html"}
    url = "https://joe:hunter2@example.com/?token=hunter2&page=7"
    return [task(login("joe", "hunter2", headers, url), "login")]


async def threads(number):
    def other():
        asyncio.run(elsewhere())

    async def elsewhere():
        asyncio.current_task().set_name("elsewhere")
        await rest()

    threading.Thread(target=other, name="second-loop", daemon=True).start()
    threading.Thread(target=time.sleep, args=(3600,), name="plain", daemon=True).start()
    await asyncio.sleep(0.5)
    return [task(rest(), "here")]


async def churn(number):
    async def busy():
        while True:
            await asyncio.gather(*[asyncio.sleep(0) for _ in range(20)])

    return [task(busy(), "busy"), *await many(number)]


async def running(number):
    """A task that computes and never yields."""

    def compute():
        print(f"ready pid={os.getpid()}", flush=True)
        while True:
            pass

    async def hot():
        await asyncio.sleep(0.2)
        compute()

    return [task(hot(), "hot")]


async def main(shape, argument):
    units = await globals()[shape](argument)
    if shape != "running":
        await announce()
    await asyncio.wait(units)


if __name__ == "__main__":
    if sys.argv[1] == "plain":
        print(f"ready pid={os.getpid()}", flush=True)
        time.sleep(3600)
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2]) if len(sys.argv) > 2 else 0))
