"""Stop a process while it is read, and let it go on whatever happens to us."""

from __future__ import annotations

import contextlib
import os
import signal

from inspector.errors import NoSuchProcess, NotAllowed, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_STOP_POLLS = 2000


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Hold ``pid`` stopped inside the block.

    A child of ours holds one end of a pipe and sends SIGCONT when the other end closes:
    at the end of the block, or when we die by any means. Ctrl-Z waits until then. A process
    that was stopped already stays so. Raises NoSuchProcess, NotAllowed, and UsageError for
    this process, which could not go on.
    """
    if pid == os.getpid():
        raise UsageError("a process cannot look at itself while it is stopped", "leave out freeze")
    if _state(pid) in "Tt":
        yield
        return
    release, hold = os.pipe()
    # No signal may end the guard, from its first moment on.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    guard = os.fork()
    if guard == 0:
        _guard(pid, release, hold)
    os.close(release)
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, before | {signal.SIGTSTP})
        _stop(pid)
        yield
    finally:
        os.close(hold)
        os.waitpid(guard, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _guard(pid: int, release: int, hold: int) -> None:
    """In the child: wait until the pipe closes, then continue the process."""
    try:
        os.close(hold)
        os.setsid()  # what stops our process group is not for it
        os.read(release, 1)
        os.kill(pid, signal.SIGCONT)
    finally:
        os._exit(0)


def _stop(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGSTOP)
    except ProcessLookupError:
        raise NoSuchProcess(f"no process {pid}") from None
    except PermissionError:
        raise NotAllowed(f"not allowed to stop process {pid}") from None
    for _ in range(_STOP_POLLS):  # every thread has stopped when the process says so
        if _state(pid) in "TtZX":
            return
        os.sched_yield()


def _state(pid: int) -> str:
    """The state letter of /proc/PID/stat; "X" when the process has gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib costs start-up time
            return file.read().rpartition(b")")[2].split()[0].decode("ascii")
    except (OSError, IndexError):
        return "X"
