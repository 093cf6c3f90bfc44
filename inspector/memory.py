"""Words and bytes of a target, read in bulk, cached by page, never trusted.

`MemorySource` is the seam: a live process, a recorded capture, later a core file. A
source answers two bulk questions and never raises for memory that is not there; what
sits on top, `Memory`, turns absence into `BadMemory`, which decoders let pass up to the
unit they were reading.

Measured on this project's benchmarks: ``pread`` on /proc/PID/mem costs 2 us a page,
``process_vm_readv`` 1 us a page in batches, but ctypes costs 5-15 ms to import. So single
reads use the file and only large gathers import ctypes.
"""

from __future__ import annotations

import os
import struct
import time

from inspector.errors import NoSuchProcess
from inspector.process import clock_ahead, explain_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from typing import Protocol
else:
    Protocol = object

PAGE = 4096
WINDOW = 4  # pages read on a miss: one pymalloc pool
MAX_BYTES = 1 << 20  # the longest run of bytes anything asks for
MAX_WORDS = 1 << 21  # and of words: the items of a list
_RUN = 8  # pages read together where they follow each other
_BATCH = 512  # remote ranges in one process_vm_readv; the kernel takes up to 1024
_VECTOR_FROM = 2048  # ranges from which importing ctypes pays


class BadMemory(Exception):  # noqa: N818 - names the condition
    """What was read is absent or makes no sense; the unit that needed it is not decoded."""


class MemorySource(Protocol):
    """Where a target's memory comes from."""

    def read(self, address: int, size: int) -> bytes:
        """The bytes at ``address``; shorter than ``size``, or empty, where there are none."""

    def scan(self, address: int, size: int) -> bytes:
        """As `read`, to look for something: what is found is read again."""

    def gather(
        self, addresses: Sequence[int], size: int, *, at_once: bool = False
    ) -> Iterator[bytes | memoryview]:
        """``size`` bytes at each address, in turn; an empty or short item where there are none.

        ``at_once`` asks for as little time as can be between one and the next.
        """

    def gather_joined(self, addresses: Sequence[int], size: int) -> bytes | bytearray:
        """The same in one piece, with zeroes where there are none: for very many."""

    def clock(self) -> float:
        """The target's CLOCK_MONOTONIC in seconds at the time of the reads."""

    def close(self) -> None:
        """Let go of what is held."""


class LiveProcess:
    """The memory of a running process. Raises NoSuchProcess or NotAllowed when opened."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._read_batch: Callable[[Sequence[int], int], bytearray | None] | None = None
        self._ahead: float | None = None  # of our CLOCK_MONOTONIC, seconds
        self._file = -1  # no file's
        try:
            self._file = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
        except FileNotFoundError:
            raise NoSuchProcess(f"no process {pid}") from None
        except ProcessLookupError:
            raise NoSuchProcess(f"process {pid} is ending") from None
        except PermissionError:
            raise explain_refusal(pid) from None

    def close(self) -> None:
        """Let go of the process; nothing can be read any more."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def clock(self) -> float:
        """Now, as it is in the process's time namespace (time_namespaces(7))."""
        if self._ahead is None:
            self._ahead = clock_ahead(self.pid)
        return time.monotonic() + self._ahead

    def read(self, address: int, size: int) -> bytes:
        """The bytes at ``address``, fewer where the mapping ends."""
        try:
            return os.pread(self._file, size, address)
        except (OSError, OverflowError, ValueError):
            return b""

    scan = read

    def gather(
        self, addresses: Sequence[int], size: int, *, at_once: bool = False
    ) -> Iterator[bytes | memoryview]:
        """``size`` bytes at each address, in one system call a batch when ``at_once`` or many.

        Who keeps none of them needs the memory of one batch only: a new page of it costs more
        than to read one.
        """
        for batch, data in self._batches(addresses, size, at_once):
            if data is None:
                for address in batch:
                    yield self.read(address, size)
            else:
                view = memoryview(data)
                for at in range(0, len(batch) * size, size):
                    yield view[at : at + size]
                del view
            del data

    def gather_joined(self, addresses: Sequence[int], size: int) -> bytes | bytearray:
        """`gather` without an object for each address."""
        found = bytearray()
        for batch, data in self._batches(addresses, size):
            found += data or join([self.read(address, size) for address in batch], size)
        return found

    def _batches(
        self, addresses: Sequence[int], size: int, at_once: bool = False
    ) -> Iterator[tuple[Sequence[int], bytearray | None]]:
        """The addresses in parts, with what is there; None for what is to be read one by one.

        What is asked for at once ends at the first hole.
        """
        if len(addresses) < _VECTOR_FROM and not at_once:
            yield addresses, None
            return
        if self._read_batch is None:
            self._read_batch = batch_reader(self.pid)
        for start in range(0, len(addresses), _BATCH):
            batch = addresses[start : start + _BATCH]
            data = self._read_batch(batch, size)
            if data is not None and len(data) < len(batch) * size and not at_once:
                data = None
            yield batch, data


