"""The asyncio half of `bridge.debug`: switches on every loop, and what loops hold."""

from __future__ import annotations

import functools
import gc
import sys
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from . import deferred

if TYPE_CHECKING:
    import traceback
    from asyncio import AbstractEventLoop, Handle
    from collections.abc import Callable, Iterable

_reasons: set[str] = set()  # why debug mode is wanted; empty: as the program had it
_slow_callback_duration: float | None = None
_quiet = False
# What each changed loop was before: (debug, slow_callback_duration).
_before: WeakKeyDictionary[AbstractEventLoop, tuple[bool, float]] = WeakKeyDictionary()

_NOT_SHOWN = "not shown: the loop keeps them to itself"  # uvloop's are in C


def debug_for(reason: str, state: bool, slow_callback_duration: float | None = None) -> None:
    """Debug mode on every loop while at least one reason holds.

    ``slow_callback_duration`` (seconds) stays asyncio's own unless given and ``state``.
    """
    global _slow_callback_duration
    (_reasons.add if state else _reasons.discard)(reason)
    if slow_callback_duration is not None:
        _slow_callback_duration = slow_callback_duration if state else None
    deferred.when_imported("asyncio", "loops", _spread)


def report_exceptions(state: bool) -> None:
    """Let loops report lost exceptions as usual, or only at level DEBUG."""
    global _quiet
    _quiet = not state
    deferred.when_imported("asyncio", "loops", _spread)


def every_loop() -> list[AbstractEventLoop]:
    """The loops of this process that are not closed, in any thread, running or not.

    asyncio keeps no list of them; the collector knows every container.
    """
    if "asyncio" not in sys.modules:
        return []
    from asyncio import AbstractEventLoop

    # type(), not isinstance(): a proxy's __class__ may run code.
    found = [o for o in gc.get_objects() if issubclass(type(o), AbstractEventLoop)]
    return [loop for loop in found if _usable(loop)]


def format_listeners() -> list[str]:
    """Lines: what each loop listens to; where it was registered when that was recorded."""
    lines = []
    for loop in every_loop():
        lines.append(f"LISTENERS OF {loop!r}:")
        if not hasattr(loop, "_selector"):
            lines.append(_NOT_SHOWN)
            continue
        watched = loop._selector and loop._selector.get_map()
        for key in list(watched.values()) if watched else []:
            for role, handle in zip(("read", "write"), key.data or (), strict=False):
                if handle is not None:
                    lines += [f"fd {key.fd} {role}: {handle!r}", *_stack_of(handle)]
    return lines


def format_timers() -> list[str]:
    """Lines: what each loop will call, and in how many seconds."""
    lines = []
    for loop in every_loop():
        lines.append(f"TIMERS OF {loop!r}:")
        if not hasattr(loop, "_scheduled"):
            lines.append(_NOT_SHOWN)
            continue
        now = loop.time()
        for handle in sorted(loop._scheduled, key=lambda timer: timer.when()):
            if not handle.cancelled():
                lines += [f"in {handle.when() - now:.3f} s: {handle!r}", *_stack_of(handle)]
    return lines


def format_loops() -> list[str]:
    """Lines: the loops."""
    return [f"EVENTLOOP: {loop!r}" for loop in every_loop()]


def _spread() -> None:
    """Make every loop follow the switches: those of now here, those to come as they are made."""
    _hook_new_loops()
    for loop in every_loop():
        _follow(loop)


def _hook_new_loops() -> None:
    """Apply the switches in the constructor of every class of loops, uvloop's too.

    ``PYTHONASYNCIODEBUG`` knows no threshold and reaches child processes; a policy is
    bypassed by ``loop_factory`` and gone in Python 3.16.
    """
    from asyncio import AbstractEventLoop

    if "__init_subclass__" in vars(AbstractEventLoop):
        return

    def __init_subclass__(cls: type[AbstractEventLoop], /, **kwargs: Any) -> None:  # noqa: N807
        super(AbstractEventLoop, cls).__init_subclass__(**kwargs)
        # What comes further down calls the constructor that is hooked.
        if AbstractEventLoop in cls.__bases__:
            _hook(cls)

    for kind in AbstractEventLoop.__subclasses__():
        _hook(kind)
    AbstractEventLoop.__init_subclass__ = classmethod(__init_subclass__)  # type: ignore[assignment]


def _hook(kind: Any) -> None:
    original: Callable[..., None] = kind.__init__

    @functools.wraps(original)
    def __init__(self: AbstractEventLoop, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        original(self, *args, **kwargs)
        if _usable(self):
            _follow(self)

    kind.__init__ = __init__


def _follow(loop: AbstractEventLoop) -> None:
    if _reasons:
        debug, duration = _before.setdefault(
            loop, (loop.get_debug(), getattr(loop, "slow_callback_duration", 0.1))
        )
        loop.set_debug(True)
        _set_duration(loop, _slow_callback_duration or duration)
    elif loop in _before:
        debug, duration = _before.pop(loop)
        loop.set_debug(debug)
        _set_duration(loop, duration)
    handler = loop.get_exception_handler()
    if _quiet and handler is None:
        loop.set_exception_handler(_log_quietly)
    elif not _quiet and handler is _log_quietly:
        loop.set_exception_handler(None)


def _set_duration(loop: AbstractEventLoop, seconds: float) -> None:
    loop.slow_callback_duration = seconds


def _log_quietly(_: AbstractEventLoop, context: dict[str, Any]) -> None:
    import logging

    logging.getLogger("asyncio").debug(
        "%s", context.get("message", "unhandled exception"), exc_info=context.get("exception")
    )


def _usable(loop: AbstractEventLoop) -> bool:
    try:
        loop.get_debug()
        return not loop.is_closed()
    except (AttributeError, NotImplementedError):
        return False  # still in its constructor, or an abstract stand-in


def _stack_of(handle: Handle) -> list[str]:
    """Where a handle was made; asyncio records it in debug mode only."""
    recorded: traceback.StackSummary | None = getattr(handle, "_source_traceback", None)
    return _lines(recorded.format()) if recorded else []


def _lines(entries: Iterable[str]) -> list[str]:
    return [line for entry in entries for line in entry.rstrip("\n").splitlines()]
