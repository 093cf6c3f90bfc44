"""Who takes a name from a module: seen in the text of other files, so as to be too careful.

Dropping an import, or the socket of a backdoor, also takes its name from those who import it
from here, or patch it by its path in a test. Whatever looks like that keeps it.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

from migrator import sources
from migrator.findings import Unread

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from migrator.rewrite import Result


def lost_names(result: Result) -> frozenset[str]:
    """The names that the module bound at its top level and binds no more."""
    return _bound(result.old) - _bound(result.new)


def taken(lost: Mapping[str, frozenset[str]], paths: Iterable[str]) -> dict[str, frozenset[str]]:
    """Of the names that each path lost, those that another file seems to take from there."""
    patterns = {
        (path, name): _pattern(path, name) for path, names in lost.items() for name in names
    }
    found: dict[str, set[str]] = {}
    for other in paths:
        data = sources.read(other)
        if isinstance(data, Unread):
            continue
        for (path, name), pattern in patterns.items():
            if other != path and name.encode() in data and pattern.search(data):
                found.setdefault(path, set()).add(name)
    return {path: frozenset(names) for path, names in found.items()}


def _bound(data: bytes) -> frozenset[str]:
    names = set()
    for node in ast.walk(ast.parse(data)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                bound = alias.asname or alias.name
                names.add(bound.partition(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return frozenset(names)


def _pattern(path: str, name: str) -> re.Pattern[bytes]:
    """``from pkg.stem import name``, ``from . import name``, ``stem.name`` (also in text)."""
    file = Path(path)
    stem = file.resolve().parent.name if file.stem == "__init__" else file.stem
    module = re.escape(stem).encode("utf-8", "surrogateescape")
    wanted = re.escape(name).encode()
    listed = rb"(?:\([^)]*?\b%s\b|[^\n(]*?\b%s\b)" % (wanted, wanted)
    source = rb"(?:[\w.]*\b%s|\.+)" % module
    return re.compile(rb"from\s+%s\s+import\s*%s|\b%s\.%s\b" % (source, listed, module, wanted))
