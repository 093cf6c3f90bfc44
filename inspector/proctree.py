"""Which processes there are: descendants of one, or those whose command line matches."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from inspector.process import children, read_text

if TYPE_CHECKING:
    from re import Pattern


def descendants(pid: int) -> list[int]:
    """The processes below ``pid``, each before its own children; none when it is gone.

    This process is not among them, as when it was started by the shell that is asked about.
    """
    own = os.getpid()
    found: dict[int, None] = {}
    pending = list(children(pid))[::-1]
    while pending:
        process = pending.pop()
        if process not in found and process != own:
            found[process] = None
            pending += children(process)[::-1]
    return list(found)


def matching(pattern: Pattern[str]) -> list[int]:
    """The processes whose command line (words parted by spaces) ``pattern`` finds.

    This process is not among them.
    """
    own = os.getpid()
    pids = sorted(int(name) for name in os.listdir("/proc") if name.isdecimal())  # noqa: PTH208
    return [pid for pid in pids if pid != own and pattern.search(_command_line(pid))]


def _command_line(pid: int) -> str:
    try:
        return read_text(f"/proc/{pid}/cmdline").rstrip("\0").replace("\0", " ")
    except OSError:
        return ""
