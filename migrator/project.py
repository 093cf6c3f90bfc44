"""Many files -> one report: read, test, scan, follow facades, suppress.

Cheap steps come first, for every file: a byte test says which can hold a finding at all.
With enough files, other processes take their share; the result is the same, in the same
order.
"""

from __future__ import annotations

import gc
import os
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from migrator import facades, ignores, runs, sources, walk
from migrator.cache import Cache
from migrator.files import File, check_small, gather
from migrator.findings import Report, Unread
from migrator.following import Following
from migrator.progress import told
from migrator.sources import Source

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from migrator.progress import Progress

_DEBUG_FAMILIES = ("EVT1", "EVT2")


@dataclass(frozen=True, slots=True)
class Options:
    """What a scan is asked for; ``codes`` are those of the rules selected.

    ``exclude`` holds patterns relative to ``exclude_from`` (None: the current folder), and
    ``force_exclude`` lets them leave out also what was named itself; ``per_file_ignores``
    pairs a glob, relative to ``root``, with codes; ``only`` holds the paths that the report
    is about (the others are read for what they re-export); ``processes`` None takes as many
    as there are processors.
    """

    codes: frozenset[str]
    mentions: bool = False
    text: bool = True
    root: str | None = None
    exclude: tuple[str, ...] = ()
    exclude_from: str | None = None
    force_exclude: bool = False
    per_file_ignores: tuple[tuple[str, frozenset[str]], ...] = ()
    only: Container[str] | None = None
    processes: int | None = None

    @property
    def debug_only(self) -> bool:
        """Only rules whose words can be looked for before a file is parsed."""
        return all(code.startswith(_DEBUG_FAMILIES) for code in self.codes)

    @property
    def excluded(self) -> ignores.Ignores | None:
        """What ``exclude`` says, if anything: pathspec takes a third of a small project's time."""
        if not self.exclude:
            return None
        return ignores.Ignores(self.exclude_from or os.getcwd(), self.exclude)

    def sources(self, paths: Iterable[str], *, text: bool) -> Iterator[Source | Unread]:
        """The files to look at; ``text`` asks for those that are not Python."""
        return walk.find(
            paths,
            exclude=self.excluded,
            text=text,
            force=self.force_exclude,
            processes=self.processes,
        )

    def ignored_in(self, path: str) -> frozenset[str]:
        """The codes that the configuration ignores in a file."""
        if not self.per_file_ignores:
            return frozenset()
        place = os.path.relpath(os.path.abspath(path), self.root or os.getcwd())
        names = (place.replace(os.sep, "/"), os.path.basename(path))
        found = [
            codes
            for pattern, codes in self.per_file_ignores
            if any(fnmatch(name, pattern) for name in names)
        ]
        return frozenset().union(*found)


def scan_paths(
    paths: Iterable[str],
    options: Options,
    cache: Cache | None = None,
    progress: Progress | None = None,
) -> Report:
    """Scan files and folders. ``progress`` is as in `migrator.progress`."""
    return scan_project(paths, options, cache, progress)[0]


def scan_project(
    paths: Iterable[str],
    options: Options,
    cache: Cache | None = None,
    progress: Progress | None = None,
) -> tuple[Report, facades.Facades]:
    """As `scan_paths`, and what the project re-exports."""
    run = _Run(options, cache or Cache(None), progress)
    collecting = gc.isenabled()
    gc.disable()  # trees hold no cycles, and looking for some costs a third of the time
    try:
        found = list(told(progress, "Finding files", options.sources(paths, text=options.text)))
        unread = [one for one in found if isinstance(one, Unread)]
        files = run.look([one for one in found if isinstance(one, Source)])
    finally:
        if collecting:
            gc.enable()
    run.cache.save()
    return gather(files, unread, options), run.facades


def scan_bytes(data: bytes, path: str, options: Options) -> Report:
    """Scan source that is not (yet) in a file; ``path`` is what it is called."""
    excluded = options.excluded if options.force_exclude else None
    if excluded and excluded.match(os.path.abspath(path), folder=False):
        return gather([], [], options)
    run = _Run(options, Cache(None), None)
    source = Source(path, python=not sources.is_named_text(path), named=True)
    return gather([run.examine(data, source)], [], options)


class _Run(Following):
    """All of them, or what an earlier run of the same found."""

    def look(self, listed: Sequence[Source]) -> list[File]:
        """What each file says, in order: as an earlier run found, where they are the same."""
        name = ""
        if self.cache.runs and not any(source.named for source in listed):  # those may be pipes
            asked = f"{self.options.mentions}{self.debug_only}{sorted(self.leading)}"
            name = runs.question(self.cache.tool, asked, listed)
            if known := self.recalled(name, listed):
                return known
        files = self.first(listed)
        now = runs.content(file.held for file in files)
        self.follow_facades(files)
        check_small(files)
        if name and self.cache.runs and all(file.held for file in files):
            said = tuple(
                runs.Told(place, file.facts, file.ignores)
                for place, file in enumerate(files)
                if file.facts.findings or file.facts.unread or file.ignores
            )
            given = self.facades.record
            beside = {one: facades.is_module(one) for one in facades.beside(given, files)}
            runs.remember(self.cache.runs, name, now, runs.Run(said, given, beside))
        return files

    def recalled(self, name: str, listed: Sequence[Source]) -> list[File] | None:
        """What the run of that name found, if the files hold what they held then."""
        folder = self.cache.runs
        if not folder or not runs.is_known(folder, name):
            return None
        now = runs.content(self.shared_out("Comparing", _held, listed))
        known = runs.recall(folder, name, now, listed)
        if known is None:
            return None
        files = [File(source) for source in listed]
        for one in known.told:
            files[one.place].facts, files[one.place].ignores = one.facts, one.ignores
        self.facades = facades.Facades(known.facades)
        return files


def _held(source: Source) -> str:
    return runs.held(sources.read(source.path))
