"""Thousands of sleepers. Arguments: "tasks" or "greens", how many, MB of other objects."""

import os
import sys

WORLD, COUNT, MEGABYTES = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
# Small objects, in the same kind of memory as the units themselves.
ballast = [bytes(200 + number % 50) for number in range(MEGABYTES * 4000)]


def ready():
    print(f"ready pid={os.getpid()}", flush=True)


def tasks():
    import asyncio

    async def leaf(url, seconds):
        await asyncio.sleep(seconds)

    async def crawl(number, *, depth=3):
        await leaf(f"https://example.com/{number}", 50_000 + number)

    async def main():
        made = [asyncio.create_task(crawl(n), name=f"crawl-{n}") for n in range(COUNT)]
        await asyncio.sleep(0.1)
        ready()
        await asyncio.wait(made)

    asyncio.run(main())


def greens():
    import eventlet

    def leaf(url, seconds):
        eventlet.sleep(seconds)

    def crawl(number, *, depth=3):
        leaf(f"https://example.com/{number}", 50_000 + number)

    for number in range(COUNT):
        eventlet.spawn(crawl, number)
    eventlet.sleep(0.1)
    ready()
    eventlet.sleep(100_000)


{"tasks": tasks, "greens": greens}[WORLD]()
