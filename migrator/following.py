"""A project's re-exports, followed from file to file: who is parsed, and how often.

Other files are looked at again only where they import a module that re-exports Eventlet and say
a name that it gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator import givers, imported, needles, order, rules, sources
from migrator.facades import Facades, of_libraries
from migrator.files import File, read_again
from migrator.findings import Unread
from migrator.look import Look, fingerprint
from migrator.scan import Facts

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from migrator.cache import Cache
    from migrator.progress import Progress
    from migrator.project import Options
    from migrator.uses import Exports

_ROUNDS = 5  # facades of facades


class Following(Look):
    """The passes that follow the first. ``changed`` are the facades that are new to the files."""

    def __init__(self, options: Options, cache: Cache, progress: Progress | None) -> None:
        super().__init__(options, cache, progress)
        self.leading = _leading_to(options.codes) if self.debug_only else frozenset()
        self.asked = givers.Asked([])
        self.facades = self.changed = Facades() if self.debug_only else of_libraries()

    def follow_facades(self, files: list[File]) -> None:
        """Parse what matters, and what takes from others what they re-export.

        Most of the latter, tests above all, give nothing to any other file: they come last, so
        that they are parsed once, when all that is re-exported is known.
        """
        put_off = [place for place, file in enumerate(files) if file.put_off]
        self.open_givers(files)
        for file in files:
            self.facades.add(file.source.path, file.module, self.followed(file.facts))
        for level in order.levels(files, order.needed(files, put_off, put_off)):
            self.changed = self.facades
            self.look_at(files, level)
        self.changed = self.facades
        left = self.follow(files, {*put_off})
        self.changed = self.facades
        self.look_at(files, [at for at, file in enumerate(files) if file.put_off or at in left])
        self.follow(files)

    def open_givers(self, files: list[File]) -> None:
        """Parse the modules that say ``import eventlet`` and no more, if others take that."""
        left = [place for place, file in enumerate(files) if file.giver]
        for _ in range(_ROUNDS):
            self.asked = givers.Asked(files)
            places = [place for place in left if files[place] in self.asked]
            if not places:
                break
            self.again("Following", self.open_one, files, places)
            left = [place for place in left if not files[place].parsed]

    def follow(self, files: list[File], importers: set[int] | None = None) -> set[int]:
        """Look again at files that may take what others re-export, until nothing is new.

        With ``importers``, the places of files like that, those not parsed yet that none of them
        imports are left for later: returns their places.
        """
        left: set[int] = set()
        for _ in range(_ROUNDS):
            if self.changed.empty:
                break
            self.look_for_names(files)
            users = [
                place
                for place, file in enumerate(files)
                if (file.words or file.facts.imports) and self.is_user(file)
            ]
            if importers is not None:
                importers.update(users)
                waiting = {place for place in users if not files[place].parsed}
                left |= waiting - order.needed(files, waiting, importers)
            self.look_at(files, [place for place in users if place not in left])
        return left

    def look_for_names(self, files: list[File]) -> None:
        """Look for the imports of more files: those that say a name that is new."""
        names = [
            name for name in self.changed.hidden if not needles.holds_any(name, needles.LEADING)
        ]
        if not names:
            return
        places = [place for place, file in enumerate(files) if file.words is None]

        def words(place: int) -> tuple[int, bytes | None]:
            data = sources.read(files[place].source.path)
            if isinstance(data, Unread):
                return -1, None
            return len(data), imported.words(data) if self.holds_any(data, names) else None

        looked = self.shared_out("Following", words, places)
        for file, (size, found) in zip([files[at] for at in places], looked, strict=True):
            file.words = found
            if size != file.size:
                file.held = ""

    def is_user(self, file: File) -> bool:
        """Whether a file may use a facade of those that changed."""
        if file.put_off:
            return True
        path, imports = file.source.path, file.facts.imports
        if file.words and self.changed.names_seen(path, file.words):
            return True
        return bool(imports and self.changed.visible(path, imports))

    def look_at(self, files: list[File], places: list[int]) -> None:
        """Look again at these files, and note what they re-export."""
        self.again("Following", self.look_again, files, places)
        before = self.facades.record
        self.facades = Facades(before)
        for file in [files[place] for place in places]:
            self.facades.add(file.source.path, file.module, self.followed(file.facts))
        self.changed = self.facades.since(before)

    def look_again(self, file: File) -> File:
        """A second look, now that the project's re-exports are known."""
        path = file.source.path
        data = read_again(file)
        if isinstance(data, Unread):
            if file.put_off:
                file.facts, file.put_off = Facts(unread=data), False
            return file
        imports = file.facts.imports
        plain: Container[str] = ()
        if file.words:
            if not file.put_off:
                if not self.may_take(file, data):
                    return file
                if self.debug_only and file not in self.asked and not self.may_debug(data):
                    plain = givers.PLAIN
            imports = imported.names_in(data, path)
        given: Exports = {}
        if self.changed.taken(path, data, imports, but=plain):
            named = imports | imported.patched(data) if file.put_off else imports
            given = self.facades.visible(path, named)
        elif not file.put_off:
            return file
        if file.parsed and fingerprint(given) == file.given:
            return file
        self.parse(data, file, given)
        for _ in range(_ROUNDS):  # by what is known now, it may name more modules
            imports = file.facts.imports
            seen = self.facades.visible(path, imports)
            if seen.items() <= given.items():
                file.given = fingerprint(seen)
                break
            if not self.facades.taken(path, data, imports):
                break
            given = seen
            self.parse(data, file, given)
        return file

    def may_take(self, file: File, data: bytes) -> bool:
        """Whether a file that does not name Eventlet says what a facade that changed gives it."""
        names = self.changed.names_seen(file.source.path, file.words or b"")
        return self.holds_any(data, needles.STAR) or self.holds_any(data, names)

    def open_one(self, file: File) -> File:
        """Read and parse a file, whatever it holds."""
        data = read_again(file)
        if isinstance(data, Unread):
            return File(file.source, facts=Facts(unread=data), held=file.held)
        file.matters = True
        self.parse(data, file, {})
        return file

    def followed(self, facts: Facts) -> Mapping[str, str]:
        """The re-exports that matter for the rules selected."""
        if not self.debug_only:
            return facts.exports
        return {
            name: value
            for name, value in facts.exports.items()
            if value.removesuffix("()") in self.leading or "debug" in value or "backdoor" in value
        }


def _leading_to(codes: Iterable[str]) -> frozenset[str]:
    """What the APIs of these rules are reached through: "eventlet.hubs", its get_hub."""
    known = rules.by_code()
    found: set[str] = set()
    for api in (api for code in codes if code in known for api in known[code][1].apis):
        parts = api.split(".")
        found.update(".".join(parts[:end]).removesuffix("()") for end in range(1, len(parts)))
    return frozenset(found)
