"""asyncio tasks: where they are listed, what they await, whom they wake.

3.14 and later link every task into a list of its thread, or of the interpreter when the
thread has gone (Modules/_asynciomodule.c, ``asyncio_tasks_head``). Earlier ones keep weak
sets in ``asyncio.tasks``, which is also where tasks written in Python are on every version.
"""

from __future__ import annotations

import struct

from inspector.frames import EMPTY, MAX_DEPTH
from inspector.memory import BadMemory, fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from inspector.frames import Frames, Stack
    from inspector.objects import Objects

MAX_TASKS = 2_000_000
_MAX_NAME = 1024
_MAX_AWAITERS = 10_000
_PENDING = 0  # enum fut_state
_GENERATOR, _WRAPPER, _COMPILED, _OTHER, _NONE = 0, 1, 2, 3, 4
_AS_ASYNC, _ITERNEXT = -128, 16  # of PyTypeObject, from tp_weaklistoffset on
_INNER = 16  # coroutine_wrapper, async_generator_asend, _athrow: what they wrap comes first
_GENERATORS = frozenset({"coroutine", "generator", "async_generator"})
_WRAPPERS = frozenset(
    {"coroutine_wrapper", "async_generator_asend", "async_generator_athrow", "anext_awaitable"}
)
# Cython's own types of the same names, and where they keep what they await.
_CYTHON = "_cython_"
_COMPILED_AWAITS = ("cr_await", "gi_yieldfrom", "ag_await")


class TaskFacts:
    """One task as it was captured. ``stack`` is its own chain, innermost first.

    What most tasks lack stands in the class: they are made by the ten thousand.
    """

    name = ""
    loop = 0
    coro = 0
    waiter = 0  # _fut_waiter: the future it waits for, 0 when it is scheduled or runs
    awaiters: list[int] | tuple[()] = ()
    stack: Stack = EMPTY
    executing = 0  # the frame of its chain that runs now, 0 when all are suspended
    not_started = False
    python = False  # of the class written in Python

    def __init__(self, address: int, type_name: str, tid: int | None, frames: Frames) -> None:
        self.address = address
        self.type = type_name
        self.tid = tid
        self.frames = frames  # of the capture it comes from


def walk_list(objects: Objects, head: int) -> tuple[list[int], bool]:
    """The tasks linked from a list head, and whether the list was seen whole.

    A list that changes under us is torn at some place, so it is walked from both ends.
    """
    at = objects.layout.at
    node = at["task.node"]
    forward, closed = _walk(objects, head, at["llist.next"], node)
    if closed:
        return forward, True
    backward, _ = _walk(objects, head, at["llist.prev"], node)
    return list(dict.fromkeys(forward + backward)), False


def _walk(objects: Objects, head: int, link: int, node: int) -> tuple[list[int], bool]:
    pages = objects.memory.pages
    is_task = TaskTypes(objects)
    known = is_task.known
    kind = 8 - node
    found: dict[int, None] = {}
    try:
        at = objects.memory.word(head + link)
        if not at:
            return [], True  # the thread never had a list
        while at != head:
            task = at - node
            if task in found or task & 7 or len(found) > MAX_TASKS:
                return list(found), False
            known_type = known.get(pages[(at + kind) >> 12][((at + kind) >> 3) & 511])
            if not known_type and not is_task(task):
                return list(found), False
            found[task] = None
            at = pages[(at + link) >> 12][((at + link) >> 3) & 511]
    except BadMemory:
        return list(found), False
    return list(found), True


class TaskTypes:
    """Tells C tasks (and those of subclasses) from anything else, by type, remembered."""

    __slots__ = ("known", "objects")

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.known: dict[int, bool] = {}

    def __call__(self, address: int) -> bool:
        """Whether there is a task at ``address``. Raises BadMemory where nothing is."""
        if address & 7:
            return False
        kind = self.objects.memory.pages[(address + 8) >> 12][((address + 8) >> 3) & 511]
        known = self.known.get(kind)
        if known is None:
            try:
                bases = self.objects.type_at(kind).mro
                known = any(self.objects.type_at(b).full == "_asyncio.Task" for b in bases)
            except BadMemory:
                known = False
            self.known[kind] = known
        return known


