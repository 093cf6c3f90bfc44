"""Has what the first argument names: an ailment that `migrate check` finds, or none."""

import asyncio
import os
import socket
import sys
import threading
import time
import weakref

ailment = sys.argv[1]


def ready():
    print(f"ready pid={os.getpid()}", flush=True)


async def nap():
    await asyncio.sleep(3600)


async def forever(future):
    await future


async def work(seconds):
    await asyncio.sleep(seconds)


async def healthy():
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    tasks = [asyncio.create_task(nap(), name="heartbeat")]
    ready()
    async with server:
        await asyncio.gather(*tasks)


async def rests():  # nobody has anything for it to do
    async def work_off(queue):
        await queue.get()

    async def serve(reader, _):
        asyncio.current_task().set_name("connection")
        accepted.set()
        await reader.read()

    async def look_after(told):
        await asyncio.wait_for(told.wait(), 600)

    accepted, told = asyncio.Event(), asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    queue = asyncio.Queue()
    tasks = [asyncio.create_task(work_off(queue), name="worker")]
    tasks.append(asyncio.create_task(look_after(told), name="timekeeper"))
    await accepted.wait()
    ready()
    await asyncio.Event().wait()
    return writer, queue, tasks, told


async def sound():  # each of these can still be completed
    loop = asyncio.get_running_loop()
    lock = asyncio.Lock()
    weak = weakref.WeakValueDictionary()

    def known_weakly():
        weak[0] = future = loop.create_future()
        return future

    async def impatient():
        async with lock:
            await asyncio.wait_for(wants(), 20)

    async def wants():
        async with lock:
            pass

    waits = {
        "shield": forever(asyncio.shield(loop.run_in_executor(None, threading.Event().wait))),
        "weak": forever(known_weakly()),
        "impatient": impatient(),
    }
    tasks = [asyncio.create_task(wait, name=name) for name, wait in waits.items()]
    await asyncio.sleep(0.05)
    ready()
    await asyncio.Future()
    return tasks


async def stuck():
    future = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(forever(future), name="waiter")
    ready()
    await task


async def lost():
    async def wait():
        await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(wait(), name="waiter")
    await asyncio.sleep(0)
    ready()
    await asyncio.wait([task, asyncio.create_task(nap(), name="other")])


async def unretrieved():
    async def fail():
        raise ValueError("nobody asks https://joe:hunter2@h/?token=hunter2")

    kept = [asyncio.create_task(fail(), name=f"failed-{number}") for number in range(3)]
    await asyncio.sleep(0)
    ready()
    await nap()
    return kept


async def ring():
    tasks = []

    async def wait_for(index):
        await asyncio.sleep(0)
        await tasks[index % 2]

    tasks += [asyncio.create_task(wait_for(1), name="left")]
    tasks += [asyncio.create_task(wait_for(0), name="right")]
    victim = asyncio.create_task(forever(tasks[0]), name="victim")
    await asyncio.sleep(0.05)
    ready()
    await victim


async def around_a_ring():
    tasks = []

    async def wait_for(index):
        await asyncio.sleep(0)
        await tasks[index % 2]

    async def later():
        soon = asyncio.gather(tasks[0])
        await nap()
        await soon

    async def impatient():
        await asyncio.wait_for(asyncio.shield(tasks[0]), 20)

    async def first(*others):
        await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)

    tasks += [asyncio.create_task(wait_for(1), name="left")]
    tasks += [asyncio.create_task(wait_for(0), name="right")]
    other = asyncio.create_task(nap(), name="other")
    waits = {
        "caught": asyncio.wait([tasks[0], other]),
        "caught-by-both": first(*tasks),
        "goes-on-later": later(),
        "goes-on-in-time": impatient(),
        "goes-on-with-other": first(tasks[0], other),
    }
    tasks += [asyncio.create_task(wait, name=name) for name, wait in waits.items()]
    await asyncio.sleep(0.05)
    ready()
    await nap()


async def busy():
    async def spin():
        ready()
        while True:
            pass

    await asyncio.create_task(spin(), name="spinner")


