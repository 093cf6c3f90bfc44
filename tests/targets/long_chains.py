"""A chain of units, each waiting for the next. Arguments: tasks, greens or mixed; how many.

The head's number is 0, and the end of the chain sleeps. In the mixed one every second unit
is a green thread, by Eventlet's asyncio hub.
"""

import asyncio
import os
import sys

WORLD, COUNT = sys.argv[1], int(sys.argv[2])
LONG = 3600


def ready():
    print(f"ready pid={os.getpid()}", flush=True)


async def awaits(number, following):
    await following


def links(first, link):
    """Make the units from the chain's end on; ``link`` makes one that waits for the other."""
    made = [first]
    for number in range(COUNT - 2, -1, -1):
        made.append(link(number, made[-1]))
    return made


def task(coroutine, number):
    return asyncio.create_task(coroutine, name=f"link-{number}")


def tasks():
    async def main():
        end = task(asyncio.sleep(LONG), COUNT - 1)
        made = links(end, lambda number, following: task(awaits(number, following), number))
        await asyncio.sleep(0.1)
        ready()
        await made[-1]

    asyncio.run(main())


def greens():
    import eventlet

    def waits(number, following):
        following.wait()

    made = links(
        eventlet.spawn(eventlet.sleep, LONG),
        lambda number, following: eventlet.spawn(waits, number, following),
    )
    eventlet.sleep(0.1)
    ready()
    made[-1].wait()


def mixed():
    import eventlet
    from eventlet.asyncio import spawn_for_awaitable
    from eventlet.hubs import asyncio as hub

    eventlet.hubs.use_hub(hub)

    def waits(number, following):
        spawn_for_awaitable(following).wait()

    def link(number, following):
        if isinstance(following, asyncio.Task):
            return eventlet.spawn(waits, number, following)
        return task(awaits(number, following), number)

    async def main():
        made = links(eventlet.spawn(eventlet.sleep, LONG), link)
        await asyncio.sleep(0.1)
        ready()
        await made[-1]

    spawn_for_awaitable(main()).wait()


{"tasks": tasks, "greens": greens, "mixed": mixed}[WORLD]()
