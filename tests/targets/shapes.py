"""Green threads and tasks in many shapes, and what they look like from inside.

Arguments: how many of each, and a file for the dump. Green threads and asyncio tasks do not
share a thread here: the loop runs in the main thread, the hub in another one. When all
have come to rest the dump is written and nothing moves any more. Words: ``tasks`` or
``greens`` (default both) choose what is made.
"""

import asyncio
import functools
import gc
import json
import os
import sys
import threading
import time
from pathlib import Path

COUNT = int(sys.argv[1])
DUMP = sys.argv[2]
WORLDS = sys.argv[3:] or ["tasks", "greens"]
SHAPES = 10


def expected(value):
    """The repr that the inspector promises for an argument."""
    if type(value) in (str, bytes, int, float, bool, type(None)):
        return repr(value)
    if type(value) is tuple:
        items = [expected(item) for item in value]
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
    if type(value) is dict:
        return "{" + ", ".join(f"{expected(k)}: {expected(v)}" for k, v in value.items()) + "}"
    return f"<{type(value).__name__} at {id(value):#x}>"


def arguments(frame):
    code = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)
    values = frame.f_locals
    return {name: expected(values[name]) for name in code.co_varnames[:count] if name in values}


def look(frame):
    code = frame.f_code
    return [code.co_qualname, code.co_filename, frame.f_lineno, arguments(frame)]


# the same shapes for both worlds


def make_greens(count, rest):
    import eventlet
    from greenlet import greenlet

    def recurse(depth, rest):
        return recurse(depth - 1, rest) if depth else rest()

    def generate(rest, *numbers):
        for number in numbers:
            rest()
            yield number

    class Thing:
        def method(self, a, /, b=2.5, *args, c, d=None, **more):
            return rest()

        @classmethod
        def made(cls, data=b"bytes\x00\xff"):
            return rest()

        def __repr__(self):
            return rest()

        def __lt__(self, other):
            return rest()

    def with_cells(captured, plain):
        def inner(own):
            return (captured, rest(), own)

        return inner(plain)

    def comprehension(items):
        return [rest() for item in items]

    def lambdas(x=(1, "two", (3.0, None))):
        return (lambda y, *z: rest())(x, *x)

    def with_dict(options):
        return rest()

    def long_text(text):
        return rest()

    shapes = [
        lambda i: recurse(i % 40, rest),
        lambda i: list(generate(rest, i, i + 1)),
        lambda i: Thing().method(i, c="c" * (i % 7), extra={"k": i}, other=(i,)),
        lambda i: Thing.made(),
        lambda i: with_cells({"key": i}, -i),
        lambda i: comprehension([i, i]),
        lambda i: lambdas(),
        lambda i: sorted([1, 2], key=lambda item: rest()),
        lambda i: sorted([Thing(), Thing()]),
        lambda i: with_dict({"a": 1, "b": True, "c": None}),
        lambda i: long_text("naïve ☃ 😀"),
        lambda i: functools.reduce(lambda a, b: rest(), [1, 2, 3]),
    ]
    made = [eventlet.spawn(shapes[i % len(shapes)], i) for i in range(count)]
    raw = [greenlet(shapes[i % len(shapes)], eventlet.hubs.get_hub().greenlet) for i in range(10)]
    for number, one in enumerate(raw):
        if number % 2:  # the others are never started
            eventlet.hubs.get_hub().schedule_call_global(0, one.switch, number)
    return made + raw


async def leaf(rest, /, number, *, key=None):
    await rest()


async def deep(rest, depth):
    if depth:
        await deep(rest, depth - 1)
    else:
        await leaf(rest, depth, key="deep")


async def numbers(rest, start):
    for number in range(start, start + 3):
        await leaf(rest, number)
        yield number


async def consume(rest, start):
    async for number in numbers(rest, start):
        print(number)


async def listed(rest, items):
    return [await leaf(rest, item) for item in items]


class Manager:
    def __init__(self, rest):
        self.rest = rest

    async def __aenter__(self):
        await leaf(self.rest, 1)

    async def __aexit__(self, *error):
        await leaf(self.rest, 2)

    def __await__(self):
        return (yield from leaf(self.rest, 3).__await__())


