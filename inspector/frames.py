"""Frames and stacks: which function, which line, which arguments.

Code objects do not change and are shared, so each is decoded once; where a whole stack
stands depends only on the code and the instruction of each frame, so that is told once too.
Source: pycore_frame.h.
"""

from __future__ import annotations

import struct

from inspector.code_objects import CELL, Code
from inspector.memory import BadMemory, fields
from inspector.snapshot import Frame
from inspector.values import represent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inspector.memory import Memory
    from inspector.objects import Objects

MAX_DEPTH = 1 << 20  # frames of one stack: sys.setrecursionlimit(10**6) is not unheard of
_ENDS = 10_000  # frames kept of either end of a stack: more than that nobody reads
_MAX_ON_C_STACK = 1 << 14  # a recursion of C and Python ends with the C stack
_MAX_NAMES = 4096

_RUNS = 0xFFFF_FFFF  # -1, as the height of its stack, says that a frame runs: before 3.14
_OWNED_BY_INTERPRETER = 3  # FRAME_OWNED_BY_CSTACK or _INTERPRETER: no Python in it


RawFrame = tuple[int, Code, int]  # address of the frame, its code, its instruction


class Place:
    """Where a stack stands: code and instruction of each frame, innermost first.

    Thousands of units stand at a handful of places: what follows from the place alone is
    found out once for each.
    """

    __slots__ = ("_shown", "frames")

    def __init__(self, frames: tuple[tuple[Code, int], ...]) -> None:
        self.frames = frames
        self._shown: tuple[Frame, ...] | None = None

    def show(self) -> tuple[Frame, ...]:
        """The frames as a snapshot shows them, without arguments; always the same object."""
        if self._shown is None:
            self._shown = tuple([code.show(instruction) for code, instruction in self.frames])
        return self._shown


class Stack:
    """The frames of one unit: where it stands, and the address of each frame. Innermost first."""

    __slots__ = ("addresses", "place")

    def __init__(self, place: Place, addresses: Sequence[int]) -> None:
        self.place = place
        self.addresses = addresses

    def __len__(self) -> int:
        return len(self.addresses)

    def __getitem__(self, index: int) -> RawFrame:
        return self.addresses[index], *self.place.frames[index]

    def __iter__(self) -> Iterator[RawFrame]:
        for address, (code, instruction) in zip(self.addresses, self.place.frames, strict=True):
            yield address, code, instruction

    def __add__(self, outer: Stack) -> Stack:
        frames = self.place.frames + outer.place.frames
        return Stack(Place(frames), [*self.addresses, *outer.addresses])

    def local(self, objects: Objects, index: int, name: str) -> int:
        """`FrameView.local` of one of the frames. Raises BadMemory."""
        offset = self.place.frames[index][0].offsets.get(name)
        if offset is None:
            return FrameView(objects, self[index]).local(name)
        where = self.addresses[index] + offset
        return objects.memory.pages[where >> 12][(where >> 3) & 511] & objects.tag

    def part(self, start: int, end: int | None = None) -> Stack:
        """The frames from ``start`` up to ``end``."""
        return Stack(Place(self.place.frames[start:end]), self.addresses[start:end])


EMPTY = Stack(Place(()), ())


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
        return [*(word & objects.tag for word in words), *(value for _, value in self.cells())]

    def cells(self) -> list[tuple[int, int]]:
        """The cells among the locals, each with the address of what is in it, 0 for nothing."""
        objects = self.objects
        contents = objects.layout.at["cell.contents"]
        found = []
        for word, kind in zip(self.words(), self.code.kinds, strict=True):
            cell = word & objects.tag
            if kind & CELL and cell and objects.type_of(cell).name == "cell":
                found.append((cell, objects.memory.word(cell + contents)))
        return found

    def words(self) -> list[int]:
        """The locals as the frame has them: addresses, with the tags of 3.14 and later."""
        objects = self.objects
        return objects.memory.words(self.address + objects.locals, len(self.code.names))

    def _value(self, index: int) -> int:
        objects = self.objects
        place = self.address + objects.locals + 8 * index
        value = objects.memory.pages[place >> 12][(place >> 3) & 511] & objects.tag
        if value and self.code.kinds[index] & CELL and objects.type_of(value).name == "cell":
            value = objects.memory.word(value + objects.layout.at["cell.contents"])
        return value

    def argument(self, index: int) -> str:
        """The bounded repr of an argument's present value, also of one in a cell."""
        try:
            return represent(self.objects, self._value(index))
        except BadMemory:
            return "<unreadable>"


