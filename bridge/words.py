"""How units, frames and states read, in every view."""

from __future__ import annotations

from bridge import redact
from bridge.escape import clean
from inspector.snapshot import Frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.graph import Graph
    from bridge.style import Style
    from inspector.snapshot import Completeness, Kind, Unit

# A thread's hub is a greenlet as well: its glyph and kind in text are a green thread's.
GLYPHS: dict[Kind, str] = {"task": "(T)", "green": "(G)", "hub": "(G)", "main": "(M)"}
KINDS: dict[Kind, str] = {"task": "task", "green": "green", "hub": "green", "main": "thread"}

_LIBRARY_FOLDERS = ("/site-packages/", "/dist-packages/", "/lib/python", "/lib64/python")


def address(unit: Unit) -> str:
    """The unit's address, "0x7f..", or "-" for a thread that has none."""
    world, _, where = unit.id.partition(":")
    return "-" if world == "thread" else where


def state(unit: Unit) -> str:
    """What the unit does now, in a phrase: what it waits on, or its state. Not escaped."""
    if unit.wait is not None and unit.state != "runnable":
        phrase = redact.text(unit.wait.text) or unit.wait.on
    else:
        phrase = unit.state.replace("_", " ")
    return f"{phrase}, moving" if unit.moving else phrase


def doing(graph: Graph, unit: Unit) -> str:
    """`state`, of what runs with the system call in which its thread is. Not escaped."""
    call = graph.calls.get(unit.id) if unit.state == "running" else None
    return f"{state(unit)}, in {call}" if call else state(unit)


def waits_on(graph: Graph, unit: Unit) -> str:
    """What keeps the unit, said on its own: its state, whom it waits for, or "unknown"."""
    if unit.wait is not None or unit.state != "waiting" or unit.id.startswith("thread:"):
        return doing(graph, unit)
    targets = dict.fromkeys(edge.target for edge in graph.waits_for.get(unit.id, ()))
    units = (graph.units[target] for target in targets)
    return ", ".join(f"{KINDS[target.kind]} {target.name}" for target in units) or "unknown"


def seconds(value: float) -> str:
    """A duration as the guide writes it: "3.2 s"."""
    return f"{value:.1f} s"


def runtime(unit: Unit) -> str:
    """How long the unit lives: "12.4s" when known, ">=12.4s" when only watched so long."""
    if unit.runtime is None:
        return ""
    return f"{'>=' if unit.runtime.how == 'observed' else ''}{unit.runtime.seconds:.1f}s"


def is_library(frame: Frame) -> bool:
    """Whether the frame is of the standard library or an installed distribution."""
    file = frame.file
    return file.startswith("<frozen ") or any(folder in file for folder in _LIBRARY_FOLDERS)


def location(frame: Frame, short: bool = False) -> str:
    """``file:line``; a library's file from its package on, ``short`` without folders."""
    file = frame.file.rpartition("/")[2] if short else _from_its_package(frame.file)
    return f"{file}:{frame.line}" if frame.line else file


def _from_its_package(file: str) -> str:
    for folder in _LIBRARY_FOLDERS:
        _, found, inner = file.rpartition(folder)
        if found:
            # "/lib/python3.14/asyncio/tasks.py" -> "asyncio/tasks.py"
            return inner if folder.endswith("-packages/") else inner.partition("/")[2]
    return file


def spawned(graph: Graph, unit: Unit) -> str:
    """``file:line by NAME`` where the unit was born, "" where that was not recorded."""
    birth = unit.spawned
    if birth is None:
        return ""
    place = location(Frame("", birth.file, birth.line))
    parent = graph.units.get(birth.by or "")
    return f"{place} by {parent.name}" if parent else place


def calls(stack: Sequence[Frame], show_secrets: bool = False) -> list[str]:
    """Each frame as ``function('first', second=2)``. Not escaped."""
    args = [frame.args for frame in stack] if show_secrets else redact.stack(stack)
    return [_call(frame.function, given) for frame, given in zip(stack, args, strict=True)]


def _call(function: str, args: Mapping[str, str] | None) -> str:
    """The first argument by place, the others by name.

    A method's own object says nothing that its qualified name does not.
    """
    if args is None:
        return function
    values = [f"{name}={value}" for name, value in args.items() if name not in ("self", "cls")]
    if values:
        values[0] = values[0].partition("=")[2]
    return f"{function}({', '.join(values)})"


def cycle(graph: Graph, path: Sequence[str], style: Style) -> str:
    """A cycle's path with its start repeated, safe for ``style``."""
    units = (graph.units[identity] for identity in path)
    return style.arrow.join(f"{GLYPHS[unit.kind]} {style.text(unit.name) or '-'}" for unit in units)


def completeness(facts: Completeness) -> str:
    """How much of the truth was read, in one line; the empty string when all of it."""
    if facts.complete:
        return ""
    total = facts.units_read + facts.units_failed
    parts = [
        f"{facts.units_read:,} of {total:,} units read",
        f"{facts.units_moving:,} moved meanwhile",
        f"{facts.retries:,} {'retry' if facts.retries == 1 else 'retries'}",
        *(clean(note) for note in facts.notes),
    ]
    changed = facts.units_moving or facts.units_failed or facts.restless
    advice = " (--freeze gives an exact picture)" if changed and not facts.frozen else ""
    return f"not complete: {', '.join(parts)}{advice}"
