"""Whom the end of a task or green thread wakes, by what is to be called then.

A program may tie the two worlds, or two of its own units, by hand: with
``task.add_done_callback(event.set)``, ``green.link(lambda _: future.set_result(None))`` or
``task.add_done_callback(getcurrent().switch)``. An event or future that is known to nobody but
those who wait for it and to such callbacks is completed by these or never; where others
refer to it as well, they may do it, and nothing is said. To hand out the ``switch`` of a green
thread is to say who goes on with it. Sources: eventlet/greenthread.py (``link``),
Modules/_asynciomodule.c, Lib/asyncio/futures.py.
"""

from __future__ import annotations

from inspector.callbacks import callbacks, cells_of
from inspector.memory import BadMemory
from inspector.record import Record
from inspector.values import BUILTINS, callable_name
from inspector.waits.futures import is_watched

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from inspector.capture import Capture
    from inspector.frames import Frames, Stack
    from inspector.objects import Objects

# What completes an object of a type, or of one that is derived from it.
_COMPLETES = {
    "_asyncio.Future": "set_result",
    "asyncio.futures.Future": "set_result",
    "asyncio.locks.Event": "set",
    "eventlet.event.Event": "send",
    "greenlet.greenlet": "switch",
}
_CO_NAMES = 32  # of PyCodeObject, 3.11 to 3.15
_MAX_NAMES = 256  # of a callback's code
_MAX_LINKS = 64


class _Hold(Record):
    """How a callback refers to what it completes: at what address that reference stands."""

    thing: int
    place: int


def find(capture: Capture, waits: Mapping[int, int]) -> dict[int, list[int]]:
    """Unit -> those whose end wakes it. ``waits`` maps units to what they wait for.

    That is an event or a future, or the unit itself where its own code switched away.
    """
    units: dict[int, list[int]] = {}
    for unit, thing in waits.items():
        units.setdefault(thing, []).append(unit)
    sources: dict[int, list[int]] = {}  # what is completed -> by whose end
    places: dict[int, set[int]] = {}  # and where callbacks refer to it
    for source, thing, place in _holds(capture, units):
        sources.setdefault(thing, []).append(source)
        places.setdefault(thing, set()).add(place)
    found: dict[int, list[int]] = {}
    for thing, ends in sources.items():
        if thing in capture.greenlets or _is_all(capture, thing, units[thing], places[thing]):
            for unit in units[thing]:
                found[unit] = list(dict.fromkeys(end for end in ends if end != unit))
    return found


def _holds(capture: Capture, things: Mapping[int, object]) -> Iterator[tuple[int, int, int]]:
    """(unit, what its end completes, where that is referred to), for those of ``things``."""
    objects = capture.objects
    first = objects.layout.at.get("future.callback0", 0)
    for address, task in capture.tasks.items():
        try:
            if not task.python and not task.frames.objects.memory.word(address + first):
                continue  # as most: nobody awaits it
            for callback in callbacks(task.frames.objects, address):
                for thing, place in _completed(task.frames.objects, callback, things):
                    yield address, thing, place
        except BadMemory:
            continue
    for address, green in capture.greenlets.items():
        if green.is_main:
            continue
        try:
            links = objects.attribute(address, "_exit_funcs")
            for link in objects.items(links, _MAX_LINKS) if links else ():
                for callback in objects.items(link, 1):
                    for thing, place in _completed(objects, callback, things):
                        yield address, thing, place
        except BadMemory:
            continue


def _completed(objects: Objects, callback: int, things: Mapping[int, object]) -> list[_Hold]:
    """Those of ``things`` that a callback completes when it is called."""
    memory, at = objects.memory, objects.layout.at
    for _ in range(8):  # partials nest
        if objects.type_of(callback).full != "functools.partial":
            break
        callback = memory.word(callback + at["partial.func"])
    kind = objects.type_of(callback).name
    if kind in BUILTINS or kind == "method":
        thing = memory.word(callback + at["method.self" if kind == "method" else "builtin.self"])
        name = (callable_name(objects, callback) or "").rpartition(".")[2]
        if thing in things and name and name == _by(objects, thing):
            return [_Hold(thing, callback)]
    elif kind == "function":
        held = [
            _Hold(value, cell) for cell, value in cells_of(objects, callback) if value in things
        ]
        if held:
            code = memory.word(callback + at["function.code"])
            named = objects.items(memory.word(code + _CO_NAMES), _MAX_NAMES)
            names = {objects.text(name, 64) for name in named}
            return [hold for hold in held if _by(objects, hold.thing) in names]
    return []


def _by(objects: Objects, thing: int) -> str:
    """The name of the method that completes a thing, "" where it has none that is known."""
    for base in objects.type_of(thing).mro:
        if name := _COMPLETES.get(objects.type_at(base).full):
            return name
    return ""


def _is_all(capture: Capture, thing: int, units: Iterable[int], places: set[int]) -> bool:
    """Whether those who wait and the callbacks at ``places`` have every reference to a thing."""
    objects = capture.objects
    count = 0
    places = set(places)
    try:
        if is_watched(objects, thing):
            return False
        for unit in units:
            task = capture.tasks.get(unit)
            if task is not None:
                count += 2 * (task.waiter == thing)  # its own, and that of the iterator
                count += _references(task.frames, task.stack, thing, places)
            else:
                green = capture.greenlets[unit]
                count += _references(green.frames, green.stack, thing, places)
        return capture.memory.u32(thing) == count + len(places)
    except BadMemory:
        return False


def _references(frames: Frames, stack: Stack, thing: int, places: set[int]) -> int:
    """How many locals of a stack refer to a thing; cells that do are added to ``places``."""
    count = 0
    for view in frames.views(stack):
        for word in view.words():
            count += word == thing  # with a tag it only borrows the reference
        places.update(cell for cell, value in view.cells() if value == thing)
    return count
