"""Whether a task's stack goes on in a raw greenlet that one of its coroutines has in hand.

A coroutine may keep a suspended greenlet for other ends: as a generator, or to go on with it
later. So it is asked for what only who runs in it has: the awaitable that it gave away with
``parent.switch(awaitable)``, and that the coroutine awaits on its behalf.
"""

from __future__ import annotations

from itertools import islice

from inspector.frames import FrameView, module_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.greenlets import GreenletFacts
    from inspector.tasks import TaskFacts

_MAX_STACK = 256  # values that one frame keeps on its stack


def hands_over(green: GreenletFacts, task: TaskFacts, index: int) -> bool:
    """Whether a suspended greenlet waits for what a task awaits at a frame of its.

    ``index`` is that of the frame, which has the greenlet in a local. Raises BadMemory.
    """
    objects = task.frames.objects
    frame = task.stack[index]
    if frame[1].qualname == "greenlet_spawn" and module_of(objects, frame).startswith(
        "sqlalchemy."
    ):
        return True  # which awaits nothing else while the greenlet lives
    iframe = objects.layout.at["gen.gi_iframe"]
    awaited = {inner[0] - iframe for inner in islice(task.stack, index)}
    awaited.update((task.waiter, task.frames.awaits(frame)))
    if index and task.stack[index - 1][1].name == "__await__":
        awaited.add(FrameView(objects, task.stack[index - 1]).local("self"))
    awaited.discard(0)
    # It may be a local of the function that switches, or stand on its stack only.
    leaf = FrameView(green.frames.objects, green.stack[0])
    return not awaited.isdisjoint(leaf.values(_MAX_STACK))
