"""Plain values of a target: str, bytes, int and float.

What type an object is of has to be known to whoever derives from this, `inspector.objects`.
"""

from __future__ import annotations

import struct

from inspector.memory import PAGE, BadMemory, fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.layouts import Layout
    from inspector.memory import Memory
    from inspector.objects import Type

_BYTES = 1 << 27  # Py_TPFLAGS_BYTES_SUBCLASS
_UNICODE = 1 << 28  # Py_TPFLAGS_UNICODE_SUBCLASS
_MAX_DIGITS = 1024  # of an int, 30 bits each
_double = struct.Struct("<d").unpack_from  # aligned, so never across two pages


class Plain:
    """Reads plain values through one capture of a target's memory."""

    def __init__(self, memory: Memory, layout: Layout) -> None:
        self.memory = memory
        self.layout = layout
        self._types: dict[int, Type] = {}
        at = layout.at
        self._size_at = at["tuple.ob_size"]
        self._length_at = at["unicode.length"]
        self._str = fields(
            (at["obj.ob_type"], "Q"), (self._length_at, "Q"), (at["unicode.state"], "B")
        )
        self._ascii, self._digits = at["unicode.asciiobject_size"], at["long.ob_digit"]
        self._fval = at["float.ob_fval"]
        # A str that is not ASCII has its UTF-8 pointer and length between header and data.
        self._compact = self._ascii + 16 + (8 if layout.minor < 12 else 0)

    def type_of(self, address: int) -> Type:
        """The object's type. Raises BadMemory when that cannot be a type."""
        pointer = self.memory.pages[(address + 8) >> 12][((address + 8) >> 3) & 511]
        found = self._types.get(pointer)
        return found if found is not None else self.type_at(pointer)

    if TYPE_CHECKING:

        def type_at(self, address: int) -> Type:
            """The type at ``address``, by `Objects`. Raises BadMemory when there is none."""

    def text(self, address: int, limit: int = 4096) -> str | None:
        """The str, cut at ``limit`` characters; None when it is not a str. Raises BadMemory."""
        if not address:
            return None
        memory = self.memory
        page, start = memory.pages[address >> 12], address & 4095
        try:
            pointer, length, state = self._str.unpack_from(page, start)
        except struct.error:  # it lies across two pages, if it is a str
            if not self.type_of(address).flags & _UNICODE:
                return None
            pointer, length, state = self._str.unpack(memory.data(address, self._str.size))
        kind = self._types.get(pointer) or self.type_at(pointer)
        if not kind.flags & _UNICODE:
            return None
        if state & 0x60 == 0x60:  # compact and ASCII, as nearly all are
            start += self._ascii
            if start + length <= PAGE and length <= limit:
                return str(page.cast("B")[start : start + length], "latin-1")
        width = state >> 2 & 7
        if length > 1 << 40 or width not in (1, 2, 4):
            raise BadMemory(f"no str at {address:#x}")
        taken = min(length, limit)
        compact, ascii_only = state >> 5 & 1, state >> 6 & 1
        if compact:
            start = address + (self._ascii if ascii_only else self._compact)
        else:  # str subclasses keep their data elsewhere
            start = memory.word(address + self._compact)
        data = memory.data(start, taken * width)
        if width == 2:  # a lone surrogate is a legal character of a str
            return "".join(map(chr, memoryview(data).cast("H")))
        if width == 1:
            return data.decode("latin-1")
        try:
            return data.decode("utf-32-le", "surrogatepass")
        except UnicodeDecodeError:  # no character at all
            return data.decode("utf-32-le", "replace")

    def label(self, address: int, limit: int = 4096) -> str | None:
        """A str that is shown as it is, with an ellipsis for what is more than ``limit``."""
        found = self.text(address, limit)
        if found is not None and len(found) == limit:
            more = self.text(address, limit + 1)
            return found + "..." if more is not None and len(more) > limit else found
        return found

    def raw_bytes(self, address: int, limit: int = 4096) -> bytes | None:
        """The bytes object's content, cut at ``limit``; None when it is not one."""
        if not address or not self.type_of(address).flags & _BYTES:
            return None
        at = self.layout.at
        count = self.memory.word(address + at["bytes.ob_size"])
        if count > 1 << 40:
            raise BadMemory(f"no bytes at {address:#x}")
        return self.memory.data(address + at["bytes.ob_sval"], min(count, limit))

    def integer(self, address: int, most: int = _MAX_DIGITS) -> int | None:
        """The int (or bool), None when it is none or has more than ``most`` digits of 30 bits."""
        if not address:
            return None
        pages = self.memory.pages
        pointer = pages[(address + 8) >> 12][((address + 8) >> 3) & 511]
        kind = self._types.get(pointer) or self.type_at(pointer)
        return self._integer(address, most) if kind.shape == "int" else None

    def _integer(self, address: int, most: int = _MAX_DIGITS) -> int | None:
        memory = self.memory
        at = address + self._size_at
        size = memory.pages[at >> 12][(at >> 3) & 511]
        if self.layout.minor >= 12:  # lv_tag: the count above three bits, the sign below
            count, sign = size >> 3, 1 - (size & 3)
        else:
            size -= size >> 63 << 64
            count, sign = abs(size), (size > 0) - (size < 0)
        if count <= 1:
            at = address + self._digits
            return sign * (memory.pages[at >> 12][(at >> 3) & 511] & 0x3FFFFFFF)
        if count > most:
            return None
        data = memory.data(address + self._digits, 4 * count)
        value = 0
        for index, digit in enumerate(memoryview(data).cast("I")):
            value |= (digit & 0x3FFFFFFF) << 30 * index
        return sign * value

    def floating(self, address: int) -> float:
        """What a float holds, also where that is not finite. Raises BadMemory."""
        at = address + self._fval
        found: float = _double(self.memory.pages[at >> 12], at & 4095)[0]
        return found

    def real(self, address: int) -> float | None:
        """The float, or the int as one; None when it is neither, or not finite."""
        if not address:
            return None
        pages = self.memory.pages
        pointer = pages[(address + 8) >> 12][((address + 8) >> 3) & 511]
        kind = self._types.get(pointer) or self.type_at(pointer)
        if kind.shape == "float":
            at = address + self._fval
            found: float = _double(pages[at >> 12], at & 4095)[0]
            return found if found - found == 0 else None
        whole = self._integer(address) if kind.shape == "int" else None
        try:
            return None if whole is None else float(whole)
        except OverflowError:
            return None
