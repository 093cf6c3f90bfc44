"""End a thread's blocking system call, so that CPython looks at what it has been asked to do.

An idle program sleeps in the kernel and looks at nothing. Being traced for a moment makes
``epoll_wait`` return EINTR by itself; a sleep, ``poll`` or ``select`` is restarted by the
kernel unless the tracer says otherwise, which it can: while the thread stands still, the
pending result is a register (x86-64; elsewhere only the former works).

CPython answers EINTR in all of these by running what is pending and waiting on for the
rest of the time (PEP 475), so the program notices nothing. Calls that other code than
CPython's might make and not expect EINTR from, such as ``recv`` or C's own ``sleep``, are
left alone, and so is ``pause``, after which a program goes on. A wait for a lock need not be
ended: what CPython runs before it waits on are signal handlers only.

Sources: ptrace(2), signal(7), arch/x86/kernel/signal.c, asm/unistd_64.h, sys/user.h.
"""

from __future__ import annotations

import contextlib
import os
import platform
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_GETREGS, _SETREGS = 12, 13
_WALL = 0x40000000
_STOP_WITHIN = 1.0  # seconds for a thread to stand still; one in a disk wait does not

# user_regs_struct of x86-64: 27 words, of which these
_REGISTERS = 27
_R10, _RAX, _RDX, _RSI, _RDI, _ORIG_RAX, _RSP = 7, 10, 12, 13, 14, 15, 19
_EINTR = -4
_NEAR = 256  # bytes of stack: less than a Python call takes
_RESTARTS = range(-516, -511)  # ERESTARTSYS to ERESTART_RESTARTBLOCK: a call was interrupted

_POLL, _SELECT, _CLOCK_NANOSLEEP, _WAIT4, _WAITID = 7, 23, 230, 61, 247
_EPOLL_WAIT, _PSELECT6, _PPOLL, _EPOLL_PWAIT, _EPOLL_PWAIT2 = 232, 270, 271, 281, 441
_WAITS = {
    _POLL, _SELECT, _CLOCK_NANOSLEEP, _WAIT4, _WAITID,
    _EPOLL_WAIT, _PSELECT6, _PPOLL, _EPOLL_PWAIT, _EPOLL_PWAIT2,
}  # fmt: skip
_TIMER_ABSTIME = 1  # how time.sleep asks, and C's sleep does not
_SETS = {_SELECT, _PSELECT6}


class Call(NamedTuple):
    """A wait that a thread was in, and its stack pointer at that time."""

    number: int
    stack: int

    def is_again(self, other: Call) -> bool:
        """Whether the two come from one call in the program, made anew after EINTR.

        glibc enters the kernel from another place once there is a second thread.
        """
        return self.number == other.number and abs(self.stack - other.stack) < _NEAR


def interrupt(tid: int, meanwhile: Callable[[], None] | None = None) -> Call | None:
    """Have the thread's wait return EINTR. The wait, None when it was in none of ours.

    ``meanwhile`` is called while it stands still.

    Raises PermissionError when the thread may not be traced, or is traced already, and
    ProcessLookupError when it is gone.
    """
    with _stopped(tid) as thread:
        if meanwhile is not None:
            meanwhile()
        call = thread.call()
        if call is not None:
            thread.finish(_EINTR)
        return call


def expire(tid: int, expected: Call) -> bool:
    """End the wait as if its time were up, if it is still the one that was expected.

    Raises as `interrupt` does.
    """
    with _stopped(tid) as thread:
        call = thread.call()
        if call is None or not call.is_again(expected):
            return False
        if call.number in _SETS:
            thread.clear_sets()  # as the kernel leaves them at a timeout
        thread.finish(0)
        return True


class _Thread:
    """A thread that stands still, and its registers."""

    def __init__(self, libc: Any, tid: int, signal: int) -> None:
        import ctypes

        self._signalled = signal != 0
        self._libc = libc
        self._tid = tid
        self._words = (ctypes.c_longlong * _REGISTERS)()
        self._known = platform.machine() == "x86_64" and ctypes.sizeof(ctypes.c_void_p) == 8

    def call(self) -> Call | None:
        """The wait that was interrupted, None when it was none of those that we may end."""
        if self._signalled:  # which ends the wait, by itself
            return None
        if not self._known or self._libc.ptrace(_GETREGS, self._tid, None, self._words) != 0:
            return None
        words = self._words
        if words[_ORIG_RAX] < 0 or words[_RAX] not in _RESTARTS:
            return None
        number = words[_ORIG_RAX]
        if number not in _WAITS or (number == _CLOCK_NANOSLEEP and words[_RSI] != _TIMER_ABSTIME):
            return None
        return Call(number, words[_RSP])

    def finish(self, result: int) -> None:
        """Give the call its result instead of having it restarted."""
        self._words[_RAX] = result
        self._words[_ORIG_RAX] = -1
        self._libc.ptrace(_SETREGS, self._tid, None, self._words)

    def clear_sets(self) -> None:
        """Empty the three descriptor sets of a select."""
        words = self._words
        size = (min(max(words[_RDI], 0), 1 << 16) + 63) // 64 * 8
        memory = os.open(f"/proc/{self._tid}/mem", os.O_RDWR)
        try:
            for address in (words[_RSI], words[_RDX], words[_R10]):
                if address:
                    os.pwrite(memory, bytes(size), address)
        finally:
            os.close(memory)


@contextlib.contextmanager
def _stopped(tid: int) -> Iterator[_Thread]:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(_SEIZE, tid, None, None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))  # of the fitting subclass
    signal = 0
    try:
        libc.ptrace(_INTERRUPT, tid, None, None)
        deadline = time.monotonic() + _STOP_WITHIN
        while not (seen := os.waitpid(tid, _WALL | os.WNOHANG))[0]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"thread {tid} does not stop")
            time.sleep(0.0002)
        # A signal that comes just then stops a traced thread before it is delivered.
        _, status = seen
        if os.WIFSTOPPED(status) and not status >> 16:  # not by PTRACE_INTERRUPT
            signal = os.WSTOPSIG(status)
        yield _Thread(libc, tid, signal)
    finally:
        # It gets its signal. Where this fails the thread is gone, or our own end lets go of it.
        libc.ptrace(_DETACH, tid, None, signal)
