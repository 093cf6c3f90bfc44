"""``greenlet`` used by itself."""

from __future__ import annotations

from migrator.rules import Family, by_hand

FAMILY = Family(
    name="greenlet",
    prefix="EVT8",
    title="greenlet itself",
    intro="Code that switches stacks by hand, or asks which greenlet runs.",
    rules=(
        by_hand(
            "EVT801",
            "greenlet-import",
            "`greenlet` is imported",
            "greenlet",
            "Only Eventlet's green threads make it worth importing here.",
            "goes with its last use in the file",
            asyncio="",
            because="goes with its last use in the file",
        ),
        by_hand(
            "EVT802",
            "greenlet-use",
            "greenlets are made, named, switched or caught",
            "greenlet.* eventlet.greenlet eventlet.greenlet.*",
            "`getcurrent()` often keys a dictionary or tells green threads apart in a log.",
            "asyncio.current_task, contextvars, asyncio.CancelledError",
            asyncio="asyncio.current_task()",
            because="what is asked of a greenlet is not what can be asked of a task",
        ),
    ),
)
