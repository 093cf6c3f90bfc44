"""Hubs, the thread pool, and Eventlet's own bridge to asyncio."""

from __future__ import annotations

from migrator.rules import Family, by_hand

FAMILY = Family(
    name="hubs",
    prefix="EVT7",
    title="Hubs, native threads, the road to asyncio",
    intro=(
        "The hub is Eventlet's event loop. All hubs but `asyncio` are deprecated: the asyncio "
        "hub is the first step of the migration, since both worlds run on it."
    ),
    rules=(
        by_hand(
            "EVT701",
            "use-hub",
            "a hub is chosen",
            "eventlet.hubs.use_hub eventlet.hubs.get_default_hub",
            "Hubs other than asyncio are deprecated and keep asyncio code out.",
            "use the asyncio hub (use_hub('asyncio')): other hubs are deprecated",
            asyncio="",
            because="goes when asyncio.run starts the loop",
            keep="choose the asyncio hub: the others are deprecated",
            example=('hubs.use_hub("epolls")', 'hubs.use_hub("eventlet.hubs.asyncio")'),
        ),
        by_hand(
            "EVT702",
            "hub",
            "the hub is used by itself",
            "eventlet.hubs eventlet.hubs.* eventlet.hubs.get_hub().* eventlet.twistedutil "
            "eventlet.twistedutil.*",
            "Timers, switches and file descriptors go past the public API.",
            "the loop's call_later, add_reader, call_soon_threadsafe",
            asyncio="asyncio.get_running_loop()",
            because="the hub's methods have no one-to-one counterpart",
        ),
        by_hand(
            "EVT703",
            "tpool",
            "blocking work runs in native threads",
            "eventlet.tpool eventlet.tpool.*",
            "`Proxy` makes every method of an object run in a thread.",
            "asyncio.to_thread",
            asyncio="await asyncio.to_thread(...)",
            because="the caller becomes async def",
            example=("tpool.execute(f, x)", "await asyncio.to_thread(f, x)"),
        ),
        by_hand(
            "EVT704",
            "asyncio-bridge",
            "Eventlet's bridge to asyncio is used",
            "eventlet.asyncio eventlet.asyncio.*",
            "Good: this is how code is moved piece by piece.",
            "await the coroutine itself once the caller is async def",
            asyncio="await ...",
            because="the caller becomes async def",
        ),
    ),
)