async def sleeper():
    async def snore():
        ready()
        time.sleep(3600)

    await asyncio.create_task(snore(), name="snorer")


async def callback():
    asyncio.get_running_loop().call_soon(spin_in_callback)
    await nap()


def spin_in_callback():
    ready()
    while True:
        pass


async def gives_way():  # alone, and it computes: at each look it is the one that runs
    async def compute():
        ready()
        while True:
            compute_for(0.02)
            await asyncio.sleep(0)

    await asyncio.create_task(compute(), name="computer")


def compute_for(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def answer_slowly(connection):
    while data := connection.recv(100):
        time.sleep(0.02)
        connection.sendall(data)


def slow_peer():
    ours, theirs = socket.socketpair()
    threading.Thread(target=answer_slowly, args=(theirs,), daemon=True).start()
    return ours


async def asks():  # again and again: nearly always waiting, at the same place
    async def ask(loop, peer):
        while True:
            await loop.sock_sendall(peer, b"?")
            await loop.sock_recv(peer, 100)

    peer = slow_peer()
    peer.setblocking(False)
    task = asyncio.create_task(ask(asyncio.get_running_loop(), peer), name="asker")
    ready()
    await task


async def leak():
    tasks = set()
    ready()
    while True:
        tasks.add(asyncio.create_task(nap(), name=f"leak-{len(tasks)}"))
        await asyncio.sleep(0.02)


async def unnamed():
    tasks = [asyncio.create_task(nap()) for _ in range(3)]
    ready()
    await asyncio.gather(*tasks)


async def bounded():  # before 3.12 wait_for makes a task of its own of a coroutine
    task = asyncio.create_task(asyncio.wait_for(nap(), 3600), name="waits")
    await asyncio.sleep(0.01)
    ready()
    await task


async def churn():  # many short ones: neither a leak nor a blocked loop
    ready()
    while True:
        await asyncio.gather(*(asyncio.create_task(work(0.01)) for _ in range(20)))


def green_sleep():  # time.sleep has not been patched
    import eventlet

    def snore():
        ready()
        time.sleep(3600)

    eventlet.spawn(snore).wait()


def green_locks():  # taken in two orders, as Eventlet's semaphores mostly are
    import eventlet
    from eventlet.semaphore import Semaphore

    def take(one, other):
        with one:
            eventlet.sleep(0)
            with other:
                pass

    left, right = Semaphore(), Semaphore()
    threads = [eventlet.spawn(take, left, right), eventlet.spawn(take, right, left)]
    eventlet.sleep(0.05)
    ready()
    threads[0].wait()


def green_spin():
    import eventlet

    def spin():
        ready()
        while True:
            pass

    eventlet.spawn(spin).wait()


def green_start():  # there is a hub, and nobody yet whom it should serve
    import eventlet.hubs

    eventlet.hubs.get_hub()
    ready()
    while True:
        pass


def green_leak():
    import eventlet

    def idle():
        eventlet.sleep(3600)

    ready()
    while True:
        eventlet.spawn(idle)
        eventlet.sleep(0.02)


def green_gives_way():
    import eventlet

    def compute():
        ready()
        while True:
            compute_for(0.02)
            eventlet.sleep(0)

    eventlet.spawn(compute).wait()


def green_asks():
    import eventlet
    from eventlet.greenio import GreenSocket

    def ask(peer):
        while True:
            peer.sendall(b"?")
            peer.recv(100)

    thread = eventlet.spawn(ask, GreenSocket(slow_peer()))
    ready()
    thread.wait()


def green_readers():
    import eventlet
    from eventlet import debug
    from eventlet.greenio import GreenSocket

    debug.hub_prevent_multiple_readers(False)
    left, _right = map(GreenSocket, socket.socketpair())

    def read():
        left.recv(1)

    threads = [eventlet.spawn(read) for _ in range(2)]
    eventlet.sleep(0.05)
    ready()
    threads[0].wait()


chosen = globals()[ailment]
if chosen.__code__.co_flags & 0x80:  # a coroutine function
    asyncio.run(chosen())
else:
    chosen()
