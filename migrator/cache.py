"""What earlier runs found in a file of the same content. Never changes a result.

One JSON file per project, below a line that stands for all its bytes. Entries are keyed by the
file's bytes, its module name and what it sees of facades; the whole is keyed by the tool: version,
Python, and the rules' own source. A cache that cannot be read, or is damaged, is as good as none.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

try:
    from _blake2 import blake2b  # hashlib loads OpenSSL first, which takes longer than a scan
except ImportError:
    from hashlib import blake2b

from migrator import __version__, plugins
from migrator.findings import Advice, Finding, Span, Unread
from migrator.scan import Facts

FOLDER = ".migrate_cache"
_NAME = "scan.json"
_ENTRIES = 50_000  # more are the leftovers of many versions of the files
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# A cache of eventlet-migrate.\n"


def key(data: bytes, module: str, package: bool, view: str) -> str:
    """The name of an entry; ``view`` says what else the result hangs on."""
    digest = blake2b(data, digest_size=16)
    digest.update(f"\0{module}\0{package}\0{view}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def fingerprint(data: bytes) -> str:
    """What stands for these bytes."""
    return blake2b(data, digest_size=16).hexdigest()


def place(root: str | None, folder: str | None) -> Path:
    """The cache of a project: in its ``root`` (None: here), unless it names a ``folder``."""
    return Path(root or ".") / (folder or FOLDER)


def tool() -> str:
    """What a result hangs on beside the file: this tool's version and its very code."""
    stamp = [__version__, sys.version]
    for folder, _, names in os.walk(os.path.dirname(__file__)):
        for name in sorted(names):
            if name.endswith(".py"):
                status = os.stat(os.path.join(folder, name))
                stamp.append(f"{name}{status.st_size}{status.st_mtime_ns}")
    stamp.append(repr(plugins.families()))
    return fingerprint("\n".join(stamp).encode())


class Cache:
    """Entries by key. ``folder`` None keeps nothing.

    ``runs`` says whether whole runs are kept as well (`migrator.runs`).
    """

    def __init__(self, folder: Path | None, *, runs: bool = True) -> None:
        self.folder = folder
        self.runs = folder if runs else None
        self._old: dict[str, Any] = {}
        self._used: dict[str, Any] = {}
        self.tool = tool() if folder else ""
        self._fresh = False
        if folder:
            with contextlib.suppress(
                OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError
            ):
                stored = read(folder, _NAME)
                if stored["tool"] == self.tool and isinstance(stored["files"], dict):
                    self._old = stored["files"]

    def get(self, name: str, path: str) -> Facts | None:
        """The entry, as if ``path`` had just been read."""
        record = self._old.get(name)
        if record is None:
            return None
        try:
            facts = unpack(record, path)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError):
            return None
        self._used[name] = record
        return facts

    def put(self, name: str, facts: Facts) -> None:
        """Keep what was found."""
        if self.folder:
            self._used[name] = pack(facts)
            self._fresh = True

    def save(self) -> None:
        """Write what this run used, whole or not at all; keep what it did not ask for."""
        if not self.folder or not self._fresh:
            return
        files = {**self._old, **self._used}
        if len(files) > _ENTRIES:
            files = self._used
        write(self.folder, _NAME, {"tool": self.tool, "files": files})


def read(folder: Path, name: str) -> Any:
    """What `write` wrote; raises OSError, and ValueError when it is damaged."""
    import json

    seal, _, text = (folder / name).read_bytes().partition(b"\n")
    if seal != _seal(name, text):
        raise ValueError("damaged")
    return json.loads(text)


def write(folder: Path, name: str, document: object) -> None:
    """Write a JSON file of a cache, whole or not at all. That it cannot be is no error."""
    import json
    import tempfile

    text = json.dumps(document).encode()

    with contextlib.suppress(OSError):
        if not folder.exists():
            folder.mkdir(parents=True)
            (folder / ".gitignore").write_text("*\n")
            (folder / "CACHEDIR.TAG").write_text(_TAG)
        handle, path = tempfile.mkstemp(dir=folder, prefix=f".{name}")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_seal(name, text) + b"\n" + text)
            os.replace(path, folder / name)
        except BaseException:  # an interrupt, too, leaves nothing half
            Path(path).unlink(missing_ok=True)
            raise


def _seal(name: str, text: bytes) -> bytes:
    digest = blake2b(name.encode(), digest_size=16)
    digest.update(text)
    return digest.hexdigest().encode()


def pack(facts: Facts) -> list[Any]:
    """What a file says, as plain data."""
    findings = [
        [
            [one.span.line, one.span.column, one.span.end_line, one.span.end_column],
            one.code,
            one.api,
            one.kind,
            one.message,
            [one.bridge.applicability, one.bridge.replacement, one.bridge.reason],
            [one.asyncio.applicability, one.asyncio.replacement, one.asyncio.reason],
        ]
        for one in facts.findings
    ]
    unread = facts.unread.reason if facts.unread else None
    return [findings, dict(facts.exports), sorted(facts.imports), unread]


def unpack(record: list[Any], path: str) -> Facts:
    """The same again, as if ``path`` had just been read; raises all kinds of errors."""
    findings, exports, imports, unread = record
    return Facts(
        tuple(
            Finding(path, Span(*span), code, api, kind, message, Advice(*bridge), Advice(*asyncio))
            for span, code, api, kind, message, bridge, asyncio in findings
        ),
        dict(exports),
        frozenset(imports),
        Unread(path, unread) if unread else None,
    )
