"""Save what a look at a process read, and look at it again anywhere, without the process.

The file (`inspector.capture_file`) holds memory of the process, values of arguments
included, and is written for its owner only. What is read back is no more trusted than a
live process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inspector import capture, capture_file
from inspector.attach import Target, attach
from inspector.capture_file import DamagedCapture, as_one_error
from inspector.descriptors import Descriptors
from inspector.errors import UnsupportedPython
from inspector.locate import Found
from inspector.memory import PAGE, BadMemory
from inspector.process import Mapping, OsThread, Process
from inspector.snapshot import Completeness

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from inspector.memory import LiveProcess, MemorySource
    from inspector.snapshot import Snapshot

_SEARCH = 1 << 16  # reads as long as this look for something; what they find is read again
_POOL = 1 << 14
_TYPES: dict[str, Any] = {
    "int": int,
    "str": str,
    "str | None": str | None,
    "bool": bool,
    "float": int | float,
    "tuple[str, ...]": list,
}


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
    capture_file.write(path, header, recorder.runs())
    return snapshot


def replay(path: str, options: capture.Options | None = None) -> Snapshot:
    """Look at a saved capture as if it were the process.

    Raises UsageError for a file that cannot be read or is no capture, and UnsupportedPython
    for one whose memory makes no sense.
    """
    header, runs = capture_file.read(path)
    return replay_parts(header, runs, options)


def replay_parts(
    header: dict[str, Any],
    runs: Iterable[tuple[int, bytes]],
    options: capture.Options | None = None,
) -> Snapshot:
    """`replay` for a file's parts, which tests change before."""
    recording = Recording(runs, _number(header, "clock"))
    with as_one_error():
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
    options = (options or capture.Options())._replace(freeze=False)
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

    def touched(self, ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """All of them: what was saved of them is asked for after."""
        return ranges

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
