"""One look at a process: read in waves, verify, read again what moved, say what is left.

A capture keeps every page it reads, so that what it decodes comes from one moment. After
the stacks are walked the words they hang on are read anew and compared; units that differ
are read again in a second capture; those that differ once more are flagged ``moving``
(`inspector.settle`).
"""

from __future__ import annotations

import gc
import time

from inspector import greenlets, pools, tasks, threads, tracked
from inspector.attach import attach
from inspector.errors import Unready
from inspector.frames import Frames
from inspector.memory import BadMemory
from inspector.objects import Objects
from inspector.patience import patiently
from inspector.record import Record
from inspector.settle import settle
from inspector.snapshot import Completeness
from inspector.units import assemble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.attach import Target
    from inspector.greenlets import GreenletFacts
    from inspector.memory import Memory
    from inspector.snapshot import Snapshot, Turn
    from inspector.tasks import TaskFacts
    from inspector.threads import ThreadFacts, ThreadState

_FRAME_OBJECT_FRAME = 24  # PyFrameObject.f_frame, after the head and f_back (pycore_frame.h)
_MAX_NAMES = 10_000
_LIST_PASSES = 4  # walks of a task list that is torn
_MODULES = {"_asyncio", "asyncio.tasks", "eventlet", "greenlet", "threading", tracked.MODULE}
_NO_TASKS = "asyncio's own table was not found: tasks are missing"
_NO_GREENLETS = "the library of greenlet was not found: green threads are missing"


class Options(Record):
    """What to read. ``args`` costs a third more time; ``freeze`` stops the process for it."""

    args: bool = True
    late: bool = False  # leave arguments to be decoded when asked for: `Snapshot.arguments`
    freeze: bool = False
    waits: bool = True
    orphans: bool = False  # say who waits for what nobody else knows
    ended: bool = False  # search all memory for exceptions that nobody has asked for
    marks: bool = False  # tell waits and turns of loops apart that look alike
    # For a process that looks at itself: the calling thread's id and the address of the frame
    # object to read its stack from, since what is called from there changes all the time.
    caller: tuple[int, int] | None = None


def take(pid: int, options: Options | None = None) -> Snapshot:
    """Look at the process once.

    Raises NoSuchProcess, NotAllowed, NotPython or UnsupportedPython; what cannot be read
    of a readable process is counted in ``completeness`` instead.
    """
    return patiently(pid, lambda: look(attach(pid), options or Options()))


def look(target: Target, options: Options) -> Snapshot:
    """`take` for a target that was found already; lets go of it."""
    collecting = gc.isenabled()
    gc.disable()  # everything made here lives on: looking for garbage would cost a third
    try:
        if not options.freeze:
            return _take(target, options)
        from inspector.freeze import frozen

        with frozen(target.pid):
            target.map_again()
            return _take(target, options)
    except BadMemory as error:
        target.raise_if_gone()
        raise Unready(
            f"process {target.pid} (CPython {target.layout.version}): "
            f"its memory makes no sense: {error}",
            "it may be starting, ending, or a build with changed internals",
        ) from None
    finally:
        target.close()
        if collecting:
            gc.enable()


def _take(target: Target, options: Options) -> Snapshot:
    started = time.perf_counter()
    taken_at = time.time()
    capture = Capture(target, arguments=options.args)
    capture.read(options.caller)
    retries = settle(capture, options.caller)
    capture_ms = (time.perf_counter() - started) * 1000
    if cut := capture.frames.cut:
        capture.notes.append(f"a stack of {max(cut):,} frames is shown without its middle")
    late = None
    if options.late and options.args:
        from inspector.arguments import Arguments

        late = Arguments()
    found = assemble(capture, waits=options.waits, late=late)
    unretrieved = None
    orphaned: frozenset[str] = frozenset()
    if options.orphans:
        from inspector import orphans

        orphaned = orphans.find(capture, found.units, found.edges)
    if options.ended:
        from inspector import unretrieved as ended

        unretrieved = ended.search(capture)
    marks: dict[str, int] = {}
    turns: dict[int, Turn] = {}
    if options.marks:
        from inspector import marks as telling

        marks, turns = telling.of_units(capture), telling.turns(capture, found.units)
    failed = len(capture.failed_tasks) + len(capture.failed_pimpls)
    moving = len(capture.moving)
    completeness = Completeness(
        complete=not failed and not moving and not capture.notes,
        units_read=len(found.units),
        units_moving=moving,
        units_failed=failed,
        retries=retries,
        frozen=options.freeze,
        capture_ms=round(capture_ms, 3),
        notes=tuple(capture.notes),
        restless=capture.restless,
    )
    snapshot = target.snapshot(capture, found, taken_at, completeness)
    unread = (*capture.failed_tasks, *capture.failed_pimpls)
    return snapshot._replace(
        unretrieved=unretrieved,
        unread=unread,
        orphans=orphaned,
        marks=marks,
        turns=turns,
        arguments=late,
    )


