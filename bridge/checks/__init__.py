"""The checks of `bridge.health`: each looks for one ailment in what the looks have shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.checks import loops, numbers, tasks, waits
from bridge.checks.numbers import too_many
from bridge.checks.seen import Facts, Limits, Seen, count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.checks.seen import Case

__all__ = ["CHECKS", "Facts", "Limits", "Seen", "count", "too_many"]

CHECKS: dict[str, Callable[[Seen], Iterator[Case]]] = {
    "stopped": loops.stopped,
    "deadlock": waits.deadlocks,
    "never-completes": waits.hopeless,
    "blocked-loop": loops.of_kind("blocked-loop"),
    "blocking-call": loops.of_kind("blocking-call"),
    "stuck": waits.stuck,
    "growth": numbers.growing,
    "multiple-readers": waits.readers,
    "max-age": numbers.old,
    "max-units": numbers.many,
    "unnamed": tasks.unnamed,
    "never-retrieved": tasks.unretrieved,
    "not-awaited": tasks.unawaited,
}
