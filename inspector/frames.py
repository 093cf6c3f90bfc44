"""Frames and code objects: which function, which line, which arguments.

Code objects do not change and are shared, so each is decoded once; what a frame shows
without its arguments depends only on (code, instruction), so that is made once too.
Sources: pycore_frame.h, cpython/code.h, InternalDocs/code_objects.md (PEP 626, 657).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.memory import BadMemory
from inspector.snapshot import Frame
from inspector.values import represent

if TYPE_CHECKING:
    from inspector.memory import Memory
    from inspector.objects import Objects

MAX_DEPTH = 10_000  # frames of one stack; sys.setrecursionlimit rarely goes beyond
_MAX_NAMES = 4096
_MAX_LINES = 1 << 20

_VARARGS, _VARKEYWORDS = 0x04, 0x08
_AWAITABLE = 0x80 | 0x200  # CO_COROUTINE, CO_ASYNC_GENERATOR
_CELL = 0x40 | 0x80  # CO_FAST_CELL, CO_FAST_FREE in localspluskinds
_OWNED_BY_INTERPRETER = 3  # FRAME_OWNED_BY_CSTACK or _INTERPRETER: no Python in it


class Code:
    """A code object, decoded. ``names`` are those of locals, cells and free variables."""

    __slots__ = ("address", "arguments", "coroutine", "file", "flags", "kinds", "lines",
                 "name", "names", "qualname", "start")  # fmt: skip

    def __init__(self, objects: Objects, address: int) -> None:
        memory, at = objects.memory, objects.layout.at
        if objects.type_of(address).full != "builtins.code":
            raise BadMemory(f"no code object at {address:#x}")

        def text(field: str) -> str:
            found = objects.text(memory.word(address + at[field]))
            if found is None:
                raise BadMemory(f"{field} is no str")
            return found

        self.address = address
        self.start = address + at["code.co_code_adaptive"]
        self.qualname = text("code.qualname")
        self.name = text("code.name")
        self.file = text("code.filename")
        self.flags = memory.u32(address + at["code.flags"])
        self.coroutine = bool(self.flags & _AWAITABLE)
        names = objects.items(memory.word(address + at["code.localsplusnames"]), _MAX_NAMES)
        self.names = tuple(objects.text(name) or "?" for name in names)
        kinds = objects.raw_bytes(memory.word(address + at["code.localspluskinds"]), _MAX_NAMES)
        self.kinds = kinds or b""
        if len(self.kinds) != len(self.names):
            raise BadMemory("names and kinds of locals differ in length")
        # co_kwonlyargcount comes two ints after co_argcount
        positional = memory.u32(address + at["code.argcount"])
        keyword_only = memory.u32(address + at["code.argcount"] + 8)
        count = positional + keyword_only
        for flag in (_VARARGS, _VARKEYWORDS):
            count += bool(self.flags & flag)
        self.arguments = min(count, len(self.names))
        table = objects.raw_bytes(memory.word(address + at["code.linetable"]), _MAX_LINES)
        self.lines = line_table(table or b"", memory.u32(address + at["code.firstlineno"]))

    def line(self, instruction: int) -> int:
        """The line of the instruction at an address, 0 when the table gives none."""
        unit = (instruction - self.start) >> 1
        if unit < 0:  # 3.11 and 3.12 point before the first one until it has run
            unit = 0
        return self.lines[unit] if unit < len(self.lines) else 0


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


class FrameView:
    """One frame of a capture: its code, and its locals on demand."""

    __slots__ = ("address", "code", "instruction", "objects")

    def __init__(self, objects: Objects, address: int, code: Code, instruction: int) -> None:
        self.objects = objects
        self.address = address
        self.code = code
        self.instruction = instruction

    def local(self, name: str) -> int:
        """The address of a local variable's value, cells unwrapped; 0 when not set or no such.

        Raises BadMemory.
        """
        try:
            index = self.code.names.index(name)
        except ValueError:
            return 0
        return self._value(index)

    def locals(self) -> list[int]:
        """Addresses of the values of all locals that are set, cells not unwrapped."""
        objects = self.objects
        tag = ~objects.layout.at["frame.tag"]
        first = self.address + objects.layout.at["frame.localsplus"]
        words = objects.memory.words(first, len(self.code.names))
        return [word & tag for word in words if word & tag]

    def _value(self, index: int) -> int:
        objects = self.objects
        at = objects.layout.at
        value = objects.memory.word(self.address + at["frame.localsplus"] + 8 * index)
        value &= ~at["frame.tag"]
        if value and self.code.kinds[index] & _CELL and objects.type_of(value).name == "cell":
            value = objects.memory.word(value + at["cell.contents"])
        return value

    def arguments(self) -> dict[str, str]:
        """Argument names and bounded reprs of their present values."""
        found: dict[str, str] = {}
        for index in range(self.code.arguments):
            try:
                found[self.code.names[index]] = represent(self.objects, self._value(index))
            except BadMemory:
                found[self.code.names[index]] = "<unreadable>"
        return found


class Frames:
    """Walks frame chains of one capture."""

    def __init__(self, objects: Objects, *, arguments: bool) -> None:
        self.objects = objects
        self.with_arguments = arguments
        self._codes: dict[int, Code] = {}
        self._shown: dict[tuple[int, int], Frame] = {}
        at = objects.layout.at
        self._previous, self._executable = at["frame.previous"], at["frame.executable"]
        self._instruction, self._owner = at["frame.instr_ptr"], at["frame.owner"]
        self._tag = ~at["frame.tag"]

    def code_at(self, address: int) -> Code:
        """The code object at ``address``, decoded once. Raises BadMemory."""
        found = self._codes.get(address)
        if found is None:
            found = self._codes[address] = Code(self.objects, address)
        return found

    def at(self, address: int) -> FrameView | None:
        """The frame at ``address``; None for one that runs no Python. Raises BadMemory."""
        memory = self.objects.memory
        if memory.u8(address + self._owner) >= _OWNED_BY_INTERPRETER:
            return None
        executable = memory.word(address + self._executable) & self._tag
        code = self._codes.get(executable)
        if code is None:
            if self.objects.type_of(executable).full != "builtins.code":
                return None  # a shim
            code = self.code_at(executable)
        return FrameView(self.objects, address, code, memory.word(address + self._instruction))

    def chain(self, address: int, limit: int = MAX_DEPTH) -> list[FrameView]:
        """The frames from ``address`` outwards. Raises BadMemory, also for endless chains."""
        frames: list[FrameView] = []
        previous, at, word = self._previous, self.at, self.objects.memory.word
        left = limit
        while address:
            frame = at(address)
            if frame is not None:
                frames.append(frame)
            address = word(address + previous)
            left -= 1
            if left < 0:
                raise BadMemory("a stack that does not end")
        return frames

    def awaited(self, frame: FrameView) -> int:
        """What a suspended generator's frame awaits (its "yield from"), 0 for a plain yield."""
        memory, at = self.objects.memory, self.objects.layout.at
        slot = 8 * at["frame.await_slot"]
        if "frame.stackpointer" in at:
            top = memory.word(frame.address + at["frame.stackpointer"])
        else:  # an index into localsplus, and before 3.13 no state of its own for an await
            if self.objects.layout.minor < 13 and not _resumes_await(memory, frame):
                return 0
            depth = memory.u32(frame.address + at["frame.stacktop"])
            top = frame.address + at["frame.localsplus"] + 8 * (depth & 0xFFFF)
        return memory.word(top - slot) & self._tag

    def show(self, frame: FrameView) -> Frame:
        """The frame as a snapshot shows it."""
        code = frame.code
        if self.with_arguments:
            return Frame(code.qualname, code.file, code.line(frame.instruction),
                         frame.arguments(), code.coroutine)  # fmt: skip
        key = (code.address, frame.instruction)
        found = self._shown.get(key)
        if found is None:
            line = code.line(frame.instruction)
            found = self._shown[key] = Frame(code.qualname, code.file, line, None, code.coroutine)
        return found


def _resumes_await(memory: Memory, frame: FrameView) -> bool:
    """Whether the instruction after the suspended one is RESUME for "yield from" or await.

    As ``_PyGen_yf`` does: the argument's low bits are 2 or 3. RESUME's own number differs
    and may be quickened, so only the argument and the yield before it are looked at.
    """
    word = memory.data(frame.instruction + 2, 2)
    return word[1] & 3 >= 2
