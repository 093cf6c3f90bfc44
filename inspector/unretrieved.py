"""Tasks and futures that ended with an exception which nobody has asked for.

What has ended is in no list of asyncio's, so all writable memory is searched for objects of
its types, under any allocator. A future remembers in one flag that its exception was never
retrieved, and logs it when it is freed (Modules/_asynciomodule.c, ``fut_log_tb``): this
finds those that something still keeps, which log nothing yet.

Futures of the classes written in Python, and of other libraries, are not found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector import pools
from inspector.frames import Frames
from inspector.memory import BadMemory
from inspector.objects import Objects
from inspector.snapshot import Frame, Unretrieved
from inspector.values import represent

if TYPE_CHECKING:
    from inspector.capture import Capture

_FINISHED = 2  # enum fut_state
_MAX_TYPES = 256
_MAX_BYTES = 16 << 30  # of memory searched
_MAX_FOUND = 10_000
_MAX_FRAMES = 100
_MAX_TEXT = 200  # characters of an exception's text
_SUBCLASSES = 16  # of PyTypeObject: tp_subclasses, from tp_mro on; tp_cache is between them
_FRAME = 24  # PyFrameObject.f_frame, as in `inspector.capture`
_NEXT, _TB_FRAME, _LASTI = 16, 24, 32  # PyTracebackObject; tb_lineno follows tb_lasti


def search(capture: Capture) -> tuple[Unretrieved, ...]:
    """All of them in the process, by address. What cannot be read is left out."""
    finder = _Finder(capture)
    types = finder.types()
    if not types:
        return ()
    ranges = []
    left = _MAX_BYTES
    for start, end in capture.target.writable():
        end = min(end, start + left)
        left -= end - start
        if end > start:
            ranges.append((start, end))
    if not left:
        capture.notes.append("too much memory to search all of it for what has ended")
    hits = pools.search_all(capture.memory, ranges, sorted(types))
    addresses = sorted({hit - 8 for hit in hits})
    finder.objects.memory.prefetch(addresses)
    found = []
    for address in addresses:
        try:
            one = finder.read(address)
        except BadMemory:
            continue
        if one is not None:
            found.append(one)
            if len(found) == _MAX_FOUND:
                break
    return tuple(found)


class _Finder:
    def __init__(self, capture: Capture) -> None:
        self.modules = capture.modules
        # Not the capture's own pages: what ended since was a live task in those.
        self.objects = Objects(capture.memory.fresh(), capture.target.layout)
        self.frames = Frames(self.objects, arguments=False)
        self._tasks: set[int] = set()  # the types that are those of tasks

    def types(self) -> set[int]:
        """The addresses of ``_asyncio.Task`` and ``Future`` and all their subclasses."""
        objects, at = self.objects, self.objects.layout.at
        found: set[int] = set()
        for modules in self.modules:
            try:
                names = objects.memory.word(modules["_asyncio"] + at["module.dict"])
                entries = objects.entries(names, {"Task", "Future"})
            except (BadMemory, KeyError):
                continue
            pending = list(entries.values())
            while pending and len(found) < _MAX_TYPES:
                kind = pending.pop()
                if kind in found:
                    continue
                found.add(kind)
                try:
                    pending += self._subclasses(kind)
                    bases = objects.type_at(kind).mro
                    if any(objects.type_at(base).full == "_asyncio.Task" for base in bases):
                        self._tasks.add(kind)
                except BadMemory:
                    continue
        return found

    def _subclasses(self, kind: int) -> list[int]:
        objects, at = self.objects, self.objects.layout.at
        known = objects.memory.word(kind + at["type.tp_mro"] + _SUBCLASSES)
        pairs = objects.pairs(known, _MAX_TYPES) if known else []
        return [objects.memory.word(reference + at["weakref.object"]) for _, reference in pairs]

    def read(self, address: int) -> Unretrieved | None:
        """What stands at an address, None when it is none. Raises BadMemory."""
        objects, memory = self.objects, self.objects.memory
        at = objects.layout.at
        # A freed one keeps its type, but has no references and no exception.
        if not memory.u32(address) or memory.u8(address + at["future.state"]) != _FINISHED:
            return None
        exception = memory.word(address + at["future.exception"])
        if not exception or not memory.u8(address + at["future.log_tb"]) & 1:
            return None
        kind = objects.type_of(exception)
        if not any(objects.type_at(base).full == "builtins.BaseException" for base in kind.mro):
            return None
        own = memory.word(address + 8)
        is_task = own in self._tasks
        return Unretrieved(
            id=f"{'task' if is_task else 'future'}:{address:#x}",
            type=objects.type_at(own).full,
            name=self._name(memory.word(address + at["task.name"])) if is_task else "",
            exception=kind.full.removeprefix("builtins."),
            text=self._text(exception),
            stack=self._stack(memory.word(exception + at["exception.traceback"])),
        )

    def _name(self, address: int) -> str:
        text = self.objects.label(address, _MAX_TEXT)
        return f"Task-{self.objects.integer(address)}" if text is None else text

    def _text(self, exception: int) -> str:
        """What ``str`` would say of an exception that does not say it in its own way."""
        objects = self.objects
        arguments = objects.memory.word(exception + objects.layout.at["exception.args"])
        items = objects.items(arguments, 8) if arguments else []
        if len(items) == 1 and (text := objects.label(items[0], _MAX_TEXT)) is not None:
            return text
        text = ", ".join([represent(objects, item) for item in items])
        return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "..."

    def _stack(self, traceback: int) -> tuple[Frame, ...]:
        """The frames that the exception passed, the one that raised it first."""
        objects, memory = self.objects, self.objects.memory
        found: list[Frame] = []
        while traceback and len(found) < _MAX_FRAMES:
            if objects.type_of(traceback).name != "traceback":
                break
            frame = memory.word(memory.word(traceback + _TB_FRAME) + _FRAME)
            executable = memory.word(frame + objects.layout.at["frame.executable"])
            code = self.frames.code_at(executable & self.frames.tag)
            found.append(code.show(code.start + memory.u32(traceback + _LASTI)))
            traceback = memory.word(traceback + _NEXT)
        return tuple(reversed(found))
