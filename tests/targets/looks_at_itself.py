"""A program that draws itself: ``looks_at_itself.py WHERE``.

WHERE is where from: coroutine, thread, signal, green (an Eventlet green thread), patched
(the same with everything monkey-patched) or crowd (from all of these at once, while tasks
and threads come and go). Prints the table, a line of equals signs, the tree.
"""

import asyncio
import signal
import sys
import threading
import time

from bridge import format_ps, format_pstree  # loaded here, not first in a signal handler


def draw(mark):
    print(format_ps())
    print("=====")
    print(format_pstree(), flush=True)


async def leaf(url):
    await asyncio.sleep(3600)


async def in_coroutine():
    draw("in a coroutine")


async def asyncio_main(where):
    leaves = [asyncio.create_task(leaf(f"u{i}"), name=f"leaf-{i}") for i in range(3)]
    await asyncio.sleep(0)
    if where == "coroutine":
        await asyncio.create_task(in_coroutine(), name="looker")
    elif where == "thread":
        await asyncio.to_thread(draw, "in a thread")
    elif where == "signal":
        signal.signal(signal.SIGUSR1, lambda number, frame: draw("in a handler"))
        signal.raise_signal(signal.SIGUSR1)
    assert len(leaves) == 3


def green_main(where):
    import eventlet

    if where == "patched":
        eventlet.monkey_patch()
    sleeper = eventlet.spawn(eventlet.sleep, 3600)
    eventlet.sleep(0)

    def looker(number):
        draw("in a green thread")

    eventlet.spawn(looker, 7).wait()
    sleeper.kill()


async def crowd_main():
    """Nothing may fail or stay incomplete in the tool's own eyes, whoever runs meanwhile."""
    stop = time.monotonic() + 3
    looks = []

    async def churn():
        while time.monotonic() < stop:
            await asyncio.gather(*[asyncio.sleep(0) for _ in range(20)])

    def from_thread():
        while time.monotonic() < stop:
            looks.append("steady" in format_ps())

    def in_handler(number, frame):
        looks.append("steady" in format_pstree())
        signal.setitimer(signal.ITIMER_REAL, 0.02)  # not before: handlers nest

    async def from_coroutine():
        while time.monotonic() < stop:
            looks.append("steady" in format_ps())
            await asyncio.sleep(0.01)

    signal.signal(signal.SIGALRM, in_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    steady = asyncio.create_task(leaf("x"), name="steady")
    threads = [threading.Thread(target=from_thread) for _ in range(2)]
    for thread in threads:
        thread.start()
    await asyncio.gather(churn(), from_coroutine())
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    for thread in threads:
        await asyncio.to_thread(thread.join)
    steady.cancel()
    print(f"looks {len(looks)} seen {sum(looks)}")


if sys.argv[1] == "crowd":
    asyncio.run(crowd_main())
elif sys.argv[1] in ("green", "patched"):
    green_main(sys.argv[1])
else:
    asyncio.run(asyncio_main(sys.argv[1]))
