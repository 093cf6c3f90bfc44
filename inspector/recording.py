"""Save what a look at a process read, and look at it again anywhere, without the process.

The file, version 1: the line ``eventlet-migrate capture 1``, then one zlib stream of

- the length of the header (8 bytes, little-endian) and the header, JSON: what /proc said of
  the process, where the runtime lies, the clocks, how complete the look was;
- for each run of memory its address (8 bytes), its length (4 bytes) and its bytes.

It holds memory of the process, values of arguments included, and is written for its owner
only. What is read back is no more trusted than a live process: every length is bounded.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from inspector import capture
from inspector.attach import Target, attach
from inspector.descriptors import Descriptors
from inspector.errors import MigrateError, UnsupportedPython, UsageError
from inspector.locate import Found
from inspector.memory import PAGE, BadMemory
from inspector.process import Mapping, OsThread, Process
from inspector.snapshot import Completeness

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from inspector.memory import LiveProcess, MemorySource
    from inspector.snapshot import Snapshot

VERSION = 1
_MAGIC = b"eventlet-migrate capture "
_SEARCH = 1 << 16  # reads as long as this look for something; what they find is read again
_POOL = 1 << 14
_LEVEL = 1  # zlib's fastest: a third of the size in a tenth of the time of the best
_MAX_EXPANDED = 2 << 30  # bytes of one capture, expanded
_MAX_HEADER = 64 << 20
_MAX_ADDRESS = 1 << 57  # five-level page tables
_CHUNK = 1 << 20
_RUN = struct.Struct("<QI")
_LENGTH = struct.Struct("<Q")
_TYPES: dict[str, Any] = {
    "int": int,
    "str": str,
    "str | None": str | None,
    "bool": bool,
    "float": int | float,
    "tuple[str, ...]": list,
}


class DamagedCapture(UsageError):  # noqa: N818 - names the condition
    """The file is no capture, or not whole."""


def record(pid: int, path: str, options: capture.Options | None = None) -> Snapshot:
    """Take a look at a process and save to ``path`` what was read; returns what was seen.

    Raises UsageError when the file cannot be written, and what `capture.take` raises. The
    file is whole or as it was before.
    """
    recorder: Recorder | None = None

    def through(source: LiveProcess) -> MemorySource:
        nonlocal recorder
        recorder = Recorder(source)
        return recorder

    target = attach(pid, through)
    peers = target.descriptors = _NotedDescriptors(pid)
    snapshot = capture.look(target, options or capture.Options())
    assert recorder is not None
    header = {
        "process": target.process,
        "maps": [m for m in target.maps if m.writable and not m.inode],
        "threads": list(target.threads.values()),
        "found": target.found,
        "peers": peers.noted,
        "clock": recorder.clock(),
        "taken_at": snapshot.taken_at,
        "completeness": snapshot.completeness._asdict(),
        "moving": [unit.id for unit in snapshot.units if unit.moving],
    }
    _write(path, _encode(header, recorder.runs()))
    return snapshot


def replay(path: str, options: capture.Options | None = None) -> Snapshot:
    """Look at a saved capture as if it were the process.

    Raises UsageError for a file that cannot be read or is no capture, and UnsupportedPython
    for one whose memory makes no sense.
    """
    try:
        with open(path, "rb") as file:
            header, runs = _decode(file)
    except OSError as error:
        raise UsageError(f"cannot read {path!a}: {error.strerror}") from None
    return replay_parts(header, runs, options)


def replay_parts(
    header: dict[str, Any],
    runs: Iterable[tuple[int, bytes]],
    options: capture.Options | None = None,
) -> Snapshot:
    """`replay` for a file's parts, which tests change before."""
    recording = Recording(runs, _number(header, "clock"))
    with _as_one_error():
        process = Process(**_fields(header, "process", Process))
        found = Found(**_fields(header, "found", Found))
        maps = [Mapping(*_checked(item, Mapping)) for item in header["maps"]]
        if any(len(mapping.permissions) != 4 for mapping in maps):
            raise ValueError("no permissions")
        threads = [OsThread(*_checked(item, OsThread)) for item in header["threads"]]
        peers = {int(number): str(peer) for number, peer in header["peers"].items() if peer}
        past = Completeness(**_fields(header, "completeness", Completeness))
        notes = [str(note) for note in past.notes]
        moving = frozenset(header["moving"])
    try:
        target = _Replayed(process, recording, maps, threads, _SavedDescriptors(peers), found)
    except BadMemory as error:
        raise UnsupportedPython(f"the capture's memory makes no sense: {error}") from None
    options = replace(options or capture.Options(), freeze=False)
    snapshot = capture.look(target, options)
    now = snapshot.completeness
    return snapshot._replace(
        taken_at=_number(header, "taken_at"),
        units=tuple(
            unit._replace(moving=True) if unit.id in moving else unit for unit in snapshot.units
        ),
        completeness=now._replace(
            complete=past.complete and now.complete,
            units_moving=past.units_moving,
            retries=past.retries,
            frozen=past.frozen,
            capture_ms=past.capture_ms,
            notes=tuple(dict.fromkeys((*notes, *now.notes))),
        ),
    )


