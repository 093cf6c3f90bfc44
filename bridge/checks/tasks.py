"""What nobody knows of tasks: their names, their ends, their exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge import redact, words
from bridge.checks.seen import SHOWN, Case, count, is_main, line, own_frame, stack
from inspector.snapshot import Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.checks.seen import Seen
    from inspector.snapshot import Frame, Unretrieved


def unnamed(seen: Seen) -> Iterator[Case]:
    """Tasks that have only the name that asyncio gave them."""
    units = tuple(
        unit
        for unit in seen.work
        if unit.kind == "task"
        and unit.name.startswith("Task-")
        and unit.name[5:].isdecimal()
        and not is_main(unit)
        and not any(_waits_for_its_own(awaiter) for awaiter in seen.graph.awaiters(unit.id))
    )
    yield from _if_any(units, "without a name")


def _waits_for_its_own(unit: Unit) -> bool:
    """Whether it is in ``asyncio.wait_for``, which makes a task of a coroutine until 3.11."""
    if not unit.stack:
        return False
    innermost = unit.stack[0]
    return innermost.function == "wait_for" and words.is_library(innermost)


def unretrieved(seen: Seen) -> Iterator[Case]:
    """What was so at all looks: whoever waits for it had the time in between to ask."""
    if not seen.ended:
        return
    looks = [{(one.id, one.text): one for one in look.unretrieved or ()} for look in seen.ended]
    groups: dict[tuple[str, Frame | None], list[Unretrieved]] = {}
    for key, one in looks[-1].items():
        if all(key in look for look in looks):
            place = next((frame for frame in one.stack if not words.is_library(frame)), None)
            groups.setdefault((one.exception, place), []).append(one)
    seconds = seen.ended[-1].taken_at - seen.ended[0].taken_at
    for (exception, place), members in groups.items():
        # They are no units any more, but filters and reports know them by the same traits.
        units = tuple(
            Unit(one.id, "task", one.type, one.name, None, "waiting", one.stack) for one in members
        )
        tasks = sum(one.id.startswith("task:") for one in members)
        counts = ((tasks, "task"), (len(members) - tasks, "future"))
        what = " and ".join(count(number, noun) for number, noun in counts if number)
        at = f" at {words.location(place)}" if place else ""
        names = [f"{one.name or one.type} ({one.id.partition(':')[2]})" for one in members]
        said = [
            f"{name}: {one.exception}: {redact.text(one.text)}"
            for name, one in zip(names, members, strict=True)
        ]
        more = [f"... {len(members) - SHOWN:,} more"] * (len(members) > SHOWN)
        yield Case(
            f"{what} ended with {exception}{at}, and nobody has asked for it",
            (*said[:SHOWN], *more, *stack(units[0])),
            units,
            seconds or None,
            place or own_frame(units[0]),
        )


def unawaited(seen: Seen) -> Iterator[Case]:
    """Tasks that no unit waits for."""
    units = tuple(
        unit
        for unit in seen.work
        if unit.kind == "task" and unit.id not in seen.graph.awaited_by and not is_main(unit)
    )
    yield from _if_any(units, "that nobody awaits")


def _if_any(units: tuple[Unit, ...], what: str) -> Iterator[Case]:
    """One finding for all these tasks, where there are any."""
    if units:
        message = f"{count(len(units), 'task')} {what}"
        lines = tuple(line(unit) for unit in units[:SHOWN])
        yield Case(message, lines, units, None, own_frame(units[0]))
