"""``migrate top``: a live view of both worlds in a process."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

import click

from bridge import board, schema, style, view, watch
from inspector.errors import MigrateError, NoSuchProcess, UsageError
from migrator import __version__
from migrator.commands import _live
from migrator.durations import Duration
from migrator.looks import Looks, pause

if TYPE_CHECKING:
    from bridge.board import Picture
    from inspector.snapshot import Snapshot
    from migrator.screen import Screen

_INTERRUPTED = 130


@click.command(
    epilog="Keys: ? shows them. Exit status: 0 after q; 4 when the process has ended; 130 after "
    "Ctrl-C or when the terminal is closed."
)
@click.argument("pid", type=click.IntRange(min=1))
@click.option(
    "--interval", metavar="DURATION", type=Duration(least=0.1), default="1s",
    show_default=True, help="From one look at the process to the next.",
)  # fmt: skip
@click.option("--tree", is_flag=True, help="Begin with the tree instead of the table.")
@click.option("--filter", "filter_", metavar="TEXT", default="", help="Begin with a filter.")
def command(pid: int, interval: float, tree: bool, filter_: str) -> int:
    """Watch the tasks, green threads and threads of process PID.

    Sorted by the time they have been where they are; what is new, what moved and what
    keeps growing is marked. Nothing runs in the process and it is not paused.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("top needs a terminal", f"for a single picture: migrate ps {pid}")
    if os.environ.get("TERM", "dumb") in ("dumb", "unknown"):
        raise UsageError(
            "top needs a terminal that can move its cursor (TERM is "
            f"{os.environ.get('TERM') or 'not set'})",
            f"for a single picture: migrate ps {pid}",
        )
    from inspector.capture import Options

    looks = Looks(pid, Options(marks=True))
    first = looks.take()
    from migrator.screen import Screen

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        with Screen() as screen:
            watcher = _Watcher(looks, interval, screen)
            _Top(screen, watcher, first, view.View(tree=tree, filter=filter_)).run()
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


class _Watcher(threading.Thread):
    """Looks at the process beside the keys, so that these never wait for it."""

    def __init__(self, looks: Looks, interval: float, screen: Screen) -> None:
        super().__init__(daemon=True)
        self.found: queue.SimpleQueue[Snapshot | Exception] = queue.SimpleQueue()
        self._looks = looks
        self._interval = interval
        self._screen = screen

    def run(self) -> None:
        """Look until the process ends; what comes out, errors too, goes to ``found``."""
        rest = self._interval
        while True:
            time.sleep(rest)
            started = time.monotonic()
            try:
                self.found.put(self._looks.take())
            except Exception as error:  # noqa: BLE001 - raised again where it is read
                self.found.put(error)
                if not isinstance(error, MigrateError) or isinstance(error, NoSuchProcess):
                    return
            finally:
                self._screen.wake()
            rest = pause(self._interval, time.monotonic() - started)


class _Top:
    """Takes keys and looks to pictures."""

    def __init__(
        self, screen: Screen, watcher: _Watcher, first: Snapshot, chosen: view.View
    ) -> None:
        self._screen = screen
        self._watcher = watcher
        self._watch = watch.begin(first)
        self._board = board.Board(self._watch)  # stays behind while the picture is paused
        self._view = chosen
        self._style = style.of(sys.stdout)
        self._message = ""  # until the next key
        self._problem = ""  # until a look succeeds

    def run(self) -> None:
        """Until the user has enough. Raises NoSuchProcess when the process ends."""
        self._watcher.start()
        while True:
            picture = self._picture()
            self._screen.show(picture.lines)
            for key in self._screen.wait():
                if self._view != picture.view:  # an earlier key of the same moment changed it
                    picture = self._picture()
                self._message = ""
                if key == "q" and not self._view.typing:
                    return
                if key == "e" and not self._view.typing:
                    self._export()
                self._view = view.press(self._view, key, picture.keys, picture.page)
            self._take_looks()

    def _picture(self) -> Picture:
        columns, lines = self._screen.size
        message = self._message or self._problem
        picture = board.draw(self._board, self._view, columns, lines, self._style, message)
        self._view = picture.view
        return picture

    def _take_looks(self) -> None:
        while not self._watcher.found.empty():
            found = self._watcher.found.get()
            if isinstance(found, NoSuchProcess):
                raise found
            if isinstance(found, MigrateError):
                self._problem = found.message
            elif isinstance(found, Exception):
                raise found
            else:
                self._watch = watch.look(self._watch, found)
                self._problem = ""
        if not self._view.paused and self._board.looks is not self._watch:
            self._board = board.Board(self._watch)

    def _export(self) -> None:
        """Write what is shown as JSON to a new file in the current folder."""
        looks = self._board.looks
        moment = time.strftime("%Y%m%d-%H%M%S", time.localtime(looks.now))
        path = f"migrate-{looks.snapshot.pid}-{moment}.json"
        try:
            _live.write_file(path, schema.chunks([self._board.graph], __version__))
        except MigrateError as error:
            self._message = error.message
        else:
            self._message = f"written to {path}"
