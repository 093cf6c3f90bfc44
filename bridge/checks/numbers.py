"""What there is too much of: growing branches, old units, many units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge import watch, words
from bridge.checks.seen import SHOWN, Case, own_frame, stack, title

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.checks.seen import Limits, Seen
    from inspector.snapshot import Unit


def growing(seen: Seen) -> Iterator[Case]:
    """Branches of which ever more units come and stay."""
    for branch, counts in seen.watch.growing().items():
        units = tuple(unit for unit in seen.work if watch.branch_of(unit) == branch)
        world = "tasks" if branch.kind == "task" else "green threads"
        numbers = ", ".join(map(str, counts))
        yield Case(
            f"ever more {world} in {branch.function}: {counts[0]} -> {counts[-1]}",
            (f"counts of {len(counts)} looks in {words.seconds(seen.span)}: {numbers}",
             f"from {branch.place}", *(stack(units[-1]) if units else ())),
            units,
            seen.span,
            own_frame(units[-1]) if units else None,
        )  # fmt: skip


def old(seen: Seen) -> Iterator[Case]:
    """Units older than the limit."""
    limit = seen.limits.max_age
    for unit in seen.work if limit is not None else ():
        track = seen.watch.tracks[unit.id]
        age = max(seen.watch.now - track.first_seen, unit.runtime.seconds if unit.runtime else 0.0)
        if unit.spawned is not None:
            age = seen.watch.now - unit.spawned.at
        if age > (limit or 0.0):
            yield Case(
                f"{title(unit)} is at least {words.seconds(age)} old",
                tuple(stack(unit)),
                (unit,),
                age,
                own_frame(unit),
            )


def many(seen: Seen) -> Iterator[Case]:
    """All units; whether they are too many is for `too_many` to say."""
    if seen.limits.max_units is not None:
        counts: dict[str, int] = {}
        for unit in seen.work:
            name = watch.branch_of(unit).function
            counts[name] = counts.get(name, 0) + 1
        most = sorted(counts.items(), key=lambda item: -item[1])[:SHOWN]
        yield Case("", tuple(f"{count:,} in {name}" for name, count in most), tuple(seen.work))


def too_many(units: Sequence[Unit], limits: Limits) -> bool:
    """Whether these are more than the limit on their number."""
    return limits.max_units is not None and len(units) > limits.max_units
