"""Tasks that wait in other people's libraries, each named after the way it waits."""

from __future__ import annotations

import asyncio
import os
import socket
import threading

import aiohttp
import aiosqlite
import anyio
import anyio.to_thread
import psycopg
import websockets
from aiohttp import web

keep = []


def start(name, coroutine):
    keep.append(asyncio.create_task(coroutine, name=name))


async def under_timeout():
    with anyio.fail_after(700):
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 3600, name="child")


async def holds(lock):
    async with lock:
        await anyio.sleep(3600)


async def takes(lock):
    async with lock:
        pass


async def notified():
    condition = anyio.Condition()
    async with condition:
        await condition.wait()


async def gets(address):
    timeout = aiohttp.ClientTimeout(total=800)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(address):
        pass


async def handles(request):
    asyncio.current_task().set_name("handler")
    await request.read()


async def talks(request):
    asyncio.current_task().set_name("ws-served")
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.receive()


async def pours(request):
    asyncio.current_task().set_name("poured")
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(bytes(1 << 20))


async def hears(address):
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
        await socket.receive()


async def listens(address):
    async with websockets.connect(address) as connection:
        await connection.recv()


async def shares(session, address):
    async with session.get(address):
        await asyncio.sleep(3600)


async def serves():
    application = web.Application()
    application.router.add_post("/", handles)
    application.router.add_get("/talk", talks)
    application.router.add_get("/pour", pours)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = site._server.sockets[0].getsockname()
    for request in (b"", b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\n"):
        connection = socket.create_connection(address)
        connection.sendall(request)
        keep.append(connection)
    keep.append(runner)
    host, port = address
    start("ws-aiohttp", hears(f"ws://{host}:{port}/talk"))
    start("ws-websockets", listens(f"ws://{host}:{port}/talk"))
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1))
    keep.append(session)
    start("http-first", shares(session, f"http://{host}:{port}/pour"))
    await asyncio.sleep(0.2)
    start("http-second", shares(session, f"http://{host}:{port}/pour"))


async def queries(block):
    async with aiosqlite.connect(":memory:") as database:
        await database.create_function("slow", 0, block.wait)
        await database.execute("select slow()")


async def main():
    silent = socket.create_server(("127.0.0.1", 0))
    host, port = silent.getsockname()
    block = threading.Event()
    anyio.to_thread.current_default_thread_limiter().total_tokens = 1
    start("group", under_timeout())
    lock, semaphore = anyio.Lock(), anyio.Semaphore(0)
    start("lock-holder", holds(lock))
    await asyncio.sleep(0)
    start("lock", takes(lock))
    start("semaphore", takes(semaphore))
    start("condition", notified())
    sender, receiver = anyio.create_memory_object_stream(0)
    start("receive", receiver.receive())
    other, unread = anyio.create_memory_object_stream(0)
    start("send", other.send(1))
    start("thread", anyio.to_thread.run_sync(block.wait))
    await asyncio.sleep(0.1)
    start("thread-full", anyio.to_thread.run_sync(block.wait))
    stream = await anyio.connect_tcp(host, port)
    start("stream", stream.receive())
    start("http", gets(f"http://{host}:{port}/"))
    start("postgres", psycopg.AsyncConnection.connect(host=host, port=port, dbname="a", user="b"))
    start("sqlite", queries(block))
    await serves()
    keep.extend((silent, block, sender, receiver, other, unread, stream))
    await asyncio.sleep(0.5)
    print("ready", f"pid={os.getpid()}", f"port={port}", flush=True)
    await asyncio.sleep(600)


asyncio.run(main())
