"""Work shared out to forked copies of this process; results come back in order.

A pool of the standard library costs 40 ms of imports and threads before the first file
is read. Here each child takes every n-th share and writes its results to a pipe.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, BinaryIO, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_In = TypeVar("_In")
_Out = TypeVar("_Out")

_ROOM = 2**20  # bytes; more is not allowed to everyone


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_forked(
    function: Callable[[_In], _Out], items: Sequence[_In], processes: int, share: int
) -> Iterator[_Out]:
    """``map(function, items)`` in ``processes`` children, ``share`` items at a time.

    Results must pickle. A share whose child died is worked on here, so a lost child costs
    time only.
    """
    import pickle  # takes longer than to scan a few files
    import signal

    shares = [items[start : start + share] for start in range(0, len(items), share)]
    sys.stdout.flush()
    sys.stderr.flush()
    count = min(processes, len(shares))
    children: list[tuple[int, BinaryIO]] = []
    try:
        for number in range(count):
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:  # what is started is known, or an interrupt would leave it alone
                children.append(_start(function, shares[number::count], before))
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number, part in enumerate(shares):
            try:
                results: list[_Out] = pickle.load(children[number % count][1])  # noqa: S301 - ours
            except (EOFError, OSError, pickle.UnpicklingError):
                results = [function(item) for item in part]
            yield from results
    finally:
        # All results were read, or nobody will: a child could wait for ever for a reader of its
        # pipe, whose other copies its brothers hold.
        for child, pipe in children:
            pipe.close()
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _start(
    function: Callable[[_In], _Out], shares: Sequence[Sequence[_In]], signals: set[int]
) -> tuple[int, BinaryIO]:
    """Start a child, with SIGINT blocked; it blocks ``signals`` itself."""
    import pickle
    import signal

    readable, writable = os.pipe()
    _widen(writable)
    child = os.fork()
    if child:
        os.close(writable)
        return child, os.fdopen(readable, "rb")
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)
        os.close(readable)
        with os.fdopen(writable, "wb") as pipe:
            for share in shares:
                results = [function(item) for item in share]
                pickle.dump(results, pipe, pickle.HIGHEST_PROTOCOL)
                pipe.flush()
    except BaseException:  # noqa: BLE001 - the parent does the share itself and sees why
        os._exit(1)
    os._exit(0)


def _widen(pipe: int) -> None:
    """Let a child work on while its results wait for those of another: Linux takes 64 kB only."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _ROOM)
