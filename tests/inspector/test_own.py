"""The own process's memory, read without a chance for its other threads to run."""

from __future__ import annotations

import sys
import threading
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from inspector.memory import PAGE
from inspector.own import OwnProcess
from inspector.process import mappings

if TYPE_CHECKING:
    from collections.abc import Iterator

WORD = b"a word that lies somewhere in memory"
READS = 20_000


@pytest.fixture
def own() -> Iterator[OwnProcess]:
    source = OwnProcess()
    yield source
    source.close()


@pytest.fixture
def never_forced() -> Iterator[None]:
    """A thread that runs is not made to give the GIL away; only a system call does."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(before)


def address() -> int:
    return id(WORD) + sys.getsizeof(WORD) - len(WORD) - 1


def test_what_it_reads_is_there(own: OwnProcess) -> None:
    assert own.read(address(), len(WORD)) == WORD
    assert own.scan(address(), len(WORD)) == WORD
    assert list(map(bytes, own.gather([address()] * 3, len(WORD)))) == [WORD] * 3
    assert bytes(own.gather_joined([address()] * 3_000, len(WORD))) == WORD * 3_000


@pytest.mark.parametrize("nowhere", [0, -1, PAGE, 1 << 63, 1 << 70])
def test_what_is_not_there_is_empty(own: OwnProcess, nowhere: int) -> None:
    assert own.read(nowhere, 8) == b""


def test_what_ends_early_is_short(own: OwnProcess) -> None:
    # Files that are mapped stay where they are while the test runs.
    maps = mappings(own.pid)
    end = next(
        one.end
        for one, after in pairwise(maps)
        if one.is_file and "r" in one.permissions and one.end < after.start
    )
    assert len(own.read(end - 8, 16)) == 8


@pytest.mark.usefixtures("never_forced")
def test_no_other_thread_runs_meanwhile(own: OwnProcess) -> None:
    turns = [0]
    go = threading.Lock()
    go.acquire()

    def run() -> None:
        with go:
            for _ in range(1_000_000):
                turns[0] += 1

    other = threading.Thread(target=run)
    other.start()
    go.release()
    place, before = address(), turns[0]
    for _ in range(READS):
        own.read(place, 8)
    after = turns[0]
    other.join()
    assert after == before
