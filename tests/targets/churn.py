"""Quiet units beside others that come, switch and go as fast as they can.

Arguments: "tasks" or "greens", how many quiet ones. Prints ``ready pid=.. count=..`` and
then churns until it is killed.
"""

import os
import sys

WORLD, COUNT = sys.argv[1], int(sys.argv[2])


def tasks():
    import asyncio

    async def quiet_leaf(number):
        await asyncio.get_running_loop().create_future()

    async def quiet(number, depth):
        if depth:
            await quiet(number, depth - 1)
        else:
            await quiet_leaf(number)

    async def flicker(depth):
        if depth:
            await flicker(depth - 1)
        else:
            await asyncio.sleep(0)

    async def churn():
        while True:
            await asyncio.gather(*(flicker(number % 7) for number in range(50)))

    async def main():
        kept = []
        loops = []
        for number in range(COUNT):
            kept.append(asyncio.create_task(quiet(number, number % 5), name=f"quiet {number}"))
            if number % 20 == 0:  # among them, so that the list is torn everywhere
                loops.append(asyncio.create_task(churn()))
        await asyncio.sleep(0.1)
        print(f"ready pid={os.getpid()} count={COUNT}", flush=True)
        await asyncio.gather(*loops)

    asyncio.run(main())


def greens():
    import eventlet
    from eventlet.event import Event

    def quiet_leaf(number):
        Event().wait()

    def quiet(number, depth):
        if depth:
            quiet(number, depth - 1)
        else:
            quiet_leaf(number)

    def flicker(depth):
        if depth:
            flicker(depth - 1)
        else:
            eventlet.sleep(0)

    def churn():
        while True:
            for one in [eventlet.spawn(flicker, number % 7) for number in range(50)]:
                one.wait()

    for number in range(COUNT):
        eventlet.spawn(quiet, number, number % 5)
        if number % 20 == 0:
            eventlet.spawn(churn)
    eventlet.sleep(0.1)
    print(f"ready pid={os.getpid()} count={COUNT}", flush=True)
    while True:
        eventlet.sleep(1000)


{"tasks": tasks, "greens": greens}[WORLD]()
