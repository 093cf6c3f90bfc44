"""Ctrl-C for console code that waits in C, inside the target: ``time.sleep(60)``, a ``recv``.

An exception set for a thread is raised at its next bytecode, which is after the call. A signal
ends the call: Python's own functions look for handlers then, and a handler may raise. The
number is one that nobody uses, the handler is there while code runs and no longer. Python runs
handlers in the main thread only: elsewhere there is no alarm. Standard library only, like
`bridge.console_server`, which this is sent with.
"""

from __future__ import annotations

import _queue
import _signal  # type: ignore[import-not-found]  # `signal` would be left behind
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_AGAIN = 0.05  # seconds after which a signal that was not heard is sent once more
_RINGS = 20


class Alarm:
    """A signal to a thread that runs console code. ``lock`` is a free one."""

    def __init__(self, lock: Any) -> None:
        self._lock = lock
        self._number = 0  # while it is set
        self._thread = 0
        self._heard: Any = _queue.SimpleQueue()

    def set(self, thread: int, handler: Callable[[int, FrameType | None], None]) -> None:
        """Have `ring` call ``handler`` in the calling thread, which is ``thread``.

        Not outside of the main thread, nor where there is no free signal.
        """
        if self._number:
            return

        def hear(number: int, frame: FrameType | None) -> None:
            self._heard.put(number)
            handler(number, frame)

        blocked = _signal.pthread_sigmask(_signal.SIG_BLOCK, ())
        for number in range(_signal.SIGRTMAX - 1, _signal.SIGRTMIN, -1):
            if number not in blocked and _signal.getsignal(number) == _signal.SIG_DFL:
                with suppress(ValueError, OSError):  # not the main thread
                    _signal.signal(number, hear)
                    self._number, self._thread = number, thread
                return

    def ring(self) -> bool:
        """Send the signal, from any other thread, until it is heard; whether it was set.

        One that comes right before a call of the system does not end it.
        """
        for number in range(_RINGS):
            with self._lock:
                if not self._number:
                    return number > 0
                _signal.pthread_kill(self._thread, self._number)
            with suppress(_queue.Empty):
                self._heard.get(timeout=_AGAIN)
                break
        return True

    def put_away(self) -> None:
        """Leave the signal as it was. One that is under way is dropped: it ends no program."""
        with self._lock:  # nobody sends any more
            number, self._number = self._number, 0
        if number:
            _signal.signal(number, _signal.SIG_IGN)
            _signal.signal(number, _signal.SIG_DFL)
