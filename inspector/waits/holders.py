"""Who holds a lock that others wait for, where the stacks prove it.

Neither asyncio's nor eventlet's locks record an owner. But a function inside ``with lock``
keeps on its frame's stack what must be called at the end: the lock's ``__exit__``, bound to
the lock. A unit that has this there and does not itself wait for the lock has got it. Where
two units seem to, or a lock was taken without ``with``, nothing is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.memory import BadMemory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inspector.capture import Capture
    from inspector.frames import RawFrame

_MAX_STACK = 256  # values that one frame keeps on its stack


def find_holders(
    capture: Capture, contended: set[int], waiting: Mapping[int, int]
) -> dict[int, int]:
    """Address of each lock of ``contended`` that is provably held -> that of the unit.

    ``waiting`` says which unit waits for which lock.
    """
    if not contended:
        return {}
    candidates: dict[int, set[int]] = {}
    for units in (capture.tasks, capture.greenlets):
        for address, unit in units.items():
            for value in _kept(capture, unit.stack):
                if value in contended and waiting.get(address) != value:
                    candidates.setdefault(value, set()).add(address)
    return {lock: min(units) for lock, units in candidates.items() if len(units) == 1}


def _kept(capture: Capture, stack: list[RawFrame]) -> Iterator[int]:
    """Addresses on the frames' value stacks, and what bound methods there are bound to."""
    objects, memory = capture.objects, capture.memory
    at = objects.layout.at
    first, tag = at["frame.localsplus"], ~at["frame.tag"]
    bound = at["method.self"]
    for frame, code, _ in stack:
        base = frame + first + 8 * len(code.names)
        try:
            if "frame.stackpointer" in at:
                depth = (memory.word(frame + at["frame.stackpointer"]) - base) >> 3
            else:  # an index into the locals and the stack after them
                depth = (memory.u32(frame + at["frame.stacktop"]) & 0xFFFF) - len(code.names)
            if not 0 < depth <= _MAX_STACK:
                continue
            for word in memory.words(base, depth):
                value = word & tag
                if value and word & 3 != 3:  # 3 marks a small int that is no object
                    yield value
                    if objects.type_of(value).name == "method":
                        yield memory.word(value + bound)
        except BadMemory:
            continue
