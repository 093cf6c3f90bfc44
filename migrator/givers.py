"""Who gives Eventlet itself to other modules: those that say ``import eventlet`` and no more.

A selection of the debug and backdoor rules parses files that hold a word of theirs. Those reach
Eventlet through another module at times, as tests do: ``utils.eventlet.debug.spew()``. Which
modules these are is told by text, and only they are parsed as well. One that imports all names of
another may give Eventlet and not say so.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from migrator import sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from migrator.files import File

# What is of no use to a file without any word of debugging, under its own name.
PLAIN = frozenset({"eventlet", "eventlet.greenpool", "eventlet.hubs", "greenlet"})
_LASTS = ("eventlet", "get_hub", "greenlet", "greenpool", "hubs")
_NAMES = [re.compile(rb"%b\b" % last.encode()) for last in _LASTS]
_TAKEN = (*_LASTS, "*")
# `utils.eventlet`, `getattr(utils, "eventlet")`, `patch.multiple(utils, eventlet=...)`
_OWNER = re.compile(rb"""(\w+)\s*(?:\.\s*|,\s*['"]?)$""")
_AS = re.compile(rb"(\w+)\s+as\s+$")
_BEFORE = 80  # bytes in which the owner is looked for


def asked(data: bytes, imports: Iterable[str]) -> bytes:
    """The modules that a file may take Eventlet itself from. Too many at worst."""
    found = {*_owners(imports)}
    left = [
        owner[1]
        for name in _NAMES
        for match in name.finditer(data)
        for owner in [_OWNER.search(data, max(0, match.start() - _BEFORE), match.start())]
        if owner and owner[1] != b"eventlet"
    ]
    while left:
        owner = left.pop()
        if owner not in found:
            found.add(owner)
            left += _other_names(owner, data)
    return b" ".join(found)


class Asked:
    """The modules that files ask for Eventlet, some by the last part of their names only."""

    def __init__(self, files: Iterable[File]) -> None:
        self._by_last: dict[str, set[str]] = {}
        for file in files:
            if file.put_off or file.parsed:  # what another imports counts when it is asked itself
                for name in {*file.takes.split(), *_owners(file.facts.imports)}:
                    module = os.fsdecode(name)
                    self._by_last.setdefault(module.rpartition(".")[2], set()).add(module)

    def __contains__(self, file: File) -> bool:
        module = sources.module_name(file.source.path)[0]
        if module.partition(".")[0] in ("eventlet", "greenlet"):
            return False  # what it gives is known
        known = self._by_last.get(module.rpartition(".")[2], ())
        return any(f".{module}".endswith(f".{n}") or n.endswith(f".{module}") for n in known)


def _owners(imports: Iterable[str]) -> set[bytes]:
    """The modules of which one of those names is imported."""
    taken = [name.rpartition(".") for name in imports if name.endswith(_TAKEN)]
    return {os.fsencode(module) for module, _, last in taken if module and last in _TAKEN}


def _other_names(owner: bytes, data: bytes) -> Iterator[bytes]:
    """What a module may be called that goes by this name."""
    for match in re.finditer(rb"%b\b(?:\s*=\s*([\w.]+))?" % owner, data):
        renamed = _AS.search(data, max(0, match.start() - _BEFORE), match.start())
        if renamed or match[1]:
            yield renamed[1] if renamed else match[1].rpartition(b".")[2]
