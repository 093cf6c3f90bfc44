"""What the commands on live processes share: which ones, one look at each, exit statuses."""

from __future__ import annotations

import os
import re
import sys
import time
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from bridge import graph, redact, style, words
from bridge.escape import clean
from inspector.errors import MigrateError, NoSuchProcess, NotPython, UsageError
from migrator import __version__
from migrator.durations import Duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bridge.graph import Graph
    from bridge.style import Style
    from inspector.snapshot import Snapshot

_F = TypeVar("_F", bound="Callable[..., Any]")

_FINDINGS = 1
_NOT_ALL_READ = 3
_SAMPLES = 4  # looks after the first that --sample takes
_LINES_AT_ONCE = 500  # written together: soon enough to see, rare enough to be fast


class Targets(NamedTuple):
    """Which processes to look at, and how."""

    pids: tuple[int, ...]
    children: bool
    name: str | None
    freeze: bool
    sample: float | None = None  # seconds to watch before the picture
    record: str | None = None  # file to save what is read to
    replay: str | None = None  # file to look at instead of a process
    args: bool = True  # read the arguments of calls: it costs half as much time again


def choosing(command: _F) -> _F:
    """The arguments and options that say which processes, and how to read them."""
    for add in reversed(
        (
            click.argument("pids", metavar="PID...", nargs=-1, type=click.IntRange(min=1)),
            click.option(
                "--children", is_flag=True, help="Show the Python processes below PID as well."
            ),
            click.option(
                "--name",
                metavar="REGEX",
                help="Show the Python processes whose command line matches.",
            ),
            click.option(
                "--freeze",
                is_flag=True,
                help="Stop the process while it is read (tens of ms): an exact picture.",
            ),
        )
    ):
        command = add(command)
    return command


def options(command: _F) -> _F:
    """Those of `choosing`, and those of a view."""
    for add in reversed(
        (
            choosing,
            click.option(
                "--sample",
                metavar="DURATION",
                type=Duration(),
                help="Watch the process for so long, to say how long units are where they are.",
            ),
            click.option("--record", metavar="FILE", help="Save what is read to FILE as well."),
            click.option("--replay", metavar="FILE", help="Show what was recorded; no PID."),
            click.option(
                "--show-secrets",
                is_flag=True,
                help="Show values under names like password, token or key.",
            ),
            click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
            click.option("--wide", is_flag=True, help="Do not fit lines to the terminal."),
        )
    ):
        command = add(command)
    return command


