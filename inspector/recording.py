"""Save what a look at a process read, and look at it again anywhere, without the process.

A look reads some pages more than once, to see what moved. What each reading of a page saw is
saved and comes again in that order, so that a file shows what was seen of the process. It
(`inspector.capture_file`) holds memory of the process, values of arguments included, and is
written for its owner only. What is read back is no more trusted than a live process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inspector import capture, capture_file
from inspector.attach import Target, attach
from inspector.capture_file import DamagedCapture, as_one_error
from inspector.descriptors import Descriptors
from inspector.errors import UnsupportedPython
from inspector.locate import Found
from inspector.memory import PAGE, BadMemory, join
from inspector.patience import patiently
from inspector.process import Mapping, OsThread, Process

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from inspector.memory import LiveProcess, MemorySource
    from inspector.snapshot import Snapshot

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
    recorders: list[Recorder] = []
    targets: list[tuple[Target, _NotedDescriptors]] = []

    def through(source: LiveProcess) -> MemorySource:
        recorders.append(Recorder(source))
        return recorders[-1]

    def look() -> Snapshot:
        target = attach(pid, through)
        peers = target.descriptors = _NotedDescriptors(pid)
        targets.append((target, peers))
        return capture.look(target, options or capture.Options())

    snapshot = patiently(pid, look)
    recorder, (target, peers) = recorders[-1], targets[-1]
    header = {
        "process": target.process,
        "maps": [m for m in target.maps if m.writable and not m.inode],
        "threads": list(target.threads.values()),
        "found": target.found,
        "peers": peers.noted,
        "clock": recorder.clock(),
        "taken_at": snapshot.taken_at,
        "frozen": snapshot.completeness.frozen,
        "capture_ms": snapshot.completeness.capture_ms,
    }
    runs = recorder.runs()
    header["readings"] = [reading for reading, _, _ in runs]
    capture_file.write(path, header, [(address, data) for _, address, data in runs])
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
    with as_one_error():
        readings = header["readings"]
        if not all(isinstance(number, int) for number in readings):
            raise ValueError("no readings")
        recording = Recording(zip(readings, runs, strict=False), _number(header, "clock"))
        process = Process(**_fields(header, "process", Process))
        found = Found(**_fields(header, "found", Found))
        maps = [Mapping(*_checked(item, Mapping)) for item in header["maps"]]
        if any(len(mapping.permissions) != 4 for mapping in maps):
            raise ValueError("no permissions")
        threads = [OsThread(*_checked(item, OsThread)) for item in header["threads"]]
        peers = {int(number): str(peer) for number, peer in header["peers"].items() if peer}
        taken_at, capture_ms = _number(header, "taken_at"), _number(header, "capture_ms")
        frozen = bool(header["frozen"])
    try:
        target = _Replayed(process, recording, maps, threads, _SavedDescriptors(peers), found)
    except BadMemory as error:
        raise UnsupportedPython(f"the capture's memory makes no sense: {error}") from None
    options = (options or capture.Options())._replace(freeze=False)
    snapshot = capture.look(target, options)
    completeness = snapshot.completeness._replace(frozen=frozen, capture_ms=capture_ms)
    return snapshot._replace(taken_at=taken_at, completeness=completeness)


class Recorder:
    """A memory source that keeps what passes through."""

    def __init__(self, source: MemorySource) -> None:
        self._source = source
        self._runs: list[tuple[int, int, bytes]] = []
        self._last: dict[int, bytes] = {}  # address -> what was kept of it last
        self._readings = _Readings()
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
        self._keep(address, size, data)
        return data

    def scan(self, address: int, size: int) -> bytes:
        """As the source, and nothing is kept."""
        return self._source.scan(address, size)

    def gather(
        self, addresses: Sequence[int], size: int, *, at_once: bool = False
    ) -> Iterator[bytes | memoryview]:
        """As the source gathers."""
        gathered = self._source.gather(addresses, size, at_once=at_once)
        for address, data in zip(addresses, gathered, strict=True):
            self._keep(address, size, bytes(data))
            yield data

    def gather_joined(self, addresses: Sequence[int], size: int) -> bytes:
        """As the source gathers."""
        return join(map(bytes, self.gather(addresses, size)), size)

    def _keep(self, address: int, size: int, data: bytes) -> None:
        if self._readings.counts(address, size):
            for page in range(address, address + size, PAGE):
                number = self._readings.next(page)
                self._add(number, page, data[page - address : page - address + PAGE])
        else:
            self._add(0, address, data)

    def _add(self, reading: int, address: int, data: bytes) -> None:
        if data != self._last.get(address, b""):  # also when it is not there any more
            self._last[address] = data
            self._runs.append((reading, address, data))

    def runs(self) -> list[tuple[int, int, bytes]]:
        """All that was kept, as (number of the reading of that page, address, bytes)."""
        pages = {address for _, address, data in self._runs if len(data) == PAGE}
        return [
            (number, address, data)
            for number, address, data in self._runs
            if address in pages or address - address % PAGE not in pages
        ]


class _Readings:
    """How often each page was read. What reads less than pages does not count."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    def counts(self, address: int, size: int) -> bool:
        """Whether to read this is to read pages."""
        return not address % PAGE and not size % PAGE

    def next(self, page: int) -> int:
        """The number of the reading that begins, from 0 on."""
        number = self._numbers.get(page, -1) + 1
        self._numbers[page] = number
        return number

    def last(self, page: int) -> int:
        """The number of the last reading."""
        return self._numbers.get(page, 0)


class Recording:
    """A memory source that knows only what was saved."""

    def __init__(self, runs: Iterable[tuple[int, tuple[int, bytes]]], clock: float) -> None:
        self.pages: dict[int, list[tuple[int, bytes]]] = {}  # from which reading on it was so
        self.parts: dict[int, bytes] = {}
        self._readings = _Readings()
        self._clock = clock
        for number, (address, data) in runs:
            if address % PAGE == 0 and len(data) in (0, PAGE):
                self.pages.setdefault(address, []).append((number, data))
            else:
                self.parts[address] = data

    def close(self) -> None:
        """Nothing is held."""

    def clock(self) -> float:
        """CLOCK_MONOTONIC of the machine at the time of the look."""
        return self._clock

    def read(self, address: int, size: int) -> bytes:
        """The bytes saved, up to the first that were not."""
        start = address - address % PAGE
        pages = range(start, address + size, PAGE)
        counts = self._readings.counts(address, size)
        numbers = [self._readings.next(p) if counts else self._readings.last(p) for p in pages]
        found = b""
        for page, number in zip(pages, numbers, strict=True):
            data = self._page(page, number)
            if not data:
                break
            found += data
        return found[address - start :][:size] or self.parts.get(address, b"")[:size]

    def scan(self, address: int, size: int) -> bytes:
        """Whole pages as the first reading saw them, zeroes between those that were saved."""
        pages = range(address, address + size, PAGE)
        return b"".join([self._page(page, 0) or bytes(PAGE) for page in pages])

    def _page(self, address: int, number: int) -> bytes:
        """A page as reading ``number`` saw it; empty when it was not there."""
        found = b""
        for since, data in self.pages.get(address, ()):
            if since > number:
                break
            found = data
        return found

    def gather(
        self, addresses: Sequence[int], size: int, *, at_once: bool = False
    ) -> Iterator[bytes | memoryview]:
        """``size`` bytes at each address."""
        return (self.read(address, size) for address in addresses)

    def gather_joined(self, addresses: Sequence[int], size: int) -> bytes:
        """The same in one piece."""
        return join([self.read(address, size) for address in addresses], size)

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
