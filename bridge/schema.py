"""The JSON document: the same graph as the text, in a shape that keeps its promises.

``docs/schema/snapshot.schema.json`` is the contract; fields are added freely, renamed or
dropped only with a new ``format_version``. It is put together as text: to make dictionaries
of ten thousand units, and those into text, takes twice as long.
"""

from __future__ import annotations

import json
import math
import platform
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain, islice
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING

from bridge import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bridge.graph import Graph
    from inspector.snapshot import Edge, Frame, Snapshot, Spawned, Thread, Unit, Wait

FORMAT = "eventlet-migrate/snapshot"
FORMAT_VERSION = 1

_AT_ONCE = 100  # items written together


def chunks(
    graphs: Sequence[Graph],
    version: str,
    show_secrets: bool = False,
    chosen: Sequence[Sequence[Unit]] | None = None,
) -> Iterator[str]:
    """The document as ASCII text, a piece at a time.

    ``version`` is the tool's. A document of several processes carries the first one's time.
    ``chosen`` are the units to tell of in each process, all of them by default; edges are then
    those from or to one of them.
    """
    first = min((graph.snapshot.taken_at for graph in graphs), default=0.0)
    moment = datetime.fromtimestamp(first, UTC).isoformat(timespec="milliseconds")
    head = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "tool": {"version": version, "python": platform.python_version()},
        "taken_at": moment.replace("+00:00", "Z"),
    }
    writer = _Writer(show_secrets)
    yield json.dumps(head)[:-1] + ', "processes": ['
    for place, graph in enumerate(graphs):
        snapshot = graph.snapshot
        yield (",\n" if place else "\n") + "{" + writer.process(snapshot)
        yield from _array("threads", map(writer.thread, snapshot.threads))
        units: Iterable[Unit] = snapshot.units
        edges: Iterable[Edge] = chain.from_iterable(graph.waits_for.values())
        later: Iterable[Edge] = chain.from_iterable(graph.awaits_later.values())
        if chosen is not None:
            own = {unit.id for unit in snapshot.units}  # others are in "threads"
            units = [unit for unit in chosen[place] if unit.id in own]
            ids = {unit.id for unit in units}
            edges, later = _touching(edges, ids), _touching(later, ids)
        yield from _array("units", map(writer.unit, units))
        yield from _array("edges", map(_edge, edges))
        yield from _array("awaits_later", map(_edge, later))
        yield from _array("cycles", (f"[{', '.join(map(_text, path))}]" for path in graph.cycles))
        yield "}"
    yield "\n]}\n"


def _touching(edges: Iterable[Edge], ids: set[str]) -> Iterator[Edge]:
    return (edge for edge in edges if edge.waiter in ids or edge.target in ids)


def _array(name: str, items: Iterable[str]) -> Iterator[str]:
    yield f',\n "{name}": ['
    separator = "\n  "
    rest = iter(items)
    while batch := list(islice(rest, _AT_ONCE)):
        yield separator + ", ".join(batch)
        separator = ",\n  "
    yield "]"


def _text(value: str | None) -> str:
    r"""A string or null. A lone surrogate, no Unicode, is the six characters ``\udc80``."""
    if value is None:
        return "null"
    if not value.isascii():
        value = value.encode("utf-8", "backslashreplace").decode()
    return encode_basestring_ascii(value)


# For what is the same in thousands of units: kinds, types, names of arguments.
_word = lru_cache(4096)(_text)


def _flag(value: bool | None) -> str:
    return "null" if value is None else "true" if value else "false"


def _whole(value: int | None) -> str:
    return "null" if value is None else str(value)


def _number(value: float | None) -> str:
    """``value`` to the microsecond; null for what JSON cannot say (infinity, NaN)."""
    if value is None or not math.isfinite(value):
        return "null"
    digits = f"{value:.6f}".rstrip("0")  # round() takes twice as long
    return digits + "0" if digits[-1] == "." else digits


def _edge(edge: Edge) -> str:
    target = _text(edge.target)
    return f'{{"waiter": {_text(edge.waiter)}, "target": {target}, "via": {_word(edge.via)}}}'


@lru_cache(4096)
def _place(function: str, file: str, line: int) -> str:
    return f'"function": {_text(function)}, "file": {_text(file)}, "line": {line}'


