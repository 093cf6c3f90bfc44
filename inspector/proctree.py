"""Which processes there are: descendants of one, or those whose command line matches."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from re import Pattern


def descendants(pid: int) -> list[int]:
    """The processes below ``pid``, each parent before its children, by /proc/PID/stat.

    Empty when ``pid`` has none or is gone; a process that ends meanwhile is left out.
    """
    children: dict[int, list[int]] = {}
    for process in _all():
        parent = _parent(process)
        if parent is not None:
            children.setdefault(parent, []).append(process)
    found = []
    pending = children.get(pid, [])[::-1]
    while pending:
        found.append(pending.pop())
        pending += children.get(found[-1], [])[::-1]
    return found


def matching(pattern: Pattern[str]) -> list[int]:
    """The processes whose command line (words parted by spaces) ``pattern`` finds.

    This process is not among them.
    """
    own = os.getpid()
    return [pid for pid in _all() if pid != own and pattern.search(command_line(pid))]


def command_line(pid: int) -> str:
    """The command line with its words parted by spaces; empty when it cannot be read."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123 - start-up time
            raw = file.read(1 << 20)
    except OSError:
        return ""
    return raw.rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "surrogateescape")


def _all() -> Iterator[int]:
    return iter(sorted(int(name) for name in os.listdir("/proc") if name.isdecimal()))  # noqa: PTH208


def _parent(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - start-up time
            # The name, in parentheses, may hold anything, parentheses and spaces included.
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None
