"""Code objects: names, kinds and places of locals, and the line of each instruction.

Sources: cpython/code.h, InternalDocs/code_objects.md (PEP 626, 657).
"""

from __future__ import annotations

from inspector.memory import BadMemory
from inspector.snapshot import Frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.objects import Objects

_MAX_NAMES = 4096
_MAX_LINES = 1 << 20

_VARARGS, _VARKEYWORDS = 0x04, 0x08
_AWAITABLE = 0x80 | 0x200  # CO_COROUTINE, CO_ASYNC_GENERATOR
CELL = 0x40 | 0x80  # CO_FAST_CELL, CO_FAST_FREE in localspluskinds


class Code:
    """A code object, decoded. ``names`` are those of locals, cells and free variables."""

    __slots__ = ("_shown", "address", "argument_cells", "arguments", "coroutine", "file",
                 "flags", "heights", "kinds", "lines", "module", "name", "names", "offsets",
                 "places", "qualname", "start")  # fmt: skip

    def __init__(self, objects: Objects, address: int) -> None:
        memory, at = objects.memory, objects.layout.at
        if objects.type_of(address).full != "builtins.code":
            raise BadMemory(f"no code object at {address:#x}")

        def text(field: str) -> str:
            found = objects.label(memory.word(address + at[field]))
            if found is None:
                raise BadMemory(f"{field} is no str")
            return found

        self.address = address
        self._shown: dict[int, Frame] = {}  # instruction -> what a frame there shows
        self.heights: dict[int, int] = {}  # instruction -> stack below the `with` it is in
        self.module: str | None = None  # once `module_of` was asked
        self.start = address + at["code.co_code_adaptive"]
        self.qualname = text("code.qualname")
        self.name = text("code.name")
        self.file = text("code.filename")
        self.flags = memory.u32(address + at["code.flags"])
        self.coroutine = bool(self.flags & _AWAITABLE)
        names = objects.items(memory.word(address + at["code.localsplusnames"]), _MAX_NAMES)
        self.names = tuple(objects.text(name) or "?" for name in names)
        kinds = objects.raw_bytes(memory.word(address + at["code.localspluskinds"]), _MAX_NAMES)
        self.places = {name: index for index, name in enumerate(self.names)}
        self.kinds = kinds or b""
        if len(self.kinds) != len(self.names):
            raise BadMemory("names and kinds of locals differ in length")
        # Of those that are not in cells: how far they are from the start of a frame.
        self.offsets = {
            name: objects.locals + 8 * index
            for name, index in self.places.items()
            if not self.kinds[index] & CELL
        }
        # co_kwonlyargcount comes two ints after co_argcount
        positional = memory.u32(address + at["code.argcount"])
        keyword_only = memory.u32(address + at["code.argcount"] + 8)
        count = positional + keyword_only
        for flag in (_VARARGS, _VARKEYWORDS):
            count += bool(self.flags & flag)
        self.arguments = self.names[:count]
        cells = range(len(self.arguments))
        self.argument_cells = [index for index in cells if self.kinds[index] & CELL]
        table = objects.raw_bytes(memory.word(address + at["code.linetable"]), _MAX_LINES)
        self.lines = line_table(table or b"", memory.u32(address + at["code.firstlineno"]))

    def line(self, instruction: int) -> int:
        """The line of the instruction at an address, 0 when the table gives none."""
        unit = (instruction - self.start) >> 1
        if unit < 0:  # 3.11 and 3.12 point before the first one until it has run
            unit = 0
        return self.lines[unit] if unit < len(self.lines) else 0

    def show(self, instruction: int) -> Frame:
        """A frame at an instruction, without arguments; the same for all that are there."""
        shown = self._shown.get(instruction)
        if shown is None:
            shown = Frame(self.qualname, self.file, self.line(instruction), None, self.coroutine)
            self._shown[instruction] = shown
        return shown


def line_table(table: bytes, first_line: int) -> list[int]:
    """The line of every code unit (two bytes), 0 for none, from a PEP 626 location table."""
    lines: list[int] = []
    line = first_line
    position, end = 0, len(table)
    while position < end and len(lines) < _MAX_LINES:
        head = table[position]
        position += 1
        kind = head >> 3 & 15
        if kind in (13, 14):  # a signed varint of six-bit groups: 1 + 2 * |delta| + sign
            value = shift = 0
            while position < end:
                group = table[position]
                position += 1
                value |= (group & 63) << shift
                shift += 6
                if not group & 64 or shift > 60:
                    break
            line += -(value >> 1) if value & 1 else value >> 1
        elif 10 <= kind <= 12:
            line += kind - 10
        lines += [0 if kind == 15 else line] * ((head & 7) + 1)
        while position < end and not table[position] & 128:  # columns
            position += 1
    return lines
