"""One task for each way of waiting in asyncio, named after it; two waiters where that counts."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import threading

import greenlet

keep = []


def commits():
    """What an ORM does in a greenlet hands its awaitables to the task that runs it."""
    greenlet.getcurrent().parent.switch(asyncio.sleep(3600))


async def spliced():
    inner = greenlet.greenlet(commits)
    await inner.switch()


async def locked(lock):
    async with lock:
        await asyncio.sleep(3600)


async def take(lock):
    async with lock:
        pass


async def notified(condition):
    async with condition:
        await condition.wait()


async def group():
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(asyncio.sleep(3600), name="group-a")
        tasks.create_task(asyncio.sleep(3600), name="group-b")


async def gathered():
    await asyncio.gather(done(), asyncio.sleep(3600), asyncio.sleep(3600))


async def done():
    pass


async def waiting():
    tasks = [asyncio.ensure_future(asyncio.sleep(3600)) for _ in range(3)]
    await asyncio.wait(tasks, timeout=500, return_when=asyncio.FIRST_COMPLETED)


async def awaited(task):
    await task


async def shielded(task):
    await asyncio.shield(task)


async def under_timeout(event):
    async with asyncio.timeout(700):
        await event.wait()


async def sleep_under_timeout():
    async with asyncio.timeout(None), asyncio.timeout(4000), asyncio.timeout(650):
        await asyncio.sleep(3600)


async def sleep_before_timeout():
    async with asyncio.timeout(4000):
        await asyncio.sleep(3600)


async def nobody():
    await asyncio.get_running_loop().create_future()


async def somebody():
    future = asyncio.get_running_loop().create_future()
    keep.append(future)
    await future


async def pending_future():
    async with asyncio.timeout(800):
        await somebody()


async def deadlocked(first, second, ready):
    async with first:
        ready.set()
        await asyncio.sleep(0.05)
        async with second:
            pass


async def executor(block):
    await asyncio.get_running_loop().run_in_executor(None, block.wait)


async def child():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE
    )
    keep.append(process)
    print(f"child={process.pid}", flush=True)
    await process.wait()


async def drained(writer):
    while True:
        writer.write(bytes(1 << 20))
        await writer.drain()


async def main():
    loop = asyncio.get_running_loop()
    tasks = {}

    def start(name, coroutine):
        tasks[name] = asyncio.ensure_future(coroutine)
        tasks[name].set_name(name)

    lock, event, condition = asyncio.Lock(), asyncio.Event(), asyncio.Condition()
    semaphore, queue, full = asyncio.Semaphore(1), asyncio.Queue(), asyncio.Queue(2)
    joined = asyncio.Queue()
    joined.put_nowait(1)
    await semaphore.acquire()
    full.put_nowait(1)
    full.put_nowait(2)
    block = threading.Event()
    keep.append(block)

    start("sleep", asyncio.sleep(300))
    start("spliced", spliced())
    start("lock-holder", locked(lock))
    await asyncio.sleep(0)
    start("lock-1", take(lock))
    start("lock-2", take(lock))
    start("event", event.wait())
    start("condition", notified(condition))
    start("semaphore", semaphore.acquire())
    start("queue-get-1", queue.get())
    start("queue-get-2", queue.get())
    start("queue-put", full.put(3))
    start("queue-join", joined.join())
    start("group", group())
    start("gather", gathered())
    start("wait", waiting())
    start("task", awaited(tasks["sleep"]))
    start("shield", shielded(tasks["sleep"]))
    start("wait_for", asyncio.wait_for(event.wait(), 600))
    start("timeout", under_timeout(event))
    start("timeout-future", pending_future())
    start("sleep-timeout", sleep_under_timeout())
    start("sleep-first", sleep_before_timeout())
    start("future-nobody", nobody())
    start("future-somebody", somebody())
    start("thread", asyncio.to_thread(block.wait))
    start("executor", executor(block))
    start("subprocess", child())

    one, two = asyncio.Lock(), asyncio.Lock()
    holds = [asyncio.Event(), asyncio.Event()]
    start("deadlock-a", deadlocked(one, two, holds[0]))
    start("deadlock-b", deadlocked(two, one, holds[1]))

    pair = socket.socketpair()
    plain = socket.create_connection(socket_server(keep))
    for each in (*pair, plain):
        each.setblocking(False)
    keep.extend((pair, plain))
    start("sock-recv", loop.sock_recv(plain, 100))
    with contextlib.suppress(BlockingIOError):
        while True:
            pair[0].send(bytes(65536))
    start("sock-sendall", loop.sock_sendall(pair[0], b"x" * 10))
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    keep.append(listener)
    start("sock-accept", loop.sock_accept(listener))

    server = await asyncio.start_server(lambda r, w: keep.append((r, w)), "127.0.0.1", 0)
    start("serve", server.serve_forever())
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    start("stream-read", reader.read(100))
    start("stream-readline", reader2(port))
    _, other = await asyncio.open_connection("127.0.0.1", port)
    start("stream-write", drained(other))

    while not (holds[0].is_set() and holds[1].is_set()):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    said = {
        "recv_fd": plain.fileno(),
        "recv_port": plain.getpeername()[1],
        "send_fd": pair[0].fileno(),
        "accept_fd": listener.fileno(),
        "accept_port": listener.getsockname()[1],
        "serve_fd": server.sockets[0].fileno(),
        "stream_fd": writer.get_extra_info("socket").fileno(),
        "stream_port": port,
        "write_fd": other.get_extra_info("socket").fileno(),
    }
    print("ready", f"pid={os.getpid()}", *(f"{k}={v}" for k, v in said.items()), flush=True)
    await asyncio.sleep(600)


async def reader2(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    keep.append(writer)
    await reader.readline()


def socket_server(keep):
    server = socket.create_server(("127.0.0.1", 0))
    keep.append(server)
    return server.getsockname()


asyncio.run(main())
