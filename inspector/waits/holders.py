"""Who holds a lock or semaphore that others wait for, where the stacks prove it.

Neither asyncio's nor eventlet's record an owner. But a function inside ``with lock`` keeps
on its frame's stack what must be called at the end: ``__exit__``, bound to the lock, or
since 3.14 above the lock. A unit that has this there has got it, unless it is about to take
it or waits for a condition, for which it has given it back. So has one inside
``with condition``, or with a context manager made of a generator that is inside
``with lock``. What was taken without ``with`` is held by nobody that we know of.
"""

from __future__ import annotations

from itertools import islice

from inspector.memory import BadMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from inspector.capture import Capture
    from inspector.code_objects import Code
    from inspector.frames import Frames, RawFrame
    from inspector.objects import Objects

_CONDITIONS = frozenset({"asyncio.locks.Condition", "threading.Condition"})
_GENERATED = frozenset(
    {"contextlib._GeneratorContextManager", "contextlib._AsyncGeneratorContextManager"}
)
_MAX_NESTED = 8  # context managers made of one another
_MAX_STACK = 256  # values that one frame keeps on its stack
_MAX_TABLE = 1 << 18  # bytes of an exception table
_EXCEPTION_TABLE = 40  # of PyCodeObject: co_exceptiontable, 3.11 to 3.15


def find_holders(
    capture: Capture, contended: set[int], lacking: Mapping[int, set[int]]
) -> dict[int, list[int]]:
    """Address of each object of ``contended`` that is provably held -> those of the units.

    ``lacking`` says what a unit has not got, although it stands as if it had.
    """
    found: dict[int, list[int]] = {}
    for units in (capture.tasks, capture.greenlets) if contended else ():
        for address, unit in units.items():
            held = contended.intersection(_entered(unit.frames, unit.stack, _MAX_NESTED))
            for one in held - lacking.get(address, set()):
                found.setdefault(one, []).append(address)
    return found


def _entered(frames: Frames, stack: Iterable[RawFrame], depth: int) -> Iterator[int]:
    """Addresses of the objects whose ``__exit__`` the frames will call, and what those hold."""
    objects = frames.objects
    memory, at = objects.memory, objects.layout.at
    first, tag = at["frame.localsplus"], ~at["frame.tag"]
    for frame, code, instruction in stack:
        try:
            height = code.heights.get(instruction)
            if height is None:
                height = code.heights[instruction] = _depth(objects, code, instruction)
            if not height:
                continue
            below = 0
            for word in memory.words(frame + first + 8 * len(code.names), height):
                value = word & tag if word & 3 != 3 else 0  # 3 marks a small int, no object
                kind = objects.type_of(value).name if value else ""
                entered = 0
                if kind == "method":
                    if _is_exit(objects, memory.word(value + at["method.func"])):
                        entered = memory.word(value + at["method.self"])
                elif value and _is_exit(objects, below):
                    entered = value
                if entered:
                    yield entered
                    yield from _behind(frames, entered, depth)
                below = value
        except BadMemory:
            continue


def _is_exit(objects: Objects, function: int) -> bool:
    if not function or objects.type_of(function).name != "function":
        return False
    name = objects.text(objects.memory.word(function + objects.layout.at["function.qualname"]), 256)
    return (name or "").endswith(("__exit__", "__aexit__"))


def _behind(frames: Frames, manager: int, depth: int) -> Iterator[int]:
    """What one holds who is inside ``with manager``, beside itself."""
    objects = frames.objects
    kind = objects.type_of(manager).full
    if kind in _CONDITIONS:
        yield objects.attribute(manager, "_lock")
    elif kind in _GENERATED and depth:
        generator = objects.attribute(manager, "gen")
        stack = frames.chain(generator + objects.layout.at["gen.gi_iframe"])
        yield from _entered(frames, islice(stack, 1), depth - 1)


def _depth(objects: Objects, code: Code, instruction: int) -> int:
    """How deep a frame's stack is for sure: what the handler around it would unwind to.

    The stack pointer would tell more, but a frame that has called into C has none in memory
    before 3.14. See InternalDocs/exception_handling.md for the table.
    """
    table = objects.memory.word(code.address + _EXCEPTION_TABLE)
    data = objects.raw_bytes(table, _MAX_TABLE) if table else None
    unit = max(instruction - code.start, 0) >> 1
    numbers = _numbers(data or b"")
    end = outer = 0
    for start, size, _, entry in zip(numbers, numbers, numbers, numbers, strict=False):
        if start <= unit < start + size:
            if size == 1 and not entry & 1:
                # What is thrown into an await goes here first, with all that is on the stack.
                entry = outer if end == start else 0
            return min(entry >> 1, _MAX_STACK)  # the low bit says whether lasti is pushed
        end, outer = start + size, entry
    return 0


def _numbers(table: bytes) -> Iterator[int]:
    """The variable-length numbers of an exception table: six bits a byte, 64 for more."""
    value = 0
    for byte in table:
        value = value << 6 | byte & 63
        if not byte & 64:
            yield value
            value = 0
