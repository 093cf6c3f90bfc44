"""Where CPython's runtime, asyncio's debug table and greenlet's vtables lie in a process.

The files that the process has mapped say so: by section (3.13 and later) or by symbol. A
runtime of 3.13 and later is also found without any file, by the cookie it begins with.
Sources: Include/internal/pycore_debug_offsets.h (the ``.PyRuntime`` section and its
cookie), Modules/_asynciomodule.c (``.AsyncioDebug``), the Itanium C++ ABI (a vtable
pointer points behind two words of the vtable's symbol).
"""

from __future__ import annotations

import os
import sys

from inspector.elf import Elf, NotElf
from inspector.process import open_mapped
from inspector.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from inspector.process import Mapping, Process

_COOKIE = b"xdebugpy"
_SEARCH_LIMIT = 256 << 20  # bytes searched for one thing
_CHUNK = 1 << 20
_USER, _MAIN = "_ZTVN8greenlet12UserGreenletE", "_ZTVN8greenlet12MainGreenletE"
_VPTR = 16  # from the symbol of a vtable to what an object's first word holds

# Sections outrank symbols of the same thing.
_SECTIONS = {".PyRuntime": "runtime", ".AsyncioDebug": "asyncio"}
_SYMBOLS = {
    "_PyRuntime": ("runtime", 0),
    "_AsyncioDebug": ("asyncio", 0),  # some static builds lose the section
    "Py_Version": ("version", 0),
    "_Py_NegativeRefcount": ("debug", 0),
    _USER: ("user_greenlet", _VPTR),
    _MAIN: ("main_greenlet", _VPTR),
}


class Found(Record):
    """Addresses in the target, 0 where there is no such thing."""

    runtime: int = 0  # _PyRuntime
    version: int = 0  # of the word Py_Version (3.11 and later)
    asyncio: int = 0  # AsyncioDebug (3.14 and later)
    user_greenlet: int = 0  # what the first word of a greenlet's pimpl is
    main_greenlet: int = 0  # the same for a thread's main greenlet
    debug: int = 0  # something that only debug builds have


def locate(process: Process, maps: Sequence[Mapping], read: Callable[[int, int], bytes]) -> Found:
    """Find them. ``read(address, size)`` reads the target's memory, for the searches only.

    Raises NotPython when there is no runtime.
    """
    found: dict[str, int] = {}
    for first in _modules(process, maps):
        name = first.path.rpartition("/")[2]
        in_file = _addresses(process.pid, first, maps, read)
        if name.startswith("_greenlet.") and "user_greenlet" not in in_file:
            in_file |= _vtables_by_type_name(first, maps, read)
        for key, address in in_file.items():
            found.setdefault(key, address)
    if "runtime" not in found:
        found["runtime"] = _search_cookie(maps, read)
    if not found["runtime"]:
        from inspector import mistaken

        raise mistaken.not_python(process)
    return Found(**found)


def _modules(process: Process, maps: Iterable[Mapping]) -> list[Mapping]:
    """The lowest mapping of each file that may hold what we look for, libpython first.

    A launcher that links libpython may export its own unused copy of a symbol.
    """
    found: dict[tuple[str, int], Mapping] = {}
    for mapping in maps:
        name = mapping.path.rpartition("/")[2]
        if mapping.is_file and (
            mapping.path == process.executable
            or name.startswith(("libpython3", "_asyncio.", "_greenlet."))
        ):
            found.setdefault((mapping.device, mapping.inode), mapping)
    return sorted(found.values(), key=lambda mapping: mapping.path == process.executable)


def _addresses(
    pid: int, first: Mapping, maps: Sequence[Mapping], read: Callable[[int, int], bytes]
) -> dict[str, int]:
    """What the file mapped at ``first`` defines, by the names of `Found`'s fields.

    Where the file cannot be opened what is mapped of it serves, which has no sections.
    """
    try:
        descriptor = open_mapped(pid, first)
    except OSError:
        own = [m for m in maps if (m.device, m.inode) == (first.device, first.inode)]
        return _defined(_in_memory(own, read), first, (first.start, first.offset))
    try:
        return _defined(lambda offset, size: os.pread(descriptor, size, offset), first)
    finally:
        os.close(descriptor)


