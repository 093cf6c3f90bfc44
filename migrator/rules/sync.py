"""What green threads meet at: events, queues, locks, timeouts, locals, resource pools."""

from __future__ import annotations

from migrator.rules import Family, by_hand

_AWAIT = "each operation that may wait becomes an await in an async def"

FAMILY = Family(
    name="sync",
    prefix="EVT5",
    title="Events, queues, locks, timeouts, locals",
    intro="asyncio has each of these; all of them have to be awaited, and belong to one loop.",
    rules=(
        by_hand(
            "EVT501",
            "event",
            "`Event` carries one result to its waiters",
            "eventlet.Event eventlet.event eventlet.event.* eventlet.coros.event eventlet.coros",
            "It holds a value or an exception, unlike `asyncio.Event`.",
            "asyncio.Future (it carries the value), or asyncio.Event",
            asyncio="asyncio.get_running_loop().create_future()",
            because=_AWAIT,
            example=(
                "done = Event()\ndone.send(1)",
                "done = loop.create_future()\ndone.set_result(1)",
            ),
        ),
        by_hand(
            "EVT502",
            "queue",
            "a queue between green threads",
            "eventlet.Queue eventlet.queue eventlet.queue.* eventlet.coros.Queue "
            "eventlet.coros.queue",
            "`LightQueue(0)` is a channel: `put` waits until somebody takes.",
            "asyncio.Queue",
            asyncio="asyncio.Queue()",
            because=_AWAIT,
            example=("item = queue.get()", "item = await queue.get()"),
        ),
        by_hand(
            "EVT503",
            "lock",
            "a semaphore or lock between green threads",
            "eventlet.Semaphore eventlet.CappedSemaphore eventlet.BoundedSemaphore "
            "eventlet.semaphore eventlet.semaphore.* eventlet.lock eventlet.lock.* "
            "eventlet.coros.*",
            "`CappedSemaphore` waits on release too; asyncio has no such thing.",
            "asyncio.Semaphore, asyncio.BoundedSemaphore, asyncio.Lock",
            asyncio="asyncio.Semaphore(...)",
            because=_AWAIT,
            example=("with semaphore:\n    ...", "async with semaphore:\n    ..."),
        ),
        by_hand(
            "EVT504",
            "timeout",
            "a timeout is raised in the green thread",
            "eventlet.Timeout eventlet.with_timeout eventlet.timeout eventlet.timeout.* "
            "eventlet.is_timeout eventlet.wrap_is_timeout eventlet.TimeoutError "
            "eventlet.greenthread.with_timeout eventlet.greenthread.TimeoutError",
            "It is a BaseException raised at the next switch; `Timeout(n, False)` is silent.",
            "asyncio.timeout, asyncio.wait_for",
            asyncio="async with asyncio.timeout(...)",
            because="it ends in TimeoutError, an Exception, where Eventlet's was a BaseException",
            example=(
                "with eventlet.Timeout(5):\n    ...",
                "async with asyncio.timeout(5):\n    ...",
            ),
        ),
        by_hand(
            "EVT505",
            "local",
            "a local of the green thread",
            "eventlet.corolocal eventlet.corolocal.* eventlet.green.threading.local",
            "Tasks share a thread, so `threading.local` does not tell them apart.",
            "contextvars.ContextVar",
            asyncio="contextvars.ContextVar(...)",
            because="a task inherits a copy of the context of its maker; a local starts empty",
        ),
        by_hand(
            "EVT506",
            "resource-pool",
            "a pool of resources or connections",
            "eventlet.pools eventlet.pools.* eventlet.db_pool eventlet.db_pool.*",
            "It blocks the green thread while nothing is free.",
            "asyncio.Queue of resources, or the pool of an async driver",
            asyncio="asyncio.Queue()",
            because=_AWAIT,
        ),
    ),
)
