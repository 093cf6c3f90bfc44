"""What repeated looks at one process show: since when a unit is where it is, and what grows.

Nothing here reads a process or a clock: a `Watch` is made of snapshots and their own times.
What it says about time is a lower bound. Where two looks leave room for doubt whether a unit
has moved, it has: better too short than made up. One case cannot be told apart from outside
and without `bridge.tracking`: a unit that ended between two looks and whose address, name and
place were taken over by another.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from bridge.words import is_library
from inspector.snapshot import Runtime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inspector.snapshot import Snapshot, Unit

WINDOW = 60  # looks for which counts are kept
_PARTS = 4  # of the time, in three of which, the last included, some have come to stay
_SIGNIFICANT = 2.7  # times what the number of units would vary by if they came and went at random
_MOST_ENDED = 4  # times as many come as end
_SLACK = 0.05  # seconds by which two readings of one deadline may differ


class Branch(NamedTuple):
    """Units that were started alike: what a leak is made of."""

    kind: str  # "task" or "green"
    function: str  # their outermost function outside of libraries
    place: str  # "file:line" of the spawn where that was tracked, else the function's file


@dataclass(frozen=True, slots=True)
class Track:
    """One unit over the looks. Times are UNIX seconds, those of the snapshots."""

    unit: Unit
    first_seen: float
    since: float  # it was found in its present place at every look from then on
    moves: int = 0  # looks that found it elsewhere than the look before
    there_by: float = math.inf  # from when on it is known to be there: seen, tracked or told


@dataclass(frozen=True, slots=True)
class Watch:
    """All looks so far. Start with `begin`, go on with `look`; neither changes its argument."""

    snapshot: Snapshot  # the last look
    started: float  # when the first look was taken, UNIX seconds
    looks: int
    tracks: Mapping[str, Track]  # by unit; those of the last look only
    ended: tuple[Track, ...]  # those of the look before that are gone
    counts: Mapping[Branch, tuple[int, ...]]  # one a look, oldest first, WINDOW at most
    arrivals: Mapping[Branch, tuple[int, ...]]  # beside them: how many are seen first
    times: tuple[float, ...]  # and when the looks were taken

    @property
    def now(self) -> float:
        """When the last look was taken, UNIX seconds."""
        return self.snapshot.taken_at

    def in_place(self, track: Track) -> float:
        """Seconds for which the unit is where it is now; at least, unless its wait knows."""
        runtime = track.unit.runtime
        if runtime is not None and runtime.how == "exact":
            return runtime.seconds
        return self.now - track.since

    def age(self, track: Track) -> float:
        """Seconds for which the unit is known to be there, seen or not; at least."""
        return self.now - track.there_by

    def is_new(self, track: Track) -> bool:
        """Whether the last look is the first that saw the unit."""
        return self.looks > 1 and track.first_seen == self.now

    def has_moved(self, track: Track) -> bool:
        """Whether the last look found the unit elsewhere than the one before."""
        return track.since == self.now > track.first_seen

    def growing(self) -> dict[Branch, tuple[int, ...]]:
        """The branches of which ever more units come and stay, with their counts.

        A service under load has now more units and now fewer: there, as many end as come. Where
        one leaks, few end, and of those that came at any time some are still there.
        """
        if len(self.times) <= _PARTS:
            return {}
        stayed: dict[Branch, set[int]] = {}
        place = {moment: number for number, moment in enumerate(self.times)}
        for track in self.tracks.values():
            if track.first_seen > self.times[0] and track.unit.kind in ("task", "green"):
                part = (place[track.first_seen] - 1) * _PARTS // (len(self.times) - 1)
                stayed.setdefault(branch_of(track.unit), set()).add(part)
        return {
            branch: self.counts[branch]
            for branch, parts in stayed.items()
            if len(parts) >= _PARTS - 1
            and _PARTS - 1 in parts
            and grows(self.counts[branch], sum(self.arrivals[branch][1:]))
        }


def begin(snapshot: Snapshot) -> Watch:
    """The watch that has looked once."""
    now = snapshot.taken_at
    tracks = {unit.id: _first(unit, now) for unit in snapshot.units}
    counts = {branch: (count,) for branch, count in _branches(snapshot).items()}
    return Watch(snapshot, now, 1, tracks, (), counts, counts, (now,))


def look(watch: Watch, snapshot: Snapshot) -> Watch:
    """``watch`` with one more look at the same process, a later one."""
    before = watch.tracks
    tracks = {
        unit.id: _follow(before.get(unit.id), unit, watch.snapshot, snapshot)
        for unit in snapshot.units
    }
    ended = tuple(
        track
        for identity, track in before.items()
        if identity not in tracks or not _same(track.unit, tracks[identity].unit)
    )
    looks = min(watch.looks, WINDOW - 1)
    present = _branches(snapshot)
    new = Counter(
        branch_of(track.unit)
        for track in tracks.values()
        if track.first_seen == snapshot.taken_at and track.unit.kind in ("task", "green")
    )
    counts, arrivals = {}, {}
    for branch in watch.counts.keys() | present.keys():
        earlier = watch.counts.get(branch, (0,) * looks)[-looks:]
        if any(earlier) or branch in present:
            counts[branch] = (*earlier, present.get(branch, 0))
            came = watch.arrivals.get(branch, (0,) * looks)[-looks:]
            arrivals[branch] = (*came, new.get(branch, 0))
    times = (*watch.times[-looks:], snapshot.taken_at)
    return Watch(snapshot, watch.started, watch.looks + 1, tracks, ended, counts, arrivals, times)


def observed(watch: Watch) -> Snapshot:
    """The last look, with a run time of how "observed" for each unit that had none.

    A unit that waits for no other one counts from when it was first found where it is, any
    other from when it was first seen. Units seen once have none still.
    """
    waiters = {edge.waiter for edge in watch.snapshot.edges}
    units = []
    for unit in watch.snapshot.units:
        track = watch.tracks[unit.id]
        start = track.first_seen if unit.id in waiters else track.since
        if unit.runtime is None and start < watch.now:
            unit = unit._replace(runtime=Runtime(watch.now - start, "observed"))
        units.append(unit)
    return watch.snapshot._replace(units=tuple(units))


def branch_of(unit: Unit) -> Branch:
    """What the unit is one of."""
    # A green thread whose code is all in libraries is still told apart from the others.
    calls = [frame for frame in unit.stack if frame.function != "GreenThread.main"]
    own = [frame for frame in calls if not is_library(frame)] or calls
    function = own[-1].function if own else unit.type
    if unit.spawned is not None:
        return Branch(unit.kind, function, f"{unit.spawned.file}:{unit.spawned.line}")
    return Branch(unit.kind, function, own[-1].file if own else "")


def grows(counts: tuple[int, ...], came: int) -> bool:
    """Whether ``counts``, oldest first, grow by more than chance, ``came`` having come meanwhile.

    What comes and goes at random varies by the square root of how many did: where nothing ends,
    it takes eight. A slower leak wants a longer watch.
    """
    more = counts[-1] - counts[0]
    ended = max(came - more, 0)
    return more > 0 and came >= _MOST_ENDED * ended and more**2 > _SIGNIFICANT**2 * (came + ended)


def _branches(snapshot: Snapshot) -> Counter[Branch]:
    return Counter(branch_of(unit) for unit in snapshot.units if unit.kind in ("task", "green"))


def _follow(track: Track | None, unit: Unit, before: Snapshot, snapshot: Snapshot) -> Track:
    now = snapshot.taken_at
    if track is None or not _same(track.unit, unit):
        return _first(unit, now)
    there_by = min(track.there_by, _there_by(unit, now))
    moved = unit.moving or _place(track.unit, before) != _place(unit, snapshot)
    if moved or _restarted(track.unit, unit, before, snapshot):
        return Track(unit, track.first_seen, now, track.moves + 1, there_by)
    return Track(unit, track.first_seen, track.since, track.moves, there_by)


def _first(unit: Unit, now: float) -> Track:
    return Track(unit, now, now, 0, _there_by(unit, now))


def _there_by(unit: Unit, now: float) -> float:
    return now - (unit.runtime.seconds if unit.runtime is not None else 0.0)


def _same(one: Unit, other: Unit) -> bool:
    """Whether both can be the same unit: addresses are used again."""
    if one.spawned is not None and other.spawned is not None:
        return one.spawned == other.spawned
    if (one.kind, one.type, one.name) != (other.kind, other.type, other.name):
        return False
    if not one.stack:  # not started, as far as the first look could tell
        return True
    root, later = one.stack[-1], other.stack[-1] if other.stack else None
    return later is not None and (root.function, root.file) == (later.function, later.file)


def _place(unit: Unit, snapshot: Snapshot) -> object:
    """Equal at two looks if nothing says that the unit ran in between."""
    wait = unit.wait
    return (
        unit.state,
        snapshot.marks.get(unit.id),
        [(frame.function, frame.file, frame.line) for frame in unit.stack],
        wait and (wait.on, wait.object, wait.fd, wait.mode, wait.peer, wait.seconds_total),
    )


def _restarted(one: Unit, other: Unit, before: Snapshot, snapshot: Snapshot) -> bool:
    """Whether the same wait began anew, as a loop of sleeps does: its deadline is another."""
    if one.wait is None or other.wait is None:
        return False
    if one.wait.seconds_left is None or other.wait.seconds_left is None:
        return one.wait.seconds_left is not other.wait.seconds_left
    was = before.taken_at + one.wait.seconds_left
    now = snapshot.taken_at + other.wait.seconds_left
    # A snapshot has one time, but its units were read while the capture went on.
    captures = before.completeness.capture_ms + snapshot.completeness.capture_ms
    return abs(now - was) > _SLACK + captures / 1000
