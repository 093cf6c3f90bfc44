"""Memory that is mapped and was never touched: it is left alone."""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inspector import process
from inspector.capture import Options, take
from inspector.resident import resident

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython

STEP = 2 << 20
RESERVE = 8 << 30


def start_of(mapping: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(mapping))


def test_what_was_touched_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.resident._WORTH", 0)  # whatever else this process holds
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    with mmap.mmap(-1, 200 * STEP, flags=flags) as mapping:
        mapping.madvise(mmap.MADV_NOHUGEPAGE)
        start = start_of(mapping)
        end = start + len(mapping)
        assert resident(os.getpid(), [(start, end)]) == []
        places = [0, 3 * STEP + 5, 150 * STEP, 151 * STEP, len(mapping) - 1]
        for place in places:
            mapping[place] = 1
        found = resident(os.getpid(), [(start, end)])
        for place in places:
            assert any(first <= start + place < last for first, last in found)
        assert sum(last - first for first, last in found) <= len(places) * STEP
        assert found == sorted(found)
        assert all(start <= first < last <= end for first, last in found)


def test_where_the_kernel_does_not_tell() -> None:
    ranges = [(0x10000, 0x10000 + (1 << 40))]
    assert resident(1 << 30, ranges) == ranges  # no such process


def tables(pid: int) -> int:
    """What the page tables of a process take, in bytes."""
    return int(process.read_status(f"/proc/{pid}/status")["VmPTE"].split()[0]) * 1024


@pytest.mark.parametrize("allocator", ["pymalloc", "malloc"])
def test_a_look_builds_no_page_tables_in_the_target(
    allocator: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    python = target_python("3.14", "greenlet", "eventlet")
    program = start_target(
        python, "tests/targets/sparse.py", str(RESERVE), env={"PYTHONMALLOC": allocator}
    )
    before = tables(program.pid)
    seen = take(program.pid, Options(ended=True))
    assert seen.completeness.complete
    assert {unit.name for unit in seen.units} == {"main", "waits", "Task-1"}
    # To read all of it would take 16 MiB.
    assert tables(program.pid) - before < 1 << 20


def test_memory_that_has_a_name(
    monkeypatch: pytest.MonkeyPatch,
    target_python: TargetPython,
    start_target: StartTarget,
) -> None:
    """As CPython 3.15 gives its arenas, and glibc its heaps, where the kernel can."""
    python = target_python("3.15", "greenlet", "eventlet")
    program = start_target(python, "tests/targets/sparse.py", str(STEP))

    text = Path(f"/proc/{program.pid}/maps").read_text()
    lines = [
        f"{line.rstrip()} [anon:cpython: pymalloc]" if len(line.split()) == 5 else line
        for line in text.splitlines()
    ]
    maps = tuple(process.parse_mappings("\n".join(lines)))
    assert len(maps) == text.count("\n")
    monkeypatch.setattr("inspector.attach.kernel.mappings", lambda pid: maps)
    assert {unit.name for unit in take(program.pid).units} == {"main", "waits", "Task-1"}
