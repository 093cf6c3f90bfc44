"""Snapshots made by hand, for what no live process shows on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

from inspector.snapshot import Completeness, Edge, Frame, Snapshot, Thread, Unit, Wait

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def frame(function: str, file: str = "/srv/app/service.py", line: int = 7, **args: str) -> Frame:
    """A call with ``args`` as reprs."""
    return Frame(function, file, line, args, coroutine=True)


def task(name: str, *stack: Frame, **fields: Any) -> Unit:
    """A waiting task whose id is made of its name."""
    known = {"tid": 1, "state": "waiting", "type": "_asyncio.Task", **fields}
    return Unit(id=identity(name), kind="task", name=name, stack=stack, **known)


def green(name: str, *stack: Frame, **fields: Any) -> Unit:
    """A waiting green thread whose id is made of its name."""
    known = {"tid": 1, "state": "waiting", "kind": "green", "type": "greenlet", **fields}
    return Unit(id=identity(name, "green"), name=name, stack=stack, **known)


def identity(name: str, world: str = "task") -> str:
    """The id of `task` or `green` of that name."""
    number = crc32(name.encode("utf-8", "backslashreplace"))
    return f"{world}:{0x7F0000000000 + number:#x}"


def sleep(left: float) -> Wait:
    """A sleep with ``left`` seconds to go."""
    return Wait("sleep", f"sleeping, {left:.1f} s left", seconds_left=left)


def edges(waits: Mapping[str, Iterable[str]], via: str = "awaits") -> list[Edge]:
    """Edges between tasks by name."""
    return [
        Edge(identity(waiter), identity(target), via)
        for waiter, targets in waits.items()
        for target in targets
    ]


def snapshot(
    units: Iterable[Unit],
    waits: Iterable[Edge] = (),
    threads: Iterable[Thread] = (),
    **facts: Any,
) -> Snapshot:
    """A complete snapshot of these."""
    found = tuple(units)
    completeness = Completeness(
        **{
            "complete": True,
            "units_read": len(found),
            "units_moving": 0,
            "units_failed": 0,
            "retries": 0,
            "frozen": False,
            "capture_ms": 1.5,
            **facts,
        }
    )
    return Snapshot(
        pid=1,
        ppid=0,
        command="python service.py",
        python="3.14.8",
        greenlet=None,
        eventlet=None,
        hub=None,
        taken_at=1_795_383_600.0,
        completeness=completeness,
        threads=tuple(threads),
        units=found,
        edges=tuple(waits),
    )
