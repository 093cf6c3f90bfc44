"""Whether a task's stack goes on in a raw greenlet that one of its coroutines has in hand.

A coroutine may keep a suspended greenlet for other ends: as a generator, or to go on with it
later. So it is asked for what only who runs in it has: the awaitable that it gave away with
``parent.switch(awaitable)``, and that the coroutine awaits on its behalf.
"""

from __future__ import annotations

from inspector.frames import FrameView, module_of
from inspector.memory import BadMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inspector.frames import Frames, Stack
    from inspector.greenlets import GreenletFacts
    from inspector.tasks import TaskFacts

_MAX_STACK = 256  # values that one frame keeps on its stack


def continued(
    raw: Mapping[int, GreenletFacts], stands: Iterable[tuple[TaskFacts, Stack, Frames]]
) -> dict[int, tuple[int, int]]:
    """Greenlets of ``raw`` whose stack is part of a task's -> (task, index of the frame).

    ``stands`` says where each task does. As SQLAlchemy's ``greenlet_spawn`` does it: a coroutine
    runs a function in a raw greenlet, which hands each awaitable back to it to be awaited there.
    The greenlet is then a suspended one, a local of that coroutine's frame, and holds what that
    awaits.
    """
    found: dict[int, tuple[int, int]] = {}
    for task, stack, frames in stands:
        for index, frame in enumerate(frames.views(stack)):
            try:
                for value in frame.locals():
                    if (
                        value in raw
                        and value not in found
                        and _hands_over(raw[value], task, frames, stack, index)
                    ):
                        found[value] = (task.address, index)
            except BadMemory:
                continue
    return found


def _hands_over(
    green: GreenletFacts, task: TaskFacts, frames: Frames, stack: Stack, index: int
) -> bool:
    """Whether a suspended greenlet waits for what a task awaits at a frame of its.

    ``stack`` is where the task stands, also when it runs, and ``index`` that of the frame,
    which has the greenlet in a local. Raises BadMemory.
    """
    objects = frames.objects
    frame = stack[index]
    if frame[1].qualname == "greenlet_spawn" and module_of(objects, frame).startswith(
        "sqlalchemy."
    ):
        return True  # which awaits nothing else while the greenlet lives
    iframe = objects.layout.at["gen.gi_iframe"]
    awaited = {inner - iframe for inner in stack.addresses[:index]}
    if not task.executing:
        awaited.update((task.waiter, frames.awaits(frame)))
    if index and stack[index - 1][1].name == "__await__":
        awaited.add(FrameView(objects, stack[index - 1]).local("self"))
    awaited.discard(0)
    # It may be a local of the function that switches, or stand on its stack only.
    leaf = FrameView(green.frames.objects, green.stack[0])
    return not awaited.isdisjoint(leaf.values(_MAX_STACK))