class Capture:
    """Everything of one reading; ``tasks`` and ``greenlets`` by address of the object."""

    def __init__(self, target: Target, *, arguments: bool) -> None:
        self.target = target
        self.arguments = arguments
        self.memory: Memory = target.memory.fresh()
        self.objects = Objects(self.memory, target.layout)
        self.frames = Frames(self.objects, arguments=arguments)
        self._task_reader: tasks.TaskReader | None = None
        self.interpreters: list[int] = []
        self.threads: list[ThreadFacts] = []
        self.tasks: dict[int, TaskFacts] = {}
        self.greenlets: dict[int, GreenletFacts] = {}
        self.pimpls: greenlets.PimplLayout | None = None
        self.failed_tasks: dict[int, int | None] = {}  # address -> tid of its list
        self.failed_pimpls: set[int] = set()
        self.moving: set[int] = set()  # addresses of tasks and greenlets
        self.notes: list[str] = []
        self.restless = False  # a list of tasks changed in every pass
        self.modules: list[dict[str, int]] = []  # of each interpreter: those of _MODULES
        self.samples: list[int] = []
        self._loops: dict[int, int] = {}  # event loop -> pthread id

    def another(self) -> Capture:
        """An empty one of the same target, to read single units into."""
        other = Capture(self.target, arguments=self.arguments)
        other.pimpls = self.pimpls
        return other

    def read(self, caller: tuple[int, int] | None = None) -> None:
        """Read threads, then greenlets, then tasks. Raises BadMemory for a senseless runtime."""
        target = self.target
        layout = target.layout
        self.interpreters = threads.interpreters(self.memory, layout, target.runtime)
        states = [
            state
            for interpreter in self.interpreters
            for state in threads.threads_of(self.memory, layout, target.runtime, interpreter)
        ]
        if not states:
            raise BadMemory("it runs no Python thread")
        for state in states:
            state.tid = target.tid_of(state.tid)
        self._read_modules()
        self.threads = [threads.ThreadFacts(state, self.frames) for state in states]
        if target.vtables:
            self._read_greenlets()
        elif any("greenlet" in modules for modules in self.modules):
            self.notes.append(_NO_GREENLETS)
        self._read_tasks(states)
        self.read_stacks(caller)

    def read_stacks(self, caller: tuple[int, int] | None = None) -> None:
        """Read what the threads run: last, since it is what changes first."""
        for thread in self.threads:
            top = 0
            if caller and caller[0] == thread.state.tid:
                top = self.memory.word(caller[1] + _FRAME_OBJECT_FRAME)
                thread.state.holds_gil = True  # it lets go of it only while it reads
            thread.read(self.frames, top)

    def _read_greenlets(self) -> None:
        target, memory = self.target, self.memory
        needles = sorted(target.vtables.values())
        if pools.uses_pools(self.objects, self.samples):
            version = self.module_version("greenlet")
            sizes = greenlets.block_sizes(target.layout.minor, version)
            found = pools.search_pools(memory, target.heaps(), sizes, needles)
        else:
            found = pools.search_all(memory, target.writable(), needles)
        if not found:
            return
        self.pimpls = greenlets.pimpl_layout(self.objects, found, needles)
        if self.pimpls is None:
            self.notes.append("greenlets found, but of an unknown layout")
            return
        frame_at = self.pimpls.current_frame
        tops = []
        for pimpl in found:
            try:
                tops.append(memory.word(pimpl + frame_at))
            except BadMemory:
                continue
        memory.prefetch(top for top in tops if top)
        for pimpl in found:
            self.read_greenlet(pimpl)

    def read_greenlet(self, pimpl: int) -> None:
        """Read one greenlet, or note that it failed."""
        assert self.pimpls is not None
        try:
            main = self.target.vtables["main"]
            facts = greenlets.read_greenlet(self.frames, self.pimpls, pimpl, main)
        except BadMemory:
            self.failed_pimpls.add(pimpl)
            return
        if facts is not None:
            self.greenlets[facts.address] = facts

    def _read_tasks(self, states: list[ThreadState]) -> None:
        for address, tid in self._list_tasks(states).items():
            self.read_task(address, tid)

    def _list_tasks(self, states: list[ThreadState]) -> dict[int, int | None]:
        """Addresses of all tasks that there are, and the threads in whose lists they are."""
        at = self.target.layout.at
        heads: list[tuple[int | None, int]] = []
        if "ainterp.tasks_head" in at:
            heads = [(None, where + at["ainterp.tasks_head"]) for where in self.interpreters]
            heads += [(state.tid, state.address + at["atstate.tasks_head"]) for state in states]
        elif self.target.layout.describes_asyncio and any(
            "_asyncio" in m and not self.objects.is_none(m["_asyncio"]) for m in self.modules
        ):
            self.notes.append(_NO_TASKS)
        found: dict[int, int | None] = {}
        for tid, head in heads:
            found.update(dict.fromkeys(self._listed(head), tid))
        for modules in self.modules:
            if "asyncio.tasks" in modules:
                for address in self._registered(modules["asyncio.tasks"]):
                    found.setdefault(address, None)
        return found

    def _registered(self, module: int) -> dict[int, None]:
        """The tasks in ``asyncio.tasks``' sets; which of them run is noted."""
        by_ident = {thread.state.ident: thread for thread in self.threads}
        objects = self.objects
        found: dict[int, None] = {}
        for _ in range(_LIST_PASSES):
            try:
                registry = tasks.Registry(objects, module)
            except BadMemory:
                objects = Objects(self.memory.fresh(), self.target.layout)
                continue
            found.update(dict.fromkeys(registry.tasks))
            for loop, task in registry.current:
                thread = by_ident.get(self.loop_ident(loop))
                if thread is not None:
                    thread.running_task = task
            if registry.whole:
                return found
            objects = Objects(self.memory.fresh(), self.target.layout)
        self.restless = True
        self.notes.append("the sets of tasks changed in every pass: short-lived ones are missing")
        return found

    def forget_ended(self) -> None:
        """Leave out of what could not be read what is not there any more: it has ended."""
        again = self.another()
        for pimpl in list(self.failed_pimpls):
            try:
                there = again.memory.word(pimpl) in self.target.vtables.values()
            except BadMemory:
                there = False
            if not there:
                self.failed_pimpls.discard(pimpl)
        if self.failed_tasks:
            again.interpreters, again.modules = self.interpreters, self.modules
            listed = again._list_tasks([thread.state for thread in self.threads])
            if not again.restless:
                self.failed_tasks = {
                    task: tid for task, tid in self.failed_tasks.items() if task in listed
                }

    def loop_ident(self, loop: int) -> int:
        """The pthread id of the thread that runs an event loop, 0 when it cannot be told."""
        known = self._loops.get(loop)
        if known is None:
            try:
                thread_id = self.objects.attribute(loop, "_thread_id")
                known = self.objects.integer(thread_id) or 0
            except BadMemory:
                known = 0
            self._loops[loop] = known
        return known

    def _listed(self, head: int) -> list[int]:
        objects = self.objects
        found: dict[int, None] = {}
        for _ in range(_LIST_PASSES):
            listed, whole = tasks.walk_list(objects, head)
            found.update(dict.fromkeys(listed))
            if whole:
                return list(found)
            objects = Objects(self.memory.fresh(), self.target.layout)
        self.restless = True
        self.notes.append(
            "a list of tasks changed in every pass: some short-lived ones are missing"
        )
        return list(found)

    def read_task(self, address: int, tid: int | None) -> None:
        """Read one task, or note that it failed."""
        if self._task_reader is None:
            self._task_reader = tasks.TaskReader(self.frames)
        try:
            facts = self._task_reader.read(address, tid)
        except BadMemory:
            self.failed_tasks[address] = tid
            return
        if facts is not None:
            self.tasks[address] = facts

    def _read_modules(self) -> None:
        """Find the modules we look into, and a few more: small objects that live long.

        Raises BadMemory when the layout's table is proven wrong: no interpreter has a dict
        where it should have ``sys.modules``.
        """
        at, memory, objects = self.target.layout.at, self.memory, self.objects
        kinds = set()
        for interpreter in self.interpreters:
            try:
                modules = memory.word(interpreter + at["interp.imports_modules"])
                if modules:
                    kinds.add(objects.type_of(modules).full)
                    self.modules.append(objects.entries(modules, _MODULES))
                    self.samples += [value for _, value in objects.pairs(modules, 64)]
            except BadMemory:
                self.notes.append("sys.modules could not be read")
        if kinds and "builtins.dict" not in kinds:
            raise BadMemory("sys.modules is not where it should be")

    def thread_names(self) -> dict[int, str]:
        """The ident that pthread gave -> the name that ``threading`` knows the thread by."""
        idents = {thread.state.ident for thread in self.threads}
        objects = self.objects
        found: dict[int, str] = {}
        for _ in range(_LIST_PASSES):  # the dict changes with each thread that comes or goes
            for modules in self.modules:
                if "threading" in modules:
                    found |= self._names_in(objects, modules["threading"])
            if idents <= found.keys():
                break
            objects = self.objects.beside(self.memory.fresh())
        return found

    def _names_in(self, objects: Objects, module: int) -> dict[int, str]:
        """What the module ``threading`` of one interpreter knows, until it makes no sense."""
        found: dict[int, str] = {}
        try:
            names = objects.memory.word(module + self.target.layout.at["module.dict"])
            active = objects.entry(names, "_active")
            for ident, thread in objects.pairs(active, _MAX_NAMES) if active else ():
                number = objects.integer(ident)
                name = objects.label(objects.attribute(thread, "_name"), 256)
                if number is not None and name:
                    found[number] = name
        except BadMemory:
            pass
        return found

    def module_version(self, name: str) -> str | None:
        """``__version__`` of an imported module, None when it is not imported or has none."""
        at, objects = self.target.layout.at, self.objects
        try:
            for modules in self.modules:
                if name in modules:
                    names = self.memory.word(modules[name] + at["module.dict"])
                    return objects.text(objects.entry(names, "__version__"), 64)
        except BadMemory:
            pass
        return None
