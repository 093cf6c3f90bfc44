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
elif world == "joins":  # the main thread waits for a lock, others serve
    import asyncio

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    ready()
    thread.join()
elif world == "ended":  # the main thread has come to the end of its script
    threading.Thread(target=time.sleep, args=(3600,)).start()
    ready()
elif world == "calls":  # the main thread is in C, another is not
    import ctypes

    threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    ready()
    ctypes.CDLL(None).sleep(3600)
elif world == "child":  # waits for a process
    import subprocess

    ready()
    subprocess.run([sys.executable, "-c", "import time; time.sleep(3600)"])
elif world == "streamless":  # a daemon that has closed its streams, and prints all the same
    ready()
    sys.stdout = sys.stderr = None
    while True:
        print("tick", flush=True)
        time.sleep(0.01)
elif world == "gevent":
    from gevent import monkey

    monkey.patch_all()
    import gevent

    def work():
        while True:
            gevent.sleep(0.2)
            print("tick", flush=True)

    gevent.spawn(work)
    ready()
    gevent.sleep(3600)
elif world == "fails":  # to say what it offers
    from bridge.console import expose

    def offer():
        raise KeyError("a bug")

    expose(offer)
    ready()
    while True:
        time.sleep(0.2)
        print("tick", flush=True)
elif world == "churn":  # the main thread is in a lock, the others live for a moment
    stop = threading.Event()

    def come_and_go():
        while True:
            threads = [threading.Thread(target=time.sleep, args=(0.001,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            print("tick", flush=True)

    threading.Thread(target=come_and_go, daemon=True).start()
    ready()
    stop.wait()
