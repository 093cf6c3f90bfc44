"""Interpreters and their threads: what runs where, and who holds the GIL.

Sources: pycore_interp.h, pycore_runtime.h, cpython/pystate.h, ceval_gil.c.
"""

from __future__ import annotations

from inspector.memory import BadMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.layouts import Layout
    from inspector.memory import Memory

_MAX_INTERPRETERS = 256
_MAX_THREADS = 65_536


class ThreadState:
    """A PyThreadState: ``tid`` is the kernel's id, ``ident`` pthread's."""

    __slots__ = ("address", "frame", "holds_gil", "ident", "interpreter", "tid")

    def __init__(
        self,
        address: int,
        interpreter: int,
        tid: int,
        ident: int,
        frame: int,
        holds_gil: bool | None,
    ) -> None:
        self.address = address
        self.interpreter = interpreter
        self.tid = tid
        self.ident = ident
        self.frame = frame  # address of the innermost frame, 0 when no Python runs
        self.holds_gil = holds_gil


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
        if "tstate.cframe" in at:  # 3.11, 3.12: one hop more
            cframe = memory.word(address + at["tstate.cframe"])
            frame = memory.word(cframe + at["cframe.current_frame"]) if cframe else 0
        else:
            frame = memory.word(address + at["tstate.current_frame"])
        found.append(
            ThreadState(
                address,
                interpreter,
                memory.word(address + at["tstate.native_thread_id"]),
                memory.word(address + at["tstate.thread_id"]),
                frame,
                None if holder is None else holder == address,
            )
        )
    return found


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
