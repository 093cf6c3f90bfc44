"""Waits that nobody can end: on an event, queue or lock that only those know who wait for it.

An object whose every reference is a local variable of units that wait for it, or for one of
these, can be set, filled or released by no other. What is known in any other way (by an
attribute, a closure, a global) has more references than are counted here, and is left alone;
so is what was made for nothing but to wait on it (``await Event().wait()``): that is meant.
"""

from __future__ import annotations

from inspector.edges import FIRST, LATER, SEMAPHORE
from inspector.memory import BadMemory
from inspector.waits.futures import is_watched

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inspector.capture import Capture
    from inspector.frames import Stack
    from inspector.objects import Objects
    from inspector.snapshot import Edge, Unit

_KINDS = frozenset({"event", "queue", "condition", "semaphore", "lock"})
_NO_REFERENCE = 3  # bits of a word in a frame: borrowed, or no object


def find(capture: Capture, units: Sequence[Unit], edges: Sequence[Edge]) -> frozenset[str]:
    """The ids of the units that wait so."""
    patient = {
        unit.id: unit
        for unit in units
        if unit.state == "waiting"
        and not unit.moving
        and (unit.wait is None or unit.wait.seconds_left is None)
    }
    waits = {
        unit.id: unit.wait.object
        for unit in patient.values()
        if unit.wait is not None and unit.wait.object and unit.wait.on in _KINDS
    }
    waiters: dict[str, list[str]] = {}
    for edge in edges:
        if edge.via not in (FIRST, LATER, SEMAPHORE) and edge.waiter in patient:
            waiters.setdefault(edge.target, []).append(edge.waiter)
    things = frozenset(waits.values())
    known_by = _known_by(capture, things, patient)
    references = {thing: _references(capture, thing) for thing in things}
    orphans = {unit for unit, thing in waits.items() if sum(known_by[thing].values()) > 1}
    while True:
        caught = _with_waiters(orphans, waiters)
        known = {
            thing: sum(count for unit, count in by.items() if unit in caught)
            for thing, by in known_by.items()
        }
        left = {unit for unit in orphans if known[waits[unit]] == references[waits[unit]]}
        if left == orphans:
            return frozenset(orphans)
        orphans = left


def _with_waiters(units: set[str], waiters: dict[str, list[str]]) -> set[str]:
    found = set(units)
    pending = list(units)
    while pending:
        for waiter in waiters.get(pending.pop(), ()):
            if waiter not in found:
                found.add(waiter)
                pending.append(waiter)
    return found


def _known_by(
    capture: Capture, things: frozenset[int], units: dict[str, Unit]
) -> dict[int, dict[str, int]]:
    """Object -> unit -> how many of its locals refer to the object."""
    found: dict[int, dict[str, int]] = {thing: {} for thing in things}
    for world, facts in (("task", capture.tasks), ("green", capture.greenlets)):
        for address, one in facts.items():
            identity = f"{world}:{address:#x}"
            if identity not in units:
                continue
            for word in _locals(one.frames.objects, one.stack):
                if word in things:
                    found[word][identity] = found[word].get(identity, 0) + 1
    return found


def _locals(objects: Objects, stack: Stack) -> Iterator[int]:
    for frame, code, _ in stack:
        try:
            words = objects.memory.words(frame + objects.locals, len(code.names))
        except BadMemory:
            continue
        yield from (word for word in words if word and not word & _NO_REFERENCE)


def _references(capture: Capture, address: int) -> int:
    """How many there are; 0, which is never enough, where others may know the object weakly."""
    try:
        return 0 if is_watched(capture.objects, address) else capture.memory.u32(address)
    except BadMemory:
        return 0
