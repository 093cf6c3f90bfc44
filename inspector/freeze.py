"""Stop a process while it is read, and let it go on whatever happens to us."""

from __future__ import annotations

import contextlib
import os
import signal

from inspector.errors import NoSuchProcess, NotAllowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_STOP_POLLS = 2000


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Hold ``pid`` stopped inside the block.

    A child of ours holds one end of a pipe and sends SIGCONT when the other end closes:
    at the end of the block, or when we die by any means. A process that was stopped
    already stays so. Raises NoSuchProcess and NotAllowed.
    """
    if _state(pid) in "Tt":
        yield
        return
    release, hold = os.pipe()
    guard = os.fork()
    if guard == 0:
        _guard(pid, release, hold)
    os.close(release)
    try:
        _stop(pid)
        yield
    finally:
        os.close(hold)
        os.waitpid(guard, 0)


def _guard(pid: int, release: int, hold: int) -> None:
    """In the child: wait until the pipe closes, then continue the process."""
    try:
        os.close(hold)
        os.setsid()  # a signal for our process group (Ctrl-C) is not for it
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
