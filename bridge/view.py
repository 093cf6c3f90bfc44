"""What the user of ``top`` has chosen, and how a key changes it. Knows no terminal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = (
    "q         quit",
    "t         table or tree",
    "/         filter as you type; Enter keeps it, Esc drops it",
    "          words that a unit's name, wait, functions or files hold",
    "s S       sort by the next or the last column",
    "r         reverse the order",
    "f         fold units that were started alike into one line",
    "Enter     unfold a line: its members, or its stack",
    "+ -       deeper or less deep (tree)",
    "p Space   pause the picture; the process is never paused",
    "e         export the picture as JSON",
    "arrows    move; PageUp, PageDown, Home, End, j and k as well",
    "",
    "marks     + new   * moved since the last look   ^ of a kind that keeps growing",
    "          ! waits for itself in a circle   ~ moved while it was read",
    "times     >=5.0s: seen in the same place for so long, at least; 5.0s: known",
)
KEYS = "q quit  / filter  t tree  s sort  f fold  p pause  e export  ? help"

# What the user can sort by, the default first. Times are descending until reversed.
SORTS = ("time", "age", "moves", "name", "kind", "waits")
_DESCENDING = ("time", "age", "moves")

_DEPTH = 3  # of the tree, when it is first changed
_FAR = 1 << 30  # rows: more than there are
# How far a key moves the selection: rows, and screens of them.
_MOVES = {
    "up": (-1, 0),
    "k": (-1, 0),
    "down": (1, 0),
    "j": (1, 0),
    "pageup": (0, -1),
    "pagedown": (0, 1),
    "home": (-_FAR, 0),
    "end": (_FAR, 0),
}


@dataclass(frozen=True, slots=True)
class View:
    """What the user has chosen."""

    tree: bool = False
    sort: str = SORTS[0]
    reverse: bool = False
    filter: str = ""
    typing: bool = False  # keys go to the filter
    folded: bool = False
    opened: frozenset[str] = frozenset()  # keys of rows whose inside is shown
    depth: int | None = None
    paused: bool = False
    help: bool = False
    selected: int = 0  # which row
    top: int = 0  # the first row on the screen


def press(view: View, key: str, rows: Sequence[str], page: int) -> View:
    """The view after a key: a character, or a name such as "up", "enter", "escape".

    ``rows`` are the keys of the rows there are, ``page`` is how many the screen holds.
    """
    if view.typing:
        return _type(view, key)
    if view.help:
        return replace(view, help=False)
    if key in _MOVES:
        single, screens = _MOVES[key]
        selected = view.selected + single + screens * page
        return replace(view, selected=max(0, min(selected, len(rows) - 1)))
    if key in ("s", "S"):
        step = 1 if key == "s" else -1
        following = SORTS[(SORTS.index(view.sort) + step) % len(SORTS)]
        return replace(view, sort=following, reverse=False, selected=0)
    if key in ("+", "-"):
        depth = _DEPTH if view.depth is None else view.depth + (1 if key == "+" else -1)
        return replace(view, depth=max(depth, 1))
    if key == "enter" and view.selected < len(rows):
        return replace(view, opened=view.opened ^ {rows[view.selected]})
    changes = {
        "t": replace(view, tree=not view.tree, selected=0),
        "/": replace(view, typing=True),
        "escape": replace(view, filter="", selected=0),
        "r": replace(view, reverse=not view.reverse),
        "f": replace(view, folded=not view.folded, selected=0),
        "p": replace(view, paused=not view.paused),
        " ": replace(view, paused=not view.paused),
        "?": replace(view, help=True),
        "h": replace(view, help=True),
    }
    return changes.get(key, view)


def _type(view: View, key: str) -> View:
    """A key while the filter is typed."""
    if key == "enter":
        return replace(view, typing=False)
    if key == "escape":
        return replace(view, typing=False, filter="", selected=0)
    if key == "backspace":
        return replace(view, filter=view.filter[:-1], selected=0)
    if len(key) == 1 and key.isprintable():
        return replace(view, filter=view.filter + key, selected=0)
    return view