class Recorder:
    """A memory source that keeps what passes through, the last reading of each page."""

    def __init__(self, source: MemorySource) -> None:
        self._source = source
        self._pages: dict[int, bytes] = {}
        self._parts: dict[int, bytes] = {}
        self._clock: float | None = None

    def close(self) -> None:
        """Let go of the process."""
        self._source.close()

    def clock(self) -> float:
        """The source's clock when it was first asked for: one look is one moment."""
        if self._clock is None:
            self._clock = self._source.clock()
        return self._clock

    def read(self, address: int, size: int) -> bytes:
        """As the source reads."""
        data = self._source.read(address, size)
        if size < _SEARCH:
            self._keep(address, data)
        return data

    def gather(self, addresses: Sequence[int], size: int) -> list[bytes | memoryview]:
        """As the source gathers."""
        found = self._source.gather(addresses, size)
        for address, data in zip(addresses, found, strict=True):
            self._keep(address, bytes(data))
        return found

    def _keep(self, address: int, data: bytes) -> None:
        if address % PAGE or len(data) % PAGE:
            self._parts[address] = data
            return
        for at in range(0, len(data), PAGE):
            self._pages[address + at] = data[at : at + PAGE]

    def runs(self) -> Iterator[tuple[int, bytes]]:
        """All that was kept, as (address, bytes)."""
        yield from sorted(self._pages.items())
        for address, data in sorted(self._parts.items()):
            if data and address - address % PAGE not in self._pages:
                yield address, data


class Recording:
    """A memory source that knows only what was saved."""

    def __init__(self, runs: Iterable[tuple[int, bytes]], clock: float) -> None:
        self.pages: dict[int, bytes] = {}
        self.parts: dict[int, bytes] = {}
        self._clock = clock
        for address, data in runs:
            if address % PAGE == 0 and len(data) == PAGE:
                self.pages[address] = data
            else:
                self.parts[address] = data

    def close(self) -> None:
        """Nothing is held."""

    def clock(self) -> float:
        """CLOCK_MONOTONIC of the machine at the time of the look."""
        return self._clock

    def read(self, address: int, size: int) -> bytes:
        """The bytes saved, up to the first that were not; a search sees zeroes in between."""
        start = address - address % PAGE
        found = []
        for page in range(start, address + size, PAGE):
            data = self.pages.get(page)
            if data is None:
                if size < _SEARCH:
                    break
                data = bytes(PAGE)
            found.append(data)
        if found:
            return b"".join(found)[address - start : address - start + size]
        return self.parts.get(address, b"")[:size]

    def gather(self, addresses: Sequence[int], size: int) -> list[bytes | memoryview]:
        """``size`` bytes at each address."""
        return [self.read(address, size) for address in addresses]

    def ranges(self, unit: int) -> list[tuple[int, int]]:
        """(start, end) of all that was saved, rounded to multiples of ``unit`` and joined."""
        found: list[tuple[int, int]] = []
        for start in sorted({a - a % unit for known in (self.pages, self.parts) for a in known}):
            if found and found[-1][1] == start:
                found[-1] = (found[-1][0], start + unit)
            else:
                found.append((start, start + unit))
        return found


class _Replayed(Target):
    """A target that is not there any more; its heap is what was saved of it."""

    source: Recording

    def raise_if_gone(self) -> None:
        """It is gone, and need not be there."""

    def heaps(self) -> list[tuple[int, int]]:
        """(start, end) of what was saved of the anonymous mappings."""
        return _common(self.source.ranges(_POOL), super().heaps())

    def writable(self) -> list[tuple[int, int]]:
        """(start, end) of what was saved of all writable memory."""
        return _common(self.source.ranges(PAGE), super().writable())


