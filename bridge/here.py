"""The calling process, seen by itself: for code that wants to log what it is doing.

The process reads its own memory as it would another's, so the picture, the text and what is
supported are those of the commands. Nothing is locked, waited for or switched: it may be
called from a green thread, a coroutine, a plain thread or a signal handler.
"""

from __future__ import annotations

import os
import sys
from _thread import get_native_id  # eventlet replaces what `threading` offers
from typing import TYPE_CHECKING

import inspector
from bridge import graph, table, tree
from inspector import capture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from inspector.snapshot import Snapshot

_OWN_FOLDERS = tuple(
    os.path.join(os.path.dirname(os.path.abspath(file)), "")  # noqa: PTH100, PTH118, PTH120
    for file in (__file__, str(inspector.__file__))
)


def snapshot(*, args: bool = True) -> Snapshot:
    """What this process does now, the caller's stack ending where it called.

    Takes some milliseconds, tens of them with a thousand units. Raises UnsupportedPython on
    a build that cannot be read, NotAllowed in a sandbox that does not let a process read itself
    (both are `inspector.errors.MigrateError`), and OSError where no file descriptor is left.
    """
    frame: FrameType | None = sys._getframe()
    while frame and frame.f_code.co_filename.startswith(_OWN_FOLDERS):
        frame = frame.f_back
    caller = None if frame is None else (get_native_id(), id(frame))
    return capture.take(os.getpid(), capture.Options(args=args, caller=caller))


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
