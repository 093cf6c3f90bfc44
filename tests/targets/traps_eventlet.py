"""Green threads, each named after it, whose wait is easily mistaken for another one."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings

warnings.simplefilter("ignore")
os.environ["EVENTLET_THREADPOOL_SIZE"] = "1"

import eventlet  # noqa: E402

eventlet.monkey_patch()

import concurrent.futures  # noqa: E402
import queue  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402

from eventlet import db_pool, greenpool, pools, tpool  # noqa: E402

keep = []
really_sleep = eventlet.patcher.original("time").sleep


def start(name, function, *arguments):
    """Name the green thread: it is shown by the function that it runs."""

    def run():
        function(*arguments)

    run.__qualname__ = name
    keep.append(eventlet.spawn(run))
    eventlet.sleep(0)


class Items(pools.Pool):
    def create(self):
        return eventlet.sleep(3600)


class Database:
    @staticmethod
    def connect():
        really_sleep(3600)


def holds(lock):
    with lock:
        time.sleep(3600)


def takes(lock):
    with lock:
        pass


def lets_go(condition):
    with condition:
        condition.wait()


def locks():
    for name, lock in (
        ("lock", threading.Lock()),
        ("condition", threading.Condition()),
        ("semaphore", threading.Semaphore()),
        ("bounded", threading.BoundedSemaphore(1)),
    ):
        start(f"{name}_holder", holds, lock)
        start(f"{name}_takes", takes, lock)
    condition = threading.Condition(threading.Lock())
    start("lets_go", lets_go, condition)
    condition.acquire()
    start("taken_by_hand", takes, condition)
    internal = threading.Semaphore()

    @contextlib.contextmanager
    def named_lock():  # as that of oslo.concurrency
        with internal:
            yield

    start("named_holder", holds, named_lock())
    start("named_takes", takes, named_lock())


def main():
    pool = greenpool.GreenPool(1)
    # From within a full pool the function is run at once, by who would spawn it.
    pool.spawn_n(lambda: pool.spawn_n(eventlet.sleep, 3600))
    start("full_pool", pool.spawn, print)
    start("makes_item", Items(max_size=1).get)
    start("connects", db_pool.TpooledConnectionPool(Database, max_size=1, connect_timeout=900).get)
    start("second_in_tpool", tpool.execute, really_sleep, 3600)
    locks()
    start("simple_queue", queue.SimpleQueue().get)
    thread = threading.Thread(target=time.sleep, args=(3600,), daemon=True)
    thread.start()
    start("joins", thread.join)
    executor = concurrent.futures.ThreadPoolExecutor(1)
    start("result", executor.submit(time.sleep, 3600).result)
    start("second_result", executor.submit(print).result)
    eventlet.sleep(0.5)
    print("ready", f"pid={os.getpid()}", flush=True)
    eventlet.sleep(600)


sys.exit(main())
