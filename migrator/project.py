"""Many files -> one report: read, test, scan, follow facades, suppress.

Cheap steps come first, for every file: a byte test says which can hold a finding at all.
With enough files, other processes take their share; the result is the same, in the same
order.
"""

from __future__ import annotations

import gc
import os
import re
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, TypeVar

from migrator import (
    ignores,
    imported,
    needles,
    order,
    parallel,
    rules,
    runs,
    scan,
    sources,
    suppressions,
    walk,
)
from migrator.cache import Cache, key
from migrator.facades import Facades, of_libraries
from migrator.files import File, check_small, gather, stem
from migrator.findings import Report, Unread
from migrator.progress import told
from migrator.scan import Facts
from migrator.sources import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

    from migrator.progress import Progress
    from migrator.uses import Exports

_Item = TypeVar("_Item")
_Out = TypeVar("_Out")

_DEBUG_FAMILIES = ("EVT1", "EVT2")

_MANY = 100  # files from which on other processes pay for their start
_SHARE = 32  # files handed out at once
_SOME = 16  # files to parse from which on they do, handed out one by one
_ROUNDS = 5  # facades of facades
# What takes Eventlet from another module, as tests do: `utils.eventlet.sleep`.
_TAKES = re.compile(rb"\w\.eventlet\b")


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

    def sources(self, paths: Iterable[str], *, text: bool) -> Iterator[Source | Unread]:
        """The files to look at; ``text`` asks for those that are not Python."""
        excluded = None
        if self.exclude:  # pathspec takes a third of the time that a small project takes
            excluded = ignores.Ignores(self.exclude_from or os.getcwd(), self.exclude)
        return walk.find(
            paths,
            exclude=excluded,
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
) -> tuple[Report, Facades]:
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
    run = _Run(options, Cache(None), None)
    source = Source(path, python=not sources.is_named_text(path), named=True)
    return gather([run.examine(data, source)], [], options)


