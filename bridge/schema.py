"""The JSON document: the same graph as the text, in a shape that keeps its promises.

``docs/schema/snapshot.schema.json`` is the contract; fields are added freely, renamed or
dropped only with a new ``format_version``.
"""

from __future__ import annotations

import json
import math
import platform
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from bridge import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bridge.graph import Graph
    from inspector.snapshot import Frame, Snapshot, Thread, Unit, Wait

FORMAT = "eventlet-migrate/snapshot"
FORMAT_VERSION = 1

_AT_ONCE = 100  # items written together: an encoder is made for each call


def chunks(graphs: Sequence[Graph], version: str, show_secrets: bool = False) -> Iterator[str]:
    """The document as ASCII text, a piece at a time.

    ``version`` is the tool's. A document of several processes carries the first one's time.
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
    yield _dump(head)[:-1] + ', "processes": ['
    for place, graph in enumerate(graphs):
        snapshot = graph.snapshot
        yield (",\n" if place else "\n") + _dump(writer.process(snapshot))[:-1]
        yield from _array("threads", map(writer.thread, snapshot.threads))
        yield from _array("units", map(writer.unit, snapshot.units))
        edges = {id(edge): edge for edges in graph.waits_for.values() for edge in edges}
        yield from _array(
            "edges",
            (
                {"waiter": edge.waiter, "target": edge.target, "via": edge.via}
                for edge in edges.values()
            ),
        )
        yield from _array("cycles", graph.cycles)
        yield "}"
    yield "\n]}\n"


def _array(name: str, items: Iterable[object]) -> Iterator[str]:
    yield f',\n "{name}": ['
    separator = "\n  "
    rest = iter(items)
    while batch := list(islice(rest, _AT_ONCE)):
        yield separator + _dump(batch)[1:-1]
        separator = ",\n  "
    yield "]"


def _dump(value: object) -> str:
    text = json.dumps(value, allow_nan=False)
    # Only characters outside of the basic plane and lone surrogates are written so.
    return json.dumps(_valid(value), allow_nan=False) if r"\ud" in text else text


def _valid(value: object) -> object:
    r"""``value`` with each lone surrogate, no Unicode, as the six characters ``\udc80``."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_valid(item) for item in value]
    if isinstance(value, dict):
        return {_valid(name): _valid(item) for name, item in value.items()}
    return value


def _number(value: float | None) -> float | None:
    """``value`` to the microsecond; None for what JSON cannot say (infinity, NaN)."""
    return None if value is None or not math.isfinite(value) else round(value, 6)


class _Writer:
    """Snapshot values as JSON values."""

    def __init__(self, show_secrets: bool) -> None:
        self._show_secrets = show_secrets

    def process(self, snapshot: Snapshot) -> dict[str, Any]:
        """All about the process that is not a list."""
        facts = snapshot.completeness
        return {
            "pid": snapshot.pid,
            "ppid": snapshot.ppid,
            "command": self._phrase(snapshot.command),
            "python": snapshot.python,
            "greenlet": snapshot.greenlet,
            "eventlet": snapshot.eventlet,
            "hub": snapshot.hub,
            "completeness": {
                "complete": facts.complete,
                "units_read": facts.units_read,
                "units_moving": facts.units_moving,
                "units_failed": facts.units_failed,
                "retries": facts.retries,
                "frozen": facts.frozen,
                "capture_ms": _number(facts.capture_ms),
                "notes": list(facts.notes),
            },
        }

    def thread(self, thread: Thread) -> dict[str, Any]:
        """One OS thread."""
        return {
            "tid": thread.tid,
            "name": thread.name,
            "holds_gil": thread.holds_gil,
            "current_task": thread.current_task,
            "current_greenlet": thread.current_greenlet,
            "state": thread.state,
            "system_call": thread.system_call,
            "stack": [self._frame(frame) for frame in thread.stack],
        }

    def unit(self, unit: Unit) -> dict[str, Any]:
        """One task or greenlet."""
        runtime, spawned = unit.runtime, unit.spawned
        return {
            "id": unit.id,
            "kind": unit.kind,
            "type": unit.type,
            "name": unit.name,
            "tid": unit.tid,
            "state": unit.state,
            "moving": unit.moving,
            "stack": [self._frame(frame) for frame in unit.stack],
            "inside": unit.inside,
            "wait": self._wait(unit.wait),
            "runtime": runtime and {"seconds": _number(runtime.seconds), "how": runtime.how},
            "spawned": spawned
            and {
                "file": spawned.file,
                "line": spawned.line,
                "by": spawned.by,
                "at": _number(spawned.at),
            },
        }

    def _frame(self, frame: Frame) -> dict[str, Any]:
        args = frame.args
        if args is not None and not self._show_secrets:
            args = redact.arguments(args)
        return {
            "function": frame.function,
            "file": frame.file,
            "line": frame.line,
            "args": args and dict(args),
            "coroutine": frame.coroutine,
        }

    def _wait(self, wait: Wait | None) -> dict[str, Any] | None:
        if wait is None:
            return None
        return {
            "on": wait.on,
            "text": self._phrase(wait.text),
            "seconds_left": _number(wait.seconds_left),
            "seconds_total": _number(wait.seconds_total),
            "fd": wait.fd,
            "mode": wait.mode,
            "peer": wait.peer,
            "object": None if wait.object is None else hex(wait.object),
            "waiters": wait.waiters,
        }

    def _phrase(self, text: str) -> str:
        return text if self._show_secrets else redact.text(text)
