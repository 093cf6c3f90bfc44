"""Hubs of Eventlet and their timers: when a green thread is due, and what it will run.

``hub.next_timers`` and ``hub.timers`` hold ``(when, Timer)``; ``Timer.tpl`` holds
``(callback, args, kwargs)``. Source: eventlet/hubs/hub.py and timer.py, 0.33 to 0.41.
"""

from __future__ import annotations

import struct

from inspector.frames import module_of
from inspector.memory import BadMemory, fields
from inspector.objects import Objects
from inspector.values import callable_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from inspector.frames import Place, RawFrame
    from inspector.greenlets import GreenletFacts

_MAX_TIMERS = 200_000
_PASSES = 3  # readings of a heap that changes


class Schedule:
    """The timers of all hubs seen in a capture.

    ``when`` maps a Timer's address to the time it is due, in seconds of the hub's clock
    (CLOCK_MONOTONIC). ``due`` holds greenlets that a timer that is due will switch to.
    """

    def __init__(self, objects: Objects, hubs: Iterable[int]) -> None:
        self.objects = objects
        self.when: dict[int, float] = {}
        self.hubs = list(hubs)
        for hub in self.hubs:
            for name in ("next_timers", "timers"):
                self._read(hub, name)
        now = objects.memory.source.clock()
        self.due: set[int] = set()
        for timer, when in self.when.items():
            if when <= now:
                self.due.update(greenlet for greenlet, _ in self._targets(timer))

    def _read(self, hub: int, name: str) -> None:
        """Take in a hub's timers; a busy hub changes them under us, so again if need be."""
        objects = self.objects
        for _ in range(_PASSES):
            try:
                heap = objects.attribute(hub, name)
                if heap:
                    self._read_items(objects, objects.items(heap, _MAX_TIMERS))
                break
            except BadMemory:
                objects = Objects(objects.memory.fresh(), objects.layout)
        self.objects.memory.prefetch(self.when)

    def _read_items(self, objects: Objects, items: list[int]) -> None:
        """Take in the pairs of a heap: there are as many as green threads that sleep."""
        at, pages, real = objects.layout.at, objects.memory.pages, objects.real
        items_at = at["tuple.ob_item"]
        pair = fields((at["obj.ob_type"], "Q"), (at["tuple.ob_size"], "Q"), (items_at, "2Q"))
        tuples: dict[int, bool] = {}  # types of items
        for item in items:
            try:
                kind, size, due, timer = pair.unpack_from(pages[item >> 12], item & 4095)
            except struct.error:  # it lies across two pages
                kind, size, due, timer = pair.unpack(objects.memory.data(item, pair.size))
            if kind not in tuples:
                tuples[kind] = objects.type_at(kind).shape == "tuple"
            if tuples[kind] and size >= 2 and (when := real(due)) is not None:
                self.when[timer] = when

    def functions(self) -> dict[int, int]:
        """Greenlet -> address of the function it will run, for those a timer will start."""
        found: dict[int, int] = {}
        for timer in self.when:
            for greenlet, arguments in self._targets(timer):
                if arguments:
                    found[greenlet] = arguments[0]
        return found

    def starts(self) -> dict[int, float]:
        """Greenlet -> when a timer will switch to it with arguments: when it is to start."""
        return {
            greenlet: when
            for timer, when in self.when.items()
            for greenlet, arguments in self._targets(timer)
            if arguments
        }

    def _targets(self, timer: int) -> list[tuple[int, list[int]]]:
        """The greenlets that a timer will switch to, each with the arguments it is given."""
        objects, memory = self.objects, self.objects.memory
        try:
            called = objects.attribute(timer, "called")
            if called and objects.integer(called):
                return []
            parts = objects.items(objects.attribute(timer, "tpl") or timer, 3)
            if len(parts) != 3:
                return []
            callback, arguments = parts[0], objects.items(parts[1], 8)
            kind = objects.type_of(callback).name
            if kind == "builtin_function_or_method":  # greenlet.switch
                return [(memory.word(callback + objects.layout.at["builtin.self"]), arguments)]
            if kind == "method" and callable_name(objects, callback) == "Event._do_send":
                return [(waiter, []) for waiter in arguments[2:3]]  # after result and exc
        except BadMemory:
            pass
        return []


def hubs_in(greenlets: Iterable[GreenletFacts]) -> set[int]:
    """The hubs whose methods are on the stacks of greenlets."""
    frame_at: dict[Place, int] = {}  # the innermost frame of a hub's method, -1 for none
    found = set()
    for green in greenlets:
        stack, objects = green.stack, green.frames.objects
        index = frame_at.get(stack.place)
        if index is None:
            of_hub = (place for place, raw in enumerate(stack) if _is_hubs(objects, raw))
            index = frame_at[stack.place] = next(of_hub, -1)
        if index >= 0:
            try:
                found.add(stack.local(objects, index, "self"))
            except BadMemory:
                continue
    return found - {0}


def _is_hubs(objects: Objects, raw: RawFrame) -> bool:
    return raw[1].name in ("switch", "run") and module_of(objects, raw).startswith("eventlet.hubs")