def _defined(
    file: Callable[[int, int], bytes], first: Mapping, loaded: tuple[int, int] | None = None
) -> dict[str, int]:
    found: dict[str, int] = {}
    try:
        elf = Elf(file, loaded)
        bias = elf.bias(first.start, first.offset)
        if bias is None:
            return found
        symbols = elf.symbols(_SYMBOLS)
        for name, (key, offset) in _SYMBOLS.items():
            if name in symbols:
                found[key] = bias + symbols[name] + offset
        for name, key in _SECTIONS.items():
            if section := elf.section(name):
                found[key] = bias + section.address
    except (NotElf, OSError):
        return {}
    return found


def _in_memory(
    maps: Sequence[Mapping], read: Callable[[int, int], bytes]
) -> Callable[[int, int], bytes]:
    """Reads a file through its mappings."""

    def file(offset: int, size: int) -> bytes:
        for mapping in maps:
            place = mapping.start + offset - mapping.offset
            if mapping.start <= place < mapping.end:
                return read(place, min(size, mapping.end - place))
        return b""

    return file


def _search_cookie(maps: Iterable[Mapping], read: Callable[[int, int], bytes]) -> int:
    """The runtime by its cookie, in the writable data of the files mapped."""
    for at, data, place in _search(maps, _COOKIE, read, writable=True):
        # The cookie is also a constant in code: the version, 3.x, must follow it.
        if place % 8 == 0 and data[place + 11 : place + 12] == b"\x03":
            return at
    return 0


def search_asyncio(
    process: Process,
    maps: Sequence[Mapping],
    read: Callable[[int, int], bytes],
    interpreter_size: int,
) -> int:
    """``AsyncioDebug`` by its contents, 0 when it is not there: no file says where it is.

    Its eighth word is the size of an interpreter's state, which the runtime's own table says
    too; the offsets in it lie within what the words before them say the sizes of.
    """
    files = {(m.device, m.inode) for m in _modules(process, maps)}
    data = [m for m in maps if m.writable and (m.device, m.inode) in files]
    for at, _, _ in _search(data, interpreter_size.to_bytes(8, sys.byteorder), read):
        start = at - 56
        words = memoryview(read(start, 104).ljust(104, b"\0")).cast("Q").tolist()
        task, interpreter, thread = words[:7], words[7:9], words[9:13]
        if at % 8 == 0 and all(0 < max(part[1:]) < part[0] for part in (task, interpreter, thread)):
            return start
    return 0


def _vtables_by_type_name(
    first: Mapping, maps: Sequence[Mapping], read: Callable[[int, int], bytes]
) -> dict[str, int]:
    """The vtables of greenlet in a library without symbols, or one whose file is gone.

    By the C++ ABI's run-time type information, which no stripping removes: a type info
    object's second word points at the mangled name, a vtable's second word at that object.
    """
    own = [m for m in maps if (m.device, m.inode) == (first.device, first.inode)]
    found: dict[str, int] = {}
    for key, name in (("user_greenlet", _USER), ("main_greenlet", _MAIN)):
        typed = b"\0" + name.removeprefix("_ZTV").encode() + b"\0"
        for text, _, _ in _search(own, typed, read):
            for info in _pointers(own, text + 1, read):
                for slot in _pointers(own, info - 8, read):
                    # A type info also stands in those of derived classes: in a vtable the
                    # offset to the top, 0, comes before it.
                    if read(slot - 8, 8) == bytes(8):
                        found.setdefault(key, slot + 8)
    return found


def _pointers(
    maps: Iterable[Mapping], target: int, read: Callable[[int, int], bytes]
) -> Iterator[int]:
    needle = target.to_bytes(8, sys.byteorder)
    return (at for at, _, _ in _search(maps, needle, read) if at % 8 == 0)


def _search(
    maps: Iterable[Mapping],
    needle: bytes,
    read: Callable[[int, int], bytes],
    *,
    writable: bool = False,
) -> Iterator[tuple[int, bytes, int]]:
    """(address, chunk, place in the chunk) of each ``needle`` in what files are mapped to."""
    left = _SEARCH_LIMIT
    for mapping in maps:
        if not mapping.is_file or (writable and not mapping.writable):
            continue
        for start in range(mapping.start, mapping.end, _CHUNK):
            if left <= 0:
                return
            # One needle more than a chunk, for those that lie across its end.
            data = read(start, min(_CHUNK + len(needle), mapping.end - start))
            left -= _CHUNK
            place = data.find(needle)
            while place >= 0:
                yield start + place, data, place
                place = data.find(needle, place + 1)
