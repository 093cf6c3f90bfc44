"""Who waits for the work of executors and for children, each named after the way it waits.

Without an argument tasks do, for a pool of processes; with one green threads, in all ways that
``monkey_patch`` makes green. Prints ``ready`` once all wait.
"""

import asyncio
import concurrent.futures
import ctypes
import multiprocessing
import os
import signal
import sys
import time

keep = []


def ends_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def hold():
    time.sleep(3600)


async def awaits_process(pool):
    await asyncio.get_running_loop().run_in_executor(pool, hold)


async def tasks():
    context = multiprocessing.get_context("fork")
    pool = concurrent.futures.ProcessPoolExecutor(1, context, ends_with_parent)
    for name in ("process", "queued-0", "queued-1", "queued-2", "queued-3"):
        keep.append(asyncio.create_task(awaits_process(pool), name=name))  # noqa: PERF401
    await asyncio.sleep(0.5)
    print(f"ready pid={os.getpid()}", flush=True)
    await asyncio.sleep(3600)


def waits_all(futures):
    concurrent.futures.wait(futures, timeout=900)


def waits_first(futures):
    concurrent.futures.wait(futures, return_when="FIRST_COMPLETED")


def waits_exception(futures):
    concurrent.futures.wait(futures, return_when="FIRST_EXCEPTION")


def waits_one_by_one(futures):
    list(concurrent.futures.as_completed(futures))


def waits_child(child):
    os.waitpid(child, 0)


def greens():
    import eventlet

    eventlet.monkey_patch()
    pool = concurrent.futures.ThreadPoolExecutor(1)
    running, queued = pool.submit(hold), pool.submit(hold)
    child = os.fork()
    if not child:
        ends_with_parent()
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(3600)"])

    futures = [running, queued]
    ways = (waits_all, waits_first, waits_exception, waits_one_by_one)
    keep.extend(eventlet.spawn(way, futures) for way in ways)
    keep.append(eventlet.spawn(waits_child, child))
    eventlet.sleep(0.5)
    print(f"ready pid={os.getpid()} child={child}", flush=True)
    eventlet.sleep(3600)


if len(sys.argv) > 1:
    greens()
else:
    asyncio.run(tasks())
