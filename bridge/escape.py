"""Text of a target made safe to show: it cannot move the cursor, forge a line or hide.

Names, arguments and paths are chosen by whoever runs the target. What is not printable
(controls, line ends, bidirectional overrides, zero-width and unassigned characters, lone
surrogates) is shown as an escape; widths are counted in terminal cells.
"""

from __future__ import annotations


def clean(text: str, ascii_only: bool = False) -> str:
    r"""``text`` with everything that is not printable as ``\x1b``, ``\n`` or ``\u202e``."""
    if text.isprintable() and (not ascii_only or text.isascii()):
        return text
    return "".join(
        character
        if character.isprintable() and (not ascii_only or character.isascii())
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def width(text: str) -> int:
    """How many terminal cells ``text`` takes; it must be clean."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def cut(text: str, cells: int, mark: str = "…") -> str:
    """``text`` in at most ``cells`` cells, ended by ``mark`` where something is missing."""
    if width(text) <= cells:
        return text
    room = cells - len(mark)
    end = 0
    for end, character in enumerate(text):  # noqa: B007 - the position is what is wanted
        room -= _cells(character)
        if room < 0:
            break
    return (text[:end] + mark)[: max(cells, 0)]


def pad(text: str, cells: int) -> str:
    """``text`` with spaces up to ``cells`` cells."""
    return text.ljust(cells) if text.isascii() else text + " " * (cells - width(text))


def _cells(character: str) -> int:
    """Cells of one printable character: Unicode TR 11, with combining marks as none."""
    if character < "\u0300":
        return 1
    from unicodedata import category, east_asian_width

    if category(character) in ("Mn", "Me") or "\u1160" <= character <= "\u11ff":
        return 0  # combining marks; Hangul vowels and finals join the syllable before them
    return 2 if east_asian_width(character) in "WF" else 1