class Frames:
    """Walks frame chains of one capture."""

    def __init__(self, objects: Objects, *, arguments: bool) -> None:
        self.objects = objects
        self.with_arguments = arguments
        self.codes: dict[int, Code] = {}  # by what a frame says of it, tag and all
        self._places: dict[tuple[int, ...], Place] = {}
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
        # Whether a frame that was returned from has no code any more: since 3.14.
        self.clears = "frame.stackpointer" in at
        # How far below its stack pointer a frame keeps what it awaits; 0 before 3.14, where
        # frames keep an index instead of a pointer.
        self.slot = 8 * at["frame.await_slot"] if self.clears else 0
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

    def stack(self, addresses: list[int], trail: list[int]) -> Stack:
        """The stack of the frames at ``addresses``, innermost first.

        ``trail`` has two words for each: what the frame says that it executes, and the
        instruction. Raises BadMemory where the former is no code.
        """
        if len(addresses) > 2 * _ENDS:  # the middle of one so deep is not shown
            self.cut.append(len(addresses))
            del addresses[_ENDS:-_ENDS], trail[2 * _ENDS : -2 * _ENDS]
        key = tuple(trail)
        place = self._places.get(key)
        if place is None:
            words = iter(trail)
            frames = [(self.code_at(code), at) for code, at in zip(words, words, strict=True)]
            place = self._places[key] = Place(tuple(frames))
        return Stack(place, addresses)

    def chain(self, address: int) -> Stack:
        """The frames from ``address`` outwards. Raises BadMemory, also for endless chains.

        Frames that run no Python (the interpreter's own, shims) are left out.
        """
        codes, memory = self.codes, self.objects.memory
        pages, unpack = memory.pages, self._frame.unpack_from
        found: list[int] = []
        trail: list[int] = []
        seen, check, mark = 0, 64, -1
        while address:
            try:
                executable, previous, instruction, owner = unpack(
                    pages[address >> 12], address & 4095
                )
            except struct.error:  # it lies across two pages
                data = memory.data(address, self.size)
                executable, previous, instruction, owner = unpack(data)
            if owner < _OWNED_BY_INTERPRETER and (executable in codes or self._is_code(executable)):
                found.append(address)
                trail.append(executable)
                trail.append(instruction)
            address = previous
            seen += 1
            if address == mark or seen == MAX_DEPTH:
                raise BadMemory("a stack that does not end")
            if seen == check:  # a circle comes by here again, as Brent found
                mark, check = address, 2 * check
        return self.stack(found, trail)

    def linked(self, address: int) -> list[int]:
        """The addresses of all frames of a `chain`, those that run no Python too."""
        memory, previous = self.objects.memory, self.objects.layout.at["frame.previous"]
        found: list[int] = []
        while address and len(found) < MAX_DEPTH:
            found.append(address)
            address = memory.word(address + previous)
        return found

    def left(self, stack: Stack) -> bool:
        """Whether the function of the innermost frame had returned when the frame was read.

        What a thread has returned from stays in its memory until it calls something else.
        Before 3.14 only a frame that does not run has its stack's height saved, not -1
        (_PyFrame_GetStackPointer); later, one that was cleared has its stack pointer where its
        locals begin (_PyFrame_ClearLocals). Raises BadMemory.
        """
        if not stack.addresses:
            return False
        at, memory, frame = self.objects.layout.at, self.objects.memory, stack.addresses[0]
        if self.clears:
            top = memory.word(frame + at["frame.stackpointer"])
            return top == frame + self._locals and bool(stack.place.frames[0][0].names)
        return memory.u32(frame + at["frame.stacktop"]) != _RUNS

    def _is_code(self, executable: int) -> bool:
        return self.objects.type_of(executable & self.tag).full == "builtins.code"

    def chain_over_stack(self, address: int, start: int, saved: int, copy: int) -> Stack:
        """`chain` through frames on a C stack, of which ``saved`` bytes from ``start`` were moved.

        Where C calls Python, CPython 3.12 links a frame of its own that lies on the C stack;
        greenlet keeps a copy of a suspended one's at ``copy``. Raises BadMemory.
        """
        memory, at = self.objects.memory, self.objects.layout.at
        found: list[int] = []
        trail: list[int] = []
        for _ in range(_MAX_ON_C_STACK):
            if not address:
                return self.stack(found, trail)
            place = address + copy - start if start <= address < start + saved else address
            if memory.u8(place + at["frame.owner"]) < _OWNED_BY_INTERPRETER:
                executable = memory.word(place + at["frame.executable"])
                if self._is_code(executable):
                    found.append(address)
                    trail += executable, memory.word(place + at["frame.instr_ptr"])
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

    def show(self, stack: Stack) -> tuple[Frame, ...]:
        """A stack as a snapshot shows it."""
        shown = stack.place.show()
        if not self.with_arguments:
            return shown
        found = []
        for one, address, (code, _) in zip(shown, stack.addresses, stack.place.frames, strict=True):
            function, file, line, _, coroutine = one
            arguments = self._arguments(address, code)
            found.append(Frame._make((function, file, line, arguments, coroutine)))
        return tuple(found)

    def _arguments(self, address: int, code: Code) -> dict[str, str]:
        """The names of a call's arguments, and bounded reprs of their present values."""
        objects = self.objects
        shown, tag = objects.shown, objects.tag
        found = dict.fromkeys(code.arguments, "<unreadable>")
        try:
            words = objects.memory.words(address + self._locals, len(code.arguments))
        except BadMemory:
            return found
        for name, word in zip(code.arguments, words, strict=True):
            value = word & tag
            found[name] = shown.get(value) or represent(objects, value)
        for index in code.argument_cells:
            view = FrameView(objects, (address, code, 0))
            found[code.arguments[index]] = view.argument(index)
        return found

    def views(self, stack: Stack) -> list[FrameView]:
        """The frames of a stack with their locals within reach."""
        return [FrameView(self.objects, frame) for frame in stack]


def _resumes_await(memory: Memory, instruction: int) -> bool:
    """Whether the instruction after the suspended one is RESUME for "yield from" or await.

    As ``_PyGen_yf`` does: the argument's low bits are 2 or 3. RESUME's own number differs
    and may be quickened, so only the argument and the yield before it are looked at.
    """
    word = memory.data(instruction + 2, 2)
    return word[1] & 3 >= 2
