"""A PID that does not mean what was thought: none, one of a container, no Python, an old one."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from inspector.access import has_own_pids
from inspector.errors import MigrateError, NoSuchProcess, NotPython, UnsupportedPython
from inspector.layouts import SUPPORTED
from inspector.process import children, executable, read_status, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inspector.process import Process

_MOST_NAMED = 5  # processes that a hint names
_MOST_SEARCHED = 500  # descendants looked at for them
_TOO_OLD = r"(2(?:\.\d+)?|3\.[0-6])"  # without _PyRuntime


def missing(pid: int) -> NoSuchProcess:
    """The error for a PID that is not there; says so when it is one inside a container."""
    for other in map(int, filter(str.isdecimal, os.listdir("/proc"))):
        try:
            inner = read_status(f"/proc/{other}/status").get("NSpid", "").split()
        except OSError:
            continue
        if len(inner) > 1 and inner[-1] == str(pid):
            return NoSuchProcess(
                f"no process {pid} here",
                f"inside a container that is the PID of process {other} (seen from here):\n"
                f"migrate ps {other}",
            )
    if has_own_pids():
        return NoSuchProcess(
            f"no process {pid} here",
            "this is a container with PIDs of its own, and only those are seen from here: ps aux\n"
            "for a PID of the machine run migrate there; in Kubernetes set\n"
            "shareProcessNamespace: true to see the other containers of the pod",
        )
    return NoSuchProcess(f"no process {pid}", "see which there are: ps aux")


def not_python(process: Process) -> MigrateError:
    """The error for a process without CPython's runtime, naming those below it that have it.

    Python 2 and 3.6 and older have none that could be found: they are told by their name.
    """
    program = ascii(process.executable.rpartition("/")[2])[1:-1]
    if version := _old_python(process.pid, program):
        return UnsupportedPython(
            f"process {process.pid} runs Python {version}, which is too old",
            f"supported: CPython {SUPPORTED}",
        )
    runs = f": it runs {program}" if program else ""
    found = list(_pythons_below(process.pid))
    which = ", ".join(map(str, found[:_MOST_NAMED])) + (" .." if found[_MOST_NAMED:] else "")
    if len(found) == 1:
        cure = f"Python runs below it: migrate ps {which}"
    elif found:
        cure = f"Python runs below it, in {which}: migrate ps --children {process.pid}"
    else:
        cure = "see which process is meant: ps aux | grep python"
    return NotPython(f"process {process.pid} is not a CPython process{runs}", cure)


def _old_python(pid: int, program: str) -> str:
    """The version in the name of the program or of the library it has mapped; "" if none."""
    try:
        maps = read_text(f"/proc/{pid}/maps")
    except OSError:
        maps = ""
    found = re.search(rf"^python{_TOO_OLD}$", program)
    found = found or re.search(rf"/libpython{_TOO_OLD}m?\.so", maps)
    return found[1] if found else ""


def _pythons_below(pid: int) -> Iterator[int]:
    """Descendants whose program is Python by its name, or by the library it has mapped."""
    pending = list(children(pid))
    for _ in range(_MOST_SEARCHED):
        if not pending:
            return
        child = pending.pop(0)
        pending += children(child)
        if executable(child).rpartition("/")[2].startswith("python"):
            yield child
            continue
        try:
            if "/libpython3" in read_text(f"/proc/{child}/maps"):
                yield child
        except OSError:
            continue
