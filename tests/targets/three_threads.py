"""Three OS threads: an asyncio loop, an Eventlet hub, and another asyncio loop.

Prints ``ready pid=PID`` once all of them wait.
"""

import asyncio
import os
import threading

import eventlet

waiting = threading.Barrier(4)


async def loop_main(name):
    asyncio.current_task().set_name(f"{name}-main")
    inner = asyncio.create_task(asyncio.sleep(3600), name=f"{name}-leaf")
    await asyncio.sleep(0.01)
    waiting.wait()
    await inner


def hub_main():
    def nap(seconds):
        eventlet.sleep(seconds)

    sleeper = eventlet.spawn(nap, 3600)
    eventlet.sleep(0)
    waiting.wait()
    sleeper.wait()


targets = [
    lambda: asyncio.run(loop_main("first")),
    hub_main,
    lambda: asyncio.run(loop_main("third")),
]
for target in targets:
    threading.Thread(target=target, daemon=True).start()
waiting.wait()
threading.Event().wait(0.2)
print(f"ready pid={os.getpid()}", flush=True)
threading.Event().wait()
