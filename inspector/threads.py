"""Interpreters and their threads: what runs where, and who holds the GIL.

Sources: pycore_interp.h, pycore_runtime.h, cpython/pystate.h, ceval_gil.c.
"""

from __future__ import annotations

from inspector.frames import EMPTY
from inspector.memory import BadMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from inspector.frames import Frames, Stack
    from inspector.layouts import Layout
    from inspector.memory import Memory

_MAX_INTERPRETERS = 256
_MAX_THREADS = 65_536
_TRIES = 100  # attempts at one stack: a busy loop that calls small functions takes up to 30
_AGREE = 3  # copies of one attempt: two can be the same mixture by chance
_RESTS = 3  # attempts that say that a frame was left and the thread stays there
_FAILURES = 10  # attempts that make no sense: it is not that the thread runs


class ThreadState:
    """A PyThreadState: ``tid`` is the kernel's id, ``ident`` pthread's."""

    __slots__ = ("address", "holds_gil", "ident", "interpreter", "tid")

    def __init__(
        self, address: int, interpreter: int, tid: int, ident: int, holds_gil: bool | None
    ) -> None:
        self.address = address
        self.interpreter = interpreter
        self.tid = tid
        self.ident = ident
        self.holds_gil = holds_gil


class ThreadFacts:
    """An OS thread and what it runs now. ``stack`` is innermost first."""

    __slots__ = ("frames", "running_task", "stack", "state")

    def __init__(self, state: ThreadState, frames: Frames) -> None:
        self.state = state
        self.frames = frames  # of the reading that the stack comes from
        self.stack: Stack = EMPTY
        self.running_task = 0

    def read(self, frames: Frames, top: int = 0) -> None:
        """Read the stack anew until readings of it agree, all but where the innermost is.

        Where none do, that much is kept of the outer part as the last two have in common.

        A thread that runs calls and returns meanwhile. So its stack is copied several times in
        one system call, each time after the words that say where it begins: there is no time
        to go away and come back. Which pages that takes is known from the attempt before.
        ``top`` is the innermost frame where that is another one.
        """
        taken: list[_Reading] = []
        before, times = None, 0
        for readings in _attempts(frames, self.state.address, top):
            present = [one for one in readings if one.whole and not one.left]
            taken = [*taken, *present][-2:] or readings[-1:]
            moment = _moment(readings)
            times = times + 1 if moment == before else 1
            # A thread that waits for a processor may do so where it calls or returns.
            if moment and (not readings[0].left or times == _RESTS):
                taken = readings[:1]
                break
            before = moment
        if taken:
            self.frames = taken[-1].frames
            self.stack = _common(taken[0].stack, taken[-1].stack)
            if taken[-1].running_task is not None:
                self.running_task = taken[-1].running_task


class _Reading:
    """A thread's stack in one copy of the memory. Raises BadMemory.

    ``whole`` when all that it takes was in the copy, ``left`` when the innermost frame was
    returned from already.
    """

    __slots__ = ("first", "frames", "leading", "left", "running_task", "stack", "whole")

    def __init__(self, frames: Frames, thread: int, top: int) -> None:
        memory, at = frames.objects.memory, frames.objects.layout.at
        copied = len(memory.pages)
        self.frames = frames
        self.leading = _way(memory, at, thread)
        self.first = top or memory.word(self.leading[-1])
        self.stack = frames.chain(self.first)
        self.left = frames.left(self.stack)
        self.running_task: int | None = None  # before 3.14 the loop says it
        if "atstate.running_task" in at:
            self.leading.append(thread + at["atstate.running_task"])
            self.running_task = memory.word(self.leading[-1])
        self.whole = len(memory.pages) == copied

    def where(self) -> tuple[object, ...]:
        """All that two readings of one moment share: all but where the innermost frame is."""
        frames = self.stack.place.frames
        return self.left, self.stack.addresses, frames[:1] and frames[0][0], frames[1:]


def _attempts(frames: Frames, thread: int, top: int) -> Iterator[list[_Reading]]:
    """Readings of one stack, `_AGREE` of them at once but in the first attempt."""
    pages: list[int] = []
    at_once = False
    failures = 0
    for _ in range(_TRIES):
        copies = frames.objects.memory.copies(pages, _AGREE if pages else 1, at_once=at_once)
        if pages and not at_once:
            at_once = True  # costs a module to be loaded: not for those that are at rest
            if not _alike(copies):
                continue
        readings = []
        for memory in copies:
            try:
                readings.append(_Reading(frames.beside(memory), thread, top))
            except BadMemory:
                continue
        if readings:
            yield readings
            pages = _pages(readings)
            failures = 0
        else:
            failures += 1
            if failures == _FAILURES:
                return


