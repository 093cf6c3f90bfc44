"""Print every line that runs, as ``eventlet.debug.spew`` does, without Eventlet."""

from __future__ import annotations

import linecache
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import FrameType


class Spew:
    """A trace function that prints lines, and with ``show_values`` the names on them.

    ``trace_names`` limits it to modules of these names.
    """

    def __init__(
        self, trace_names: Collection[str] | None = None, show_values: bool = True
    ) -> None:
        self.trace_names = trace_names
        self.show_values = show_values

    def __call__(self, frame: FrameType, event: str, arg: Any) -> Spew:
        """Show the line that is about to run; go on tracing in every new frame."""
        if event == "line":
            known = "__file__" in frame.f_globals
            name = frame.f_globals.get("__name__", "") if known else "[unknown]"
            if self.trace_names is None or name in self.trace_names:
                self._show(name, frame)
        return self

    def _show(self, name: str, frame: FrameType) -> None:
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno, frame.f_globals)
        text = line.rstrip() or (
            f"Unknown code named [{frame.f_code.co_name}].  VM instruction #{frame.f_lasti}"
        )
        print(f"{name}:{frame.f_lineno}: {text}")  # noqa: T201 - printing is what it is for
        if self.show_values and (values := " ".join(_values(line, frame))):
            print(f"\t{values}")  # noqa: T201


def spew(trace_names: Collection[str] | None = None, show_values: bool = False) -> None:
    """Print every line that this thread runs from here on: green threads and tasks alike."""
    sys.settrace(Spew(trace_names, show_values))


def unspew() -> None:
    """Stop what `spew` began."""
    sys.settrace(None)


def _values(line: str, frame: FrameType) -> list[str]:
    import re

    return [
        f"{word}={names[word]!r}"
        for word in re.split(r"\W+", line)
        for names in (frame.f_globals, frame.f_locals)
        if word in names
    ]
