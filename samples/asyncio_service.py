"""The price service at the end of the road: asyncio and the standard library only.

The same parts as in ``hybrid_service.py``; nothing of Eventlet is left. Python 3.11+.

    python samples/asyncio_service.py [PORT]    127.0.0.1, a free port unless given
    GET /price?symbol=ABC    GET /healthz

Prints one line once all of it is in place: ``ready pid=PID port=PORT``.
"""

from __future__ import annotations

import asyncio
import os
import sys
from urllib.parse import parse_qs, urlsplit

SYMBOLS = ("ABC", "XYZ")
LONG = 600.0  # seconds: longer than anybody looks


class Ledger:
    """Workers, a queue and a lock."""

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self.jobs: asyncio.Queue[str] = asyncio.Queue()
        self.lock = asyncio.Lock()

    def start(self, group: asyncio.TaskGroup) -> None:
        """Put the tasks to work."""
        for number in range(2):
            group.create_task(self.work(number), name=f"worker-{number}")
        for entry in ("first", "second"):
            group.create_task(self.post(entry), name=f"post-{entry}")
        group.create_task(self.settle(7), name="settle-7")

    async def work(self, number: int) -> None:
        """Wait for a job."""
        while True:
            await self.jobs.get()

    async def post(self, entry: str) -> None:
        """Hold the book's lock for long, or wait for it."""
        async with self.lock:
            await asyncio.sleep(LONG)

    async def settle(self, batch: int) -> None:
        """Ask for an audit and wait for it."""
        await asyncio.create_task(self.prices.audit(batch), name=f"audit-{batch}")


class Prices:
    """Fetches prices and answers requests."""

    def __init__(self, feed: tuple[str, int]) -> None:
        self.feed = feed
        self.prices = {"ABC": 12.5, "XYZ": 99.0}
        self.connected = asyncio.Semaphore(0)

    async def refresh(self) -> None:
        """Fetch every symbol at once."""
        async with asyncio.TaskGroup() as group:
            for symbol in SYMBOLS:
                group.create_task(self.fetch_price(symbol), name=f"fetch-{symbol}")

    async def fetch_price(self, symbol: str) -> None:
        """Ask the vendor, who is silent."""
        reader, writer = await asyncio.open_connection(*self.feed)
        writer.write(symbol.encode() + b"\n")
        self.connected.release()
        self.prices[symbol] = float(await reader.readline())

    async def heartbeat(self, seconds: float) -> None:
        """Sleep again and again."""
        while True:
            await asyncio.sleep(seconds)

    async def audit(self, batch: int) -> None:
        """Take long."""
        await asyncio.sleep(LONG)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one HTTP request."""
        asyncio.current_task().set_name("request")
        target = (await reader.readline()).split()[1].decode()
        while (await reader.readline()).strip():
            pass
        url = urlsplit(target)
        if url.path == "/healthz":
            status, text = "200 OK", "fine"
        else:
            price = self.prices.get(parse_qs(url.query).get("symbol", [""])[0])
            status, text = (
                ("404 Not Found", "no such symbol") if price is None else ("200 OK", str(price))
            )
        head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
        writer.write(f"{head}{text}\n".encode())
        await writer.drain()
        writer.close()


async def silent_vendor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept, and say nothing."""
    asyncio.current_task().set_name("vendor")
    await asyncio.sleep(LONG)


async def main(port: int) -> None:
    """Start all of it, serve."""
    vendor = await asyncio.start_server(silent_vendor, "127.0.0.1", 0)
    prices = Prices(vendor.sockets[0].getsockname())
    server = await asyncio.start_server(prices.answer, "127.0.0.1", port)
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve_forever(), name="serve")
        group.create_task(prices.refresh(), name="refresh")
        group.create_task(prices.heartbeat(30.0), name="heartbeat")
        Ledger(prices).start(group)
        for _ in SYMBOLS:
            await prices.connected.acquire()
        port = server.sockets[0].getsockname()[1]
        # A moment later, when this task waits like all the others.
        line = f"ready pid={os.getpid()} port={port}"
        asyncio.get_running_loop().call_later(0.05, lambda: print(line, flush=True))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