def _alike(copies: list[Memory]) -> bool:
    """Whether nothing changed from one to the next.

    A thread that runs may by chance be at the same place whenever a copy is made, if its work
    takes as long as that; not at the same instruction with the same values.
    """
    first, *others = [[bytes(page) for page in copy.pages.values()] for copy in copies]
    return all(other == first for other in others)


def _moment(readings: list[_Reading]) -> tuple[object, ...] | None:
    """Where the thread is if the readings are whole and agree about it, else None."""
    where = readings[0].where()
    agree = all(one.whole and one.where() == where for one in readings)
    return where if agree and len(readings) == _AGREE else None


def _pages(readings: list[_Reading]) -> list[int]:
    """Numbers of the pages that the readings took: those of the words that lead to a stack first.

    A stack that is read before them may be that of another moment.
    """
    leading = {address >> 12: None for reading in readings for address in reading.leading}
    stacks = {
        address + end >> 12
        for reading in readings
        for address in reading.frames.linked(reading.first)
        for end in (0, reading.frames.size)
    }
    return [*leading, *sorted(stacks - leading.keys())]


def _common(one: Stack, other: Stack) -> Stack:
    """The outer frames that two stacks share, and the first in which they are elsewhere."""
    count = 0
    for (frame, code, place), (frame_then, code_then, place_then) in zip(
        reversed(one), reversed(other), strict=False
    ):
        if frame != frame_then or code is not code_then:
            break
        count += 1
        if place != place_then:
            break
    return other.part(len(other) - count)


def interpreters(memory: Memory, layout: Layout, runtime: int) -> list[int]:
    """Addresses of the PyInterpreterStates. Raises BadMemory for a list that does not end."""
    return _linked(
        memory, memory.word(runtime + layout.at["runtime.interpreters_head"]),
        layout.at["interp.next"], _MAX_INTERPRETERS,
    )  # fmt: skip


def threads_of(memory: Memory, layout: Layout, runtime: int, interpreter: int) -> list[ThreadState]:
    """The thread states of one interpreter. Raises BadMemory."""
    at = layout.at
    holder = _gil_holder(memory, layout, runtime, interpreter)
    found = []
    head = memory.word(interpreter + at["interp.threads_head"])
    for address in _linked(memory, head, at["tstate.next"], _MAX_THREADS):
        tid = memory.word(address + at["tstate.native_thread_id"])
        if tid:  # none as long as the thread is being made
            ident = memory.word(address + at["tstate.thread_id"])
            holds = None if holder is None else holder == address
            found.append(ThreadState(address, interpreter, tid, ident, holds))
    return found


def _way(memory: Memory, at: dict[str, int], thread: int) -> list[int]:
    """Addresses of the words that lead to the innermost frame of a thread state, in turn.

    The last one has its address, 0 when no Python runs. Raises BadMemory.
    """
    if "tstate.cframe" not in at:
        return [thread + at["tstate.current_frame"]]
    way = [thread + at["tstate.cframe"]]  # 3.11, 3.12: one hop more
    cframe = memory.word(way[0])
    return [*way, cframe + at["cframe.current_frame"]] if cframe else way


def _gil_holder(memory: Memory, layout: Layout, runtime: int, interpreter: int) -> int | None:
    """The thread state that holds the GIL, 0 when nobody does, None when it cannot be told."""
    at = layout.at
    if "runtime.gil_locked" in at:  # 3.11: one for all interpreters
        locked = memory.u32(runtime + at["runtime.gil_locked"])
        return memory.word(runtime + at["runtime.gil_holder"]) if locked == 1 else 0
    gil = memory.word(interpreter + at["interp.ceval_gil"])
    if not gil:
        return None
    base = at["interp.gil_state"]
    locked = memory.u32(gil + at["interp.gil_locked"] - base)
    return memory.word(gil + at["interp.gil_holder"] - base) if locked == 1 else 0


def _linked(memory: Memory, head: int, next_at: int, limit: int) -> list[int]:
    found: list[int] = []
    seen = set()
    while head:
        if head in seen or len(found) >= limit:
            raise BadMemory("a list of threads or interpreters that does not end")
        seen.add(head)
        found.append(head)
        head = memory.word(head + next_at)
    return found
