"""Births that the target has recorded itself: the attribute that `bridge.tracking` sets.

The record is ``(monotonic seconds, code object, offset of the instruction, parent's
address)``. The target may have put anything there: what does not fit is no record.
"""

from __future__ import annotations

import time

from inspector.memory import BadMemory
from inspector.record import Record
from inspector.snapshot import Runtime, Spawned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.capture import Capture
    from inspector.objects import Objects

ATTRIBUTE = "_migrate_born"
MODULE = "_eventlet_migrate_tracking"  # in sys.modules of a target that records births
_MAX_AGE = 100 * 365 * 86400.0  # seconds


class _Birth(Record):
    at: float  # CLOCK_MONOTONIC seconds
    file: str
    line: int
    parent: int


class Births:
    """The recorded births of a capture's units, each decoded once."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._now = capture.memory.source.clock()
        self._wall = time.time() - self._now
        self._known: dict[int, _Birth | None] = {}
        self.on = any(MODULE in modules for modules in capture.modules)

    def runtime(self, address: int) -> Runtime | None:
        """How long the unit at ``address`` has been alive; None without a record."""
        birth = self._birth(address)
        return None if birth is None else Runtime(self._now - birth.at, "tracked")

    def spawned(self, address: int) -> Spawned | None:
        """Where the unit at ``address`` was born; None without a record."""
        birth = self._birth(address)
        if birth is None:
            return None
        return Spawned(birth.file, birth.line, self._parent(birth), self._wall + birth.at)

    def _parent(self, birth: _Birth) -> str | None:
        """The id of the spawner, None when it is gone; another may be at its address."""
        capture = self._capture
        own = self._birth(birth.parent)
        if own is not None and own.at > birth.at:
            return None
        if birth.parent in capture.tasks:
            return f"task:{birth.parent:#x}"
        return f"green:{birth.parent:#x}" if birth.parent in capture.greenlets else None

    def _birth(self, address: int) -> _Birth | None:
        if not self.on:
            return None
        if address not in self._known:
            try:
                self._known[address] = self._read(address)
            except BadMemory:
                self._known[address] = None
        return self._known[address]

    def _read(self, address: int) -> _Birth | None:
        capture = self._capture
        # What was read again is in another capture's memory.
        unit = capture.tasks.get(address) or capture.greenlets.get(address)
        if unit is None:
            return None
        objects: Objects = unit.frames.objects
        record = objects.attribute(address, ATTRIBUTE)
        parts = objects.items(record, 5) if record else []
        if len(parts) != 4:
            return None
        at, offset, parent = (
            objects.real(parts[0]),
            objects.integer(parts[2]),
            objects.integer(parts[3]),
        )
        if at is None or offset is None or parent is None or not 0 <= self._now - at < _MAX_AGE:
            return None
        code = unit.frames.code_at(parts[1])
        return _Birth(at, code.file, code.line(code.start + offset), parent)
