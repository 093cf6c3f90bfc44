"""Three interpreters in one process, each with a loop in a thread of its own.

Each has a task that holds a lock, one that wants it, and three that sleep; the tasks of the
interpreter N are named ``N-...``. 3.11's asyncio bears two interpreters, not three.
"""

import os
import sys
import threading
import time

CODE = """
import asyncio, os

async def sleeps():
    await asyncio.sleep(3600)

async def holds(lock):
    async with lock:
        await asyncio.sleep(3600)

async def wants(lock):
    async with lock:
        pass

async def main():
    lock = asyncio.Lock()
    tasks = []
    for name, coroutine in [
        *((f"sleep-{one}", sleeps()) for one in range(3)), ("holder", holds(lock)),
        ("wanter", wants(lock)),
    ]:
        tasks.append(asyncio.create_task(coroutine, name=f"{NUMBER}-{name}"))
    await asyncio.sleep(0.01)
    os.write(STARTED, b"x")
    await asyncio.gather(*tasks)

asyncio.run(main())
"""
COUNT = 2 if sys.version_info < (3, 12) else 3


def run(number, started):
    code = f"NUMBER, STARTED = {number}, {started}\n{CODE}"
    if number == 0:
        exec(code, {})
    elif sys.version_info >= (3, 14):
        from concurrent import interpreters

        interpreters.create().exec(code)
    elif sys.version_info >= (3, 13):
        import _interpreters

        _interpreters.exec(_interpreters.create(), code)
    else:
        import _xxsubinterpreters

        own_gil = sys.version_info >= (3, 12)  # where it can be had
        _xxsubinterpreters.run_string(_xxsubinterpreters.create(isolated=own_gil), code)


told, started = os.pipe()
for number in range(COUNT):
    threading.Thread(target=run, args=(number, started), name=f"loop-{number}", daemon=True).start()
    os.read(told, 1)
print("ready", f"pid={os.getpid()}", f"count={COUNT}", flush=True)
time.sleep(600)
