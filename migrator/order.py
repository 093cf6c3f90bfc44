"""Which files others import: those are parsed first, so that most are parsed once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator import facades, imported, sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from migrator.files import File


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
        for said in [facades.said(files[importer].source.path, files[importer].words)]
        for last in modules.keys() & said
        for parts, place in modules[last]
        if place != importer and parts <= said
    }
