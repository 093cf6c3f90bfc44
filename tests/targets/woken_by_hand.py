"""Tasks and green threads that wait for what the end of others will set, and only that.

Those called ``tied_..`` are woken by the end of the task or green thread named after ``__``;
``free_..`` may be woken by others too, or by nobody. Prints ``ready`` once all wait.
"""

import asyncio
import functools
import os

import eventlet
from eventlet import event, hubs
from greenlet import getcurrent

keep = []


def slow():
    eventlet.sleep(3600)


async def slow_task():
    await asyncio.sleep(3600)


# green threads


def tied_switch__a_task(other):
    other.add_done_callback(getcurrent().switch)
    hubs.get_hub().switch()


def tied_closure_over_switch__a_task(other):
    me = getcurrent()
    other.add_done_callback(lambda _: me.switch())
    hubs.get_hub().switch()


def tied_event__a_task(other):
    done = event.Event()
    other.add_done_callback(done.send)
    done.wait()


def tied_partial__a_task(other):
    done = event.Event()
    other.add_done_callback(functools.partial(done.send))
    done.wait()


def tied_link__slow(other):
    done = event.Event()
    other.link(lambda _: done.send(None))
    done.wait()


def free_global(other):
    done = event.Event()
    keep.append(done)
    other.add_done_callback(done.send)
    done.wait()


def free_without_a_call(other):
    done = event.Event()
    other.add_done_callback(lambda _: print(done))
    done.wait()


# tasks


async def tied_future__a_task(other):
    future = asyncio.get_running_loop().create_future()
    other.add_done_callback(lambda _: future.set_result(None))
    await future


async def tied_asyncio_event__a_task(other):
    done = asyncio.Event()
    other.add_done_callback(lambda _: done.set())
    async with asyncio.timeout(3000):
        await done.wait()


async def tied_across__slow(other):
    future = asyncio.get_running_loop().create_future()
    other.link(future.set_result)
    await future


async def free_future(other):
    future = asyncio.get_running_loop().create_future()
    keep.append(future)
    other.add_done_callback(future.set_result)
    await future


async def tied_to_its_waiter__held(others):
    future = asyncio.get_running_loop().create_future()
    others[0].add_done_callback(lambda _: future.set_result(None))
    await future


async def held(other):
    await other


def main():
    loop = hubs.get_hub().loop
    task = loop.create_task(slow_task(), name="a_task")
    green = eventlet.spawn(slow)
    keep.extend((task, green))
    greens = (
        tied_switch__a_task, tied_closure_over_switch__a_task, tied_event__a_task,
        tied_partial__a_task, free_global, free_without_a_call,
    )  # fmt: skip
    keep.extend(eventlet.spawn(function, task) for function in greens)
    keep.append(eventlet.spawn(tied_link__slow, green))
    tasks = (tied_future__a_task, tied_asyncio_event__a_task, free_future)
    keep.extend(loop.create_task(one(task), name=one.__name__) for one in tasks)
    keep.append(loop.create_task(tied_across__slow(green), name="tied_across__slow"))
    others = []
    waits = loop.create_task(tied_to_its_waiter__held(others), name="tied_to_its_waiter__held")
    others.append(loop.create_task(held(waits), name="held"))
    keep.extend((waits, *others))
    eventlet.sleep(0.3)
    print(f"ready pid={os.getpid()}", flush=True)
    eventlet.sleep(3600)


main()
