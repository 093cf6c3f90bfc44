"""A progress bar for long work: on stderr, when that is a terminal, and gone at the end.

rich draws it, and is imported when the work has taken longer than people wait without
wondering; nothing else is done for work that is shorter, or not watched.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    # Told what is done, how many of them are done, and of how many (0: not known yet).
    Progress: TypeAlias = Callable[[str, int, int], None]

_Item = TypeVar("_Item")

_PATIENCE = 0.5  # seconds before a bar appears
_OFTEN = 0.1  # seconds between two looks of it


@contextmanager
def shown() -> Iterator[Progress | None]:
    """Give what is to be told about the work; None where nobody watches."""
    if not sys.stderr.isatty() or os.environ.get("TERM", "dumb") in ("dumb", "unknown"):
        yield None
        return
    bar = _Bar()
    try:
        yield bar.update
    finally:
        bar.stop()


def told(
    progress: Progress | None, what: str, items: Iterable[_Item], total: int = 0
) -> Iterable[_Item]:
    """The items; ``progress`` is told of each that comes. ``total`` 0: not known."""
    return items if progress is None else _told(progress, what, items, total)


def _told(progress: Progress, what: str, items: Iterable[_Item], total: int) -> Iterator[_Item]:
    for number, item in enumerate(items, 1):
        progress(what, number, total)
        yield item


class _Bar:
    def __init__(self) -> None:
        self._next = time.monotonic() + _PATIENCE
        self._shown: Any = None
        self._task: Any = None

    def update(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _OFTEN
        if self._shown is None:
            self._start(what)
        self._shown.update(self._task, description=what, completed=done, total=total or None)
        self._shown.refresh()

    def _start(self, what: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        # No thread of its own: the work forks. Gone at the end, whichever end that is.
        self._shown = Progress(
            "{task.description}",
            *columns,
            console=Console(stderr=True),
            transient=True,
            auto_refresh=False,
        )
        self._task = self._shown.add_task(what, total=None)
        self._shown.start()
        # rich hides it, and a kill would leave the shell without one.
        self._shown.console.show_cursor(True)

    def stop(self) -> None:
        if self._shown is not None:
            self._shown.stop()
