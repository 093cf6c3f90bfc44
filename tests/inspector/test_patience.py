"""What passes in a moment is no answer: a process is looked at again while it starts or ends."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from inspector.capture import take
from inspector.errors import NoSuchProcess, NotPython, Unready
from inspector.patience import patiently

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inspector.snapshot import Snapshot


class Answers:
    """Gives one answer after the other, the last for ever."""

    def __init__(self, *answers: Snapshot | Exception) -> None:
        self.left = list(answers)
        self.asked = 0

    def __call__(self) -> Snapshot:
        self.asked += 1
        answer = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def young() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def seen() -> Snapshot:
    return take(os.getpid())


def test_it_starts(young: int, seen: Snapshot) -> None:
    unread = seen._replace(completeness=seen.completeness._replace(notes=("a part is missing",)))
    answers = Answers(NotPython("no"), Unready("not yet"), unread, seen)
    assert patiently(young, answers) is seen
    assert answers.asked == 4


def test_it_stays_so(young: int) -> None:
    answers = Answers(Unready("never"))
    with pytest.raises(Unready, match="never"):
        patiently(young, answers)
    assert answers.asked > 1


def test_it_ends_meanwhile(young: int) -> None:
    with pytest.raises(NoSuchProcess):
        patiently(young, Answers(Unready("not yet"), NoSuchProcess("gone")))


def test_what_is_no_python_is_told_at_once() -> None:
    with subprocess.Popen(["sleep", "1000"]) as process:
        try:
            with pytest.raises(NotPython, match="it runs sleep"):
                take(process.pid)
            answers = Answers(NotPython("no"))
            with pytest.raises(NotPython):
                patiently(process.pid, answers)
            assert answers.asked == 1
        finally:
            process.kill()
