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
    from collections.abc import Collection, Iterable, Iterator

    from migrator.files import File

# What is of no use to a file without any word of debugging, under its own name.
PLAIN = frozenset({"eventlet", "eventlet.greenpool", "eventlet.hubs", "greenlet"})
_LASTS = ("eventlet", "get_hub", "greenlet", "greenpool", "hubs")
_NAMES = [re.compile(rb"%b\b" % last.encode()) for last in _LASTS]
_TAKEN = (*_LASTS, "*")
# They hold what is given another name where it is put there; and that file is parsed.
_OTHERS = (b"eventlet", b"self", b"cls")
# `utils.eventlet`, `getattr(utils, "eventlet")`, `patch.multiple(utils, eventlet=...)`
_OWNER = re.compile(rb"""(\w+)\s*(?:\.\s*|,\s*['"]?)$""")
_AS = re.compile(rb"(\w+)\s+as\s+$")
_WORD = re.compile(rb"\w")
_LAST = re.compile(rb"(\w+)(?![\w.])")
_BEFORE = 80  # bytes in which the owner is looked for


def asked(data: bytes, imports: Collection[str]) -> bytes:
    """The modules that a file may take Eventlet itself from. Too many at worst."""
    found = _owners(imports)
    known = {os.fsencode(part) for name in imports for part in name.split(".")}
    for owner, is_bare in set(_holders(data)):
        names = _names_of(owner, data)
        if is_bare and not names & known:  # it was given a module in some other way
            found.update(map(os.fsencode, imports))
        found |= names
    return b" ".join(found)


def _holders(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """Whose attributes those names are, and whether they are names that must be known."""
    for name in _NAMES:
        for match in name.finditer(data):
            owner = _OWNER.search(data, max(0, match.start() - _BEFORE), match.start())
            if owner and owner[1] not in _OTHERS:
                is_part = data[owner.start() - 1 : owner.start()] == b"."
                is_bare = owner[0].endswith(b".") and not is_part
                yield owner[1], is_bare and name is _NAMES[0]


def _names_of(owner: bytes, data: bytes) -> set[bytes]:
    """What a module that goes by this name may be called."""
    found: set[bytes] = set()
    left = [owner]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += _other_names(name, data)
    return found


class Asked:
    """The modules that files ask for Eventlet, some by the last part of their names only."""

    def __init__(self, files: Iterable[File]) -> None:
        self._by_last: dict[str, set[str]] = {}
        for file in files:
            # What another imports counts when it is asked itself.
            if file.put_off or file.parsed or file.takes:
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
    """What else a module may be called that goes by this name."""
    for match in re.finditer(rb"%b\b(?:\s*:?=\s*([^\n;#]+))?" % owner, data):
        if _WORD.match(data, match.start() - 1):
            continue
        renamed = _AS.search(data, max(0, match.start() - _BEFORE), match.start())
        if renamed:
            yield renamed[1]
        elif match[1]:
            yield from _LAST.findall(match[1])