async def managed(rest, *names, **options):
    async with Manager(rest) as _:
        pass


async def awaits_object(rest, captured):
    def inner():
        return captured

    await Manager(rest)
    inner()


async def gathers(rest, a, b):
    await asyncio.gather(leaf(rest, a), leaf(rest, b))


async def group(rest, count):
    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            tasks.create_task(leaf(rest, number), name=f"child-{number}")


async def waits(rest, number):
    await asyncio.wait([asyncio.create_task(leaf(rest, number))])


async def diamond(shared):
    await shared


def make_tasks(count, rest):
    shared = asyncio.ensure_future(leaf(rest, -1))
    shapes = [
        lambda i: deep(rest, i % 40),
        lambda i: leaf(rest, i, key=("k", i)),
        lambda i: consume(rest, i),
        lambda i: listed(rest, [i, i]),
        lambda i: managed(rest, "a", "b", x=1.5, y={"z": b""}),
        lambda i: awaits_object(rest, f"text {i}"),
        lambda i: diamond(shared),
        lambda i: gathers(rest, i, None),
        lambda i: group(rest, 2),
        lambda i: waits(rest, i),
    ]

    class Special(asyncio.Task):
        pass

    made = [shared]
    for i in range(count):
        coroutine = shapes[i % len(shapes)](i)
        if i % 17 == 3:
            made.append(Special(coroutine, name=f"special {i}"))
        elif i % 5 == 0:
            made.append(asyncio.create_task(coroutine))
        else:
            made.append(asyncio.create_task(coroutine, name=f"task {i} ünï ☃"))
    return made


def chain(awaitable):
    """The frames of what a task awaits, innermost first."""
    frames = []
    while awaitable is not None:
        for prefix, awaited in (("cr", "cr_await"), ("gi", "gi_yieldfrom"), ("ag", "ag_await")):
            frame = getattr(awaitable, prefix + "_frame", None)
            if frame is not None:
                frames.append(look(frame))
                awaitable = getattr(awaitable, awaited)
                break
        else:
            kind = type(awaitable).__name__
            if kind not in ("coroutine_wrapper", "async_generator_asend"):
                break
            awaitable = gc.get_referents(awaitable)[0]
    return frames[::-1]


def dump_tasks(own):
    loop_tid = threading.get_native_id()
    return {
        f"task:{id(task):#x}": {
            "name": task.get_name(),
            "tid": loop_tid,
            "stack": chain(task.get_coro()),
            "waiter": task._fut_waiter is not None,
        }
        for task in asyncio.all_tasks()
        if task is not own
    }


def dump_greens(tid):
    from greenlet import greenlet

    found = {}
    for one in gc.get_objects():
        if isinstance(one, greenlet) and not one.dead:
            stack, frame = [], one.gr_frame
            while frame is not None:
                stack.append(look(frame))
                frame = frame.f_back
            found[f"green:{id(one):#x}"] = {"tid": tid, "stack": stack}
    return found


def green_world(dump, done):
    import eventlet

    made = make_greens(COUNT, lambda: eventlet.sleep(100_000))
    eventlet.sleep(0.2)
    dump.update(dump_greens(threading.get_native_id()))
    dump["made"] = len(made)
    done.set()
    while True:
        time.sleep(1000)


async def task_world(dump):
    async def rest():
        await asyncio.sleep(100_000)

    made = make_tasks(COUNT, rest)
    for _ in range(5):
        await asyncio.sleep(0)
    await asyncio.sleep(0.2)
    dump.update(dump_tasks(asyncio.current_task()))
    dump["made"] = len(made)


def main():
    greens, tasks = {}, {}
    if "greens" in WORLDS:
        done = threading.Event()
        threading.Thread(target=green_world, args=(greens, done), daemon=True).start()
        done.wait()

    async def both():
        if "tasks" in WORLDS:
            await task_world(tasks)
        with Path(DUMP).open("w") as file:
            json.dump({"greens": greens, "tasks": tasks}, file)
        print(f"ready pid={os.getpid()}", flush=True)
        while True:
            time.sleep(1000)

    asyncio.run(both())


main()
