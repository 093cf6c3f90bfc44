"""Who cannot go on: circles, waits that nobody can end, and leaves that do not move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge import graph, words
from bridge.checks.seen import SHOWN, Case, about, article, count, least, own_frame, stack, title
from inspector.edges import LATER
from inspector.waits.futures import NEVER_DONE
from inspector.waits.reason import RESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.checks.seen import Seen
    from inspector.snapshot import Unit

_SERVERS = ("listening", "bound to")  # sockets that anybody may send something to


def deadlocks(seen: Seen) -> Iterator[Case]:
    """Cycles that stood still since an earlier look."""
    for path in seen.deadlocks:
        units = tuple(seen.graph.units[identity] for identity in path[:-1])
        lines = []
        for unit, target in zip(units, path[1:], strict=True):
            edges = seen.graph.waits_for.get(unit.id, ())
            via = next((edge.via for edge in edges if edge.target == target), "awaits")
            other = title(seen.graph.units[target])
            lines += [f"{title(unit)}:", f"  waits for {other} ({via})", *stack(unit)]
        names = " -> ".join(seen.graph.units[identity].name for identity in path)
        lines.append(f"path: {names}")
        message = f"deadlock of {count(len(units), 'unit')}: {names}"
        yield Case(message, tuple(lines), units, least(seen, units), own_frame(units[0]))


def _caught(seen: Seen) -> dict[str, str]:
    """Who cannot go on because of a deadlock, and whom it waits for; nobody for those in one."""
    found, waits_for = seen.graph, seen.graph.waits_for
    knots = {found.knots[path[0]] for path in seen.deadlocks}
    caught = {unit: "" for unit, knot in found.knots.items() if knot in knots}
    pending = list(caught)
    while pending:
        target = pending.pop()
        for edge in found.awaited_by.get(target, ()):
            waiter = found.units[edge.waiter]
            if waiter.id in caught or edge.via == LATER or seen.may_leave(waiter):
                continue
            others = (other.target for other in waits_for[waiter.id])
            if edge.via not in graph.ANY_OF or all(other in caught for other in others):
                caught[waiter.id] = target
                pending.append(waiter.id)
    return caught


def hopeless(seen: Seen) -> Iterator[Case]:
    """Who waits for what a deadlock holds, or for what nobody can complete."""
    caught = _caught(seen)
    for identity, target in caught.items():
        unit = seen.graph.units[identity]
        if target:
            other = seen.graph.units[target]
            message = f"{title(unit)} waits for {title(other)}, which a deadlock holds"
            yield about(unit, message, least(seen, (unit,)))
    for unit in seen.work:
        if unit.wait is None or unit.moving or not seen.is_leaf(unit):
            continue
        track = seen.watch.tracks[unit.id]
        stands = track.since < seen.watch.now
        once = seen.watch.looks == 1
        never = unit.wait.text == NEVER_DONE
        noun = "future" if never else unit.wait.on
        lost = never or unit.id in seen.watch.snapshot.orphans
        if lost and (stands or once) and not (seen.keeps_running(unit) or seen.may_leave(unit)):
            message = f"{title(unit)} waits for {article(noun)} {noun} that nobody else refers to"
            yield about(unit, message, least(seen, (unit,)))
        if unit.wait.on not in ("task", "green"):
            continue
        if stands:
            message = f"{title(unit)} waits for a {unit.wait.on} that is not there any more"
            yield about(unit, message, seen.watch.in_place(track))


def stuck(seen: Seen) -> Iterator[Case]:
    """Leaves that have not moved for longer than the limit, alike ones together."""
    groups: dict[tuple[str, str], list[Unit]] = {}
    for unit in seen.work:
        # Of one in code that is compiled nothing is known, not even a frame.
        if not unit.stack or not seen.is_leaf(unit):
            continue
        if _is_at_rest(seen, unit) or seen.keeps_running(unit):
            continue
        if seen.watch.in_place(seen.watch.tracks[unit.id]) >= seen.limits.stuck:
            place = own_frame(unit)
            groups.setdefault((words.state(unit), place.function if place else ""), []).append(unit)
    for (state, function), units in groups.items():
        first = units[0]
        seconds = min(seen.watch.in_place(seen.watch.tracks[unit.id]) for unit in units)
        alone = len(units) == 1
        who = f"{title(first)} has" if alone else f"{len(units)} units in {function} have"
        message = f"{who} not moved for at least {words.seconds(seconds)}: {state}"
        yield Case(message, tuple(stack(first)), tuple(units), seconds, own_frame(first))


def _is_at_rest(seen: Seen, unit: Unit) -> bool:
    """Whether it does not move as nobody has anything for it: no work, no client, no timer."""
    wait = unit.wait
    if _is_of_hub(seen, unit):
        return True
    if wait is None:
        return False
    peer = wait.peer or ""
    if peer.startswith(_SERVERS) or (wait.mode == "read" and peer in seen.facts.clients):
        return True
    if wait.on in ("event", "condition") and wait.seconds_left is not None:
        return True  # it looks after something from time to time, unless it is told to do so
    return wait.on == "sleep" or wait.text.startswith(RESTS)


def _is_of_hub(seen: Seen, unit: Unit) -> bool:
    """Whether it is the task in which Eventlet's asyncio hub runs: a coroutine of its own."""
    hub = seen.hubs.get(unit.tid)
    if hub is None or not hub.stack or not unit.stack or unit.kind != "task":
        return False
    outer, own = unit.stack[-1], hub.stack[-1]
    return outer.file == own.file and outer.function.startswith(f"{own.function}.<locals>.")


def readers(seen: Seen) -> Iterator[Case]:
    """Several units that wait for one descriptor in the same direction."""
    waiting: dict[tuple[int, str | None], list[Unit]] = {}
    for unit in seen.work:
        wait = unit.wait
        if wait is not None and wait.fd is not None and wait.on == "fd":
            waiting.setdefault((wait.fd, wait.mode), []).append(unit)
    for (number, mode), units in waiting.items():
        if len(units) > 1:
            yield Case(
                f"{len(units)} units wait to {mode or 'use'} file descriptor {number}",
                tuple(text for unit in units[:SHOWN] for text in (title(unit), *stack(unit))),
                tuple(units),
                None,
                own_frame(units[0]),
            )
