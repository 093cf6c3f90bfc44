from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.escape import clean, cut, fit, pad, width


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain name", "plain name"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("ding\x07", r"ding\x07"),
        ("two\nlines\r", r"two\nlines\r"),
        ("abc\u202ecba", r"abc\u202ecba"),
        ("\u2066isolate\u2069", r"\u2066isolate\u2069"),
        ("no\u200bwidth", r"no\u200bwidth"),
        ("\x9b31m", r"\x9b31m"),
        ("line\u2028end", r"line\u2028end"),
        ("half\udc80", r"half\udc80"),
        ("nul\0", r"nul\x00"),
        ("fill\u3164\u2800er", r"fill\u3164\u2800er"),
        ("任務 έργο 🚀", "任務 έργο 🚀"),
    ],
)
def test_what_could_move_the_cursor_is_shown(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_ascii_shows_the_rest_as_escapes() -> None:
    assert clean("έ任🚀\n", ascii_only=True) == r"\u03ad\u4efb\U0001f680\n"


@settings(deadline=None)
@given(st.text(st.characters()))
def test_clean_text_stays_on_its_line(raw: str) -> None:
    for ascii_only in (False, True):
        text = clean(raw, ascii_only)
        assert text.isprintable()
        assert len(text.splitlines()) <= 1
        assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text)
        assert text.isascii() or not ascii_only
        assert clean(text, ascii_only) == text


@pytest.mark.parametrize(
    ("text", "cells"),
    [("abc", 3), ("任務", 4), ("e\u0301", 1), ("🚀", 2), ("ｱ", 1), ("한", 2), ("│   ├── 任務", 12)],
)
def test_width_in_cells(text: str, cells: int) -> None:
    assert width(text) == cells


def test_cut_marks_what_is_missing() -> None:
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefg", 6) == "abcde…"
    assert cut("任務任務", 6) == "任務…"
    assert cut("abcdefg", 6, "...") == "abc..."
    assert cut("abcdefg", 0) == ""


@settings(deadline=None)
@given(st.text(st.characters(categories=("L", "N", "P", "S", "M"))), st.integers(0, 30))
def test_cut_and_padded_text_fits(raw: str, cells: int) -> None:
    text = clean(raw)
    assert width(cut(text, cells)) <= cells
    assert width(pad(cut(text, cells), cells)) == cells


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        (9, "ab\x1b[1m任務\x1b[0mend"),
        (8, "ab\x1b[1m任務\x1b[0me…"),
        (6, "ab\x1b[1m任…\x1b[0m"),
        (3, "ab\x1b[1m…\x1b[0m"),
        (1, "…\x1b[1m\x1b[0m"),
        (0, "\x1b[1m\x1b[0m"),
    ],
)
def test_a_painted_line_is_cut_and_its_colours_are_closed(cells: int, shown: str) -> None:
    assert fit("ab\x1b[1m任務\x1b[0mend", cells) == shown