def join(parts: Iterable[bytes], size: int) -> bytes:
    """Parts of ``size`` bytes in one piece, zeroes where they are shorter."""
    return b"".join([part.ljust(size, b"\0") for part in parts])


def batch_reader(
    pid: int, *, keep_gil: bool = False
) -> Callable[[Sequence[int], int], bytearray | None]:
    """What reads up to `_BATCH` ranges at once, up to the first hole.

    None comes from where a sandbox does not let it.
    """
    import ctypes
    import errno
    from array import array

    library = ctypes.PyDLL if keep_gil else ctypes.CDLL
    call = library(None, use_errno=True).process_vm_readv
    pointer, word = ctypes.c_void_p, ctypes.c_ulong
    call.argtypes = [ctypes.c_int, pointer, word, pointer, word, word]
    call.restype = ctypes.c_ssize_t

    def read_batch(batch: Sequence[int], size: int) -> bytearray | None:
        total = size * len(batch)
        buffer = bytearray(total)
        local = array("L", [ctypes.addressof(ctypes.c_char.from_buffer(buffer)), total])
        remote = array("L", bytes(16 * len(batch)))
        remote[0::2] = array("L", batch)
        remote[1::2] = array("L", [size]) * len(batch)
        done = call(pid, local.buffer_info()[0], 1, remote.buffer_info()[0], len(batch), 0)
        if done == total:
            return buffer
        if done < 0 and ctypes.get_errno() != errno.EFAULT:
            return None
        return buffer[: max(done, 0)]

    return read_batch


class _Pages(dict[int, memoryview]):
    """Page number -> its 512 words. A page that is not there yet is read when asked for."""

    __slots__ = ("source",)

    def __init__(self, source: MemorySource) -> None:
        super().__init__()
        self.source = source

    def __missing__(self, number: int) -> memoryview:
        first = number - number % WINDOW
        data = self.source.read(first * PAGE, WINDOW * PAGE)
        if len(data) < (number - first + 1) * PAGE:  # a mapping begins or ends in the window
            first = number
            data = self.source.read(number * PAGE, PAGE)
        self.add(first, data)
        if number not in self:
            raise BadMemory(f"no memory at {number * PAGE:#x}")
        return self[number]

    def add(self, first: int, data: bytes | memoryview) -> None:
        count = len(data) // PAGE
        words = memoryview(data)[: count * PAGE].cast("Q")
        if count == 1:
            self.setdefault(first, words)
            return
        for index in range(count):
            # What is there stays: the parts of one object must come from one moment.
            self.setdefault(first + index, words[index * 512 : index * 512 + 512])


