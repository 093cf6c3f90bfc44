"""Have a live CPython open a console: by its own remote debugging, or by a signal.

`sys.remote_exec` (PEP 768) wants the caller's minor version to be the target's. What it
does is to write four values to places that the target's own offset table names; so does
this, for targets from 3.14 on. Older ones open a console when `bridge.console.expose` has
been called in them, on a signal.

Sources: PEP 768, ``_debugger_support`` in pycore_debug_offsets.h, remote_debugging.c,
``_PY_EVAL_PLEASE_STOP_BIT`` in pycore_ceval.h.
"""

from __future__ import annotations

import os
import struct
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bridge.console_server import OFFER
from inspector.attach import attach
from inspector.errors import NoSuchProcess, NotAllowed, UnsupportedPython
from inspector.memory import BadMemory
from inspector.objects import Objects
from inspector.process import explain_refusal
from inspector.threads import interpreters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inspector.attach import Target

_PLEASE_STOP = 1 << 5
_FIRST_MINOR = 14
_DISABLED = (
    "it was started with PYTHON_DISABLE_REMOTE_DEBUG or -X disable-remote-debug, or its Python\n"
    "was built without remote debugging; restart it without these to use the console"
)


class Summons(Protocol):
    """A way to call a process to the console."""

    def ask(self, path: str) -> None:
        """Ask, naming the file to run by the target's path to it. Raises NoSuchProcess."""


@contextmanager
def summon(pid: int) -> Iterator[Summons]:
    """The way that this process offers.

    What it has not acted on by the end of the block is withdrawn, as far as that is
    possible. Raises NoSuchProcess, NotAllowed, NotPython, UnsupportedPython.
    """
    target = attach(pid)
    try:
        way = _by_memory(target) if target.layout.minor >= _FIRST_MINOR else _by_signal(target)
    except (BadMemory, IndexError):
        raise NoSuchProcess(f"process {pid} is starting or ending") from None
    finally:
        target.close()
    with way:
        yield way


class _Memory:
    """Writes to the places where CPython 3.14 and later look."""

    def __init__(self, pid: int, breaker: int, pending: int, path: int, path_size: int) -> None:
        self._pid = pid
        self._breaker = breaker
        self._pending = pending
        self._path = path
        self._path_size = path_size
        self._memory = -1

    def __enter__(self) -> None:
        try:
            self._memory = os.open(f"/proc/{self._pid}/mem", os.O_RDWR)
        except FileNotFoundError:
            raise NoSuchProcess(f"no process {self._pid}") from None
        except PermissionError:
            raise explain_refusal(self._pid) from None

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # it has ended
            os.pwrite(self._memory, bytes(4), self._pending)
        os.close(self._memory)

    def ask(self, path: str) -> None:
        """Have the main thread run the file. ValueError for a path that is too long."""
        name = os.fsencode(path) + b"\0"
        if len(name) > self._path_size:
            raise ValueError(f"{path} is longer than {self._path_size} bytes")
        try:
            os.pwrite(self._memory, name, self._path)
            os.pwrite(self._memory, struct.pack("=i", 1), self._pending)
            (breaker,) = struct.unpack("=Q", os.pread(self._memory, 8, self._breaker))
            os.pwrite(self._memory, struct.pack("=Q", breaker | _PLEASE_STOP), self._breaker)
        except (OSError, struct.error):
            raise NoSuchProcess(f"process {self._pid} has ended") from None


def _by_memory(target: Target) -> _Memory:
    pid, at, memory = target.pid, target.layout.at, target.memory
    interpreter = interpreters(memory, target.layout, target.runtime)[0]
    if not memory.u32(interpreter + at["dbg.enabled"]):
        raise NotAllowed(f"process {pid} does not allow remote debugging", _DISABLED)
    thread = memory.word(interpreter + at["interp.threads_main"])
    support = thread + at["dbg.remote_support"]
    return _Memory(
        pid,
        breaker=thread + at["dbg.eval_breaker"],
        pending=support + at["dbg.pending_call"],
        path=support + at["dbg.script_path"],
        path_size=at["dbg.script_path_size"],
    )


class _Signal:
    """Sends the signal that `bridge.console.expose` has installed a handler for."""

    def __init__(self, pid: int, number: int) -> None:
        self._pid = pid
        self._number = number

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, *_: object) -> None:
        """Nothing to withdraw: without its folder the signal does nothing."""

    def ask(self, path: str) -> None:
        """Send the signal; the target finds the folder itself."""
        try:
            os.kill(self._pid, self._number)
        except ProcessLookupError:
            raise NoSuchProcess(f"process {self._pid} has ended") from None
        except PermissionError:
            raise NotAllowed(f"not allowed to send a signal to process {self._pid}") from None


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


def _handles(pid: int, number: int) -> bool:
    with Path(f"/proc/{pid}/status").open() as file:
        for line in file:
            if line.startswith("SigCgt:"):
                return 0 < number <= 64 and bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False
