"""What a file imports, by its text: cheap, and rather too much than too little.

Most files of a project do not name Eventlet and are never parsed. Whether they can reach
it through a module that re-exports it is told by these, in less time than reading takes.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from migrator import sources

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = re.compile(rb"\w+")
_STATEMENT = re.compile(r"(?:\bfrom\s*(\.*)\s*([\w.]*)\s*)?\bimport\b([^;]*)")
_JOINS = b"\\\r"  # where a line ends that may be joined with the next
_NAME = re.compile(r"[\w.]+|\*")
_PATCHED = re.compile(rb"""patch(?:\.\w+)?\(\s*['"]([\w.]+)""")


def words(data: bytes) -> bytes:
    """The words of all import statements, each once, with blanks between them."""
    text = _plain(data)
    if text is None:
        text = b"\n".join([data[start:end] for start, end in _statements(data)])
    return b" ".join(set(_WORD.findall(text)))


def names(data: bytes, module: str, *, package: bool) -> frozenset[str]:
    """Dotted names as `uses.Names.imports` has them, and some that are none.

    ``module`` and ``package`` are as in ``sources.module_name``.
    """
    found: set[str] = set()
    for start, end in _statements(data):
        for match in _STATEMENT.finditer(_text(data[start:end])):
            dots, base, rest = match.groups()
            taken = _NAME.findall(rest)
            if dots is None:
                found.update(taken)
                continue
            base = absolute(len(dots), base, module, package=package)
            found.update(f"{base}.{name}" for name in taken)
    return frozenset(found)


def names_in(data: bytes, path: str) -> frozenset[str]:
    """`names` of the file at a path."""
    module, package = sources.module_name(path)
    return names(data, module, package=package)


def patched(data: bytes) -> frozenset[str]:
    """Dotted names of what a test replaces: by them, too, it reaches other modules."""
    return frozenset(name.decode("utf-8", "surrogateescape") for name in _PATCHED.findall(data))


def absolute(level: int, name: str, module: str, *, package: bool) -> str:
    """The module that ``from ..name`` in ``module`` means; ``level`` is the number of dots."""
    if not level:
        return name
    parts = module.split(".")
    climb = level - 1 if package else level
    parts = parts[: len(parts) - climb] if climb else parts
    # Above what we know is some package, but never Eventlet's top.
    return ".".join([*(parts or [""]), *([name] if name else [])])


def parts(name: str) -> list[bytes]:
    """The words of a dotted name or a path, as `words` would find them."""
    return _WORD.findall(os.fsencode(name))


def _plain(data: bytes) -> bytes | None:
    """The text of all `_statements`, if a look at the lines alone tells where they end.

    It does in nearly all files, in a third of the time; None for the others.
    """
    pieces = data.split(b"import")  # between two of them lie the rest of a line, others, a start
    last = len(pieces) - 1
    if not last:
        return b""
    for number, piece in enumerate(pieces):
        start, end = piece.rfind(b"\n"), piece.find(b"\n")
        if start >= 0 and piece[start - 1 : start] in _JOINS:
            return None
        if not number:
            pieces[0] = piece[start + 1 :]
            continue
        if b"(" in piece[:4]:
            end = piece.find(b")")
            if end < 0 or b"#" in piece[:end] or piece[:4].lstrip()[:1] != b"(":
                return None
        if end >= 0 and piece[end - 1 : end] in _JOINS:
            return None
        if number == last:
            pieces[last] = piece[:end] if end >= 0 else piece
        elif 0 <= end <= start:
            pieces[number] = piece[:end] + piece[start:]
    return b"import".join(pieces)


def _statements(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the lines of import statements start and end, and others that say "import"."""
    joined = b"\\\n" in data or b"\\\r\n" in data
    at = data.find(b"import")
    while at >= 0:
        start = data.rfind(b"\n", 0, at) + 1
        while joined and _goes_on(data, start - 1):
            start = data.rfind(b"\n", 0, start - 1) + 1
        end = data.find(b"\n", at)
        at = data.rfind(b"import", at, end if end >= 0 else len(data))  # "from imports import (x,"
        if data[at + 6 : at + 10].lstrip().startswith(b"("):
            end = _closing(data, at)
        while joined and _goes_on(data, end):
            end = data.find(b"\n", end + 1)
        if end < 0:
            yield start, len(data)
            return
        yield start, end
        at = data.find(b"import", end)


def _text(statement: bytes) -> str:
    return statement.replace(b"\\", b" ").decode("utf-8", "surrogateescape")


def _closing(data: bytes, at: int) -> int:
    """Where the next parenthesis closes, outside of comments."""
    end = data.find(b")", at)
    while end >= 0 and b"#" in data[data.rfind(b"\n", 0, end) + 1 : end]:
        end = data.find(b")", end + 1)
    return end


def _goes_on(data: bytes, end: int) -> bool:
    """Whether a backslash joins the line that ends there with the next."""
    return end > 0 and data[end - 2 : end].rstrip(b"\r").endswith(b"\\")
