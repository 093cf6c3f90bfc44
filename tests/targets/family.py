"""A master with two workers that run asyncio, one below a shell, and a child that is no Python.

As gunicorn, oslo.service and multiprocessing do it. Prints ``ready pid=PID`` once all run.
"""

import asyncio
import os
import subprocess
import sys
import time


async def work(name):
    asyncio.current_task().set_name(name)
    print(f"up {name}", flush=True)
    await asyncio.sleep(3600)


if len(sys.argv) > 1:
    asyncio.run(work(sys.argv[1]))

command = [sys.executable, sys.argv[0]]
first = subprocess.Popen([*command, "worker-1"], stdout=subprocess.PIPE)
shell = f"'{command[0]}' '{command[1]}' worker-2; true"
second = subprocess.Popen(["sh", "-c", shell], stdout=subprocess.PIPE)
sleeper = subprocess.Popen(["sleep", "3600"])
for worker in (first, second):
    worker.stdout.readline()
print(f"ready pid={os.getpid()} first={first.pid} shell={second.pid}", flush=True)
time.sleep(3600)
