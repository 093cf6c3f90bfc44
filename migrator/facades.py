"""A project's own re-exports of Eventlet, followed across the scanned files.

``project/compat.py`` says ``from eventlet import debug as hub_debug``; its users say
``from project.compat import hub_debug`` and hold no byte "eventlet". A first pass over
the files that do hold it tells what each module re-exports; those that import such a
module are then looked at (again) with that knowledge.
"""

from __future__ import annotations

import os
import re
from functools import cache
from typing import TYPE_CHECKING

from inspector.record import Record
from migrator import api, imported
from migrator.needles import may_matter

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Mapping

    from migrator.files import File


class _Hidden(Record):
    """What a module gives without naming Eventlet, to files that say all parts of its name.

    A module without a package is seen from ``home``, around where it lies, and by files that say
    its folder's name, ``named``; "" for others.
    """

    parts: frozenset[bytes]
    names: frozenset[bytes]
    home: str
    named: frozenset[bytes]


class Facades:
    """What the modules of the scanned tree re-export, and who can see it.

    ``record`` is all of it as plain data: module -> the folder it is imported from ("" for a
    library's) -> what its names hold. It is what the cache keeps between runs.
    """

    def __init__(self, record: Mapping[str, Mapping[str, Mapping[str, str]]] | None = None) -> None:
        self._modules: dict[str, dict[str, dict[str, str]]] = {}
        self._hidden: dict[bytes, list[_Hidden]] = {}  # by the last part of a module's name
        self._lasts: set[str] = set()
        for module, roots in (record or {}).items():
            for root, exports in roots.items():
                self._add(module, root, exports)

    @property
    def record(self) -> dict[str, dict[str, dict[str, str]]]:
        """All of it, as plain data of its own."""
        return {module: dict(roots) for module, roots in self._modules.items()}

    def since(self, record: Mapping[str, Mapping[str, Mapping[str, str]]]) -> Facades:
        """Those modules of which ``record`` does not hold the same."""
        return Facades({name: it for name, it in self._modules.items() if it != record.get(name)})

    @property
    def hidden(self) -> set[bytes]:
        """All names given that do not name Eventlet, but those of a hub.

        Who asks a hub for its debugging says so.
        """
        return {
            _bare(name)
            for roots in self._modules.values()
            for exports in roots.values()
            for name, value in exports.items()
            if not (value.endswith("()") or may_matter(name.encode()))
        }

    @property
    def empty(self) -> bool:
        """Nothing is re-exported at all."""
        return not self._modules

    def add(self, path: str, module: str, exports: Mapping[str, str]) -> None:
        """Note what a module re-exports."""
        if exports and module and module.partition(".")[0] not in ("eventlet", "greenlet"):
            self._add(module, import_root(path, module), exports)

    def _add(self, module: str, root: str, exports: Mapping[str, str]) -> None:
        self._modules.setdefault(module, {})[root] = dict(exports)
        self._lasts.add(module.rpartition(".")[2])
        hidden = {name for name in exports if not may_matter(name.encode())}
        if hidden:
            parts = imported.parts(module) or [b"import"]  # of letters that bytes do not know
            names = frozenset(map(_bare, hidden))
            home, named = ("", frozenset[bytes]()) if "." in module else _home(root)
            one = _Hidden(frozenset(parts), names, home, named)
            self._hidden.setdefault(parts[-1], []).append(one)

    def names_seen(self, path: str, words: bytes) -> set[bytes]:
        """What a file may take from here that does not name Eventlet. Cheap, and too much.

        All parts of the facade's name have to be among the words of its imports
        (`imported.words`) and of its folders, which a relative import stands for.
        """
        if not self._hidden:
            return set()
        every = said(path, words)
        place = _absolute(path.rpartition(os.sep)[0])
        return {
            name
            for last in self._hidden.keys() & every
            for one in self._hidden[last]
            if one.parts <= every and (place.startswith(one.home) or one.named <= every)
            for name in one.names
        }

    def taken(
        self, path: str, data: bytes, imports: Collection[str], but: Container[str] = ()
    ) -> bool:
        """Whether a file with these imports says a name that a facade gives it.

        ``but`` are APIs that do not count under their own names.
        """
        for module, exports in self.visible(path, imports).items():
            if f"{module}.*" in imports:
                return True
            # A name for the module itself may be any; without, its own stands before the dot.
            owner = "" if module in imports else module.rpartition(".")[2]
            for name, value in exports.items():
                bare, _, attribute = name.removeprefix("*").removesuffix("()").partition(".")
                if value in but and bare == value.rpartition(".")[2]:
                    continue
                if attribute and not _is_said(attribute, "", data):
                    continue
                if f"{module}.{bare}" in imports or _is_said(bare, owner, data):
                    return True
        return False

    def visible(self, path: str, imports: Iterable[str]) -> dict[str, Mapping[str, str]]:
        """The re-exports that a file with these imports can reach, by the names it uses."""
        found: dict[str, Mapping[str, str]] = {}
        looked: set[str] = set()
        folder = os.path.dirname(os.path.abspath(path))
        for name in imports:
            module = name
            while module and module not in looked:
                looked.add(module)
                above, _, last = module.rpartition(".")
                exports = self._seen(module, folder) if last in self._lasts else None
                if exports is not None:
                    found[module] = exports
                module = above
        return found

    def _seen(self, module: str, folder: str) -> Mapping[str, str] | None:
        roots = self._modules.get(module)
        if roots:
            return _nearest(roots, folder, module)
        # Folders of a namespace package (PEP 420) are part of the name, and hold no __init__.
        above, _, rest = module.partition(".")
        while rest:
            for root, exports in self._modules.get(rest, {}).items():
                top = root.removesuffix(above.replace(".", os.sep))
                is_above = top != root and os.path.join(folder, "").startswith(top)
                if is_above or (not above and root == folder):
                    return exports
            part, _, rest = rest.partition(".")
            above = f"{above}.{part}"
        return None