def _frame(frame: Frame, args: Mapping[str, str] | None) -> str:
    place = _place(frame.function, frame.file, frame.line)
    shown = "null"
    if args is not None:
        pairs = [f"{_word(name)}: {_text(value)}" for name, value in args.items()]
        shown = f"{{{', '.join(pairs)}}}"
    return f'{{{place}, "args": {shown}, "coroutine": {_flag(frame.coroutine)}}}'


def _spawned(spawned: Spawned | None) -> str:
    if spawned is None:
        return "null"
    return (
        f'{{"file": {_text(spawned.file)}, "line": {spawned.line}, "by": {_text(spawned.by)}, '
        f'"at": {_number(spawned.at)}}}'
    )


class _Writer:
    """Snapshot values as JSON text."""

    def __init__(self, show_secrets: bool) -> None:
        self._show_secrets = show_secrets

    def process(self, snapshot: Snapshot) -> str:
        """All about the process that is not a list: the members of an object."""
        facts = snapshot.completeness
        return (
            f'"pid": {snapshot.pid}, "ppid": {snapshot.ppid}, '
            f'"command": {self._phrase(snapshot.command)}, "python": {_text(snapshot.python)}, '
            f'"greenlet": {_text(snapshot.greenlet)}, "eventlet": {_text(snapshot.eventlet)}, '
            f'"hub": {_text(snapshot.hub)}, '
            f'"completeness": {{"complete": {_flag(facts.complete)}, '
            f'"units_read": {facts.units_read}, "units_moving": {facts.units_moving}, '
            f'"units_failed": {facts.units_failed}, "retries": {facts.retries}, '
            f'"frozen": {_flag(facts.frozen)}, "capture_ms": {_number(facts.capture_ms)}, '
            f'"notes": [{", ".join(map(_text, facts.notes))}]}}'
        )

    def thread(self, thread: Thread) -> str:
        """One OS thread."""
        return (
            f'{{"tid": {thread.tid}, "name": {_text(thread.name)}, '
            f'"holds_gil": {_flag(thread.holds_gil)}, '
            f'"current_task": {_text(thread.current_task)}, '
            f'"current_greenlet": {_text(thread.current_greenlet)}, '
            f'"state": {_text(thread.state)}, "system_call": {_text(thread.system_call)}, '
            f'"stack": {self._stack(thread.stack)}}}'
        )

    def unit(self, unit: Unit) -> str:
        """One task or greenlet."""
        runtime = "null"
        if unit.runtime:
            seconds, how = unit.runtime
            runtime = f'{{"seconds": {_number(seconds)}, "how": {_word(how)}}}'
        return (
            f'{{"id": {_text(unit.id)}, "kind": {_word(unit.kind)}, "type": {_word(unit.type)}, '
            f'"name": {_text(unit.name)}, "tid": {_whole(unit.tid)}, '
            f'"state": {_word(unit.state)}, "moving": {_flag(unit.moving)}, '
            f'"stack": {self._stack(unit.stack)}, "inside": {_text(unit.inside)}, '
            f'"wait": {self._wait(unit.wait)}, "runtime": {runtime}, '
            f'"spawned": {_spawned(unit.spawned)}}}'
        )

    def _stack(self, stack: Sequence[Frame]) -> str:
        args = [frame.args for frame in stack] if self._show_secrets else redact.stack(stack)
        return f"[{', '.join(map(_frame, stack, args))}]"

    def _wait(self, wait: Wait | None) -> str:
        if wait is None:
            return "null"
        address = "null" if wait.object is None else f'"{wait.object:#x}"'
        return (
            f'{{"on": {_word(wait.on)}, "text": {self._phrase(wait.text)}, '
            f'"seconds_left": {_number(wait.seconds_left)}, '
            f'"seconds_total": {_number(wait.seconds_total)}, "fd": {_whole(wait.fd)}, '
            f'"mode": {_word(wait.mode)}, "peer": {_text(wait.peer)}, "object": {address}, '
            f'"waiters": {_whole(wait.waiters)}}}'
        )

    def _phrase(self, text: str) -> str:
        return _text(text if self._show_secrets else redact.text(text))
