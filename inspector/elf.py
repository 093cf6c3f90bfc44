"""Where a section or a symbol of an ELF64 file lies, reading only the few bytes that say so.

Source of the layout: the System V ABI, "Object Files", and gabi's ELF-64 tables. Every
size and offset comes from a file that somebody else made: each is bounded, and nothing
but `NotElf` leaves this module for a file that makes no sense.
"""

from __future__ import annotations

import struct

from inspector.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_MAX_HEADERS = 4096  # sections or segments; CPython has about 40 and 15
_MAX_STRINGS = 64 << 20  # bytes of one string or symbol table
_MAX_OFFSET = 1 << 48  # no file is longer
_MAX_HITS = 1 << 16  # places looked at for one name

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_STRTAB, _DT_SYMTAB, _DT_STRSZ = 5, 6, 10
_SHT_SYMTAB = 2
_SHT_DYNSYM = 11
_SHF_ALLOC = 2
_SYMBOL_SIZE = 24
_PAGE = 4096  # the smallest page of any machine: mappings begin at multiples of it


class NotElf(ValueError):  # noqa: N818 - names the condition
    """Not a 64-bit ELF file, or a damaged one."""


class Section(Record):
    """A section: its address in the file's own terms (no bias), 0 if it is not loaded."""

    name: str
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int


class Segment(Record):
    """A PT_LOAD segment: ``offset`` in the file is mapped at ``address`` (plus the bias)."""

    offset: int
    address: int
    file_size: int
    executable: bool


