"""Frames and code objects: which function, which line, which arguments.

Code objects do not change and are shared, so each is decoded once; what a frame shows
without its arguments depends only on (code, instruction), so that is made once too.
Sources: pycore_frame.h, cpython/code.h, InternalDocs/code_objects.md (PEP 626, 657).
"""

from __future__ import annotations

import struct

from inspector.memory import BadMemory, fields
from inspector.snapshot import Frame
from inspector.values import represent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.memory import Memory
    from inspector.objects import Objects

MAX_DEPTH = 1 << 20  # frames of one stack: sys.setrecursionlimit(10**6) is not unheard of
_ENDS = 10_000  # frames kept of either end of a stack: more than that nobody reads
_MAX_ON_C_STACK = 1 << 14  # a recursion of C and Python ends with the C stack
_MAX_NAMES = 4096
_MAX_LINES = 1 << 20

_VARARGS, _VARKEYWORDS = 0x04, 0x08
_AWAITABLE = 0x80 | 0x200  # CO_COROUTINE, CO_ASYNC_GENERATOR
_CELL = 0x40 | 0x80  # CO_FAST_CELL, CO_FAST_FREE in localspluskinds
_OWNED_BY_INTERPRETER = 3  # FRAME_OWNED_BY_CSTACK or _INTERPRETER: no Python in it


class Code:
    """A code object, decoded. ``names`` are those of locals, cells and free variables."""

    __slots__ = ("address", "arguments", "coroutine", "file", "flags", "heights", "kinds", "lines",
                 "module", "name", "names", "offsets", "places", "qualname", "shown",
                 "start")  # fmt: skip

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
        self.shown: dict[int, Frame] = {}  # instruction -> what a frame there shows
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
            if not self.kinds[index] & _CELL
        }
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

    def show(self, instruction: int) -> Frame:
        """A frame at an instruction, without arguments; the same for all that are there."""
        line = self.line(instruction)
        shown = Frame(self.qualname, self.file, line, None, self.coroutine)
        self.shown[instruction] = shown
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


RawFrame = tuple[int, "Code", int]  # address of the frame, its code, its instruction


def module_of(objects: Objects, frame: RawFrame) -> str:
    """The name of the module that a frame's function is part of, "" where none can be told.

    By what its globals say: any project may have a folder ``asyncio`` with a ``tasks.py``.
    """
    code = frame[1]
    if code.module is None:
        try:
            names = objects.memory.word(frame[0] + objects.layout.at["frame.globals"])
            code.module = objects.text(objects.entry(names, "__name__"), _MAX_NAMES) or ""
        except BadMemory:
            code.module = ""
    return code.module


