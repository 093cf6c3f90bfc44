from __future__ import annotations

import io

import pytest

from bridge import style


class Stream(io.TextIOWrapper):
    def __init__(self, encoding: str, terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding=encoding)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    ("environ", "terminal", "color"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"TERM": "dumb"}, True, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
    ],
)
def test_colour(environ: dict[str, str], terminal: bool, color: bool) -> None:
    assert style.of(Stream("utf-8", terminal), environ).color is color


@pytest.mark.parametrize(
    ("encoding", "environ", "unicode"),
    [
        ("utf-8", {}, True),
        ("utf-8", {"LANG": "en_US.UTF-8"}, True),
        ("utf-8", {"LC_ALL": "C"}, False),
        ("utf-8", {"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, False),
        ("utf-8", {"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),  # coerced by Python itself
        ("utf-8", {"LC_CTYPE": "C.UTF-8"}, True),
        ("utf-8", {"LANG": "C", "LC_CTYPE": "en_US.UTF-8"}, True),
        ("utf-8", {"LC_ALL": "C", "PYTHONUTF8": "1"}, True),
        ("iso8859-1", {"LANG": "de_DE.ISO-8859-1"}, False),
        ("ascii", {}, False),
    ],
)
def test_characters(encoding: str, environ: dict[str, str], unicode: bool) -> None:
    assert style.of(Stream(encoding, False), environ).unicode is unicode


def test_only_a_terminal_has_a_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "77")
    assert style.of(Stream("utf-8", False)).width is None
    assert style.of(Stream("utf-8", True)).width == 77
