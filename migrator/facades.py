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

from migrator import api
from migrator.scan import may_matter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


class Facades:
    """What the modules of the scanned tree re-export, and who can see it.

    ``record`` is all of it as plain data: module -> the folder it is imported from ("" for a
    library's) -> what its names hold. It is what the cache keeps between runs.
    """

    def __init__(self, record: Mapping[str, Mapping[str, Mapping[str, str]]] | None = None) -> None:
        self._modules: dict[str, dict[str, dict[str, str]]] = {}
        self._hidden: dict[bytes, set[bytes]] = {}  # last part of a module -> names it gives
        self._beside: set[bytes] = set()  # what packages give: `from . import x` is all it takes
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
    def empty(self) -> bool:
        """Nothing is re-exported at all."""
        return not self._modules

    def add(self, path: str, module: str, exports: Mapping[str, str]) -> None:
        """Note what a module re-exports."""
        if exports and module and module.partition(".")[0] not in ("eventlet", "greenlet"):
            self._add(module, import_root(path, module), exports)

    def _add(self, module: str, root: str, exports: Mapping[str, str]) -> None:
        self._modules.setdefault(module, {})[root] = dict(exports)
        hidden = {name.encode() for name in exports if not may_matter(name.encode())}
        if hidden:
            # A library's package stands in every import of its parts.
            part = module.rpartition(".")[2] if root else module.partition(".")[0]
            last = part.encode("utf-8", "surrogateescape")
            names = {name.strip(b"*()").partition(b".")[0] for name in hidden}
            self._hidden.setdefault(last, set()).update(names)
            if root and os.path.isdir(os.path.join(root, *module.split("."))):
                self._beside |= names

    def may_be_used(self, words: bytes, data: bytes | None = None) -> bool:
        """Whether a file that does not name Eventlet may use it through a facade. Cheap.

        ``words`` are those of its imports (`imported.words`): one has to be the facade's own.
        ``data``, if given, has to hold a name that the facade gives.
        """
        said = words.split()
        found = self._hidden.keys() & said
        if data is None or not found or b"import *" in data:
            return bool(found) or not self._beside.isdisjoint(said)
        return any(name in data for last in found for name in self._hidden[last])

    def taken(self, path: str, data: bytes, imports: Collection[str]) -> bool:
        """Whether a file with these imports says a name that a facade gives it."""
        for module, exports in self.visible(path, imports).items():
            if f"{module}.*" in imports:
                return True
            # A name for the module itself may be any; without, its own stands before the dot.
            owner = "" if module in imports else module.rpartition(".")[2]
            for name in exports:
                bare, _, attribute = name.removeprefix("*").removesuffix("()").partition(".")
                if attribute and not _is_said(attribute, "", data):
                    continue
                if f"{module}.{bare}" in imports or _is_said(bare, owner, data):
                    return True
        return False

    def visible(self, path: str, imports: Iterable[str]) -> dict[str, Mapping[str, str]]:
        """The re-exports that a file with these imports can reach, by the names it uses."""
        found: dict[str, Mapping[str, str]] = {}
        folder = os.path.dirname(os.path.abspath(path))
        for name in imports:
            module = name
            while module and module not in found:
                exports = self._seen(module, folder)
                if exports is not None:
                    found[module] = exports
                module = module.rpartition(".")[0]
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


def of_libraries() -> Facades:
    """What libraries give under names that say nothing of Eventlet."""
    return Facades({module: {"": given} for module, given in api.UNSAID.items()})


def _is_said(name: str, owner: str, data: bytes) -> bool:
    """Whether a file names something so: an attribute of ``owner``, a string, an argument."""
    text = name.encode()
    if text not in data:
        return False
    if owner:
        return _attribute(owner.encode(), text).search(data) is not None
    for match in _name(text).finditer(data):
        before = data[max(0, match.start() - 8) : match.start()]
        is_part = before[-1:].isalnum() or before.endswith(b"_")
        if (match[1] and not is_part) or before.rstrip()[-1:] in _MARKS:
            return True
    return False


_MARKS = (b".", b"'", b'"')


# Both start with a plain text: a search for anything else first takes ten times as long.
@cache
def _attribute(owner: bytes, name: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"%b\s*\.\s*%b\b" % (owner, name))


@cache
def _name(name: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"%b\b(\s*=)?" % name)


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
    if len(roots) > 1 or not ("." in module or (is_seen and not _is_at(folder, module))):
        return None
    return roots[root]


def _is_at(folder: str, module: str) -> bool:
    """Whether a folder has a module of its own with that name."""
    place = os.path.join(folder, module)
    return os.path.isdir(place) or os.path.isfile(f"{place}.py")
