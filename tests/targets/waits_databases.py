"""Tasks that wait for databases and in pools of connections, each named after the way it waits.

The databases know as much of their protocol as it takes to connect, and answer no query.
"""

import asyncio
import os
import socket
import struct
import threading

import asyncpg
import httpx
import psycopg
import psycopg_pool
import redis.asyncio as redis

keep = []


def start(name, coroutine):
    keep.append(asyncio.create_task(coroutine, name=name))


def server(answer):
    listening = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            connection, _ = listening.accept()
            keep.append(connection)
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listening.getsockname()[1]


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


def postgres(connection):
    while True:
        (size,) = struct.unpack("!i", connection.recv(4, socket.MSG_WAITALL))
        (code,) = struct.unpack("!i", connection.recv(size - 4, socket.MSG_WAITALL)[:4])
        if code == 196608:  # version 3.0; anything else asks for encryption
            break
        connection.sendall(b"N")
    settings = {b"server_version": b"15.0", b"client_encoding": b"UTF8"}
    told = [message(b"S", b"%s\0%s\0" % item) for item in settings.items()]
    parts = [message(b"R", bytes(4)), *told, message(b"K", bytes(8)), message(b"Z", b"I")]
    connection.sendall(b"".join(parts))
    heard = b""
    while more := connection.recv(4096):
        heard += more
        if heard.endswith(b"listen x\0"):
            connection.sendall(message(b"C", b"LISTEN\0") + message(b"Z", b"I"))


def redis_like(connection):
    while heard := connection.recv(4096):
        if b"\r\nSUBSCRIBE\r\n" in heard:
            connection.sendall(b"*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n")
        else:
            connection.sendall(b"+OK\r\n" * heard.count(b"\r\nCLIENT\r\n"))


async def subscribes(client):
    subscription = client.pubsub()
    await subscription.subscribe("x")
    async for _ in subscription.listen():
        pass


async def notified(conninfo):
    connection = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
    await connection.execute("listen x")
    async for _ in connection.notifies():
        pass


async def takes(pool, seconds):
    async with pool.connection(timeout=seconds):
        await asyncio.sleep(3600)


async def acquires(pool):
    async with pool.acquire():
        await asyncio.sleep(3600)


async def main():
    port, other, silent = server(postgres), server(redis_like), server(lambda _: None)
    conninfo = f"host=127.0.0.1 port={port} user=a dbname=b sslmode=disable"
    where = {"host": "127.0.0.1", "port": port, "user": "a", "database": "b"}
    connection = await asyncpg.connect(**where)
    second = await asyncpg.connect(**where)
    start("asyncpg-execute", connection.execute("select 1"))
    start("asyncpg-fetch", second.fetch("select 1", timeout=600))
    pool = await asyncpg.create_pool(**where, min_size=1, max_size=1)
    start("asyncpg-has", acquires(pool))
    await asyncio.sleep(0.1)
    start("asyncpg-takes", acquires(pool))
    start("psycopg-notified", notified(conninfo))
    second_pool = psycopg_pool.AsyncConnectionPool(conninfo, min_size=1, max_size=1, open=False)
    await second_pool.open(wait=True)
    start("psycopg-has", takes(second_pool, 600))
    await asyncio.sleep(0.1)
    start("psycopg-takes", takes(second_pool, 700))
    start("redis-subscribes", subscribes(redis.Redis(host="127.0.0.1", port=other, protocol=2)))
    third_pool = redis.BlockingConnectionPool(
        host="127.0.0.1", port=other, protocol=2, max_connections=1, timeout=None
    )
    client = redis.Redis(connection_pool=third_pool)
    start("redis-gets", client.get("a"))
    await asyncio.sleep(0.1)
    start("redis-takes", client.get("a"))
    limits = httpx.Limits(max_connections=1)
    web = httpx.AsyncClient(limits=limits, timeout=800)
    start("httpx-gets", web.get(f"http://127.0.0.1:{silent}/"))
    await asyncio.sleep(0.1)
    start("httpx-takes", web.get(f"http://127.0.0.1:{silent}/"))
    keep.extend((connection, second, pool, second_pool, third_pool, web))
    await asyncio.sleep(0.5)
    print("ready", f"pid={os.getpid()}", f"port={port}", f"redis={other}", flush=True)
    await asyncio.sleep(600)


asyncio.run(main())
