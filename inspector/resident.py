"""Which parts of a mapping have memory behind them.

A mapping may be far larger than what was ever touched of it: a sparse array, an allocator's
reserve. Reading the rest finds zeroes, and makes the kernel build page tables for it, which
the target is charged for. Source: Documentation/admin-guide/mm/pagemap.rst.
"""

from __future__ import annotations

import os

from inspector.process import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_WORTH = 2  # times what the process has in memory
_STEP = 1 << 21  # bytes that one page table is for
_ENTRIES = _STEP // 4096 * 8  # bytes of pagemap for a step
_STEPS = 64  # read at once
# What stands for a page without memory: nothing, or only the soft-dirty bit of a new mapping.
_EMPTY = (bytes(_ENTRIES), (1 << 55).to_bytes(8, "little") * (_ENTRIES // 8))


def resident(pid: int, ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The parts of ``ranges`` in which there is memory, to 2 MiB, in the same order.

    All of them where the kernel does not tell, and where most of them has: to ask costs half
    of what a search for greenlets does.
    """
    ranges = list(ranges)
    try:
        if sum(end - start for start, end in ranges) <= _WORTH * _resident_bytes(pid):
            return ranges
        pagemap = os.open(f"/proc/{pid}/pagemap", os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, ValueError, IndexError):
        return ranges
    try:
        found: list[tuple[int, int]] = []
        for start, end in ranges:
            if end - start < _STEP:  # as most are: not worth the question
                found.append((start, end))
            else:
                _add(pagemap, start, end, found)
        return found
    except OSError:
        return ranges
    finally:
        os.close(pagemap)


def _resident_bytes(pid: int) -> int:
    return int(read_text(f"/proc/{pid}/statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _add(pagemap: int, start: int, end: int, found: list[tuple[int, int]]) -> None:
    """Add the parts of one mapping, joined where they meet."""
    first = len(found)
    for chunk in range(start - start % _STEP, end, _STEP * _STEPS):
        entries = os.pread(pagemap, _ENTRIES * _STEPS, chunk // 4096 * 8)
        for at in range(0, len(entries), _ENTRIES):
            place = chunk + at // _ENTRIES * _STEP
            if place >= end:
                return
            if entries[at : at + _ENTRIES] in _EMPTY:
                continue
            if len(found) > first and found[-1][1] == place:
                found[-1] = (found[-1][0], min(place + _STEP, end))
            else:
                found.append((max(place, start), min(place + _STEP, end)))
