"""A green thread and a task that wait for each other, and one of each that is fine.

``order`` books a shipment through the new half and waits for it; ``book`` in the new half
waits for the order to be complete. Runs on the asyncio hub. Prints one line:
``ready pid=PID``.
"""

from __future__ import annotations

import asyncio
import os

import eventlet
from eventlet import hubs

hubs.use_hub("eventlet.hubs.asyncio")

from eventlet.asyncio import spawn_for_awaitable  # noqa: E402 - the hub comes first


class Orders:
    """Both halves share the open orders."""

    def __init__(self) -> None:
        self.open: dict[int, eventlet.greenthread.GreenThread] = {}
        self.booking = asyncio.Event()

    def order(self, number: int) -> str:
        """The old half: a green thread."""
        return spawn_for_awaitable(self.book(number)).wait()

    async def book(self, number: int) -> str:
        """The new half: a task. Waits for the very order that waits for it."""
        asyncio.current_task().set_name(f"book-{number}")
        self.booking.set()
        return await self.open[number]


async def heartbeat() -> None:
    """Has nothing to do with it."""
    asyncio.current_task().set_name("heartbeat")
    while True:
        await asyncio.sleep(30)


async def announce(orders: Orders) -> None:
    """Say ready once the circle is closed."""
    await orders.booking.wait()
    await asyncio.sleep(0)
    print(f"ready pid={os.getpid()}", flush=True)


def main() -> None:
    """Close the circle and wait for ever."""
    hubs.get_hub()
    orders = Orders()
    eventlet.spawn(eventlet.sleep, 3600)
    spawn_for_awaitable(heartbeat())
    orders.open[7] = eventlet.spawn(orders.order, 7)
    spawn_for_awaitable(announce(orders))
    orders.open[7].wait()


if __name__ == "__main__":
    main()
