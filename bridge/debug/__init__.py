"""What rewritten code calls while Eventlet and asyncio both run.

Every name of ``eventlet.debug`` (0.33 to 0.41) with the same signature. Each acts on the
Eventlet hub of the calling thread exactly as before, and on the asyncio loops as well:
those that exist, and those made later, because real programs call these at start-up, when
no loop runs yet. The same holds the other way round: a call made before anything imported
Eventlet takes effect when it is imported.

Importing this module imports neither Eventlet nor asyncio. With Eventlet there, or once it
is, ``eventlet.debug`` is as well: ``import eventlet`` alone does not bring it, and code that
was not rewritten may rely on the import that was.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

from . import deferred, loops
from .spew import Spew, spew, unspew

__all__ = [
    "Spew",
    "format_asyncio_info",
    "format_hub_listeners",
    "format_hub_timers",
    "format_threads_info",
    "hub_blocking_detection",
    "hub_exceptions",
    "hub_listener_stacks",
    "hub_prevent_multiple_readers",
    "hub_timer_stacks",
    "spew",
    "tpool_exceptions",
    "unspew",
]


def hub_blocking_detection(state: bool = False, resolution: float = 1) -> None:
    """Report code that does not yield within ``resolution`` seconds.

    A green thread is interrupted by a RuntimeError at the blocking line (SIGALRM, so only in
    the main thread). A callback or a step of a task is logged as a warning by the logger
    ``asyncio`` after it returned. Raises AssertionError when ``resolution`` is not positive.
    """
    assert resolution > 0
    _on_hub("hub_blocking_detection", state, resolution)
    loops.debug_for("blocking", bool(state), slow_callback_duration=float(resolution))


def hub_listener_stacks(state: bool = False) -> None:
    """Record where listeners on file descriptors are registered, for `format_hub_listeners`."""
    _on_hub("hub_listener_stacks", state)
    loops.debug_for("listeners", bool(state))


def hub_timer_stacks(state: bool = False) -> None:
    """Record where timers are set, for `format_hub_timers`."""
    _on_hub("hub_timer_stacks", state)
    loops.debug_for("timers", bool(state))


def hub_exceptions(state: bool = True) -> None:
    """Print exceptions that nobody catches, or do not.

    On the loops, False replaces the default exception handler (never one that the program
    set) by one that logs at level DEBUG.
    """
    _on_hub("hub_exceptions", state)
    loops.report_exceptions(bool(state))


def tpool_exceptions(state: bool = False) -> None:
    """Print exceptions raised in Eventlet's OS threads, besides raising them in the caller.

    Nothing to do for asyncio: ``asyncio.to_thread`` delivers them to the awaiter.
    """
    _on_hub("tpool_exceptions", state)


def hub_prevent_multiple_readers(state: bool = True) -> None:
    """Refuse a second reader of one socket (the default), or allow it.

    Raises RuntimeError for False on Eventlet's asyncio hub: a loop has one reader for each
    descriptor. Give the socket one reader task and a queue instead.
    """
    _on_hub("hub_prevent_multiple_readers", state)


def format_hub_listeners() -> str:
    """The listeners of this thread's hub, then those of every asyncio loop."""
    lines = []
    if hub := _hub():
        lines += ["READERS:", *map(repr, hub.get_readers())]
        lines += ["WRITERS:", *map(repr, hub.get_writers())]
    return _joined(lines, loops.format_listeners())


def format_hub_timers() -> str:
    """The timers of this thread's hub, then those of every asyncio loop."""
    lines = []
    if hub := _hub():
        # A timer set since the hub last ran is not in the heap yet.
        lines += ["TIMERS:", *map(repr, [*hub.timers, *hub.next_timers])]
    return _joined(lines, loops.format_timers())


def format_threads_info() -> str:
    """The threads, the green threads and the tasks of this process, with their stacks."""
    import threading

    from . import units

    active = {thread.ident: thread for thread in threading.enumerate()}
    return _joined(["THREADS:", repr(active)], units.format_green_threads(), units.format_tasks())


def format_asyncio_info() -> str:
    """The tasks, the loops and the green threads of this process, with their stacks.

    Unlike Eventlet's, it needs no running loop.
    """
    from . import units

    return _joined(units.format_tasks(), loops.format_loops(), units.format_green_threads())


def _bring_module() -> None:
    import_module("eventlet.debug")


def _hub() -> Any:
    """Eventlet's hub of this thread, made now if need be; None while Eventlet is not loaded."""
    return import_module("eventlet.hubs").get_hub() if "eventlet" in sys.modules else None


def _on_hub(function: str, *arguments: object) -> None:
    """Do it as Eventlet does, now or as soon as Eventlet is there."""
    deferred.when_imported(
        "eventlet",
        function,
        lambda: getattr(import_module("eventlet.debug"), function)(*arguments),
    )


def _joined(*sections: list[str]) -> str:
    return os.linesep.join(line for section in sections for line in section)


deferred.when_imported("eventlet", "module", _bring_module)
