"""Interpreters and their threads: what runs where, and who holds the GIL.

Sources: pycore_interp.h, pycore_runtime.h, cpython/pystate.h, ceval_gil.c.
"""

from __future__ import annotations

from inspector.frames import EMPTY
from inspector.memory import BadMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.frames import Frames, Stack
    from inspector.layouts import Layout
    from inspector.memory import Memory

_MAX_INTERPRETERS = 256
_MAX_THREADS = 65_536
_TRIES = 100  # readings of one stack: a busy loop that calls small functions takes up to 30
_AGREE = 3  # readings in a row: two can be the same mixture by chance
_FAILURES = 10  # readings that make no sense: it is not that the thread runs


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

        A thread that runs calls and returns meanwhile. So the pages of its stack are read
        together, right after the word that says where it begins; those are known from the
        reading before. ``top`` is the innermost frame where that is another one.
        """
        pages: set[int] = set()
        before: object = None
        at, address = frames.objects.layout.at, self.state.address
        running_at = at.get("atstate.running_task")
        failures = agreed = 0
        last = EMPTY
        for _ in range(_TRIES):
            memory = frames.objects.memory.fresh()
            now = frames.beside(memory)
            try:
                first = top or current_frame(memory, at, address)
                memory.prefetch_pages(pages)
                stack = now.chain(first)
                if running_at:
                    self.running_task = memory.word(address + running_at)
            except BadMemory:
                failures += 1
                if failures == _FAILURES:
                    break
                continue
            last, self.frames, self.stack = self.stack, now, stack
            codes = [code for code, _ in stack.place.frames]
            seen = stack.addresses, codes, [place for _, place in stack.place.frames[1:]]
            agreed = agreed + 1 if seen == before else 1
            if agreed == _AGREE:
                return
            before = seen
            ends = (0, frames.size)
            pages = {frame + end >> 12 for frame in stack.addresses for end in ends}
        self.stack = _common(last, self.stack)


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


def current_frame(memory: Memory, at: dict[str, int], address: int) -> int:
    """The innermost frame of the thread state at ``address``, 0 when no Python runs."""
    if "tstate.cframe" in at:  # 3.11, 3.12: one hop more
        cframe = memory.word(address + at["tstate.cframe"])
        return memory.word(cframe + at["cframe.current_frame"]) if cframe else 0
    return memory.word(address + at["tstate.current_frame"])


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
