"""``migrate record``: where tasks and green threads spend wall time, as a profile."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import click

from bridge import recording, redact
from bridge.escape import clean
from inspector.errors import MigrateError, NoSuchProcess
from migrator import __version__
from migrator.commands import _live
from migrator.completion import PATHS
from migrator.durations import Duration
from migrator.looks import Looks, pause

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.recording import Recording

_INTERRUPTED = 130
_NOT_ALL_READ = 3


@click.command(
    epilog="Exit status: 0 also when the process ended early; 3 when some looks failed; 130 "
    "when interrupted. What was recorded is written in every case."
)
@click.argument("pid", type=click.IntRange(min=1))
@click.option(
    "-o",
    "--output",
    type=PATHS,
    required=True,
    help="Where to write; - for stdout.",
)
@click.option(
    "--duration", metavar="DURATION", type=Duration(), default="30s", show_default=True,
    help="How long to record.",
)  # fmt: skip
@click.option(
    "--interval", metavar="DURATION", type=Duration(), default="100ms", show_default=True,
    help="From one look to the next; longer where a look takes more than half of it.",
)  # fmt: skip
@click.option(
    "--format", "format_", type=click.Choice(["speedscope", "collapsed"]),
    default="speedscope", show_default=True,
    help="JSON for https://www.speedscope.app, or lines for flamegraph.pl and others.",
)  # fmt: skip
def command(pid: int, output: str, duration: float, interval: float, format_: str) -> int:
    """Record where the tasks, green threads and threads of PID spend wall time.

    What a unit waits on is the innermost frame of its stack, so that time spent waiting
    is seen like time spent running. Nothing runs in the process and it is not paused.
    """
    _live.try_to_write(output)
    # Whoever ends the recording early (Ctrl-C, timeout, a closed terminal) gets what there is.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    session = _Session(pid)
    try:
        session.run(duration, interval)
    except KeyboardInterrupt:
        session.status = _INTERRUPTED
    session.recording.finish(time.time())
    if not session.recording.looks:
        return session.status
    pieces = _pieces(session.recording, session.command, format_)
    if output == "-":
        _live.write(piece.rstrip("\n") for piece in pieces)
    else:
        _live.write_file(output, pieces)
    _live.note(session.summary(output))
    return session.status


class _Session:
    """The looks of one recording, and how it ended."""

    def __init__(self, pid: int) -> None:
        self.recording = recording.Recording()
        self.command = ""
        self.status = 0
        from inspector.capture import Options

        self._pid = pid
        self._looks = Looks(pid, Options(args=False))
        self._failures: list[MigrateError] = []
        self._ended = False

    def run(self, duration: float, interval: float) -> None:
        """Look until the time is over or the process ends. Raises what the first look raises."""
        end = time.monotonic() + duration
        while True:
            started = time.monotonic()
            if not self._look():
                return
            now = time.monotonic()
            rest = pause(interval, now - started)
            if now + rest >= end:
                time.sleep(max(end - now, 0))
                return
            time.sleep(rest)

    def _look(self) -> bool:
        """Add one look; False when the process is no more."""
        try:
            snapshot = self._looks.take()
        except MigrateError as error:
            if not self.recording.looks:
                raise
            if isinstance(error, NoSuchProcess):
                self._ended = True
                return False
            self._failures.append(error)
            self.status = _NOT_ALL_READ
            return True
        self.command = snapshot.command
        self.recording.add(snapshot)
        return True

    def summary(self, output: str) -> str:
        """What was recorded, in a line."""
        text = f"{self.recording.looks:,} looks at process {self._pid}"
        if self._ended:
            text += ", which then ended"
        if self._failures:
            text += f"; {len(self._failures):,} more failed: {self._failures[-1].message}"
        return text if output == "-" else f"{text}: {clean(output)}"


def _pieces(done: Recording, command: str, format_: str) -> Iterable[str]:
    if format_ == "collapsed":
        return (f"{line}\n" for line in recording.collapsed(done))
    name = clean(redact.text(command))
    return [recording.speedscope(done, name, f"eventlet-migrate@{__version__}")]
