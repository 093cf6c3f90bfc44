"""Loops and hubs that do not turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge import words
from bridge.checks.seen import Case, frames, title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bridge.checks.seen import Seen
    from inspector.snapshot import Unit

_FEWEST_LOOKS = 3  # that must agree before a loop is said to be blocked


def stopped(seen: Seen) -> Iterator[Case]:
    """A process that a signal or a tracer has stopped: nothing in it moves."""
    if seen.facts.stopped:
        units = tuple(seen.graph.units.values())
        yield Case("the process is stopped: nothing in it runs", (), units)


def _blocked(seen: Seen) -> Iterator[tuple[str, Case]]:
    if seen.facts.stopped:
        return  # that is what keeps the loop, and no unit
    for beat in seen.pulse.held(_FEWEST_LOOKS):
        unit = seen.graph.units.get(beat.unit or "")
        if unit and unit.kind == "main" and not any(one.tid == beat.tid for one in seen.work):
            continue  # as while a program starts: there is nobody whom it keeps waiting
        units = (unit,) if unit else tuple(_main(seen, beat.tid))
        who = title(unit) if unit else "a callback"
        loop = "hub" if beat.hub else "event loop"
        how = "asleep in a system call" if beat.asleep else "running"
        inner = beat.stack[0]
        turn = f"; the {loop}'s present turn began {words.seconds(beat.turn or 0)} ago"
        lines = (
            f"thread {beat.tid}: {who}, {how}, at all of {beat.looks} looks"
            + (turn if beat.turn is not None else ""),
            *frames(beat.stack),
        )
        code = "blocking-call" if beat.hub and beat.asleep and unit else "blocked-loop"
        message = (
            f"{who} keeps the {loop} of thread {beat.tid} from running for at least "
            f"{words.seconds(beat.seconds)}, in {inner.function}"
        )
        yield code, Case(message, lines, units, beat.seconds, inner)


def of_kind(code: str) -> Callable[[Seen], Iterator[Case]]:
    """The check for loops that do not turn which finds those of one rule."""
    return lambda seen: (case for found, case in _blocked(seen) if found == code)


def _main(seen: Seen, tid: int) -> Iterable[Unit]:
    """What stands for a thread: its main stack, else any unit of it."""
    own = [unit for unit in seen.graph.units.values() if unit.tid == tid]
    return [unit for unit in own if unit.kind == "main"][:1] or own[:1]
