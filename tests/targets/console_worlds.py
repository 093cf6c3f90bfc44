"""Idles in the world that the first argument names, and says on request that it still works.

``expose`` as the second argument offers a console. A line ``tick`` is printed whenever the
program gets on with its own work.
"""

import os
import sys
import threading
import time

world, *more = sys.argv[1:]
hub = os.environ.get("EVENTLET_HUB")

if "expose" in more:
    from bridge.console import expose

    expose({"answer": 42})


def ready():
    print(f"ready pid={os.getpid()}", flush=True)


if world == "asyncio":
    import asyncio

    async def work():
        while True:
            await asyncio.sleep(0.2)
            print("tick", flush=True)

    async def main():
        workers = [] if "silent" in more else [asyncio.create_task(work(), name="worker")]
        ready()
        await asyncio.gather(*workers)
        await asyncio.Event().wait()

    asyncio.run(main())
elif world == "hub":
    import eventlet

    eventlet.sleep(0)  # from here on there is a hub
    if "listen" in more:
        eventlet.spawn(eventlet.listen(("127.0.0.1", 0)).accept)
    ready()
    eventlet.sleep(3600)
elif world == "busy":
    ready()
    while True:
        pass
elif world == "sleep":
    ready()
    time.sleep(3600)
elif world == "nap":  # must last, whoever looks in
    ready()
    start = time.monotonic()
    time.sleep(4)
    print("slept", time.monotonic() - start >= 4, flush=True)
    time.sleep(3600)
elif world == "blocked":  # a loop that a callback keeps busy
    import asyncio

    async def main():
        ready()
        while True:
            pass

    asyncio.run(main())
elif world == "c":  # in C, for good
    import ctypes

    ready()
    ctypes.CDLL(None).sleep(3600)
elif world == "side":  # a loop in another thread
    import asyncio

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    ready()
    time.sleep(3600)
