"""From a process to the facts that decoding needs: runtime, layout, tables, vtables."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple

from inspector import layouts
from inspector.elf import Elf, NotElf
from inspector.errors import NoSuchProcess, NotPython, UnsupportedPython
from inspector.memory import BadMemory, LiveProcess, Memory
from inspector.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inspector.capture import Capture
    from inspector.layouts import Layout
    from inspector.snapshot import Completeness
    from inspector.units import Assembled

_VTABLES = {
    "user": "_ZTVN8greenlet12UserGreenletE",
    "main": "_ZTVN8greenlet12MainGreenletE",
}
_VTABLE_HEADER = 16  # a vtable pointer skips offset-to-top and type info


class Mapping(NamedTuple):
    """A line of /proc/PID/maps."""

    start: int
    end: int
    writable: bool
    offset: int
    inode: int
    path: str


class Found(NamedTuple):
    """Where the things lie that the ELF files name; 0 where there is none."""

    runtime: int
    version_at: int
    asyncio: int
    vtables: dict[str, int]
    debug: bool


class Target:
    """What is known of a process before any of its objects is read."""

    def __init__(
        self, pid: int, source: LiveProcess, maps: list[Mapping], found: Found, layout: Layout
    ) -> None:
        self.pid = pid
        self.source = source
        self.memory = Memory(source)
        self.maps = maps
        self.runtime = found.runtime
        self.vtables = found.vtables
        self.layout = layout

    def close(self) -> None:
        """Let go of the process."""
        self.source.close()

    def raise_if_gone(self) -> None:
        """Raise NoSuchProcess when the process has ended meanwhile."""
        if not os.path.exists(f"/proc/{self.pid}/maps"):  # noqa: PTH110 - pathlib is slow to load
            raise NoSuchProcess(f"process {self.pid} ended while it was read")

    def heaps(self) -> list[tuple[int, int]]:
        """(start, end) of anonymous writable mappings, where pymalloc has its arenas."""
        return [(m.start, m.end) for m in self.maps if m.writable and not m.inode and not m.path]

    def writable(self) -> list[tuple[int, int]]:
        """(start, end) of all writable memory that is no file: any allocator's heap."""
        return [
            (m.start, m.end)
            for m in self.maps
            if m.writable and not m.inode and (not m.path.startswith("[") or m.path == "[heap]")
        ]

    def stack_of(self, tid: int, ident: int) -> tuple[int, int] | None:
        """(start, end) of a thread's C stack; None when it cannot be told.

        pthread keeps a thread's descriptor, whose address is ``ident``, on top of its stack.
        """
        for mapping in self.maps:
            if tid == self.pid:
                found = mapping.path == "[stack]"
            else:
                found = mapping.start <= ident < mapping.end
            if found:
                return mapping.start, mapping.end
        return None

    def snapshot(
        self, capture: Capture, found: Assembled, taken_at: float, completeness: Completeness
    ) -> Snapshot:
        """Put it all together."""
        return Snapshot(
            pid=self.pid,
            ppid=_ppid(self.pid),
            command=_command(self.pid),
            python=self.layout.version,
            greenlet=capture.module_version("greenlet"),
            eventlet=capture.module_version("eventlet"),
            hub=found.hub,
            taken_at=taken_at,
            completeness=completeness,
            threads=found.threads,
            units=found.units,
            edges=found.edges,
        )


def attach(pid: int) -> Target:
    """Find the Python in a process.

    Raises NoSuchProcess, NotAllowed, NotPython or UnsupportedPython.
    """
    source = LiveProcess(pid)
    try:
        maps = _maps(pid)
        found = _find(pid, maps)
        memory = Memory(source)
        if not found.runtime:
            raise NotPython(f"process {pid} is not CPython", "it maps no Python interpreter")
        if found.debug:
            raise UnsupportedPython("a debug build of CPython is not supported")
        version = memory.word(found.version_at) if found.version_at else None
        layout = layouts.load(memory, found.runtime, version)
        if found.asyncio:
            layouts.load_asyncio(layout, memory, found.asyncio)
    except BadMemory:
        source.close()
        raise NoSuchProcess(f"process {pid} is starting or ending") from None
    except BaseException:
        source.close()
        raise
    return Target(pid, source, maps, found, layout)


def _find(pid: int, maps: list[Mapping]) -> Found:
    runtime = version_at = asyncio = 0
    vtables: dict[str, int] = {}
    debug = False
    exe = os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115
    seen = set()
    for mapping in maps:
        path = mapping.path
        name = path.rpartition("/")[2]
        if path in seen or not path.startswith("/"):
            continue
        seen.add(path)
        interpreter = path == exe or name.startswith("libpython3")
        if not interpreter and not name.startswith(("_asyncio.", "_greenlet.")):
            continue
        with contextlib.suppress(OSError, NotElf), _open(pid, path) as elf:
            bias = elf.bias(mapping.start, mapping.offset)
            if bias is None:
                continue
            if section := elf.section(".AsyncioDebug"):
                asyncio = bias + section.address
            if interpreter:
                symbols = elf.symbols(["_PyRuntime", "Py_Version", "_Py_NegativeRefcount"])
                if "_PyRuntime" in symbols:
                    runtime = symbols["_PyRuntime"] + bias
                elif section := elf.section(".PyRuntime"):
                    runtime = section.address + bias
                version_at = symbols["Py_Version"] + bias if "Py_Version" in symbols else version_at
                debug |= "_Py_NegativeRefcount" in symbols
            elif name.startswith("_greenlet."):
                symbols = elf.symbols(_VTABLES.values())
                vtables = {
                    key: symbols[symbol] + bias + _VTABLE_HEADER
                    for key, symbol in _VTABLES.items()
                    if symbol in symbols
                }
    return Found(runtime, version_at, asyncio, vtables, debug)


@contextlib.contextmanager
def _open(pid: int, path: str) -> Iterator[Elf]:
    file = os.open(f"/proc/{pid}/root{path}", os.O_RDONLY)
    try:
        yield Elf(lambda offset, size: os.pread(file, size, offset))
    finally:
        os.close(file)


def _maps(pid: int) -> list[Mapping]:
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
        lines = file.read().splitlines()
    found = []
    for line in lines:
        span, mode, offset, _, inode, *path = line.split(None, 5)
        start, end = span.split("-")
        found.append(
            Mapping(
                int(start, 16), int(end, 16), mode.startswith("rw"), int(offset, 16), int(inode),
                path[0] if path else "",
            )
        )  # fmt: skip
    return found


def _ppid(pid: int) -> int:
    with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
        return int(file.read().rpartition(b")")[2].split()[1])


def _command(pid: int) -> str:
    with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
        return file.read().rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")
