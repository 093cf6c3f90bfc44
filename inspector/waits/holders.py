"""Who holds a lock that others wait for, where the stacks prove it.

Neither asyncio's nor eventlet's locks record an owner. But a function inside ``with lock``
keeps on its frame's stack what must be called at the end: the lock's ``__exit__``, bound to
the lock. A unit that has this there and does not itself wait for the lock has got it. Where
two units seem to, or a lock was taken without ``with``, nothing is said.
"""

from __future__ import annotations

from inspector.memory import BadMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inspector.capture import Capture
    from inspector.frames import Code, RawFrame
    from inspector.objects import Objects

_MAX_STACK = 256  # values that one frame keeps on its stack
_MAX_TABLE = 1 << 18  # bytes of an exception table
_EXCEPTION_TABLE = 40  # of PyCodeObject: co_exceptiontable, 3.11 to 3.15


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
            for value in _kept(unit.frames.objects, unit.stack):
                if value in contended and waiting.get(address) != value:
                    candidates.setdefault(value, set()).add(address)
    return {lock: min(units) for lock, units in candidates.items() if len(units) == 1}


def _kept(objects: Objects, stack: list[RawFrame]) -> Iterator[int]:
    """Addresses on the frames' value stacks, and what bound methods there are bound to."""
    memory = objects.memory
    at = objects.layout.at
    first, tag = at["frame.localsplus"], ~at["frame.tag"]
    bound = at["method.self"]
    for frame, code, instruction in stack:
        try:
            depth = _depth(objects, code, instruction)
            for word in memory.words(frame + first + 8 * len(code.names), depth):
                value = word & tag
                if value and word & 3 != 3:  # 3 marks a small int that is no object
                    yield value
                    if objects.type_of(value).name == "method":
                        yield memory.word(value + bound)
        except BadMemory:
            continue


def _depth(objects: Objects, code: Code, instruction: int) -> int:
    """How deep a frame's stack is for sure: what the handler around it would unwind to.

    The stack pointer would tell more, but a frame that has called into C has none in memory
    before 3.14. See InternalDocs/exception_handling.md for the table.
    """
    table = objects.memory.word(code.address + _EXCEPTION_TABLE)
    data = objects.raw_bytes(table, _MAX_TABLE) if table else None
    unit = max(instruction - code.start, 0) >> 1
    numbers = _numbers(data or b"")
    for start, size, _, depth in zip(numbers, numbers, numbers, numbers, strict=False):
        if start <= unit < start + size:
            return min(depth >> 1, _MAX_STACK)  # the low bit says whether lasti is pushed
    return 0


def _numbers(table: bytes) -> Iterator[int]:
    """The variable-length numbers of an exception table: six bits a byte, 64 for more."""
    value = 0
    for byte in table:
        value = value << 6 | byte & 63
        if not byte & 64:
            yield value
            value = 0
