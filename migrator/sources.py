"""Which files, and what is in them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.findings import Unread

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_SKIPPED_NAMES = (
    ".bzr .eggs .git .hg .mypy_cache .nox .pytest_cache .ruff_cache .svn .tox .venv "
    "__pycache__ __pypackages__ node_modules venv"
)
_SKIPPED = frozenset(_SKIPPED_NAMES.split())


def walk(paths: Iterable[str]) -> Iterator[str | Unread]:
    """The Python files under ``paths``, each once, in order; what cannot be listed too."""
    seen: set[str] = set()
    for path in paths:
        if os.path.isdir(path):
            found: Iterable[str | Unread] = _folder(path)
        elif os.path.exists(path):
            found = [path]
        else:
            found = [Unread(path, "no such file or directory")]
        for one in found:
            if isinstance(one, Unread):
                yield one
            elif one not in seen:
                seen.add(one)
                yield one


def _folder(top: str) -> Iterator[str | Unread]:
    failed: list[OSError] = []
    for folder, folders, files in os.walk(top, onerror=failed.append):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(files):
            if name.endswith((".py", ".pyi", ".pyw")):
                yield os.path.join(folder, name).removeprefix("./")
    for error in failed:
        yield Unread(str(error.filename), _why(error))


def read(path: str) -> bytes | Unread:
    """The file's bytes, or why not."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        return Unread(path, _why(error))


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def decode(data: bytes) -> str:
    """Source text by the rules of PEP 263; raises UnicodeDecodeError, LookupError."""
    if data.startswith(b"\xef\xbb\xbf"):
        return data[3:].decode()
    for line in data.split(b"\n", 2)[:2]:
        match = _COOKIE.match(line)
        if match:
            return data.decode(match.group(1).decode("ascii"))
        if line.strip() and not line.strip().startswith(b"#"):
            break
    return data.decode()


def module_name(path: str) -> tuple[str, bool]:
    """The dotted name that a file has for its package, and whether it is an ``__init__``."""
    folder, name = os.path.split(os.path.abspath(path))
    stem = name.rpartition(".")[0]
    parts = [] if stem == "__init__" else [stem]
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    return ".".join(parts), stem == "__init__"
