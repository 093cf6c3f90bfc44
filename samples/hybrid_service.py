"""The price service half way: green threads and asyncio tasks share one loop.

The old half answers HTTP and keeps the ledger; the new half fetches and publishes prices.
Each calls the other: a green thread waits for a task (``spawn_for_awaitable``), a task
awaits a green thread. The vendor's feed accepts connections and says nothing, so the
program stands still for whoever looks at it, and answers requests all the same:

    python samples/hybrid_service.py [PORT]     127.0.0.1, a free port unless given
    GET /price?symbol=ABC    GET /healthz

Prints one line once all of it is in place: ``ready pid=PID port=PORT``.
"""

from __future__ import annotations

import os
import sys

import eventlet
from eventlet import hubs

hubs.use_hub("eventlet.hubs.asyncio")
eventlet.monkey_patch()

import asyncio  # noqa: E402 - after the patch, as the hub wants it
from urllib.parse import parse_qs  # noqa: E402

from eventlet import semaphore, wsgi  # noqa: E402
from eventlet.asyncio import spawn_for_awaitable  # noqa: E402
from eventlet.greenpool import GreenPool  # noqa: E402
from eventlet.queue import Queue  # noqa: E402

SYMBOLS = ("ABC", "XYZ")
LONG = 600.0  # seconds: longer than anybody looks


class NewHalf:
    """Written for asyncio: fetches prices, publishes them."""

    def __init__(self, feed: tuple[str, int], ledger: Ledger) -> None:
        self.feed = feed
        self.ledger = ledger
        self.prices = {"ABC": 12.5, "XYZ": 99.0}
        self.publishing = asyncio.Lock()
        self.changes: asyncio.Queue[str] = asyncio.Queue()
        self.connected = asyncio.Semaphore(0)

    async def run(self, ready: eventlet.event.Event) -> None:
        """Keep everything going; ``ready`` is sent when all of it waits."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.refresh(), name="refresh")
            group.create_task(self.publish("web"), name="publish-web")
            group.create_task(self.publish("mail"), name="publish-mail")
            group.create_task(self.consume(), name="consume")
            group.create_task(self.settle(7), name="settle-7")
            group.create_task(self.heartbeat(30.0), name="heartbeat")
            for _ in SYMBOLS:
                await self.connected.acquire()
            ready.send(True)

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

    async def publish(self, channel: str) -> None:
        """One channel at a time; the first takes long, the other waits for the lock."""
        async with self.publishing:
            await asyncio.sleep(LONG)

    async def consume(self) -> None:
        """Wait for a price to change."""
        while True:
            await self.changes.get()

    async def heartbeat(self, seconds: float) -> None:
        """Sleep again and again."""
        while True:
            await asyncio.sleep(seconds)

    async def settle(self, batch: int) -> None:
        """A task that needs the old half: it awaits a green thread."""
        await eventlet.spawn(self.ledger.settle, batch)

    async def audit(self, batch: int) -> None:
        """What the old half asks the new one for."""
        asyncio.current_task().set_name(f"audit-{batch}")
        await asyncio.sleep(LONG)

    async def price(self, symbol: str) -> float | None:
        """Answer a request."""
        await asyncio.sleep(0.01)
        return self.prices.get(symbol)


class Ledger:
    """Written for Eventlet: workers, a queue, a lock, and sockets."""

    def __init__(self) -> None:
        self.jobs = Queue()
        self.pool = GreenPool(10)
        self.lock = semaphore.Semaphore(1)
        self.new_half: NewHalf | None = None

    def start(self, feed: tuple[str, int]) -> None:
        """Put the green threads to work."""
        for number in range(2):
            self.pool.spawn(self.work, number)
        self.pool.spawn(self.post, "first")
        self.pool.spawn(self.post, "second")
        self.pool.spawn(self.listen_to, feed)
        self.pool.spawn(self.report, "daily")

    def work(self, number: int) -> None:
        """Wait for a job."""
        while True:
            self.jobs.get()

    def post(self, entry: str) -> None:
        """Hold the book's lock for long, or wait for it."""
        with self.lock:
            eventlet.sleep(LONG)

    def listen_to(self, feed: tuple[str, int]) -> None:
        """Read from a green socket."""
        eventlet.connect(feed).recv(100)

    def report(self, name: str) -> None:
        """A green thread that needs the new half: it waits for a task."""
        spawn_for_awaitable(self.new_half.audit(1)).wait()

    def settle(self, batch: int) -> None:
        """Awaited by a task, and waits for another: three edges in a row."""
        spawn_for_awaitable(self.new_half.audit(batch)).wait()


def application(new_half: NewHalf):
    """The WSGI application, in the old half."""

    def answer(environ, start_response):
        if environ["PATH_INFO"] == "/healthz":
            status, text = "200 OK", "fine"
        else:
            symbol = parse_qs(environ["QUERY_STRING"]).get("symbol", [""])[0]
            price = spawn_for_awaitable(new_half.price(symbol)).wait()
            status, text = (
                ("404 Not Found", "no such symbol") if price is None else ("200 OK", str(price))
            )
        start_response(status, [("Content-Type", "text/plain")])
        return [text.encode() + b"\n"]

    return answer


def main() -> None:
    """Start both halves, serve."""
    silent = eventlet.listen(("127.0.0.1", 0))  # nobody accepts: connected, never answered
    feed = silent.getsockname()
    ledger = Ledger()
    ledger.new_half = new_half = NewHalf(feed, ledger)
    ledger.start(feed)

    ready = eventlet.event.Event()

    async def new_world() -> None:
        asyncio.current_task().set_name("new-half")
        await new_half.run(ready)

    spawn_for_awaitable(new_world())
    ready.wait()

    sock = eventlet.listen(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0))
    # Printed by a green thread, so that the main one is in its accept loop by then.
    line = f"ready pid={os.getpid()} port={sock.getsockname()[1]}"
    eventlet.spawn_after(0.05, print, line, flush=True)
    wsgi.server(sock, application(new_half), log_output=False)


if __name__ == "__main__":
    main()
