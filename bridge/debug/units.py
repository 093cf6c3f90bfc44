"""Every green thread and every task of this process as lines, each with its stack."""

from __future__ import annotations

import gc
import io
import sys
import traceback
from typing import Any

from .loops import every_loop


def format_green_threads() -> list[str]:
    """Lines: the greenlets that are alive, those of every OS thread. None without greenlet."""
    if "greenlet" not in sys.modules:
        return []
    from greenlet import getcurrent, greenlet

    lines = ["GREEN THREADS:"]
    current = getcurrent()
    for unit in gc.get_objects():
        # type(), not isinstance(): a proxy's __class__ may run code.
        if issubclass(type(unit), greenlet) and not unit.dead:
            lines.append(repr(unit))
            lines += _stack(sys._getframe(1) if unit is current else unit.gr_frame)
    return lines


def format_tasks() -> list[str]:
    """Lines: the tasks of every loop. None before asyncio is imported."""
    if "asyncio" not in sys.modules:
        return []
    import asyncio

    lines = ["TASKS:"]
    for loop in every_loop():
        for task in asyncio.all_tasks(loop):
            text = io.StringIO()
            task.print_stack(file=text)
            lines += [repr(task), *text.getvalue().splitlines()]
    return lines


def _stack(frame: Any) -> list[str]:
    """The frame's stack, outermost first; empty for one that did not start."""
    return "".join(traceback.format_stack(frame)).splitlines() if frame is not None else []
