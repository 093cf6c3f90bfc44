"""The calling process, seen by itself: for code that wants to log what it is doing.

The process reads its own memory as it would another's, so the picture, the text and what is
supported are those of the commands. Nothing is locked, waited for or switched: it may be
called from a green thread, a coroutine, a plain thread or a signal handler.
"""

from __future__ import annotations

import os
from _thread import get_native_id  # eventlet replaces what `threading` offers
from dataclasses import replace
from typing import TYPE_CHECKING

import inspector
from bridge import graph, table, tree
from inspector import capture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inspector.snapshot import Frame, Snapshot, Unit

_OWN_FOLDERS = tuple(
    os.path.join(os.path.dirname(os.path.abspath(file)), "")  # noqa: PTH100, PTH118, PTH120
    for file in (__file__, str(inspector.__file__))
)


def snapshot(*, args: bool = True) -> Snapshot:
    """What this process does now, the caller's stack ending where it called.

    Takes tens of milliseconds, and does not let other threads run in between more than
    file reads do. Raises UnsupportedPython on a build that cannot be read.
    """
    taken = capture.take(os.getpid(), capture.Options(args=args))
    thread = next((one for one in taken.threads if one.tid == get_native_id()), None)
    if thread is None:
        return taken
    current = {thread.current_task, thread.current_greenlet} - {None}
    units = tuple(_at_call(unit) if unit.id in current else unit for unit in taken.units)
    threads = tuple(
        replace(one, stack=_outside(one.stack)) if one is thread else one for one in taken.threads
    )
    moving = sum(unit.moving for unit in units)
    facts = taken.completeness
    facts = replace(
        facts,
        units_moving=moving,
        complete=not (moving or facts.units_failed or facts.notes),
    )
    return replace(taken, units=units, threads=threads, completeness=facts)


def format_ps(
    taken: Snapshot | None = None,
    *,
    columns: Sequence[str] = table.DEFAULT,
    stacks: bool = False,
    show_secrets: bool = False,
) -> str:
    """The table of ``migrate ps`` for ``taken``, by default for this process now."""
    one = graph.build(taken or snapshot())
    lines = table.lines(one, table.order(one), columns, stacks=stacks, show_secrets=show_secrets)
    return "\n".join(lines)


def format_pstree(
    taken: Snapshot | None = None,
    *,
    depth: int | None = None,
    args: bool = True,
    frames: bool = True,
    library: bool = True,
    group: bool | None = None,
    show_secrets: bool = False,
) -> str:
    """The tree of ``migrate pstree`` for ``taken``, by default for this process now."""
    options = tree.Options(depth, args, show_secrets, frames, library, group)
    return "\n".join(tree.lines(graph.build(taken or snapshot()), options))


def _at_call(unit: Unit) -> Unit:
    """The unit that looks at itself: it does not move while it does."""
    return replace(unit, stack=_outside(unit.stack), moving=False)


def _outside(stack: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """``stack`` without the innermost frames that are this project's own."""
    own = 0
    while own < len(stack) and stack[own].file.startswith(_OWN_FOLDERS):
        own += 1
    return stack[own:]
