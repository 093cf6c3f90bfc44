"""Text of a target made safe to show: it cannot move the cursor, forge a line or hide.

Names, arguments and paths are chosen by whoever runs the target. What is not printable
(controls, line ends, bidirectional overrides, zero-width and unassigned characters, lone
surrogates) is shown as an escape; widths are counted in terminal cells.
"""

from __future__ import annotations

# Letters, marks and symbols with nothing to see: fillers, joiners, Braille's blank.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0")
_BRANCHES = "│├└─ "  # a cell each, as `bridge.style` draws them


def clean(text: str, ascii_only: bool = False) -> str:
    r"""``text`` with everything that is not printable as ``\x1b``, ``\n`` or ``\u202e``."""
    if _is_plain(text, ascii_only):
        return text
    return "".join(
        one if _is_plain(one, ascii_only) else one.encode("unicode_escape").decode("ascii")
        for one in text
    )


def _is_plain(text: str, ascii_only: bool) -> bool:
    if not text.isprintable():
        return False
    return text.isascii() or (not ascii_only and _UNSEEN.isdisjoint(text))


def width(text: str) -> int:
    """How many terminal cells ``text`` takes; it must be clean."""
    if text.isascii():
        return len(text)
    rest = text.lstrip(_BRANCHES)  # all of a tree's line that is not plain, as a rule
    return len(text) - len(rest) + (len(rest) if rest.isascii() else sum(map(_cells, rest)))


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


def fit(line: str, cells: int, mark: str = "…") -> str:
    """A line, which may be painted, in at most ``cells`` cells, its colours closed."""
    plain, *painted = line.split("\033[")
    parts = [("", plain)]
    for part in painted:
        code, _, text = part.partition("m")
        parts.append((f"\033[{code}m", text))
    if sum(width(text) for _, text in parts) <= cells:
        return line
    room = max(cells - len(mark), 0)
    shown: list[str] = []
    for code, text in parts:
        kept = cut(text, room, "")
        shown += code, kept
        room -= width(kept)
        if kept != text:
            shown.append(mark[:cells])
            mark, room = "", 0  # from here on only colours
    return "".join(shown)


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
