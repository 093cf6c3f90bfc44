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
_TRIES = 100  # attempts at one stack
_AGREE = 3  # readings in a row: two can be the same mixture by chance
_RESTS = 8  # and of those that may be mixtures: the thread stays there
_FEW = 5  # pages that are copied sooner than a thread goes away and comes back
_SHARE = 4  # readings whose outer part is kept where none agree
_FAILURES = 50  # attempts in a row that make no sense: it is not that the thread runs


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
        """Read the stack until it is surely of one moment. ``top``: the innermost frame if known.

        A thread that runs calls and returns meanwhile. So all its frames but the innermost are
        read before and after that one, in one system call: what is then the same was there
        when the innermost was read, if the call was short. Else several readings have to agree,
        all but where the innermost is; where none do, that much is kept of the outer part as
        the last ones have in common.
        """
        taken: list[_Reading] = []
        where: tuple[object, ...] = ()
        times = 0
        for reading in _attempts(frames, self.state.address, top):
            taken = [*taken[1 - _SHARE :], reading]
            before, where = where, reading.where()
            times = times + 1 if where == before else 1
            # A thread that waits for a processor may do so where it calls or returns.
            if reading.exact or times == (_RESTS if reading.left or not reading.sure else _AGREE):
                taken = [reading]
                break
        if not taken:
            return
        self.frames, self.stack = taken[-1].frames, _shared([one.stack for one in taken])
        if taken[-1].running_task is not None:
            self.running_task = taken[-1].running_task


class _Reading:
    """A thread's stack in one copy of the memory. Raises BadMemory.

    ``left`` when the innermost frame does not run any more, ``whole`` when all that the stack
    takes was in the copy, ``sure`` when a second copy agrees, ``exact`` when it is of one moment.
    """

    __slots__ = (
        "_first",
        "_leading",
        "exact",
        "frames",
        "left",
        "running_task",
        "stack",
        "sure",
        "whole",
    )

    def __init__(self, frames: Frames, thread: int, top: int) -> None:
        memory, at = frames.objects.memory, frames.objects.layout.at
        copied = len(memory.pages)
        self.frames = frames
        self._leading = _way(memory, at, thread)
        self._first = top or memory.word(self._leading[-1])
        self.stack = frames.chain(self._first)
        self.left = frames.left(self.stack)
        self.running_task: int | None = None  # before 3.14 the loop says it
        if "atstate.running_task" in at:
            self._leading.append(thread + at["atstate.running_task"])
            self.running_task = memory.word(self._leading[-1])
        self.whole = len(memory.pages) == copied
        self.sure = self.exact = False

    def where(self) -> tuple[object, ...]:
        """All that two readings of one moment share: all but where the innermost frame is."""
        frames = self.stack.place.frames
        return self.left, self.stack.addresses, frames[:1] and frames[0][0], frames[1:]

    def pages(self) -> list[int]:
        """Numbers of the pages that it takes, in the order in which they are to be read.

        First those of the words that lead to the stack, last the one with the innermost frame.
        """
        size = self.frames.size
        stack = {
            place >> 12
            for frame in self.frames.linked(self._first)
            for place in (frame, frame + size)
        }
        leading = dict.fromkeys(address >> 12 for address in self._leading)
        numbers = [*leading, *sorted(stack - leading.keys())]
        for frame in self.stack.addresses[:1]:
            numbers.remove(frame + size >> 12)
            numbers.append(frame + size >> 12)
        return numbers

    def compare(self, later: Memory, last: int, *, rests: bool) -> None:
        """Tell whether it is sure: the rest has not changed since page ``last`` was read.

        It is exact if the thread ``rests``, or if frames tell that they were returned from and
        there was no time for more.
        """
        stack, memory = self.stack, self.frames.objects.memory
        ends = [frame + self.frames.size >> 12 for frame in stack.addresses[:1]]
        if not self.whole or (ends and ends != [last]) or not self._holds(later):
            return
        read = len(later.pages)
        if last in later.pages:
            later.pages[last] = memory.pages[last]
        again = self.frames.beside(later).chain(self._first)
        self.sure = again.addresses == stack.addresses and again.place is stack.place
        if self.sure and not self.left:
            self.exact = rests or (self.frames.clears and read <= _FEW)

    def _holds(self, later: Memory) -> bool:
        """Whether the outer half is still there: its own page may have been read with a pause."""
        memory, at = self.frames.objects.memory, self.frames.objects.layout.at
        addresses = self.stack.addresses
        return all(
            memory.word(frame + field) == later.word(frame + field)
            for frame in addresses[len(addresses) // 2 :]
            for field in (at["frame.executable"], at["frame.instr_ptr"])
        )


def _attempts(frames: Frames, thread: int, top: int) -> Iterator[_Reading]:
    """Readings of one stack; from the second on they are compared with what was there then."""
    pages: list[int] = []
    at_once = False
    failures = 0
    for _ in range(_TRIES):
        first, *later = frames.objects.memory.copies(pages, 2 if pages else 1, at_once=at_once)
        rests = False
        if later and not at_once:
            at_once = True  # costs a module to be loaded: not for those that are at rest
            rests = _alike(first, later[0])
            if not rests:
                continue
        try:
            reading = _Reading(frames.beside(first), thread, top)
            for memory in later:
                reading.compare(memory, pages[-1], rests=rests)
            pages = reading.pages()
        except BadMemory:
            failures += 1
            if failures == _FAILURES:
                return
            continue
        failures = 0
        yield reading


def _alike(one: Memory, other: Memory) -> bool:
    """Whether nothing changed from one to the other."""
    return [bytes(page) for page in one.pages.values()] == [
        bytes(page) for page in other.pages.values()
    ]


def _shared(stacks: list[Stack]) -> Stack:
    """The outer part that stacks have in common, of those that begin alike.

    One that was read in the making ends early.
    """
    roots = [stack.addresses[-1:] for stack in stacks]
    root = max(roots, key=roots.count)
    alike = [stack for stack in stacks if stack.addresses[-1:] == root]
    found = alike[-1]
    for stack in alike[:-1]:
        found = _common(stack, found)
    return found


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
