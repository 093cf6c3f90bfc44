"""asyncio tasks: where they are listed, what they await, whom they wake.

3.14 and later link every task into a list of its thread, or of the interpreter when the
thread has gone (Modules/_asynciomodule.c, ``asyncio_tasks_head``). Earlier ones keep weak
sets in ``asyncio.tasks``, which is also where tasks written in Python are on every version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.memory import BadMemory

if TYPE_CHECKING:
    from inspector.frames import Frames, FrameView
    from inspector.objects import Objects

MAX_TASKS = 2_000_000
_MAX_AWAITERS = 10_000
_MAX_CHAIN = 10_000
_PENDING = 0  # enum fut_state
_GENERATORS = frozenset({"coroutine", "generator", "async_generator"})
_WRAPPERS = frozenset(
    {"coroutine_wrapper", "async_generator_asend", "async_generator_athrow", "anext_awaitable"}
)


class TaskFacts:
    """One task as it was captured. ``frames`` is its own chain, innermost first."""

    __slots__ = ("address", "awaiters", "coro", "executing", "frames", "name", "not_started",
                 "tid", "type", "waiter", "words")  # fmt: skip

    def __init__(self, address: int, type_name: str, tid: int | None, words: list[int]) -> None:
        self.address = address
        self.type = type_name
        self.tid = tid
        self.words = words  # of the object, as they were when it was decoded
        self.name = ""
        self.coro = 0
        self.waiter = 0  # _fut_waiter: the future it waits for, 0 when it is scheduled or runs
        self.awaiters: list[int] = []
        self.frames: list[FrameView] = []
        self.executing = 0  # the frame of its chain that runs now, 0 when all are suspended
        self.not_started = False


def walk_list(objects: Objects, head: int) -> tuple[list[int], bool]:
    """The tasks linked from a list head, and whether the list was seen whole.

    A list that changes under us is torn at some place, so it is walked from both ends.
    """
    at = objects.layout.at
    node = at["task.node"]
    forward, closed = _walk(objects, head, at["llist.next"], node)
    if closed:
        return forward, True
    backward, _ = _walk(objects, head, at["llist.prev"], node)
    return list(dict.fromkeys(forward + backward)), False


def _walk(objects: Objects, head: int, link: int, node: int) -> tuple[list[int], bool]:
    pages = objects.memory.pages
    is_task = TaskTypes(objects)
    found: list[int] = []
    seen: set[int] = set()
    try:
        at = objects.memory.word(head + link)
        if not at:
            return [], True  # the thread never had a list
        while at != head:
            if at in seen or len(found) > MAX_TASKS or not is_task(at - node):
                return found, False
            seen.add(at)
            found.append(at - node)
            at = pages[(at + link) >> 12][((at + link) >> 3) & 511]
    except BadMemory:
        return found, False
    return found, True


class TaskTypes:
    """Tells C tasks (and those of subclasses) from anything else, by type, remembered."""

    __slots__ = ("known", "objects")

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.known: dict[int, bool] = {}

    def __call__(self, address: int) -> bool:
        """Whether there is a task at ``address``. Raises BadMemory where nothing is."""
        if address & 7:
            return False
        kind = self.objects.memory.pages[(address + 8) >> 12][((address + 8) >> 3) & 511]
        known = self.known.get(kind)
        if known is None:
            try:
                bases = self.objects.type_at(kind).mro
                known = any(self.objects.type_at(b).full == "_asyncio.Task" for b in bases)
            except BadMemory:
                known = False
            self.known[kind] = known
        return known


def read_task(frames: Frames, address: int, tid: int | None) -> TaskFacts | None:
    """The facts of the C task at ``address``; None for one that is done. Raises BadMemory."""
    objects = frames.objects
    at = objects.layout.at
    words = objects.memory.words(address, at["task.size"] >> 3)
    task = TaskFacts(address, objects.type_of(address).full, tid, words)
    flags = at["task.is_task"] - 4  # the state, is_task and awaited_by_is_set share a word
    state = words[flags >> 3] >> 8 * (flags & 7)
    if state & 0xFF != _PENDING:
        return None
    task.coro = words[at["task.coro"] >> 3]
    if not task.coro:
        return None
    task.waiter = words[(at["task.coro"] >> 3) - 1]
    name = words[at["task.name"] >> 3]
    number = objects.integer(name)
    task.name = f"Task-{number}" if number is not None else objects.text(name, 1024) or ""
    awaited_by = words[at["task.awaited_by"] >> 3]
    if awaited_by:
        many = at["task.awaited_by_is_set"]
        is_set = words[many >> 3] >> 8 * (many & 7) & 0xFF
        task.awaiters = objects.items(awaited_by, _MAX_AWAITERS) if is_set else [awaited_by]
    read_chain(frames, task)
    return task


def read_chain(frames: Frames, task: TaskFacts) -> None:
    """Follow what the task's coroutine awaits, down to the leaf. Raises BadMemory."""
    objects = frames.objects
    memory, at = objects.memory, objects.layout.at
    created, executing, awaiting = at["gen.created"], at["gen.executing"], at["gen.suspended_await"]
    iframe, state_at = at["gen.gi_iframe"], at["gen.gi_frame_state"]
    own: list[FrameView] = []
    seen: set[int] = set()
    current = task.coro
    while current and current not in seen and len(seen) < _MAX_CHAIN:
        seen.add(current)
        kind = objects.type_of(current).name
        if kind in _WRAPPERS:
            current = memory.word(current + at["awaiter.inner"])
            continue
        if kind not in _GENERATORS:
            break
        state = memory.u8(current + state_at)
        state -= (state & 128) << 1
        if state == executing:  # now, or in a greenlet that is suspended
            task.executing = current + iframe
            break
        frame = frames.at(current + iframe)
        if frame is None:
            break
        own.append(frame)
        if state == created:
            task.not_started = len(own) == 1
            break
        if state != awaiting:
            break
        current = frames.awaited(frame)
    own.reverse()
    task.frames = own
