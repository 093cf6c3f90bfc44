from __future__ import annotations

import pytest

from migrator.screen import split_keys


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"q", ["q"]),
        (b"ab\r", ["a", "b", "enter"]),
        (b"\x7f\x08", ["backspace", "backspace"]),
        ("gäm日".encode(), ["g", "ä", "m", "日"]),
        (b"\x1b[A\x1bOB\x1b[5~\x1b[6~", ["up", "down", "pageup", "pagedown"]),
        (b"\x1b[H\x1b[F\x1b[1~\x1b[4~", ["home", "end", "home", "end"]),
        (b"x\x1b[1;5Cy", ["x", "y"]),  # Ctrl-right is no key of ours
        (b"\x1bby", ["y"]),  # Alt-b
        (b"\x1b", ["escape"]),
        (b"\x1b[200~paste\x1b[201~", list("paste")),
        (b"\xff", ["\udcff"]),
    ],
)
def test_keys(data: bytes, keys: list[str]) -> None:
    assert split_keys(data, last=True) == (keys, b"")


@pytest.mark.parametrize("data", [b"a\x1b", b"a\x1b[", b"a\x1b[5", "a日".encode()[:3]])
def test_a_key_that_is_not_whole_is_waited_for(data: bytes) -> None:
    keys, rest = split_keys(data, last=False)
    assert keys == ["a"]
    assert rest == data[1:]
