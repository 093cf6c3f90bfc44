"""One green thread for each way of waiting in eventlet, which is named after it.

With ``hybrid`` as argument the process runs eventlet's asyncio hub, and tasks and green
threads wait for each other as well. With ``patched`` the standard library is made green.
"""

from __future__ import annotations

import os
import sys

WAY = sys.argv[1] if len(sys.argv) > 1 else ""
if WAY == "hybrid":
    os.environ["EVENTLET_HUB"] = "asyncio"

import warnings  # noqa: E402

warnings.simplefilter("ignore")

import eventlet  # noqa: E402

if WAY == "patched":
    eventlet.monkey_patch()

import queue  # noqa: E402
import subprocess  # noqa: E402
import threading  # noqa: E402

import greenlet  # noqa: E402
from eventlet import event, greenpool, lock, pools, semaphore, tpool  # noqa: E402
from eventlet import queue as green_queue  # noqa: E402
from eventlet.green import select, socket  # noqa: E402

keep = []
said = {}


def start(function, *arguments):
    """Name the green thread: it is shown by the function that it runs."""
    green = eventlet.spawn(function, *arguments)
    keep.append(green)
    return green


def sleeps():
    eventlet.sleep(300)


def locks_and_sleeps(mutex):
    with mutex:
        eventlet.sleep(3600)


def wants_lock(mutex):
    with mutex:
        pass


def wants_lock_too(mutex):
    with mutex:
        pass


def wants_semaphore(count):
    count.acquire()


def gets(items):
    items.get()


def gets_with_timeout(items):
    items.get(timeout=500)


def puts(items):
    items.put(3)


def joins(items):
    items.join()


def waits_event(happening):
    happening.wait()


def waits_event_under_timeout(happening):
    with eventlet.Timeout(700):
        happening.wait()


def sleeps_under_timeout():
    with eventlet.Timeout(4000), eventlet.Timeout(650, False):
        eventlet.sleep(3600)


def waits_green(green):
    green.wait()


def waits_pool(pool):
    pool.waitall()


def spawns_in_full_pool(pool):
    pool.spawn(sleeps)


def wants_item(items):
    items.get()


def in_pool():
    eventlet.sleep(3600)


def reads(address):
    sock = socket.create_connection(address)
    said["read_fd"], said["read_port"] = sock.fileno(), address[1]
    keep.append(sock)
    sock.recv(100)


def reads_with_timeout(address):
    sock = socket.create_connection(address)
    sock.settimeout(900)
    keep.append(sock)
    sock.recv(100)


def accepts(listener):
    listener.accept()


def writes(sock):
    sock.sendall(bytes(64 << 20))


def selects(sock):
    select.select([sock], [], [], 400)


def in_tpool(block):
    tpool.execute(block)


def raw_runs():
    eventlet.sleep(3600)


def waits_process():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    keep.append(child)
    said["child"] = child.pid
    child.wait()


def by_hand():
    """A greenlet that switches to its parent by itself: nobody can say what it waits for."""
    greenlet.getcurrent().parent.switch()


def deadlock(first, second):
    with first:
        eventlet.sleep(0.05)
        with second:
            pass


def dead_a(first, second):
    deadlock(first, second)


def dead_b(first, second):
    deadlock(first, second)


def patched_condition(condition):
    with condition:
        condition.wait()


def patched_rlock_holder(mutex):
    with mutex:
        eventlet.sleep(3600)


def patched_joins(thread):
    thread.join()


def main():
    mutex, happening = lock.Lock(), event.Event()
    start(sleeps)
    start(locks_and_sleeps, mutex)
    eventlet.sleep(0)
    start(wants_lock, mutex)
    start(wants_lock_too, mutex)
    start(wants_semaphore, semaphore.Semaphore(0))
    items, full = green_queue.Queue(), green_queue.Queue(2)
    full.put(1)
    full.put(2)
    start(gets, items)
    start(gets_with_timeout, items)
    start(puts, full)
    start(joins, full)
    start(waits_event, happening)
    start(waits_event_under_timeout, happening)
    start(sleeps_under_timeout)
    start(waits_green, keep[0])
    pool = greenpool.GreenPool(2)
    pool.spawn(in_pool)
    pool.spawn(in_pool)
    start(waits_pool, pool)
    start(spawns_in_full_pool, pool)
    some = pools.Pool(max_size=1, create=object)
    keep.append(some.get())
    start(wants_item, some)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(5)
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen(5)
    said["accept_fd"], said["accept_port"] = listener.fileno(), listener.getsockname()[1]
    start(accepts, listener)
    start(reads, silent.getsockname())
    start(reads_with_timeout, silent.getsockname())
    one, other = socket.socketpair()
    said["write_fd"], said["select_fd"] = one.fileno(), other.fileno()
    start(writes, one)
    two, three = socket.socketpair()
    said["select_fd"] = two.fileno()
    start(selects, two)
    keep.extend((one, other, two, three, silent, listener))
    block = threading.Event() if WAY != "patched" else None
    start(in_tpool, block.wait if block else eventlet.patcher.original("threading").Event().wait)
    keep.append(eventlet.spawn_n(raw_runs))
    keep.append(eventlet.spawn_after(2000, sleeps))
    hand = greenlet.greenlet(by_hand)
    hand.switch()
    keep.append(hand)
    a, b = lock.Lock(), lock.Lock()
    start(dead_a, a, b)
    start(dead_b, b, a)
    if WAY == "patched":
        patched()
    if WAY == "hybrid":
        hybrid()
    while "read_fd" not in said:  # it connects first, which a busy machine takes long for
        eventlet.sleep(0.05)
    eventlet.sleep(0.5)
    print("ready", f"pid={os.getpid()}", *(f"{k}={v}" for k, v in said.items()), flush=True)
    eventlet.sleep(600)


def patched():
    condition, mutex, items = threading.Condition(), threading.RLock(), queue.Queue()
    start(patched_condition, condition)
    start(patched_rlock_holder, mutex)
    eventlet.sleep(0)
    start(wants_lock, mutex)
    start(waits_process)
    start(gets, items)
    start(waits_event, threading.Event())
    thread = threading.Thread(target=in_pool, name="worker")
    thread.start()
    start(patched_joins, thread)


def hybrid():
    import asyncio

    from eventlet.asyncio import spawn_for_awaitable

    async def slow():
        await asyncio.sleep(3600)

    async def awaits_green(green):
        await green

    async def crosses(other):
        await other[0]

    keep.append(spawn_for_awaitable(slow()))
    keep.append(spawn_for_awaitable(awaits_green(keep[0])))
    # A task and a green thread that wait for each other.
    other = []
    crossing = spawn_for_awaitable(crosses(other))
    other.append(eventlet.spawn(waits_green, crossing))
    keep.extend(other)


main()