class FrameView:
    """One frame of a capture: its code, and its locals on demand."""

    __slots__ = ("address", "code", "instruction", "objects")

    def __init__(self, objects: Objects, frame: RawFrame) -> None:
        self.objects = objects
        self.address, self.code, self.instruction = frame

    def local(self, name: str) -> int:
        """The address of a local variable's value, cells unwrapped; 0 when not set or no such.

        Raises BadMemory.
        """
        offset = self.code.offsets.get(name)
        if offset is not None:
            objects = self.objects
            place = self.address + offset
            return objects.memory.pages[place >> 12][(place >> 3) & 511] & objects.tag
        index = self.code.places.get(name)
        return 0 if index is None else self._value(index)

    def globals(self, name: str) -> int:
        """The address of the value of a global variable of the frame, 0 when there is none."""
        objects = self.objects
        names = objects.memory.word(self.address + objects.layout.at["frame.globals"])
        return objects.entry(names, name)

    def locals(self) -> list[int]:
        """Addresses of the values of all locals that are set, cells not unwrapped."""
        tag = self.objects.tag
        return [word & tag for word in self.words() if word & tag]

    def values(self, most: int) -> list[int]:
        """Addresses of all values that the frame refers to, up to ``most`` of its stack.

        What lies above the top of its stack is of the past.
        """
        objects, code = self.objects, self.code
        at = objects.layout.at["code.argcount"] + 12  # co_stacksize
        height = min(objects.memory.u32(code.address + at), most)
        words = objects.memory.words(self.address + objects.locals, len(code.names) + height)
        cells = [self._value(index) for index, kind in enumerate(code.kinds) if kind & _CELL]
        return [*(word & objects.tag for word in words), *cells]

    def words(self) -> list[int]:
        """The locals as the frame has them: addresses, with the tags of 3.14 and later."""
        objects = self.objects
        return objects.memory.words(self.address + objects.locals, len(self.code.names))

    def _value(self, index: int) -> int:
        objects = self.objects
        place = self.address + objects.locals + 8 * index
        value = objects.memory.pages[place >> 12][(place >> 3) & 511] & objects.tag
        if value and self.code.kinds[index] & _CELL and objects.type_of(value).name == "cell":
            value = objects.memory.word(value + objects.layout.at["cell.contents"])
        return value

    def arguments(self) -> dict[str, str]:
        """Argument names and bounded reprs of their present values."""
        objects, code = self.objects, self.code
        shown, pages, tag = objects.shown, objects.memory.pages, objects.tag
        found: dict[str, str] = {}
        place = self.address + objects.locals
        for index, name in enumerate(code.names[: code.arguments]):
            try:
                value = pages[place >> 12][(place >> 3) & 511] & tag
                if code.kinds[index] & _CELL:
                    value = self._value(index)
                found[name] = shown.get(value) or represent(objects, value)
            except BadMemory:
                found[name] = "<unreadable>"
            place += 8
        return found