def _bare(name: str) -> bytes:
    """What a file says that takes something: of "f()" and "Class.x" the first name."""
    return name.strip("*()").partition(".")[0].encode()


def of_libraries() -> Facades:
    """What libraries give under names that say nothing of Eventlet."""
    return Facades({module: {"": given} for module, given in api.UNSAID.items()})


def said(path: str, words: bytes) -> set[bytes]:
    """The words of what a file may import: of its imports and, for ``from .``, of its folders."""
    return {*words.split(), *folders(path.rpartition(os.sep)[0])}


@cache
def folders(folder: str) -> list[bytes]:
    """The words that a folder and those around it are called by."""
    return imported.parts(os.path.abspath(folder))


@cache
def _absolute(folder: str) -> str:
    return os.path.join(os.path.abspath(folder), "")


def _home(root: str) -> tuple[str, frozenset[bytes]]:
    """Around where a folder's modules are seen, and the words of its name."""
    above, name = os.path.split(root)
    return os.path.join(above if name == "src" else root, ""), frozenset(imported.parts(name))


def _is_said(name: str, owner: str, data: bytes) -> bool:
    """Whether a file names something so: an attribute of ``owner``, a string, an argument."""
    text, holder = name.encode(), owner.encode()
    at = data.find(text)
    while at >= 0:
        end = at + len(text)
        if not _WORD.match(data, end):
            before = data[max(0, at - len(holder) - _BLANKS) : at].rstrip()
            if owner:
                if before.endswith(b".") and before[:-1].rstrip().endswith(holder):
                    return True
            elif before.endswith(_MARKS) or (
                _IS_SET.match(data, end) and not (_WORD.match(data[at - 1 : at]))
            ):
                return True
        at = data.find(text, end)
    return False


# No pattern for each name: to compile one takes as long as to search a large file.
_MARKS = (b".", b"'", b'"')
_WORD = re.compile(rb"\w")
_IS_SET = re.compile(rb"\s*=")
_BLANKS = 200  # bytes between a name and its owner


def import_root(path: str, module: str) -> str:
    """The folder that has to be on ``sys.path`` for the module to have its name."""
    folder = os.path.dirname(os.path.abspath(path))
    depth = module.count(".")
    if os.path.basename(path).startswith("__init__."):
        depth += 1
    for _ in range(depth):
        folder = os.path.dirname(folder)
    return folder


def _nearest(
    roots: Mapping[str, Mapping[str, str]], folder: str, module: str
) -> Mapping[str, str] | None:
    """The module as seen from ``folder``: of several with one name, that on the way up."""
    above = [root for root in roots if folder == root or folder.startswith(root + os.sep)]
    root = max(above, key=len) if above else next(iter(roots))
    if above and ("." in module or root == folder):
        return roots[root]
    # A package below src/, seen from tests/ beside it.
    beside, name = os.path.split(root)
    is_seen = above or (name == "src" and os.path.join(folder, "").startswith(beside + os.sep))
    if len(roots) > 1 or not (
        "." in module or (is_seen and not is_module(os.path.join(folder, module)))
    ):
        return None
    return roots[root]


def beside(record: Iterable[str], files: Iterable[File]) -> set[str]:
    """Where `is_module` may have been asked what hides one of these modules from a file."""
    alone = {os.fsencode(module): module for module in record if "." not in module}
    found: set[str] = set()
    for file in files:
        heads = [os.fsencode(name.partition(".")[0]) for name in file.facts.imports]
        near = alone.keys() & {*heads, *(file.words or b"").split()}
        if near:
            folder = os.path.dirname(os.path.abspath(file.source.path))
            found.update(os.path.join(folder, alone[one]) for one in near)
    return found


def is_module(place: str) -> bool:
    """Whether there is a module or a package of that path."""
    return os.path.isdir(place) or os.path.isfile(f"{place}.py")
