"""Which files others import: those are parsed first, so that most are parsed once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from migrator import facades, imported, sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from migrator.files import File

_FEW = 8  # files


def levels(files: Sequence[File], places: Iterable[int]) -> list[list[int]]:
    """These places by turns: files come after those that they import, by name.

    Files that import each other have their turn together, and so have a few of turns that follow
    each other: to wait for each of them would take longer than to parse some again.
    """
    imports = _imports(files, {*places})
    turns: list[list[int]] = []
    turn_of: dict[int, int] = {}
    for together in _circles(imports):
        before = [turn_of[one] for place in together for one in imports[place] if one in turn_of]
        turn = max(before, default=-1) + 1
        turn_of.update(dict.fromkeys(together, turn))
        if turn == len(turns):
            turns.append([])
        turns[turn] += together
    joined: list[list[int]] = []
    for some in turns:
        if joined and len(joined[-1]) < _FEW:
            joined[-1] += some
        else:
            joined.append(some)
    return joined


def _circles(imports: Mapping[int, set[int]]) -> Iterator[list[int]]:
    """Files that import each other, those first that others import: Tarjan's components."""
    number: dict[int, int] = {}
    lowest: dict[int, int] = {}
    stack: list[int] = []
    for start in sorted(imports):
        path = [(start, iter(sorted(imports[start])))] if start not in number else []
        while path:
            place, following = path[-1]
            if place not in number:
                number[place] = lowest[place] = len(number)
                stack.append(place)
            for one in following:
                if one not in number:
                    path.append((one, iter(sorted(imports[one]))))
                    break
                if one in lowest:
                    lowest[place] = min(lowest[place], lowest[one])
            else:
                path.pop()
                if path and path[-1][0] in lowest:
                    above = path[-1][0]
                    lowest[above] = min(lowest[above], lowest[place])
                if lowest[place] == number[place]:
                    together = stack[stack.index(place) :]
                    del stack[-len(together) :]
                    for one in together:
                        del lowest[one]
                    yield together


def _imports(files: Sequence[File], places: set[int]) -> dict[int, set[int]]:
    """Which of these files each of them imports, by name."""
    named: dict[str, list[int]] = {}
    for place in places:
        named.setdefault(sources.module_name(files[place].source.path)[0], []).append(place)
    found: dict[int, set[int]] = {}
    for place in places:
        path = files[place].source.path
        known = [
            named[module]
            for name in files[place].facts.imports
            for module in (name, name.rpartition(".")[0])
            if module in named
        ]
        found[place] = {_nearest(files, path, some) for some in known} - {place}
    return found


def _nearest(files: Sequence[File], path: str, places: list[int]) -> int:
    """Of files with one module name that with most of its path in common."""
    if len(places) == 1:
        return places[0]
    return max(places, key=lambda one: len(os.path.commonpath([path, files[one].source.path])))


def needed(files: Sequence[File], places: Iterable[int], importers: Iterable[int]) -> set[int]:
    """Those of ``places`` that one of the ``importers`` seems to import. Too many at worst.

    All parts of the module's name are among the words of its imports and of its folders.
    """
    modules: dict[bytes, list[tuple[set[bytes], int]]] = {}
    for place in places:
        parts = imported.parts(sources.module_name(files[place].source.path)[0])
        for last in parts[-1:]:
            modules.setdefault(last, []).append(({*parts}, place))
    return {
        place
        for importer in importers
        for said in [facades.said(files[importer].source.path, files[importer].words or b"")]
        for last in modules.keys() & said
        for parts, place in modules[last]
        if place != importer and parts <= said
    }