class Frames:
    """Walks frame chains of one capture."""

    def __init__(self, objects: Objects, *, arguments: bool) -> None:
        self.objects = objects
        self.with_arguments = arguments
        self.codes: dict[int, Code] = {}  # by what a frame says of it, tag and all
        self._stacks: dict[tuple[object, ...], tuple[Frame, ...]] = {}
        self.cut: list[int] = []  # how long those stacks were of which only the ends were kept
        at = objects.layout.at
        self.tag = objects.tag
        self._frame = fields(
            (at["frame.executable"], "Q"),
            (at["frame.previous"], "Q"),
            (at["frame.instr_ptr"], "Q"),
            (at["frame.owner"], "B"),
        )
        self.size = self._frame.size  # bytes of a frame that a chain is told by
        self._locals = at["frame.localsplus"]
        # How far below its stack pointer a frame keeps what it awaits; 0 before 3.14, where
        # frames keep an index instead of a pointer.
        self.slot = 8 * at["frame.await_slot"] if "frame.stackpointer" in at else 0
        self._minor = objects.layout.minor

    def beside(self, memory: Memory) -> Frames:
        """The same through another capture: what is known of code is shared."""
        other = object.__new__(Frames)
        other.__dict__.update(self.__dict__)
        other.objects = self.objects.beside(memory)
        return other

    def code_at(self, address: int) -> Code:
        """The code object at ``address``, tagged or not, decoded once. Raises BadMemory."""
        found = self.codes.get(address)
        if found is None:
            bare = address & self.tag
            found = self.codes.get(bare) or Code(self.objects, bare)
            self.codes[address] = self.codes[bare] = found
        return found

    def chain(self, address: int) -> list[RawFrame]:
        """The frames from ``address`` outwards. Raises BadMemory, also for endless chains.

        Frames that run no Python (the interpreter's own, shims) are left out.
        """
        objects, codes, memory = self.objects, self.codes, self.objects.memory
        pages, unpack, tag = memory.pages, self._frame.unpack_from, self.tag
        found: list[RawFrame] = []
        seen, check, mark = 0, 64, -1
        while address:
            try:
                executable, previous, instruction, owner = unpack(
                    pages[address >> 12], address & 4095
                )
            except struct.error:  # it lies across two pages
                data = memory.data(address, self.size)
                executable, previous, instruction, owner = unpack(data)
            if owner < _OWNED_BY_INTERPRETER:
                code = codes.get(executable)
                if code is None and objects.type_of(executable & tag).full == "builtins.code":
                    code = self.code_at(executable)
                if code is not None:
                    found.append((address, code, instruction))
            address = previous
            seen += 1
            if address == mark or seen == MAX_DEPTH:
                raise BadMemory("a stack that does not end")
            if seen == check:  # a circle comes by here again, as Brent found
                mark, check = address, 2 * check
        self.keep_ends(found)
        return found

    def keep_ends(self, stack: list[RawFrame]) -> None:
        """Leave the middle out of a stack that is too long to be shown."""
        if len(stack) > 2 * _ENDS:
            self.cut.append(len(stack))
            del stack[_ENDS:-_ENDS]

    def chain_over_stack(self, address: int, start: int, saved: int, copy: int) -> list[RawFrame]:
        """`chain` through frames on a C stack, of which ``saved`` bytes from ``start`` were moved.

        Where C calls Python, CPython 3.12 links a frame of its own that lies on the C stack;
        greenlet keeps a copy of a suspended one's at ``copy``. Raises BadMemory.
        """
        memory, at = self.objects.memory, self.objects.layout.at
        found: list[RawFrame] = []
        for _ in range(_MAX_ON_C_STACK):
            if not address:
                return found
            place = address + copy - start if start <= address < start + saved else address
            if memory.u8(place + at["frame.owner"]) < _OWNED_BY_INTERPRETER:
                executable = memory.word(place + at["frame.executable"]) & self.tag
                if self.objects.type_of(executable).full == "builtins.code":
                    instruction = memory.word(place + at["frame.instr_ptr"])
                    found.append((address, self.code_at(executable), instruction))
            address = memory.word(place + at["frame.previous"])
        raise BadMemory("a stack that does not end")

    def awaited(self, address: int, instruction: int, top: int) -> int:
        """What a suspended generator's frame awaits before 3.14, 0 for a plain yield.

        ``top`` indexes its locals and stack. Before 3.13 only the instruction tells an await
        from a plain yield.
        """
        if self._minor < 13 and not _resumes_await(self.objects.memory, instruction):
            return 0
        return self.objects.memory.word(address + self._locals + 8 * (top & 0xFFFF) - 8)

    def awaits(self, frame: RawFrame) -> int:
        """What the coroutine of a suspended frame awaits, as it is; 0 where it cannot be told.

        Raises BadMemory.
        """
        address, _, instruction = frame
        memory, at = self.objects.memory, self.objects.layout.at
        if self.slot:
            top = memory.word(address + at["frame.stackpointer"])
            return memory.word(top - self.slot) & self.tag
        return self.awaited(address, instruction, memory.u32(address + at["frame.stacktop"]))

    def show(self, frame: RawFrame) -> Frame:
        """The frame as a snapshot shows it."""
        _, code, instruction = frame
        shown = code.shown.get(instruction) or code.show(instruction)
        if not self.with_arguments:
            return shown
        function, file, line, _, coroutine = shown
        return Frame(function, file, line, FrameView(self.objects, frame).arguments(), coroutine)

    def show_all(self, stack: list[RawFrame]) -> tuple[Frame, ...]:
        """A stack as a snapshot shows it. Without arguments, the same object for equal ones."""
        if self.with_arguments:
            return tuple([self.show(frame) for frame in stack])
        places = tuple([frame[1:] for frame in stack])
        found = self._stacks.get(places)
        if found is None:
            found = self._stacks[places] = tuple([self.show(frame) for frame in stack])
        return found

    def views(self, stack: list[RawFrame], limit: int = MAX_DEPTH) -> list[FrameView]:
        """The innermost ``limit`` frames of a stack, with their locals within reach."""
        return [FrameView(self.objects, frame) for frame in stack[:limit]]


def _resumes_await(memory: Memory, instruction: int) -> bool:
    """Whether the instruction after the suspended one is RESUME for "yield from" or await.

    As ``_PyGen_yf`` does: the argument's low bits are 2 or 3. RESUME's own number differs
    and may be quickened, so only the argument and the yield before it are looked at.
    """
    word = memory.data(instruction + 2, 2)
    return word[1] & 3 >= 2
