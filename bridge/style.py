"""How to write to one stream: which characters it takes, colours or not, how wide."""

from __future__ import annotations

import os

from bridge.escape import clean
from inspector.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

_COLORS = {
    "task": "1;36",
    "green": "1;32",
    "main": "1;35",
    "state": "33",
    "faint": "2",
    "alarm": "1;31",
    "head": "1",
}


class Style(Record):
    """What a view may use. ``width`` is in cells, None for as wide as it gets."""

    unicode: bool = True
    color: bool = False
    width: int | None = None

    @property
    def branches(self) -> tuple[str, str, str, str]:
        """The tree's fork, end, trunk and gap."""
        return (
            ("├── ", "└── ", "│   ", "    ") if self.unicode else ("|-- ", "`-- ", "|   ", "    ")
        )

    @property
    def arrow(self) -> str:
        """Between the units of a cycle."""
        return " → " if self.unicode else " -> "

    @property
    def ellipsis(self) -> str:
        """Where something was cut."""
        return "…" if self.unicode else "..."

    @property
    def times(self) -> str:
        """Before a count."""
        return "\N{MULTIPLICATION SIGN}" if self.unicode else "x"

    def text(self, raw: str) -> str:
        """Text of a target, safe for this stream."""
        return clean(raw, ascii_only=not self.unicode)

    def paint(self, text: str, color: str) -> str:
        """``text``, already safe, in one of the colours by meaning."""
        return f"\033[{_COLORS[color]}m{text}\033[0m" if self.color and text else text


def of(stream: TextIO, environ: Mapping[str, str] = os.environ) -> Style:
    """The style that suits a stream, its locale and the user's wishes.

    ``NO_COLOR`` comes before ``FORCE_COLOR`` and that before ``TERM=dumb``, as in CPython's
    own ``_colorize``.
    """
    terminal = stream.isatty()
    if environ.get("NO_COLOR"):
        color = False
    elif environ.get("FORCE_COLOR"):
        color = environ["FORCE_COLOR"] != "0"
    else:
        color = terminal and environ.get("TERM") != "dumb"
    return Style(_speaks_unicode(stream, environ), color, _width(stream) if terminal else None)


def _speaks_unicode(stream: TextIO, environ: Mapping[str, str]) -> bool:
    if "utf" not in (stream.encoding or "").lower():
        return False
    if environ.get("PYTHONUTF8") == "1" or "PYTHONIOENCODING" in environ:
        return True
    # In the C locale Python writes UTF-8 all the same (PEP 538, PEP 540) and exports
    # LC_CTYPE=C.UTF-8 to say so; what the user asked for is in the other variables.
    asked = [environ.get("LC_ALL"), environ.get("LC_CTYPE"), environ.get("LANG")]
    if asked[1] == "C.UTF-8":
        asked[1] = None
    first = next((name for name in asked if name), "")
    return first not in ("C", "POSIX")


def _width(stream: TextIO) -> int | None:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None