class Elf:
    """A 64-bit ELF file of either byte order. Raises NotElf when it is none.

    ``read(offset, size)`` gives bytes of the file, fewer at its end; it may raise OSError,
    which is passed on. When it reads what a process has mapped of the file, ``loaded`` is
    where: (address, offset in the file). The table of sections is not loaded with it.
    """

    __slots__ = ("_dynamic", "_loaded", "_order", "_read", "sections", "segments")

    def __init__(
        self, read: Callable[[int, int], bytes], loaded: tuple[int, int] | None = None
    ) -> None:
        self._read = read
        self._loaded = loaded
        self._dynamic = (0, 0)  # offset and size of what the dynamic linker reads
        head = read(0, 64)
        if len(head) < 64 or head[:4] != b"\x7fELF" or head[4] != 2 or head[5] not in (1, 2):
            raise NotElf("not a 64-bit ELF file")
        self._order = "<" if head[5] == 1 else ">"
        fields = struct.unpack_from(self._order + "QQIHHHHHH", head, 32)
        segments_at, sections_at, _, _, segment_size, segments, section_size, sections, names = (
            fields
        )
        self.segments = tuple(self._load_segments(segments_at, segment_size, segments))
        self.sections = self._sections(sections_at, section_size, sections, names)

    def section(self, name: str) -> Section | None:
        """The loaded section called ``name``, None where there is none."""
        for section in self.sections:
            if section.name == name and section.flags & _SHF_ALLOC and section.address:
                return section
        return None

    def symbols(self, names: Iterable[str]) -> dict[str, int]:
        """Address (no bias) of each of ``names`` that the file defines.

        The dynamic table is asked first, the full one only for what is still missing; a
        stripped file has just the former.
        """
        wanted = set(names)
        found: dict[str, int] = {}
        for kind in (_SHT_DYNSYM, _SHT_SYMTAB):
            for section in self.sections:
                missing = wanted - found.keys()
                if section.kind == kind and missing and section.link < len(self.sections):
                    strings = self.sections[section.link]
                    found.update(
                        self._lookup(
                            self._bytes(section.offset, section.size),
                            self._bytes(strings.offset, strings.size),
                            missing,
                        )
                    )
        if not self.sections:
            found.update(self._lookup(*self._dynamic_tables(), wanted))
        return found

    def bias(self, start: int, offset: int) -> int | None:
        """Run-time minus file addresses, given that file ``offset`` is mapped at ``start``.

        None where no segment covers that offset. 0 for a program that is not relocatable.
        """
        for segment in self.segments:
            first = segment.offset - segment.offset % _PAGE
            if first <= offset < max(segment.offset + segment.file_size, first + 1):
                return start - (segment.address - segment.offset + offset)
        return None

    def _load_segments(self, at: int, size: int, count: int) -> Iterator[Segment]:
        if count and size < 56:
            raise NotElf("damaged ELF segment table")
        data = self._bytes(at, size * min(count, _MAX_HEADERS))
        for start in range(0, len(data) - 55, size or 56):
            kind, flags, offset, address, _, file_size = struct.unpack_from(
                self._order + "IIQQQQ", data, start
            )
            if kind == _PT_LOAD:
                yield Segment(offset, address, file_size, bool(flags & 1))
            elif kind == _PT_DYNAMIC:
                self._dynamic = (offset, file_size)

    def _dynamic_tables(self) -> tuple[bytes, bytes]:
        """The symbols and strings that the dynamic linker uses, which need no sections.

        It says where they begin. All linkers put the strings behind the symbols.
        """
        data = self._bytes(*self._dynamic)
        tags = dict(struct.iter_unpack(self._order + "QQ", data[: len(data) // 16 * 16]))
        symbols, strings = (self._offset(tags.get(tag, 0)) for tag in (_DT_SYMTAB, _DT_STRTAB))
        if symbols is None or strings is None or strings <= symbols:
            return b"", b""
        return (
            self._bytes(symbols, strings - symbols),
            self._bytes(strings, tags.get(_DT_STRSZ, 0)),
        )

    def _offset(self, address: int) -> int | None:
        """Where in the file an address lies; in memory it may be one at run time already."""
        bias = self.bias(*self._loaded) if self._loaded else None
        for known in (address, address - (bias or 0)):
            for segment in self.segments:
                if segment.address <= known < segment.address + segment.file_size:
                    return known - segment.address + segment.offset
        return None

    def _sections(self, at: int, size: int, count: int, names: int) -> tuple[Section, ...]:
        if not at or self._loaded:
            return ()
        if size < 64:
            raise NotElf("damaged ELF section table")
        data = self._bytes(at, size * min(count, _MAX_HEADERS))
        raw = [
            struct.unpack_from(self._order + "IIQQQQI", data, start)
            for start in range(0, len(data) - 63, size)
        ]
        if names >= len(raw):
            return ()
        strings = self._bytes(raw[names][4], raw[names][5])
        return tuple(
            Section(_string(strings, name), kind, flags, address, offset, length, link)
            for name, kind, flags, address, offset, length, link in raw
        )

    def _lookup(self, symbols: bytes, strings: bytes, names: set[str]) -> Iterator[tuple[str, int]]:
        """Find names in the strings, then the symbols that point at them.

        Searching for bytes costs a fraction of unpacking thousands of symbols.
        """
        for name in names:
            needle = name.encode() + b"\0"
            # A linker may store one name as the tail of another: look at each place.
            for place in _places(strings, needle, 1):
                key = struct.pack(self._order + "I", place)
                for entry in _places(symbols, key, _SYMBOL_SIZE):
                    if entry + _SYMBOL_SIZE > len(symbols):
                        continue
                    _, _, _, index, value, _ = struct.unpack_from(
                        self._order + "IBBHQQ", symbols, entry
                    )
                    if index and value:  # index 0: the symbol is needed here, not defined
                        yield name, value

    def _bytes(self, offset: int, size: int) -> bytes:
        if size > _MAX_STRINGS or offset > _MAX_OFFSET:
            raise NotElf("an ELF table larger than any real one")
        return self._read(offset, size)


def _places(data: bytes, needle: bytes, step: int) -> Iterator[int]:
    """Where ``needle`` is at a multiple of ``step``."""
    at = -1
    for _ in range(_MAX_HITS):
        at = data.find(needle, at + 1)
        if at < 0:
            return
        if at % step == 0:
            yield at


def _string(table: bytes, at: int) -> str:
    end = table.find(b"\0", at)
    return table[at : end if end >= 0 else at].decode("ascii", "replace")
