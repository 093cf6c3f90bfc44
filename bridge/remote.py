"""Have a live CPython open a console: by its own remote debugging, or by a signal.

`sys.remote_exec` (PEP 768) wants the caller's minor version to be the target's. What it
does is to write four values to places that the target's own offset table names; so does
this, for targets from 3.14 on, and for any of their threads, not only the main one. Older
ones open a console when `bridge.console.expose` has been called in them, on a signal.

Sources: PEP 768, ``_debugger_support`` in pycore_debug_offsets.h, remote_debugging.c,
``_PY_EVAL_PLEASE_STOP_BIT`` in pycore_ceval.h.
"""

from __future__ import annotations

import os
import struct
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bridge import ptrace
from bridge.console_server import OFFER
from inspector.attach import attach
from inspector.errors import NoSuchProcess, NotAllowed, UnsupportedPython
from inspector.memory import BadMemory
from inspector.objects import Objects
from inspector.process import explain_refusal
from inspector.threads import interpreters, threads_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inspector.attach import Target

_PLEASE_STOP = 1 << 5
_FIRST_MINOR = 14
_PATIENCE = 2  # times that what another console asks goes first
_ATTEMPTS = 50
_MAX_OTHERS = 64  # threads: each stands still for a fraction of a millisecond
_DISABLED = (
    "it was started with PYTHON_DISABLE_REMOTE_DEBUG or -X disable-remote-debug, or its Python\n"
    "was built without remote debugging; restart it without these to use the console"
)


class Summons(Protocol):
    """A way to call a process to the console; as a context it withdraws what goes unheard."""

    tid: int  # of the thread that is asked first: Python's main one

    def ask(self, path: str, times: int) -> None:
        """Ask it, naming the file to run by the target's path to it. Raises NoSuchProcess.

        ``times`` is how often that has been done before, in vain.
        """

    def was_heard(self) -> bool:
        """Whether the main thread has taken what it was asked last, as far as that shows."""

    def ask_others(self, path: str) -> None:
        """Ask all other threads as well, and wake them: the main one does not answer."""

    def __enter__(self) -> object:
        """Get ready to ask. Raises NoSuchProcess and NotAllowed."""

    def __exit__(self, *_: object) -> None:
        """Withdraw what has not been acted on, as far as that is possible."""


@contextmanager
def summon(pid: int) -> Iterator[Summons]:
    """The way that this process offers.

    Raises NoSuchProcess, NotAllowed, NotPython, UnsupportedPython.
    """
    target = attach(pid)
    try:
        newer = target.layout.minor >= _FIRST_MINOR
        try:
            way = _Memory(target) if newer else _by_signal(target)
        except (BadMemory, IndexError):
            raise NoSuchProcess(f"process {pid} is starting or ending") from None
        yield way
    finally:
        target.close()


