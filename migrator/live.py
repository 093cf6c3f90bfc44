"""What the commands on live processes share: which ones, one look at each, exit statuses.

Without click, which takes longer to load than a small process takes to be looked at.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from itertools import islice

from bridge import graph, redact, style, words
from bridge.escape import clean
from inspector.errors import MigrateError, NoSuchProcess, NotPython, UsageError
from inspector.record import Record
from migrator import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from bridge.graph import Graph
    from bridge.style import Style
    from inspector.snapshot import Snapshot, Unit

NO_MATCH = "no unit matches the filter"
_FINDINGS = 1
_NOT_ALL_READ = 3
_SAMPLES = 4  # looks after the first that --sample takes
_LINES_AT_ONCE = 500  # written together: soon enough to see, rare enough to be fast


class Targets(Record):
    """Which processes to look at, and how."""

    pids: tuple[int, ...]
    children: bool = False
    name: str | None = None
    freeze: bool = False
    sample: float | None = None  # seconds to watch before the picture
    record: str | None = None  # file to save what is read to
    replay: str | None = None  # file to look at instead of a process
    args: bool = True  # read the arguments of calls: it costs half as much time again
    late: bool = False  # only those that are shown: for views that show few


class Look:
    """One look at some processes; remembers what the exit status has to say."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._cycles = False
        self._all_read = True
        self._headed = False
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
            self._remember(one, named=True)
            yield one
            return
        failures: list[tuple[MigrateError, bool]] = []
        taken = False
        for pid, named in self.pids().items():
            try:
                one = graph.build(self.take(pid))
            except MigrateError as error:
                # What a search found may well have ended, or be no Python: not of interest.
                matters = named or not isinstance(error, NoSuchProcess | NotPython)
                failures.append((error, matters))
                continue
            taken = True
            self._remember(one, named)
            yield one
        for failure, matters in failures if taken else failures[1:]:
            if matters:
                note(failure.message)
                self._all_read = False
        if not taken:
            raise failures[0][0]

    def take(
        self, pid: int, *, orphans: bool = False, ended: bool = False, marks: bool = False
    ) -> Snapshot:
        """A snapshot of one process, after it has been watched where that was asked for.

        ``orphans`` asks who waits for what nobody else knows, ``ended`` has memory searched
        for exceptions that were never retrieved, ``marks`` is for comparing looks.
        """
        from inspector import capture

        targets = self._targets
        options = capture.Options(
            args=targets.args, late=targets.late, freeze=targets.freeze,
            orphans=orphans, ended=ended, marks=marks or targets.sample is not None,
        )  # fmt: skip
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
        text = style.text(f"# {snapshot.pid} {redact.text(snapshot.command)} ({', '.join(facts)})")
        first, self._headed = not self._headed, True
        return [*([] if first else [""]), style.paint(text, "head")]

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

    def _remember(self, one: Graph, named: bool) -> None:
        snapshot = one.snapshot
        facts = snapshot.completeness
        if missing := words.completeness(facts):
            note(f"process {snapshot.pid}: {missing}")
        if facts.units_failed or facts.notes:
            self._all_read = False
        if one.cycles:
            self._cycles = True
        if named:
            note_if_empty(snapshot)


def note_if_empty(snapshot: Snapshot) -> None:
    """Say of a process that has nothing asynchronous that it may be the wrong one."""
    if not snapshot.units and not words.completeness(snapshot.completeness):
        note(
            f"process {snapshot.pid} runs Python {clean(snapshot.python)}, "
            "but has neither tasks nor green threads now"
        )


def write(lines: Iterable[str]) -> None:
    """Write lines to stdout, the first ones at once however many there are.

    Who reads no further, as ``head``, still gets the status.
    """
    try:
        for batch in batched(lines, _LINES_AT_ONCE):
            sys.stdout.write("\n".join(batch) + "\n")
            sys.stdout.flush()
    except BrokenPipeError:
        pass


def batched(lines: Iterable[str], size: int) -> Iterator[list[str]]:
    """Lists of up to ``size`` lines (`itertools.batched` is there from 3.12 on only)."""
    rest = iter(lines)
    while batch := list(islice(rest, size)):
        yield batch


def write_json(
    targets: Targets,
    show_secrets: bool,
    choose: Callable[[Graph], Sequence[Unit]] | None = None,
) -> int:
    """Write the JSON document of all processes to stdout; returns the exit status."""
    from bridge import schema

    look = Look(targets)
    graphs = list(look.graphs())  # an error leaves nothing on stdout
    chosen = [choose(one) for one in graphs] if choose else None
    if chosen is not None and not any(chosen):
        note(NO_MATCH)
    try:
        for chunk in schema.chunks(graphs, __version__, show_secrets, chosen):
            sys.stdout.write(chunk)
    except BrokenPipeError:
        pass
    return look.status


def write_page(targets: Targets, path: str, show_secrets: bool) -> int:
    """Write the HTML page of all processes, whole or not at all; returns the exit status."""
    from bridge import html

    look = Look(targets)
    graphs = list(look.graphs())
    write_file(path, html.chunks(graphs, __version__, show_secrets))
    return look.status


def write_file(path: str, pieces: Iterable[str]) -> None:
    """Write a file that is whole or as it was before; "-" is stdout. Raises UsageError."""
    if path == "-":
        sys.stdout.writelines(pieces)
        return
    try:
        target, written = _ways(path)
        try:
            with written.open("w", encoding="utf-8") as file:
                file.writelines(pieces)
            if written != target:
                written.replace(target)
        finally:
            if written != target:
                written.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_write(path, error) from error


def try_to_write(path: str) -> None:
    """Raise the UsageError now that `write_file` would raise when all the work is done."""
    if path == "-":
        return
    try:
        target, written = _ways(path)
        if written != target:
            written.open("w").close()
            written.unlink()
        elif not os.access(target, os.W_OK):  # to open a pipe would wait for its reader
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise _cannot_write(path, error) from error


def _ways(path: str) -> tuple[Path, Path]:
    """The file, and that which is written first and then takes its place. Raises OSError.

    A device or a pipe is written to; replacing it would take it away.
    """
    from pathlib import Path

    target = Path(path)
    if not path or target.is_dir():
        number = errno.EISDIR if path else errno.ENOENT
        raise OSError(number, os.strerror(number))
    if target.exists() and not target.is_file():
        return target, target
    target = target.resolve()
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return target, target.with_name(f".{target.name}.{os.getpid()}")


def _cannot_write(path: str, error: OSError) -> UsageError:
    return UsageError(f"cannot write {clean(path) or repr(path)}: {error.strerror}")


def output_style(wide: bool) -> Style:
    """The style of stdout; ``wide`` for lines as long as they get."""
    found = style.of(sys.stdout)
    return found._replace(width=None) if wide else found


def note(text: str) -> None:
    """One line, already safe, on stderr."""
    try:
        sys.stderr.write(f"migrate: {text}\n")
    except OSError:
        pass  # the status says it as well


def _pattern(name: str) -> re.Pattern[str]:
    import re

    try:
        return re.compile(name)
    except re.error as error:
        raise UsageError(f"--name {name!r} is not a regular expression: {error}") from error
