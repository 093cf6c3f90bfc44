"""What is called when a future is done: closures that pass its end on to something else.

asyncio and eventlet tie futures together so: ``_chain_future`` (asyncio/futures.py),
``shield`` and, up to 3.12, ``as_completed`` (asyncio/tasks.py), ``GreenThread.__await__``
(eventlet/greenthread.py). What a closure holds tells the two ends of such a tie.
"""

from __future__ import annotations

from inspector.memory import BadMemory
from inspector.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from inspector.objects import Objects

_MAX_CALLBACKS = 64
_MAX_CELLS = 16


class Closure(Record):
    """A Python function that is to be called: its qualified name and what it closes over."""

    name: str
    holds: list[int]


def is_c_future(objects: Objects, address: int) -> bool:
    """Whether this is a future of asyncio written in C, also a task or of a subclass."""
    return any(
        objects.type_at(base).full == "_asyncio.Future" for base in objects.type_of(address).mro
    )


def callbacks(objects: Objects, future: int) -> list[int]:
    """What is called when a future is done, in that order. Raises BadMemory."""
    memory, at = objects.memory, objects.layout.at
    if is_c_future(objects, future):
        found = [memory.word(future + at["future.callback0"])]
        more = memory.word(future + at["future.callbacks"])
    else:
        found, more = [], objects.attribute(future, "_callbacks")
    for pair in objects.items(more, _MAX_CALLBACKS) if more else ():
        found += objects.items(pair, 1)
    return [callback for callback in found if callback and not objects.is_none(callback)]


def closures(objects: Objects, future: int) -> list[Closure]:
    """Those of a future, in the order of their calls. Raises BadMemory."""
    return [
        _closure(objects, callback)
        for callback in callbacks(objects, future)
        if objects.type_of(callback).name == "function"
    ]


def _closure(objects: Objects, function: int) -> Closure:
    place = objects.memory.word(function + objects.layout.at["function.qualname"])
    name = objects.text(place, 256) or ""
    return Closure(name, [value for _, value in cells_of(objects, function)])


def cells_of(objects: Objects, function: int) -> list[tuple[int, int]]:
    """The cells that a function closes over, each with what is in it. Raises BadMemory."""
    memory, at = objects.memory, objects.layout.at
    cells = memory.word(function + at["function.closure"])
    holds = objects.items(cells, _MAX_CELLS) if cells else []
    return [(cell, memory.word(cell + at["cell.contents"])) for cell in holds]


class Ties:
    """The tasks whose end is passed on by such closures, by what these hold."""

    def __init__(self, objects: Objects, tasks: Iterable[int]) -> None:
        self._tasks: dict[tuple[str, int], list[int]] = {}
        for task in tasks:
            try:
                for name, holds in closures(objects, task):
                    maker, inner, _ = name.partition(".<locals>.")
                    for value in holds if inner else ():
                        self._tasks.setdefault((maker, value), []).append(task)
            except BadMemory:
                continue

    def tasks(self, maker: str, value: int) -> list[int]:
        """Those whose end a closure made in the function ``maker`` passes on to ``value``."""
        return self._tasks.get((maker, value), [])
