"""A file on its way through a scan, and the report of them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator import runs, scan, sources, suppressions
from migrator.findings import Report, Unread
from migrator.scan import Facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from migrator.findings import Finding, Unused
    from migrator.project import Options
    from migrator.sources import Source
    from migrator.suppressions import Suppression

# Files that cannot hold Eventlet are still parsed while there are few bytes of them, so
# that a broken file of a small project is named. In a large one the byte test is enough.
_SMALL = 400_000
NOTHING = Facts()  # one for all: pickled once a share


@dataclass(slots=True)
class File:
    """One file on its way. ``matters``: its bytes may hold what a rule knows."""

    source: Source
    size: int = 0
    words: bytes | None = b""  # of its imports, when it was not parsed; None: not looked for
    held: str = ""  # `runs.held`, when runs are kept; "" again when it has changed meanwhile
    facts: Facts = NOTHING
    matters: bool = False
    put_off: bool = False  # to be parsed
    takes: bytes = b""  # modules that it seems to take Eventlet itself from, with blanks between
    giver: bool = False  # not of interest by itself, but others may take Eventlet from it
    module: str = ""  # when it was parsed
    given: int = 0  # stands for the re-exports that it was parsed with
    ignores: tuple[Suppression, ...] = ()
    key: str = ""  # its place in the cache, when it is not from there

    @property
    def parsed(self) -> bool:
        """Whether it was, or says nothing of interest to begin with."""
        return self.words == b"" and not self.put_off


def read_again(file: File) -> bytes | Unread:
    """What a file holds now, and a note when that is something else than before."""
    data = sources.read(file.source.path, named=file.source.named)
    if file.held and runs.held(data) != file.held:
        file.held = ""
    return data


def check_small(files: Iterable[File]) -> None:
    """Look at the syntax of files that cannot hold Eventlet, while they are few."""
    skipped = [
        file
        for file in files
        if file.source.python
        and not file.source.named  # was parsed, whatever it holds
        and not (file.matters or file.facts.unread or file.module)
    ]
    if sum(file.size for file in skipped) > _SMALL:
        return
    for file in skipped:
        data = read_again(file)
        parsed = data if isinstance(data, Unread) else scan.parse(data, file.source.path)
        if isinstance(parsed, Unread):
            file.facts = Facts(unread=parsed)


def gather(files: Sequence[File], unread: list[Unread], options: Options) -> Report:
    """The report of the files; ``unread`` could not even be listed."""
    findings: list[Finding] = []
    unused: list[Unused] = []
    suppressed = 0
    if options.only is not None:
        files = [file for file in files if file.source.path in options.only]
    for file in files:
        if file.facts is NOTHING and not file.ignores:
            continue
        path = file.source.path
        if file.facts.unread:
            unread.append(file.facts.unread)
        codes = options.codes - options.ignored_in(path)
        chosen = [one for one in file.facts.findings if one.code in codes]
        kept, hidden, idle = suppressions.apply(path, chosen, file.ignores, codes)
        findings += kept
        unused += idle
        suppressed += hidden
    return Report(
        tuple(findings), tuple(unread), len(files), suppressed=suppressed, unused=tuple(unused)
    )
