"""A file on its way through a scan, and the report of them all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator import scan, sources, suppressions
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
_NOTHING = Facts()  # one for all: pickled once a share


@dataclass(slots=True)
class File:
    """One file on its way. ``matters``: its bytes may hold what a rule knows."""

    source: Source
    size: int = 0
    words: bytes = b""  # of its imports, when it was not parsed
    held: str = ""  # `runs.held`, when runs are kept
    facts: Facts = _NOTHING
    matters: bool = False
    put_off: bool = False  # to be parsed
    takes: bool = False  # seems to take Eventlet from another module
    giver: bool = False  # not of interest by itself, but others may take Eventlet from it
    module: str = ""
    ignores: tuple[Suppression, ...] = ()
    key: str = ""  # its place in the cache, when it is not from there

    @property
    def parsed(self) -> bool:
        """Whether it was, or says nothing of interest to begin with."""
        return not (self.words or self.put_off)


def stem(file: File) -> bytes:
    """The last part of the module's name."""
    folder, name = os.path.split(os.path.abspath(file.source.path))
    stem = name.partition(".")[0]
    return os.fsencode(os.path.basename(folder) if stem == "__init__" else stem)


def check_small(files: Iterable[File]) -> None:
    """Look at the syntax of files that cannot hold Eventlet, while they are few."""
    skipped = [
        file
        for file in files
        if file.source.python
        and not file.source.named  # was parsed, whatever it holds
        and not (file.matters or file.facts.unread or file.facts.imports)
    ]
    if sum(file.size for file in skipped) > _SMALL:
        return
    for file in skipped:
        data = sources.read(file.source.path)
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