class TaskReader:
    """Reads C tasks of one capture.

    With thousands of tasks this is the hot path: each object is taken apart by one
    precompiled ``struct``, and what is the same for all is looked up once.
    """

    def __init__(self, frames: Frames) -> None:
        objects = frames.objects
        at = objects.layout.at
        self.frames = frames
        self.objects = objects
        self.types: dict[int, str] = {}  # type of a task -> its name
        self.is_c_task: dict[int, bool] = {}  # and whether it is a C one
        self.awaitables: dict[int, int] = {}  # type -> _GENERATOR, _WRAPPER, ..
        self.awaited_by = at.get("task.awaited_by", 0)
        self.many = at.get("task.awaited_by_is_set", 0)
        # Without the module in C there is no table of it either, and all tasks are in Python.
        self.described = "task.coro" in at
        self.state = at.get("future.state", 24)
        coro = at.get("task.coro", 40)
        self.task = fields(
            (at["obj.ob_type"], "Q"),
            (at["future.loop"], "Q"),
            (self.state, "B"),
            (coro - 8, "Q"),  # task_fut_waiter
            (coro, "Q"),
            (at.get("task.name", 48), "Q"),
        )
        iframe = self.iframe = at["gen.gi_iframe"]
        self.generator = fields(
            (at["obj.ob_type"], "Q"),
            (at["gen.gi_frame_state"], "b"),
            (iframe + at["frame.executable"], "Q"),
            (iframe + at["frame.instr_ptr"], "Q"),
            (iframe + at["frame.stackpointer"], "Q")
            if "frame.stackpointer" in at
            else (iframe + at["frame.stacktop"], "i"),
        )
        self.created = at["gen.created"]
        self.executing = at["gen.executing"]
        self.awaiting = at["gen.suspended_await"]
        self.suspended = at["gen.suspended"]

    def read(self, address: int, tid: int | None) -> TaskFacts | None:
        """The facts of the task at ``address``; None for one that is done. Raises BadMemory."""
        objects = self.objects
        memory = objects.memory
        pages = memory.pages
        try:
            kind, loop, state, waiter, coro, name = self.task.unpack_from(
                pages[address >> 12], address & 4095
            )
        except struct.error:  # it lies across two pages
            data = memory.data(address, self.task.size)
            kind, loop, state, waiter, coro, name = self.task.unpack(data)
        type_name = self.types.get(kind) or self._learn_type(kind)
        if not self.is_c_task[kind]:
            return self._read_python_task(address, type_name)
        if state != _PENDING or not coro:
            return None
        task = TaskFacts(address, type_name, tid, self.frames)
        task.loop = loop
        task.coro = coro
        task.waiter = waiter
        task.name = self._name(name)
        if self.awaited_by:
            place = address + self.awaited_by
            awaiter = pages[place >> 12][(place >> 3) & 511]
            if awaiter:
                place = address + self.many
                many = pages[place >> 12][(place >> 3) & 511] >> 8 * (place & 7) & 0xFF
                task.awaiters = objects.items(awaiter, _MAX_AWAITERS) if many else [awaiter]
        self.read_chain(task)
        return task

    def _learn_type(self, kind: int) -> str:
        known = self.objects.type_at(kind)
        bases = [self.objects.type_at(base).full for base in known.mro]
        self.is_c_task[kind] = "_asyncio.Task" in bases
        if self.is_c_task[kind] and not self.described:
            raise BadMemory("a task in C without a table of it")
        if not self.is_c_task[kind] and "asyncio.tasks.Task" not in bases:
            raise BadMemory(f"{known.name} is no task")
        self.types[kind] = known.full
        return known.full

    def _read_python_task(self, address: int, type_name: str) -> TaskFacts | None:
        """A task of the class written in Python (asyncio.tasks._PyTask, or a subclass)."""
        objects, attribute = self.objects, self.objects.attribute
        if not is_pending(objects, address):
            return None
        task = TaskFacts(address, type_name, None, self.frames)
        task.python = True
        task.loop = attribute(address, "_loop")
        task.coro = attribute(address, "_coro")
        if not task.coro:
            return None
        waiter = attribute(address, "_fut_waiter")
        task.waiter = waiter if waiter and not objects.is_none(waiter) else 0
        task.name = self._name(attribute(address, "_name"))
        awaited_by = attribute(address, "_Future__asyncio_awaited_by")  # 3.14+
        if awaited_by:
            task.awaiters = objects.items(awaited_by, _MAX_AWAITERS)
        self.read_chain(task)
        return task

    def _name(self, address: int) -> str:
        """A str, or the number of which CPython makes "Task-N" when it is asked for."""
        if not address:
            return ""
        text = self.objects.label(address, _MAX_NAME)
        if text is not None:
            return text
        number = self.objects.integer(address)
        if number is None:
            raise BadMemory("a task whose name is neither str nor int")
        return f"Task-{number}"

    def read_chain(self, task: TaskFacts) -> None:
        """Follow what the task's coroutine awaits, down to the leaf. Raises BadMemory."""
        frames, memory = self.frames, self.objects.memory
        pages, awaitables = memory.pages, self.awaitables
        unpack, iframe, tag = self.generator.unpack_from, self.iframe, frames.tag
        awaiting, awaited, slot = self.awaiting, frames.awaited, frames.slot
        own: list[int] = []
        trail: list[int] = []
        current = task.coro
        seen, check, mark = 0, 64, 0
        while current:
            if current == mark or seen == MAX_DEPTH:
                raise BadMemory("a chain of awaits that does not end")
            if seen == check:  # a circle comes by here again, as Brent found
                mark, check = current, 2 * check
            seen += 1
            try:
                kind, state, executable, instruction, top = unpack(
                    pages[current >> 12], current & 4095
                )
            except struct.error:  # a generator lies across two pages; what is smaller may not
                kind, state, executable, instruction, top = memory.word(current + 8), 0, 0, 0, 0
                if self._awaitable(kind) is _GENERATOR:
                    data = memory.data(current, self.generator.size)
                    kind, state, executable, instruction, top = unpack(data)
            category = awaitables.get(kind)
            if category is None:
                category = self._awaitable(kind)
            if category is not _GENERATOR:
                if category is _OTHER:
                    break
                if category is _NONE:  # it has ended, and its memory is in use for something else
                    task.executing = own[0] if own else current
                    break
                if category is _WRAPPER:
                    current = memory.word(current + _INNER)
                else:  # it has no frame that could be shown
                    attribute = self.objects.attribute
                    inner = (attribute(current, name) for name in _COMPILED_AWAITS)
                    current = next(filter(None, inner), 0)
                continue
            if state == awaiting:
                own.append(current + iframe)
                trail.append(instruction)
                trail.append(executable)
                if slot:
                    top -= slot
                    current = pages[top >> 12][(top >> 3) & 511] & tag
                else:
                    current = awaited(current + iframe, instruction, top)
                continue
            if state == self.suspended or (state == self.created and not own):
                own.append(current + iframe)
                trail.append(instruction)
                trail.append(executable)
                task.not_started = state == self.created
            else:
                # It runs, now or in a greenlet that is suspended. What awaits one that runs,
                # has ended or has not begun runs as well: it was suspended a moment ago.
                task.executing = own[0] if own else current + iframe
            break
        own.reverse()
        trail.reverse()
        task.stack = frames.stack(own, trail)

    def _awaitable(self, kind: int) -> int:
        module, _, name = self.objects.type_at(kind).full.rpartition(".")
        compiled = module.startswith(_CYTHON)
        found = _OTHER if self._can_be_awaited(kind) else _NONE
        if compiled or module == "builtins":
            if name in _WRAPPERS:
                found = _WRAPPER
            elif name in _GENERATORS:
                found = _COMPILED if compiled else _GENERATOR
        self.awaitables[kind] = found
        return found

    def _can_be_awaited(self, kind: int) -> bool:
        """Whether objects of a type can be a task's coroutine, or what ``__await__`` returns."""
        memory, last = self.objects.memory, kind + self.objects.layout.at["type.tp_weaklistoffset"]
        if memory.word(last + _ITERNEXT):
            return True
        methods = memory.word(last + _AS_ASYNC)
        return methods != 0 and memory.word(methods) != 0  # am_await comes first