class Memory:
    """A page cache on a source.

    Every address is read once, so that what is decoded is one capture, not a film; `fresh`
    starts another one.

    ``pages`` may be indexed directly in hot loops: ``pages[a >> 12][(a >> 3) & 511]`` is
    the word at ``a`` (rounded down to a multiple of 8).
    """

    __slots__ = ("pages", "source")

    def __init__(self, source: MemorySource) -> None:
        self.source = source
        self.pages = _Pages(source)

    def fresh(self) -> Memory:
        """An empty cache on the same source: what it reads, it reads anew."""
        return Memory(self.source)

    def copies(self, numbers: Collection[int], count: int, *, at_once: bool) -> list[Memory]:
        """Empty caches but for these pages, by number, which were read ``count`` times in a row.

        In that order, so that each is from after those before it. ``at_once`` as `gather` has it.
        """
        found = [self.fresh() for _ in range(count)]
        addresses = [number * PAGE for number in numbers] * count
        read = self.source.gather(addresses, PAGE, at_once=at_once)
        for memory in found:
            for number, data in zip(numbers, read, strict=False):  # the rest is the next one's
                memory.pages.add(number, data)
        return found

    def word(self, address: int) -> int:
        """The unsigned 64-bit word at ``address``. Raises BadMemory."""
        return self.pages[address >> 12][(address >> 3) & 511]

    def signed(self, address: int) -> int:
        """The signed 64-bit word at ``address``. Raises BadMemory."""
        word = self.pages[address >> 12][(address >> 3) & 511]
        return word - (1 << 64) if word >> 63 else word

    def u32(self, address: int) -> int:
        """The unsigned 32-bit number at ``address``. Raises BadMemory."""
        return self.pages[address >> 12][(address >> 3) & 511] >> 8 * (address & 4) & 0xFFFFFFFF

    def u8(self, address: int) -> int:
        """The byte at ``address``. Raises BadMemory."""
        return self.pages[address >> 12][(address >> 3) & 511] >> 8 * (address & 7) & 0xFF

    def words(self, address: int, count: int) -> list[int]:
        """``count`` words from ``address``. Raises BadMemory, also for a senseless count."""
        start = (address >> 3) & 511
        if count >= 0 and start + count <= 512:
            return self.pages[address >> 12][start : start + count].tolist()
        if not 0 <= count <= MAX_WORDS:
            raise BadMemory(f"{count} words asked for at {address:#x}")
        found: list[int] = []
        for first in range(0, count, MAX_BYTES >> 3):
            size = min(8 * (count - first), MAX_BYTES)
            found += memoryview(self.data((address & ~7) + 8 * first, size)).cast("Q").tolist()
        return found

    def data(self, address: int, size: int) -> bytes:
        """``size`` bytes from ``address``. Raises BadMemory, also for a senseless size."""
        if not 0 <= size <= MAX_BYTES:
            raise BadMemory(f"{size} bytes asked for at {address:#x}")
        start = address & 4095
        number = address >> 12
        if start + size <= PAGE:
            return self.pages[number].cast("B")[start : start + size].tobytes()
        last = (address + size - 1) >> 12
        if last == number + 1:
            page, following = self.pages[number].cast("B"), self.pages[last].cast("B")
            return page[start:].tobytes() + following[: start + size - PAGE].tobytes()
        self.prefetch_pages(range(number, last + 1))
        whole = b"".join([self.pages[page] for page in range(number, last + 1)])
        return whole[start : start + size]

    def text(self, address: int, limit: int) -> bytes:
        """The bytes of a C string, at most ``limit`` of them. Raises BadMemory."""
        size = min(limit, PAGE - (address & 4095))
        data = self.data(address, size)
        if b"\0" not in data and size < limit:
            try:
                data = self.data(address, limit)
            except BadMemory:
                pass
        return data.split(b"\0", 1)[0]

    def prefetch(self, addresses: Iterable[int]) -> None:
        """Read the pages of many addresses at once; those that are not there stay unread."""
        self.prefetch_pages({address >> 12 for address in addresses})

    def prefetch_pages(self, numbers: Iterable[int]) -> None:
        """Read many pages, by number, at once; those that are not there stay unread."""
        pages = self.pages
        for first, data in self._fetch([number for number in numbers if number not in pages]):
            pages.add(first, data)

    def unchanged(self, numbers: Iterable[int]) -> set[int]:
        """Those of the pages, by number, that are now as they were read."""
        pages = self.pages
        found = set()
        for first, data in self._fetch([number for number in numbers if number in pages]):
            for place in range(len(data) // PAGE):
                # Byte by byte, as only a bytearray does: views are compared word by word.
                if bytearray(data[place * PAGE : place * PAGE + PAGE]) == pages[first + place]:
                    found.add(first + place)
        return found

    def _fetch(self, numbers: list[int]) -> Iterator[tuple[int, bytes | memoryview]]:
        """What is on the pages now, as (number, its bytes and those of some that follow)."""
        alone = []
        for first, count in _runs(sorted(numbers)):
            if count == 1:
                alone.append(first)
            else:
                yield first, self.source.read(first * PAGE, count * PAGE)
        if alone:
            found = self.source.gather([number * PAGE for number in alone], PAGE)
            yield from zip(alone, found, strict=True)


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Ascending numbers as (first, count) of those that follow each other, up to `_RUN`."""
    start = 0
    for end in range(1, len(numbers) + 1):
        if end == len(numbers) or numbers[end] - numbers[end - 1] != 1 or end - start == _RUN:
            yield numbers[start], end - start
            start = end


def fields(*wanted: tuple[int, str]) -> struct.Struct:
    """A struct that takes the values at (offset, format) out of an object and skips the rest.

    Offsets must ascend: those that the target describes itself may be nonsense, and raise
    BadMemory.
    """
    layout = "<"
    at = 0
    for offset, code in wanted:
        if not at <= offset <= MAX_BYTES:
            raise BadMemory(f"a field at {offset} in an object")
        layout += f"{offset - at}x{code}"
        at = offset + struct.calcsize(f"<{code}")
    return struct.Struct(layout)