class Look:
    """One look at some processes; remembers what the exit status has to say."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._cycles = False
        self._all_read = True
        self.several = targets.children or targets.name is not None or len(targets.pids) > 1
        if targets.replay is not None:
            others = (targets.freeze, targets.record is not None, targets.sample is not None)
            if self.several or targets.pids or any(others):
                raise UsageError("--replay shows a file", "give no PID and nothing that needs one")
        elif targets.record is not None and (self.several or targets.sample is not None):
            raise UsageError("--record saves one look at one process", "give one PID")
        elif not targets.pids and targets.name is None:
            raise UsageError("no process named", "give a PID, or --name REGEX to search for one")

    @property
    def status(self) -> int:
        """The exit status, once all graphs have been taken."""
        return _FINDINGS if self._cycles else 0 if self._all_read else _NOT_ALL_READ

    def graphs(self) -> Iterator[Graph]:
        """The graph of each process in turn; what there is to say about it goes to stderr.

        Raises MigrateError when there is a single process and it cannot be read, or when
        none of several can.
        """
        if self._targets.replay is not None:
            from inspector import recording

            one = graph.build(recording.replay(self._targets.replay))
            self._remember(one)
            yield one
            return
        failure: MigrateError | None = None
        taken = False
        for pid, named in self.pids().items():
            try:
                one = graph.build(self.take(pid))
            except MigrateError as error:
                if not self.several:
                    raise
                failure = failure or error
                # What a search found may well have ended, or be no Python: not of interest.
                if named or not isinstance(error, NoSuchProcess | NotPython):
                    note(error.message)
                    self._all_read = False
                continue
            taken = True
            self._remember(one)
            yield one
        if failure and not taken:
            raise failure

    def take(self, pid: int) -> Snapshot:
        """A snapshot of one process, after it has been watched where that was asked for."""
        from inspector import capture

        targets = self._targets
        options = capture.Options(args=targets.args, freeze=targets.freeze)
        if targets.record is not None:
            from inspector import recording

            return recording.record(pid, targets.record, options)
        taken = capture.take(pid, options)
        if targets.sample is None:
            return taken
        from bridge import watch

        looks = watch.begin(taken)
        step = targets.sample / _SAMPLES
        for number in range(1, _SAMPLES + 1):
            time.sleep(max(0.0, looks.started + number * step - time.time()))
            taken = capture.take(pid, options)
            looks = watch.look(looks, taken)
        return watch.observed(looks)

    def heading(self, one: Graph, style: Style) -> list[str]:
        """The lines above a process, none when there is only one."""
        if not self.several:
            return []
        snapshot = one.snapshot
        facts = [f"Python {snapshot.python}"]
        facts += [f"greenlet {snapshot.greenlet}"] if snapshot.greenlet else []
        facts += [f"eventlet {snapshot.eventlet}"] if snapshot.eventlet else []
        text = f"# {snapshot.pid} {redact.text(snapshot.command)} ({', '.join(facts)})"
        return [style.paint(style.text(text), "head")]

    def pids(self) -> dict[int, bool]:
        """The processes in order, and whether the user named them (or a search found them)."""
        targets = self._targets
        pids = dict.fromkeys(targets.pids, True)
        if targets.name is None and not targets.children:
            return pids
        from inspector import proctree

        if targets.name is not None:
            found = proctree.matching(_pattern(targets.name))
            if not found and not pids:
                raise NoSuchProcess(
                    f"no process has a command line that matches {clean(targets.name)}"
                )
            pids = dict.fromkeys(found, False) | pids
        if targets.children:
            families = {pid: proctree.descendants(pid) for pid in pids}
            order = {one: False for pid, below in families.items() for one in (pid, *below)}
            pids = order | pids
        return pids

    def _remember(self, one: Graph) -> None:
        snapshot = one.snapshot
        facts = snapshot.completeness
        if missing := words.completeness(facts):
            note(f"process {snapshot.pid}: {missing}")
        if facts.units_failed or facts.notes:
            self._all_read = False
        if one.cycles:
            self._cycles = True
        if not snapshot.units and not missing:
            note(
                f"process {snapshot.pid} runs Python {clean(snapshot.python)}, "
                "but has neither tasks nor green threads now"
            )


def write(lines: Iterable[str]) -> None:
    """Write lines to stdout, the first ones at once however many there are."""
    for batch in batched(lines, _LINES_AT_ONCE):
        sys.stdout.write("\n".join(batch) + "\n")
        sys.stdout.flush()


def batched(lines: Iterable[str], size: int) -> Iterator[list[str]]:
    """Lists of up to ``size`` lines (`itertools.batched` is there from 3.12 on only)."""
    rest = iter(lines)
    while batch := list(islice(rest, size)):
        yield batch


def write_json(look: Look, show_secrets: bool) -> None:
    """Write the JSON document of all processes to stdout."""
    from bridge import schema

    graphs = list(look.graphs())  # an error leaves nothing on stdout
    for chunk in schema.chunks(graphs, __version__, show_secrets):
        sys.stdout.write(chunk)


def write_page(look: Look, path: str, show_secrets: bool) -> None:
    """Write the HTML page of all processes; the file is whole or as it was before."""
    from bridge import html

    graphs = list(look.graphs())
    write_file(path, html.chunks(graphs, __version__, show_secrets))


def write_file(path: str, pieces: Iterable[str]) -> None:
    """Write a file that is whole or as it was before. Raises UsageError."""
    try:
        _write_file(path, pieces)
    except OSError as error:
        raise UsageError(f"cannot write {clean(path)}: {error.strerror}") from error


def _write_file(path: str, pieces: Iterable[str]) -> None:
    from pathlib import Path

    target = Path(path).resolve()
    # A device or a pipe is written to; replacing it would take it away.
    plain = target.is_file() or not target.exists()
    written = target.with_name(f".{target.name}.{os.getpid()}") if plain else target
    try:
        with written.open("w", encoding="utf-8") as file:
            file.writelines(pieces)
        if plain:
            written.replace(target)
    finally:
        if plain:
            written.unlink(missing_ok=True)


def output_style(wide: bool) -> Style:
    """The style of stdout; ``wide`` for lines as long as they get."""
    found = style.of(sys.stdout)
    return found._replace(width=None) if wide else found


def note(text: str) -> None:
    """One line, already safe, on stderr."""
    click.echo(f"migrate: {text}", err=True)


def _pattern(name: str) -> re.Pattern[str]:
    try:
        return re.compile(name)
    except re.error as error:
        raise UsageError(f"--name {name!r} is not a regular expression: {error}") from error