def is_pending(objects: Objects, address: int) -> bool:
    """Whether a future or task written in Python is still to be done. Raises BadMemory."""
    # The class says "PENDING", an instance of its own only what came after.
    state = objects.text(objects.attribute(address, "_state"))
    return state is None or state == "PENDING"


class Registry:
    """What the module ``asyncio.tasks`` knows: every task before 3.14, Python ones since.

    ``tasks`` are addresses, ``current`` pairs of an event loop and the task that runs in it.
    Raises BadMemory when the module cannot be read; ``whole`` is false when one of its sets
    changed while it was.
    """

    def __init__(self, objects: Objects, module: int) -> None:
        at, memory = objects.layout.at, objects.memory
        names = objects.entries(
            memory.word(module + at["module.dict"]),
            {"_all_tasks", "_scheduled_tasks", "_eager_tasks", "_current_tasks"},
        )
        self.whole = True
        found: dict[int, None] = {}
        for name in ("_all_tasks", "_scheduled_tasks"):  # of 3.11; since 3.12
            if name in names:
                found.update(dict.fromkeys(self._weak(objects, names[name])))
        if "_eager_tasks" in names:
            found.update(dict.fromkeys(self._strong(objects, names["_eager_tasks"])))
        self.tasks = list(found)
        memory.prefetch(self.tasks)
        self.current: list[tuple[int, int]] = []
        try:
            if "_current_tasks" in names:
                self.current = objects.pairs(names["_current_tasks"])
        except BadMemory:
            self.whole = False

    def _weak(self, objects: Objects, weak_set: int) -> Iterator[int]:
        """The tasks that the references in a WeakSet lead to."""
        memory, target = objects.memory, objects.layout.at["weakref.object"]
        try:
            references = self._strong(objects, objects.attribute(weak_set, "data"))
        except BadMemory:
            self.whole = False
            return
        memory.prefetch(references)
        for reference in references:
            try:
                task = memory.word(reference + target)
                if task and not objects.is_none(task):
                    yield task
            except BadMemory:
                self.whole = False

    def _strong(self, objects: Objects, address: int) -> list[int]:
        try:
            found = objects.items(address, MAX_TASKS) if address else []
            if address and len(found) != objects.size(address):
                self.whole = False
        except BadMemory:
            self.whole = False
            return []
        return found