class _Memory:
    """Writes to the places where the threads of CPython 3.14 and later look, each its own."""

    def __init__(self, target: Target) -> None:
        at, memory = target.layout.at, target.memory
        self._target = target
        self._interpreter = interpreters(memory, target.layout, target.runtime)[0]
        if not memory.u32(self._interpreter + at["dbg.enabled"]):
            raise NotAllowed(f"process {target.pid} does not allow remote debugging", _DISABLED)
        # 0 once the main script has ended and its threads go on.
        main = memory.word(self._interpreter + at["interp.threads_main"])
        states = self._states()
        self.tid = next((tid for tid in states if states[tid] == main), target.pid)
        if self.tid not in states:
            raise NoSuchProcess(f"process {target.pid} is starting or ending")
        self._main = states[self.tid]
        self._asked = False
        self._others_asked: list[int] = []
        self._memory = -1

    def __enter__(self) -> None:
        pid = self._target.pid
        try:
            self._memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)
        except FileNotFoundError:
            raise NoSuchProcess(f"no process {pid}") from None
        except PermissionError:
            raise explain_refusal(pid) from None

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # it has ended
            self._withdraw(self._main)
        for tid in self._others_asked:
            self._at_rest(tid, self._withdraw)
        os.close(self._memory)

    def ask(self, path: str, times: int) -> None:
        """Have the main thread run the file. ValueError for a path that is too long."""
        try:
            waiting = os.pread(self._memory, 4, self._pending(self._main)) != bytes(4)
            # Another console may have asked: it is let go first, if there is anybody yet.
            if not waiting or times >= _PATIENCE:
                self._write(self._main, path)
                self._asked = True
        except (OSError, struct.error):
            raise NoSuchProcess(f"process {self._target.pid} has ended") from None

    def was_heard(self) -> bool:
        """Whether it is pending no more."""
        with suppress(OSError):  # it has ended: `ask` says so
            return self._asked and os.pread(self._memory, 4, self._pending(self._main)) == bytes(4)
        return False

    def ask_others(self, path: str) -> None:
        """Have the other threads run the file, too: as many as may be stopped for a moment."""
        others = [tid for tid in self._states() if tid != self.tid]
        for tid in others[:_MAX_OTHERS]:
            self._others_asked.append(tid)
            self._at_rest(tid, lambda state: self._write(state, path))

    def _states(self) -> dict[int, int]:
        """By the thread's id, the addresses of the PyThreadStates there are. BadMemory."""
        target = self._target
        for attempt in range(_ATTEMPTS):  # threads may come and go meanwhile
            memory = target.memory.fresh()
            try:
                found = threads_of(memory, target.layout, target.runtime, self._interpreter)
            except BadMemory:
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                states = {target.tid_of(thread.tid): thread.address for thread in found}
                if target.pid in states:
                    break
        return states

    def _at_rest(self, tid: int, write: Callable[[int], None]) -> None:
        """Call ``write`` with the state of a thread that stands still.

        A thread frees its state when it ends: by itself, so not meanwhile.
        """

        def meanwhile() -> None:
            state = self._states().get(tid)
            if state is not None:
                write(state)

        with suppress(OSError, struct.error, BadMemory):  # it has ended, or may not be stopped
            ptrace.interrupt(tid, meanwhile)

    def _write(self, state: int, path: str) -> None:
        at = self._target.layout.at
        name = os.fsencode(path) + b"\0"
        if len(name) > at["dbg.script_path_size"]:
            raise ValueError(f"{path} is longer than {at['dbg.script_path_size']} bytes")
        breaker = state + at["dbg.eval_breaker"]
        os.pwrite(self._memory, name, state + at["dbg.remote_support"] + at["dbg.script_path"])
        os.pwrite(self._memory, struct.pack("=i", 1), self._pending(state))
        (bits,) = struct.unpack("=Q", os.pread(self._memory, 8, breaker))
        os.pwrite(self._memory, struct.pack("=Q", bits | _PLEASE_STOP), breaker)

    def _withdraw(self, state: int) -> None:
        os.pwrite(self._memory, bytes(4), self._pending(state))

    def _pending(self, state: int) -> int:
        at = self._target.layout.at
        return state + at["dbg.remote_support"] + at["dbg.pending_call"]


class _Signal:
    """Sends the signal that `bridge.console.expose` has installed a handler for."""

    def __init__(self, pid: int, number: int) -> None:
        self.tid = self._pid = pid
        self._number = number

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, *_: object) -> None:
        """Nothing to withdraw: without its folder the signal does nothing."""

    def ask(self, path: str, times: int) -> None:
        """Send the signal, once; the target's main thread finds the folder itself."""
        try:
            if times == 0:
                os.kill(self._pid, self._number)
        except ProcessLookupError:
            raise NoSuchProcess(f"process {self._pid} has ended") from None
        except PermissionError:
            raise NotAllowed(f"not allowed to send a signal to process {self._pid}") from None

    def was_heard(self) -> bool:
        """Nothing shows it."""
        return False

    def ask_others(self, path: str) -> None:
        """Signals are the main thread's."""


def _by_signal(target: Target) -> _Signal:
    at, memory = target.layout.at, target.memory
    objects = Objects(memory, target.layout)
    interpreter = interpreters(memory, target.layout, target.runtime)[0]
    offer = objects.entry(memory.word(interpreter + at["interp.imports_modules"]), OFFER)
    number = None
    if offer:
        names = memory.word(offer + at["module.dict"])
        number = objects.integer(objects.entry(names, "signal"))
    # A signal that nobody handles would end the process: the kernel knows who handles it.
    if number is None or not _handles(target.pid, number):
        raise UnsupportedPython(
            f"process {target.pid} runs CPython {target.layout.version} and offers no console",
            "before 3.14 the program itself has to call bridge.console.expose() at its start",
        )
    return _Signal(target.pid, number)


def offers_console(target: Target) -> bool:
    """Whether a program on a version before 3.14 has called `bridge.console.expose`."""
    try:
        _by_signal(target)
    except (UnsupportedPython, BadMemory, IndexError, OSError):
        return False
    return True


def _handles(pid: int, number: int) -> bool:
    with Path(f"/proc/{pid}/status").open() as file:
        for line in file:
            if line.startswith("SigCgt:"):
                return 0 < number <= 64 and bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False