def _common(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where two sorted lists of ranges overlap."""
    found = []
    others = sorted(others)
    at = 0
    for start, end in some:
        while at < len(others) and others[at][1] <= start:
            at += 1
        index = at
        while index < len(others) and others[index][0] < end:
            found.append((max(start, others[index][0]), min(end, others[index][1])))
            index += 1
    return found


class _NotedDescriptors(Descriptors):
    """Remembers what it was asked."""

    def __init__(self, pid: int) -> None:
        super().__init__(pid)
        self.noted: dict[int, str | None] = {}

    def peer(self, descriptor: int) -> str | None:
        """As a live process's, and noted."""
        found = self.noted[descriptor] = super().peer(descriptor)
        return found


class _SavedDescriptors(Descriptors):
    def __init__(self, peers: dict[int, str]) -> None:
        super().__init__(0)
        self._peers = peers

    def peer(self, descriptor: int) -> str | None:
        """What was noted."""
        return self._peers.get(descriptor)


# the file


def _encode(header: dict[str, Any], runs: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    yield _MAGIC + b"%d\n" % VERSION
    packer = zlib.compressobj(_LEVEL)
    # Names and paths of a process may be no UTF-8: JSON escapes their surrogates.
    text = json.dumps({k: _plain(v) for k, v in header.items()}).encode("ascii")
    yield packer.compress(_LENGTH.pack(len(text)) + text)
    for address, data in runs:
        yield packer.compress(_RUN.pack(address, len(data)) + data)
    yield packer.flush()


def _plain(value: Any) -> Any:
    return value._asdict() if hasattr(value, "_asdict") else value


def _write(path: str, pieces: Iterable[bytes]) -> None:
    scratch = f"{path}.{os.getpid()}"
    try:
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.writelines(pieces)
        os.replace(scratch, path)
    except OSError as error:
        raise UsageError(f"cannot write {path!a}: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(scratch)


def _decode(file: Any) -> tuple[dict[str, Any], list[tuple[int, bytes]]]:
    line = file.readline(64)
    if not line.startswith(_MAGIC):
        raise DamagedCapture("this file is no capture", "migrate ps --record FILE PID makes one")
    if line != _MAGIC + b"%d\n" % VERSION:
        raise DamagedCapture(
            f"a capture of another version than {VERSION}", "use the migrate that recorded it"
        )
    stream = _Expanded(file)
    with _as_one_error():
        (length,) = _LENGTH.unpack(stream.take(_LENGTH.size))
        if length > _MAX_HEADER:
            raise ValueError("header too long")
        header = json.loads(stream.take(length))
        runs = []
        while head := stream.take(_RUN.size, may_end=True):
            address, size = _RUN.unpack(head)
            if size > _MAX_EXPANDED or address > _MAX_ADDRESS:
                raise ValueError("no run of memory")
            runs.append((address, stream.take(size)))
    if not isinstance(header, dict):
        raise DamagedCapture("the capture is damaged")
    return header, runs


class _Expanded:
    """The zlib stream of a file, expanded bit by bit and not beyond a limit."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._unpacker = zlib.decompressobj()
        self._ready = bytearray()
        self._at = 0
        self._total = 0

    def take(self, size: int, *, may_end: bool = False) -> bytes:
        """The next ``size`` bytes; none at the end where that may be. Raises ValueError."""
        while len(self._ready) - self._at < size and self._fill():
            pass
        found = bytes(self._ready[self._at : self._at + size])
        self._at += len(found)
        if len(found) < size and not (may_end and not found and self._unpacker.eof):
            raise ValueError("cut short")
        return found

    def _fill(self) -> bool:
        data = self._unpacker.unconsumed_tail or self._file.read(_CHUNK)
        if not data or self._unpacker.eof:
            return False
        more = self._unpacker.decompress(data, _CHUNK)
        self._total += len(more)
        if self._total > _MAX_EXPANDED:
            raise ValueError("too long")
        del self._ready[: self._at]
        self._at = 0
        self._ready += more
        return True


@contextlib.contextmanager
def _as_one_error() -> Iterator[None]:
    """Whatever is wrong with a file is one error."""
    try:
        yield
    except MigrateError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, struct.error, zlib.error,
            RecursionError) as error:  # fmt: skip
        raise DamagedCapture(f"the capture is damaged: {ascii(str(error))[:120]}") from None


def _number(header: dict[str, Any], key: str) -> float:
    value = header.get(key)
    if not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise DamagedCapture(f"the capture is damaged: no {key}")
    return float(value)


def _fields(header: dict[str, Any], key: str, kind: Any) -> dict[str, Any]:
    values = header[key]
    _checked([values[name] for name in kind._fields], kind)
    return {name: values[name] for name in kind._fields}


def _checked(values: Any, kind: Any) -> list[Any]:
    """The values of a tuple's fields, each of the type that the field says."""
    if not isinstance(values, list) or len(values) != len(kind._fields):
        raise ValueError(f"no {kind.__name__}")
    for name, value in zip(kind._fields, values, strict=True):
        # Annotations are text, in some versions wrapped.
        wanted = kind.__annotations__[name]
        wanted = getattr(wanted, "__forward_arg__", wanted)
        fits = isinstance(value, _TYPES[wanted])
        if not fits or (wanted == "int" and not 0 <= value < 1 << 64):
            raise ValueError(f"no {kind.__name__}")
    return values