class _Run:
    """What the passes over the files share."""

    def __init__(self, options: Options, cache: Cache, progress: Progress | None) -> None:
        self.options = options
        self.cache = cache
        self.progress = progress
        self.debug_only = options.debug_only
        self.leading = _leading_to(options.codes) if self.debug_only else frozenset()
        self.may_matter: Callable[[bytes], bool] = needles.may_matter
        self.facades = self.changed = Facades() if self.debug_only else of_libraries()

    def look(self, listed: Sequence[Source]) -> list[File]:
        """What each file says, in order: as an earlier run found, where they are the same."""
        name = ""
        if self.cache.runs and not any(source.named for source in listed):  # those may be pipes
            asked = f"{self.options.mentions}{self.debug_only}{sorted(self.leading)}"
            name = runs.question(self.cache.tool, asked, listed)
            if known := self.recalled(name, listed):
                return known
        if len(listed) >= _MANY:
            self.may_matter = needles.for_many()
        files = [
            one if isinstance(one, File) else File(source, *one)
            for source, one in zip(
                listed, self.shared_out("Scanning", self.open, listed), strict=True
            )
        ]
        for file in files:
            self.keep(file)
        now = runs.content(file.held for file in files)
        self.follow_facades(files)
        check_small(files)
        if name and self.cache.runs:
            said = tuple(
                runs.Told(place, file.facts, file.ignores)
                for place, file in enumerate(files)
                if file.facts.findings or file.facts.unread or file.ignores
            )
            runs.remember(self.cache.runs, name, now, runs.Run(said, self.facades.record))
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
        self.facades = Facades(known.facades)
        return files

    def again(
        self, what: str, work: Callable[[File], File], files: list[File], places: Sequence[int]
    ) -> None:
        """Put in the place of some files what the work makes of them, the largest first."""
        largest = sorted(places, key=lambda place: -files[place].size)
        items = [files[place] for place in largest]
        for place, file in zip(largest, self.shared_out(what, work, items, _SOME, 1), strict=True):
            files[place] = file
            self.keep(file)

    def keep(self, file: File) -> None:
        """Keep what is new to the cache."""
        if file.key:
            self.cache.put(file.key, file.facts)

    def shared_out(
        self,
        what: str,
        work: Callable[[_Item], _Out],
        items: Sequence[_Item],
        many: int = _MANY,
        share: int = _SHARE,
    ) -> Iterable[_Out]:
        """Do the work for each item, in other processes when there are ``many``."""
        processes = self.options.processes or parallel.processors()
        if processes == 1 or len(items) < many or not hasattr(os, "fork"):
            done: Iterator[_Out] = map(work, items)
        else:
            done = parallel.map_forked(work, items, processes, share)
        return told(self.progress, what, done, len(items))

    def open(self, source: Source) -> File | tuple[int, bytes, str]:
        """Read a file and examine it; of most there is only size, words and `File.held` to tell."""
        data = sources.read(source.path, named=source.named)
        if isinstance(data, Unread):
            file = File(source, facts=Facts(unread=data))
        else:
            file = self.examine(data, source, put_off=not source.named)
        if self.cache.runs:
            file.held = runs.held(data)
        plain = not (file.matters or file.giver or file.facts.unread or source.named)
        return (file.size, file.words, file.held) if plain else file

    def examine(self, data: bytes, source: Source, *, put_off: bool = False) -> File:
        """The first look at one file's bytes.

        ``put_off`` leaves one that is to be parsed for the second.
        """
        file = File(source, size=len(data))
        file.matters = self.may_matter(data)
        if file.matters and sources.is_python_after_all(source.path, data):
            file.source = source = source._replace(python=True)
        if not source.python:
            other = sources.other_form(source.path)
            if file.matters and other:
                file.facts = Facts(unread=Unread(source.path, other))
            elif file.matters:
                file.facts = scan.scan_text(data, source.path)
                file.ignores = suppressions.find(data, python=False)
            return file
        if file.matters and not self.options.mentions and scan.only_comments(data):
            file.matters = False
        file.matters = file.matters or scan.is_opaque(data)
        if file.matters and self.debug_only and not scan.may_debug(data):
            file.matters, file.giver = False, True
        if put_off and file.matters:
            file.words = imported.words(data)
            file.put_off = True
            file.takes = b"eventlet" in file.words or bool(_TAKES.search(data))
        elif file.matters or source.named:
            self.parse(data, file, {})
            if file.facts.unread and sources.may_be_text(source.path):
                file.source = source._replace(python=False)
                file.facts = scan.scan_text(data, source.path) if file.matters else Facts()
                file.key = ""
        else:
            broken = scan.broken(data, source.path)
            if broken:
                file.facts = Facts(unread=broken)
            file.words = imported.words(data)
        return file

    def look_again(self, file: File) -> File:
        """A second look, now that the project's re-exports are known."""
        path = file.source.path
        data = sources.read(path, named=file.source.named)
        if isinstance(data, Unread):
            if file.put_off:
                file.facts, file.put_off = Facts(unread=data), False
            return file
        imports = file.facts.imports
        if file.words:
            if not file.put_off and not self.may_take(file, data):
                return file
            module, package = sources.module_name(path)
            imports = imported.names(data, module, package=package)
        given: Exports = {}
        if self.changed.taken(path, data, imports):
            given = self.facades.visible(path, imports)
        elif not file.put_off:
            return file
        self.parse(data, file, given)
        for _ in range(_ROUNDS):  # by what is known now, it may name more modules
            seen = self.facades.visible(path, file.facts.imports)
            if seen == given or not self.facades.taken(path, data, file.facts.imports):
                break
            given = seen
            self.parse(data, file, given)
        return file

    def parse(self, data: bytes, file: File, exports: Exports) -> None:
        """Resolve the file's names, or take what the cache knows."""
        path = file.source.path
        file.module, package = sources.module_name(path)
        file.ignores = suppressions.find(data)
        file.words, file.put_off = b"", False
        name = ""
        if self.cache.folder:
            import json

            view = json.dumps([self.options.mentions, exports], sort_keys=True)
            name = key(data, file.module, package, view)
        known = self.cache.get(name, path) if name else None
        file.key = "" if known else name
        file.facts = known or scan.scan_python(
            data,
            path,
            file.module,
            package=package,
            exports=exports,
            mentions=self.options.mentions,
        )

    def follow_facades(self, files: list[File]) -> None:
        """Parse what matters, and what takes from others what they re-export.

        Most of the latter, tests above all, give nothing to any other file: they come last, so
        that they are parsed once, when all that is re-exported is known.
        """
        put_off = [place for place, file in enumerate(files) if file.put_off]
        first = order.needed(files, put_off, put_off)
        self.again("Parsing", self.open_one, files, sorted(first))
        self.open_givers(files)
        for file in files:
            self.facades.add(file.source.path, file.module, self.followed(file.facts))
        left = self.follow(files, {*put_off})
        self.changed = self.facades
        self.look_at(files, [at for at, file in enumerate(files) if file.put_off or at in left])
        self.follow(files)

    def follow(self, files: list[File], importers: set[int] | None = None) -> set[int]:
        """Look again at files that may take what others re-export, until nothing is new.

        With ``importers``, the places of files like that, those not parsed yet that none of them
        imports are left for later: returns their places.
        """
        left: set[int] = set()
        for _ in range(_ROUNDS):
            if self.changed.empty:
                break
            users = [
                place
                for place, file in enumerate(files)
                if file.source.python and not file.facts.unread and self.is_user(file)
            ]
            if importers is not None:
                importers.update(users)
                waiting = {place for place in users if not files[place].parsed}
                left |= waiting - order.needed(files, waiting, importers)
            self.look_at(files, [place for place in users if place not in left])
        return left

    def look_at(self, files: list[File], places: list[int]) -> None:
        """Look again at these files, and note what they re-export."""
        self.again("Following", self.look_again, files, places)
        before = self.facades.record
        self.facades = Facades(before)
        for file in [files[place] for place in places]:
            self.facades.add(file.source.path, file.module, self.followed(file.facts))
        self.changed = self.facades.since(before)

    def open_givers(self, files: list[File]) -> None:
        """Parse the modules that say ``import eventlet`` and no more, if others take that."""
        wanted: set[bytes] = set()
        for file in files:
            wanted.update(file.words.split() if file.takes else ())
            taken = [name.split(".") for name in file.facts.imports if name.endswith(".eventlet")]
            wanted.update(os.fsencode(parts[-2]) for parts in taken)
        places = [place for place, file in enumerate(files) if file.giver and stem(file) in wanted]
        self.again("Following", self.open_one, files, places)

    def open_one(self, file: File) -> File:
        """Read and parse a file, whatever it holds."""
        data = sources.read(file.source.path, named=file.source.named)
        if isinstance(data, Unread):
            return File(file.source, facts=Facts(unread=data), held=file.held)
        file.matters = True
        self.parse(data, file, {})
        return file

    def is_user(self, file: File) -> bool:
        """Whether a file may use a facade of those that changed."""
        if not file.parsed:
            return file.put_off or bool(self.changed.names_seen(file.source.path, file.words))
        return bool(self.changed.visible(file.source.path, file.facts.imports))

    def may_take(self, file: File, data: bytes) -> bool:
        """Whether a file that does not name Eventlet says what a facade that changed gives it."""
        return b"import *" in data or any(
            name in data for name in self.changed.names_seen(file.source.path, file.words)
        )

    def followed(self, facts: Facts) -> Mapping[str, str]:
        """The re-exports that matter for the rules selected."""
        if not self.debug_only:
            return facts.exports
        return {
            name: value
            for name, value in facts.exports.items()
            if value in self.leading or "debug" in value or "backdoor" in value
        }


def _held(source: Source) -> str:
    return runs.held(sources.read(source.path))


def _leading_to(codes: Iterable[str]) -> frozenset[str]:
    """What the APIs of these rules are reached through: "eventlet.hubs", its get_hub."""
    known = rules.by_code()
    found: set[str] = set()
    for api in (api for code in codes if code in known for api in known[code][1].apis):
        parts = api.split(".")
        found.update(".".join(parts[:end]).removesuffix("()") for end in range(1, len(parts)))
    return frozenset(found)
