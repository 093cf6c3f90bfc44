"""The first look at each file: read it, test its bytes, and parse what is to be parsed.

Cheap steps come first, for every file: a byte test says which can hold a finding at all.
With enough files, other processes take their share; the result is the same, in the same
order.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from migrator import givers, imported, needles, parallel, runs, scan, sources, suppressions
from migrator.cache import key
from migrator.files import NOTHING, File
from migrator.findings import Unread
from migrator.progress import told
from migrator.scan import Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from migrator.cache import Cache
    from migrator.progress import Progress
    from migrator.project import Options
    from migrator.sources import Source
    from migrator.uses import Exports

_Item = TypeVar("_Item")
_Out = TypeVar("_Out")

_MANY = 100  # files from which on other processes pay for their start
_SHARE = 32  # files handed out at once
_SOME = 8  # files to parse from which on they do, handed out one by one


class Look:
    """What the passes over the files share, and the first of them."""

    def __init__(self, options: Options, cache: Cache, progress: Progress | None) -> None:
        self.options = options
        self.cache = cache
        self.progress = progress
        self.debug_only = options.debug_only
        self.holds_any: needles.Holds = needles.holds_any

    def first(self, listed: Sequence[Source]) -> list[File]:
        """Each file, in order, with what its bytes say; what may matter is put off."""
        if len(listed) >= _MANY:
            self.holds_any = needles.for_many()
        looked = self.shared_out("Scanning", self.open, listed)
        files = [
            one if isinstance(one, File) else File(source, *one)
            for source, one in zip(listed, looked, strict=True)
        ]
        for file in files:
            self.keep(file)
        return files

    def open(self, source: Source) -> File | tuple[int, bytes | None, str]:
        """Read a file and examine it; of most there is only size, words and `File.held` to tell."""
        data = sources.read(source.path, named=source.named)
        if isinstance(data, Unread):
            file = File(source, facts=Facts(unread=data))
        else:
            file = self.examine(data, source, put_off=not source.named)
        if self.cache.runs:
            file.held = runs.held(data)
        seen = file.matters or file.giver or file.takes or file.facts is not NOTHING
        plain = not (seen or source.named)
        return (file.size, file.words, file.held) if plain else file

    def examine(self, data: bytes, source: Source, *, put_off: bool = False) -> File:
        """The first look at one file's bytes.

        ``put_off`` leaves one that is to be parsed for the second.
        """
        file = File(source, size=len(data))
        file.matters = self.holds_any(data, needles.NEEDLES)
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
        if scan.is_opaque(data):
            file.matters = True
        elif file.matters and self.debug_only and not self.may_debug(data):
            file.matters, file.giver = False, True
        elif file.matters and not self.options.mentions and scan.only_comments(data):
            file.matters = False
        if put_off and file.matters:
            file.words = imported.words(data)
            file.put_off = True
            file.facts = Facts(imports=imported.names_in(data, source.path))
            if self.debug_only:
                file.takes = givers.asked(data, file.facts.imports)
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
            elif self.debug_only and not self.holds_any(data, needles.LEADING):
                file.words = None
            else:
                file.words = imported.words(data)
                if self.debug_only and not file.giver and self.holds_any(data, needles.PARTS):
                    file.takes = givers.asked(data, imported.names_in(data, source.path))
                if self.holds_any(data, needles.STAR):  # it may give what it does not name
                    file.giver = self.debug_only
                    file.facts = Facts(imports=imported.names_in(data, source.path))
        return file

    def may_debug(self, data: bytes) -> bool:
        """Whether a file may matter for the debug and backdoor rules by itself."""
        return needles.may_debug(data, self.holds_any)

    def parse(self, data: bytes, file: File, exports: Exports) -> None:
        """Resolve the file's names, or take what the cache knows."""
        path = file.source.path
        file.module, package = sources.module_name(path)
        file.ignores = suppressions.find(data)
        file.words, file.put_off = b"", False
        file.given = fingerprint(exports)
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

    def keep(self, file: File) -> None:
        """Keep what is new to the cache."""
        if file.key:
            self.cache.put(file.key, file.facts)

    def again(
        self, what: str, work: Callable[[File], File], files: list[File], places: Sequence[int]
    ) -> None:
        """Put in the place of some files what the work makes of them, the largest first."""
        largest = sorted(places, key=lambda place: -files[place].size)
        items = [files[place] for place in largest]
        for place, file in zip(largest, self.shared_out(what, work, items, _SOME, 1), strict=True):
            files[place] = file
            self.keep(file)

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


def fingerprint(exports: Exports) -> int:
    """What stands for these re-exports, for the length of a run."""
    return hash(
        frozenset((module, *pair) for module in exports for pair in exports[module].items())
    )
