"""From a process to the facts that decoding needs: runtime, layout, tables, vtables."""

from __future__ import annotations

import os

from inspector import layouts
from inspector import process as kernel
from inspector.descriptors import Descriptors
from inspector.errors import NoSuchProcess, Unready, UnsupportedPython
from inspector.locate import locate, search_asyncio
from inspector.memory import BadMemory, LiveProcess, Memory
from inspector.resident import resident
from inspector.snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inspector.capture import Capture
    from inspector.layouts import Layout
    from inspector.locate import Found
    from inspector.memory import MemorySource
    from inspector.process import Mapping, OsThread, Process
    from inspector.snapshot import Completeness
    from inspector.units import Assembled


class Target:
    """What is known of a process before any of its objects is read."""

    def __init__(
        self,
        process: Process,
        source: MemorySource,
        maps: Sequence[Mapping],
        threads: Sequence[OsThread],
        descriptors: Descriptors,
        found: Found,
    ) -> None:
        self.process = process
        self.pid = process.pid
        self.source = source
        self.memory = Memory(source)
        self.maps = maps
        self.descriptors = descriptors
        self.layout, self.found = _layout(self.memory, found, process, maps)
        self.runtime = found.runtime
        self.vtables: dict[str, int] = {}
        if found.user_greenlet and found.main_greenlet:
            self.vtables = {"user": found.user_greenlet, "main": found.main_greenlet}
        self.threads = {thread.tid: thread for thread in threads}
        self._tids = {thread.inner_tid: thread.tid for thread in threads}

    def close(self) -> None:
        """Let go of the process."""
        self.source.close()

    def raise_if_gone(self) -> None:
        """Raise NoSuchProcess when the process has ended meanwhile."""
        if not kernel.is_same(self.process):
            raise NoSuchProcess(f"process {self.pid} ended while it was read")

    def map_again(self) -> None:
        """Look anew what the process maps: once it is stopped, that is all there is."""
        self.maps = kernel.mappings(self.pid)

    def tid_of(self, inner_tid: int) -> int:
        """The id seen from here of a thread that the target knows by its own namespace's."""
        return self._tids.get(inner_tid, inner_tid)

    def heaps(self) -> list[tuple[int, int]]:
        """(start, end) of anonymous writable memory, where pymalloc has its arenas."""
        found = [(m.start, m.end) for m in self.maps if m.writable and not m.inode and not m.path]
        return self.touched(found)

    def writable(self) -> list[tuple[int, int]]:
        """(start, end) of all writable memory that is no file: any allocator's heap."""
        found = [
            (m.start, m.end)
            for m in self.maps
            if m.writable and not m.inode and (not m.path.startswith("[") or m.path == "[heap]")
        ]
        return self.touched(found)

    def touched(self, ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """The parts of mappings that memory stands behind, so that something can be in them."""
        return resident(self.pid, ranges)

    def stack_of(self, tid: int, ident: int) -> tuple[int, int] | None:
        """(start, end) of a thread's C stack; None when it cannot be told.

        pthread keeps a thread's descriptor, whose address is ``ident``, on top of its stack.
        Where guard pages are no mappings of their own, neighbouring stacks are one: the start
        is then too low, and the lowest end above an address tells whose stack that is on.
        """
        for mapping in self.maps:
            if tid == self.pid:
                found = mapping.path == "[stack]"
            else:
                found = mapping.start <= ident < mapping.end
            if found:
                return mapping.start, mapping.end if tid == self.pid else ident
        return None

    def snapshot(
        self, capture: Capture, found: Assembled, taken_at: float, completeness: Completeness
    ) -> Snapshot:
        """Put it all together."""
        return Snapshot(
            pid=self.pid,
            ppid=self.process.ppid,
            command=self.process.command,
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


def attach(pid: int, through: Callable[[LiveProcess], MemorySource] | None = None) -> Target:
    """Find the Python in a process; its memory is read ``through`` what that makes of it.

    Raises NoSuchProcess, NotAllowed, NotPython or UnsupportedPython.
    """
    process = kernel.look_up(pid)
    maps = kernel.mappings(pid)
    live = _own() if pid == os.getpid() else LiveProcess(pid)
    source = through(live) if through else live
    try:
        found = locate(process, maps, source.scan)
        return Target(process, source, maps, kernel.threads(pid), Descriptors(pid), found)
    except BaseException as error:
        source.close()
        if not kernel.is_same(process):
            raise NoSuchProcess(f"process {pid} ended while it was read") from None
        if isinstance(error, BadMemory):
            raise Unready(
                f"process {pid}: its Python's memory makes no sense",
                "when it has just been started, try again",
            ) from None
        raise


def _own() -> LiveProcess:
    from inspector.own import OwnProcess  # the command has no use for it

    return OwnProcess()


def _layout(
    memory: Memory, found: Found, process: Process, maps: Sequence[Mapping]
) -> tuple[Layout, Found]:
    """The target's layout, and what was found, with asyncio's table when it took a search."""
    version = memory.word(found.version) if found.version else None
    if found.debug:
        name = f"CPython {layouts.readable(version)}" if version else "CPython"
        raise UnsupportedPython(f"{name} built for debugging is not supported", layouts.HINT)
    layout = layouts.load(memory, found.runtime, version)
    if layout.describes_asyncio and not found.asyncio:
        # Without a file to read, as when it was replaced since and map_files is not for us.
        size = layout.at["interp.size"]
        table = search_asyncio(process, maps, memory.source.scan, size)
        found = found._replace(asyncio=table)
    if found.asyncio:
        layouts.load_asyncio(layout, memory, found.asyncio)
    return layout, found
