"""The two searches for words that matter say the same."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from migrator import needles

PARTS = [
    *needles.NEEDLES,
    b"reen",
    b"event",
    b"let",
    b"gr_",
    b"frame",
    b"Thread",
    b"\0",
    b"\n",
    b"x",
]


@given(st.lists(st.sampled_from(PARTS), max_size=8).map(b"".join))
@example(b"")
@example(b"\0eventlet")
def test_many_files_are_searched_as_one_is(data: bytes) -> None:
    assert needles.for_many()(data, needles.NEEDLES) == needles.may_matter(data)
    assert needles.may_matter(data) == any(needle in data for needle in needles.NEEDLES)


DEBUG_PARTS = [
    *(b"eventlet", b"get_hub", b"debug", b"greenlet", b"spew", b"hub_exceptions", b"import *"),
    *(b".__name__", b"'", b'"', b" = ", b"return ", b", ", b"getattr(", b"import ", b"."),
    *(b"get_objects", b"timers", b"\0", b"\n", b" as "),
]


@given(st.lists(st.sampled_from(DEBUG_PARTS), max_size=10).map(b"".join))
@example(b"\0getattr(x, 'debug')")
def test_debugging_is_told_alike(data: bytes) -> None:
    assert needles.may_debug(data, needles.for_many()) == needles.may_debug(data)


@pytest.mark.parametrize("needle", needles.NEEDLES)
def test_a_word_is_found_wherever_it_stands(needle: bytes) -> None:
    holds = needles.for_many()

    def search(data: bytes) -> bool:
        return holds(data, needles.NEEDLES)

    for file in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        data = file.read_bytes()
        assert search(data) == needles.may_matter(data), file
        if not search(data):
            middle = len(data) // 2
            for found in (needle + data, data[:middle] + needle + data[middle:], data + needle):
                assert search(found), file
            assert not search(data + needle[:-1]), file
