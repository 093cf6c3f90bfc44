"""Tasks that wait for what nobody else knows, named lost-*, and tasks that only seem to."""

import asyncio
import os


async def wait(event):
    await event.wait()


async def get(queue):
    await queue.get()


async def get_for_me(queue):
    await asyncio.create_task(get(queue), name="lost-child")


async def set_later(event):
    task = asyncio.create_task(wait(event), name="set-by-parent")
    await asyncio.sleep(3600)
    event.set()
    await task


async def for_ever():
    await asyncio.Event().wait()


async def patient(event):
    async with asyncio.timeout(20):
        await event.wait()


class Service:
    def __init__(self):
        self.event = asyncio.Event()

    async def run(self):
        event = self.event
        await event.wait()


def closure():
    event = asyncio.Event()

    async def inner():
        await event.wait()

    asyncio.get_running_loop().call_later(3600, lambda: event.set())
    return inner()


def timer():
    event = asyncio.Event()
    asyncio.get_running_loop().call_later(3600, event.set)
    return wait(event)


COMMON = asyncio.Event()


async def main():
    service, own = Service(), asyncio.Event()
    waits = {
        "lost-event": wait(asyncio.Event()),
        "lost-queue": get(asyncio.Queue()),
        "parent": get_for_me(asyncio.Queue()),
        "busy-parent": set_later(asyncio.Event()),
        "for-ever": for_ever(),
        "patient": patient(asyncio.Event()),
        "attribute": service.run(),
        "closure": closure(),
        "timer": timer(),
        "global": wait(COMMON),
        "main": wait(own),
    }
    tasks = [asyncio.create_task(wait, name=name) for name, wait in waits.items()]
    del waits
    await asyncio.sleep(0.05)
    print(f"ready pid={os.getpid()}", flush=True)
    await asyncio.sleep(3600)
    own.set()
    return tasks


asyncio.run(main())
