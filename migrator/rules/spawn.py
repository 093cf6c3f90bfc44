"""Green threads: spawning, pools, sleeping, killing."""

from __future__ import annotations

from migrator import api
from migrator.rules import Family, by_hand

_STARTED = [f"{name}()" for name in api.STARTERS]
_ASYNC = "the function that runs becomes async def, and so do its callers"

FAMILY = Family(
    name="spawn",
    prefix="EVT4",
    title="Green threads and pools",
    intro="Each green thread becomes a task; each place where it may switch becomes an `await`.",
    rules=(
        by_hand(
            "EVT401",
            "spawn",
            "a green thread is started",
            "eventlet.spawn eventlet.spawn_n eventlet.spawn_after eventlet.spawn_after_local "
            "eventlet.greenthread.spawn eventlet.greenthread.spawn_n "
            "eventlet.greenthread.spawn_after eventlet.greenthread.spawn_after_local "
            "eventlet.greenthread.call_after eventlet.greenthread.call_after_local "
            "eventlet.greenthread.call_after_global eventlet.api.spawn eventlet.call_after",
            "Nobody waits for it unless asked to; its exception is printed by the hub.",
            "asyncio.create_task, best inside asyncio.TaskGroup",
            asyncio="asyncio.create_task(f(...))",
            because=_ASYNC,
            example=("gt = eventlet.spawn(work, 1)", "task = asyncio.create_task(work(1))"),
        ),
        by_hand(
            "EVT402",
            "green-pool",
            "a pool bounds the number of green threads",
            "eventlet.GreenPool eventlet.GreenPile eventlet.greenpool eventlet.greenpool.* "
            "eventlet.dagpool eventlet.dagpool.* eventlet.pool eventlet.pool.*",
            "`spawn` on a full pool waits; iteration yields results in order.",
            "asyncio.TaskGroup with an asyncio.Semaphore",
            asyncio="asyncio.TaskGroup()",
            because=_ASYNC,
            example=(
                "pool = eventlet.GreenPool(10)\nfor r in pool.imap(fetch, urls):\n    ...",
                "limit = asyncio.Semaphore(10)\nasync with asyncio.TaskGroup() as tasks:\n    ...",
            ),
        ),
        by_hand(
            "EVT403",
            "sleep",
            "`sleep` lets other green threads run",
            "eventlet.sleep eventlet.greenthread.sleep eventlet.api.sleep",
            "`sleep(0)` is a plain switch.",
            "await asyncio.sleep",
            asyncio="await asyncio.sleep(...)",
            because=_ASYNC,
            example=("eventlet.sleep(1)", "await asyncio.sleep(1)"),
        ),
        by_hand(
            "EVT404",
            "kill",
            "a green thread is killed or cancelled",
            "eventlet.kill eventlet.greenthread.kill eventlet.greenthread.cancel "
            "eventlet.api.kill eventlet.greenthread.exc_after eventlet.exc_after "
            + " ".join(f"{one}.{name}" for one in _STARTED for name in ("cancel", "kill")),
            "The exception is raised where the green thread waits.",
            "task.cancel()",
            asyncio="task.cancel()",
            because="asyncio raises CancelledError, which `except Exception` does not catch",
        ),
        by_hand(
            "EVT405",
            "greenthread",
            "green threads are named or asked: the module, the class, the current one, a result",
            "eventlet.greenthread eventlet.greenthread.* eventlet.getcurrent eventlet.proc "
            "eventlet.proc.* " + " ".join(f"{one}.*" for one in _STARTED),
            "A task takes the place of a green thread.",
            "asyncio.Task (await it; add_done_callback for link), asyncio.current_task",
            asyncio="asyncio.current_task()",
            because="what is asked of a green thread is not what can be asked of a task",
        ),
    ),
)
