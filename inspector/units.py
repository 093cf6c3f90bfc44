"""From facts by address to the units of a snapshot: kinds, names, states, spliced stacks."""

from __future__ import annotations

from inspector.edges import LATER, find_edges
from inspector.frames import module_of
from inspector.memory import BadMemory
from inspector.naming import Names
from inspector.record import Record
from inspector.schedule import Schedule, hubs_in
from inspector.snapshot import Edge, Thread, Unit
from inspector.tasks import is_pending
from inspector.tracked import Births
from inspector.waits import Waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.arguments import Arguments
    from inspector.capture import Capture
    from inspector.frames import Frames, Place, Stack
    from inspector.greenlets import GreenletFacts
    from inspector.snapshot import Frame, KernelState, Kind, State
    from inspector.tasks import TaskFacts
    from inspector.threads import ThreadFacts

    _Holder = ThreadFacts | GreenletFacts

# The letters of /proc/PID/task/TID/status, see proc_pid_stat(5).
_KERNEL_STATES: dict[str, KernelState] = {
    "R": "running",
    "S": "sleeping",
    "D": "uninterruptible",
    "T": "stopped",
    "t": "stopped",
    "Z": "ended",
    "X": "ended",
}
_MAX_LINEAGE = 1000  # parents of a greenlet on the way to the main one


class Assembled(Record):
    """What a capture amounts to."""

    threads: tuple[Thread, ...]
    units: tuple[Unit, ...]
    edges: tuple[Edge, ...]
    hub: str | None  # module of the hub in use


# Where a task's coroutine is: its state, its own frames and what reads them, the greenlet
# around them or 0.
_Standing = tuple["State", "Stack", "Frames", int]


def assemble(capture: Capture, *, waits: bool = True, late: Arguments | None = None) -> Assembled:
    """Decode a capture into units, edges and threads; ``waits`` says what each waits on.

    Where there is ``late``, the arguments of units that stand still are left to it.
    """
    return _Assembly(capture, waits, late).run()


class _Assembly:
    def __init__(self, capture: Capture, waits: bool, late: Arguments | None) -> None:
        self.late = late
        self.capture = capture
        self.objects = capture.objects
        self.frames = capture.frames
        self.ids = {address: "task:" + hex(address) for address in capture.tasks}
        self.ids.update({address: "green:" + hex(address) for address in capture.greenlets})
        self.tids = self._tids_of_mains()
        states = [thread.state for thread in reversed(capture.threads)]
        self.tid_by_ident = {state.ident: state.tid for state in states}
        self.current: dict[int, int] = {}  # tid -> address of the greenlet that runs there
        self._place_running_greenlets()
        self.hubs = hubs_in(capture.greenlets.values())
        self.hub_places: dict[Place, bool] = {}
        self.schedule = Schedule(self.objects, sorted(self.hubs))
        self.futures: dict[int, bool] = {}  # types, and whether they are C futures
        self.future_state = capture.target.layout.at.get("future.state", 0)
        self.names = Names(self.objects, self.schedule)
        self.thread_names = capture.thread_names()
        self.running_tasks = {thread.running_task for thread in capture.threads}
        self.holders = self._frames_of_executing()
        self.switched: set[int] = set()  # tasks that run in a greenlet they have switched to
        self.continued = self._continued_by_greenlets()
        self.continuing: dict[int, list[tuple[int, int]]] = {}  # task -> (greenlet, place)
        for green, (task, index) in self.continued.items():
            self.continuing.setdefault(task, []).append((green, index))
        # The same of greenlets that run, or wait for one that runs: on behalf of a task.
        self.running_in: dict[int, int] = {}  # greenlet -> task
        self._find_running_in_greenlets()
        self.waits = Waits(capture, self.schedule, self.name_of) if waits else None
        self.births = Births(capture)

    def run(self) -> Assembled:
        capture = self.capture
        tasks = [(task, self._place(task)) for task in capture.tasks.values()]
        greens = [(green, self._green_state(green)) for green in capture.greenlets.values()]
        pairs = find_edges(capture)
        if self.waits is not None:
            for task, (state, _, _, greenlet) in tasks:
                parts = [capture.greenlets[one] for one, _ in self.continuing.get(task.address, ())]
                self.waits.add_task(task, state, greenlet, parts)
            for green, state in greens:
                task_of, _ = self.continued.get(green.address, (0, 0))
                self.waits.add_green(green, state, task_of)
            for pair, via in self.waits.settle({waiter for waiter, _ in pairs}):
                if pairs.get(pair, LATER) == LATER:
                    pairs[pair] = via
        units = [self._task(task, place) for task, place in tasks]
        units += [self._green(green, state) for green, state in greens]
        if self.late is not None:
            self.late.read()
        ids = self.ids
        edges = tuple(
            [
                Edge._make((ids[waiter], ids[target], via))
                for (waiter, target), via in pairs.items()
                if waiter in ids and target in ids
            ]
        )
        hub = None
        for address in sorted(self.hubs):
            hub = self.objects.type_of(address).full.rpartition(".")[0]
        threads = tuple(self._thread(thread) for thread in capture.threads)
        return Assembled(threads, tuple(units), edges, hub)

    # which thread a greenlet belongs to

    def _tids_of_mains(self) -> dict[int, int]:
        """Main greenlet -> tid, told by whose C stack its greenlets have run on."""
        capture = self.capture
        states = [thread.state for thread in capture.threads]
        mains = {green.address for green in capture.greenlets.values() if green.is_main}
        if len(states) == 1:
            return dict.fromkeys(mains, states[0].tid)
        stacks = [
            (found, state.tid)
            for state in states
            if (found := capture.target.stack_of(state.tid, state.ident)) is not None
        ]
        tids: dict[int, int] = {}
        for green in capture.greenlets.values():
            main = self._main_of(green)
            if main in tids:
                continue
            on = [(end, tid) for (start, end), tid in stacks if start <= green.stack_start < end]
            if on:
                tids[main] = min(on)[1]
        return tids

    def _main_of(self, green: GreenletFacts) -> int:
        greenlets = self.capture.greenlets
        for _ in range(_MAX_LINEAGE):
            if green.is_main:
                return green.address
            if green.main:
                return green.main
            parent = greenlets.get(green.parent)
            if parent is None:
                break
            green = parent
        return 0

    def _place_running_greenlets(self) -> None:
        """A running greenlet's frames are those of its thread."""
        by_tid = {thread.state.tid: thread for thread in self.capture.threads}
        for green in self.capture.greenlets.values():
            if green.running:
                tid = self.tids.get(self._main_of(green))
                if tid is not None and tid in by_tid:
                    self.current[tid] = green.address
                    green.stack, green.frames = by_tid[tid].stack, by_tid[tid].frames

    # tasks whose coroutine runs: in a thread, or in a greenlet that is suspended

    def _frames_of_executing(self) -> dict[int, tuple[_Holder, int, bool]]:
        """Frame address -> (what holds the stack it is part of, greenlet or 0, if that runs)."""
        wanted = {task.executing for task in self.capture.tasks.values() if task.executing}
        found: dict[int, tuple[_Holder, int, bool]] = {}
        if not wanted:
            return found
        for thread in self.capture.threads:
            green = self.current.get(thread.state.tid, 0)
            for frame in thread.stack.addresses:
                if frame in wanted:
                    found[frame] = (thread, green, True)
        for facts in self.capture.greenlets.values():
            if not facts.running:
                for frame in facts.stack.addresses:
                    if frame in wanted:
                        found[frame] = (facts, facts.address, False)
        return found

    def _continued_by_greenlets(self) -> dict[int, tuple[int, int]]:
        """Suspended greenlets whose stack is part of a task's: -> (task, index of the frame)."""
        raw: dict[int, GreenletFacts] = {}
        waiting: dict[Place, bool] = {}  # whether the innermost function there is Eventlet's own
        for green in self.capture.greenlets.values():
            stack = green.stack
            if green.running or green.is_main or not stack.addresses:
                continue
            own = waiting.get(stack.place)
            if own is None:
                module = module_of(green.frames.objects, stack[0])
                own = waiting[stack.place] = module.startswith("eventlet.")
            if not own:
                raw[green.address] = green
        if not raw:
            return {}
        from inspector.continued import continued

        stands = ((task, *self._place(task)[1:3]) for task in self.capture.tasks.values())
        return continued(raw, stands)

    def _find_running_in_greenlets(self) -> None:
        """Tasks whose coroutine switched to a raw greenlet that runs now, or to its parent."""
        greenlets = self.capture.greenlets
        suspended = [
            (holder.stack.addresses.index(task.executing), task.address, holder)
            for task in self.capture.tasks.values()
            if task.executing in self.holders
            and (holder := greenlets.get(self.holders[task.executing][1]))
            and not holder.running
        ]
        for _, task, holder in sorted(suspended, key=lambda one: one[0]):  # the innermost first
            green = greenlets.get(self.current.get(self.tids.get(self._main_of(holder), 0), 0))
            path: list[int] = []
            while green and green is not holder and len(path) < _MAX_LINEAGE:
                path.append(green.address)
                green = None if self._is_hub(green) else greenlets.get(green.parent)
            if green is holder:
                self.continuing.setdefault(task, []).extend((one, 0) for one in reversed(path))
                self.switched.add(task)
                for address in path:
                    self.running_in.setdefault(address, task)

    # units

    def _place(self, task: TaskFacts) -> _Standing:
        if not task.executing:
            state: State = "waiting"
            if task.not_started:
                state = "not_started"
            elif task.address in self.running_tasks:  # in a coroutine that has no frame
                state = "running"
            elif self._is_scheduled(task):
                state = "runnable"
            return state, task.stack, task.frames, 0
        if task.executing not in self.holders:
            state = "running" if task.address in self.running_tasks else "waiting"
            return state, task.stack, task.frames, 0
        holder, green, now = self.holders[task.executing]
        inner = holder.stack.addresses.index(task.executing)
        return (
            "running" if now or task.address in self.switched else "waiting",
            holder.stack.part(0, inner + 1),
            holder.frames,
            green,
        )

    def _task(self, task: TaskFacts, standing: _Standing) -> Unit:
        address = task.address
        state, own, frames, greenlet = standing
        inside = None
        if greenlet and not self.capture.greenlets[greenlet].is_main:
            inside = self.ids[greenlet]
        stack = self._show(address, frames, own, whole=address in self.continuing)
        # From the outermost in, so that the places of those to come stay what they are.
        if address in self.continuing:
            for green, index in sorted(self.continuing[address], key=lambda one: -one[1]):
                inside = self.ids[green]
                facts = self.capture.greenlets[green]
                stack = (*stack[:index], *facts.frames.show(facts.stack), *stack[index:])
        tid = task.tid or self._tid_of_task(task)
        return self._unit(address, "task", task.type, task.name, tid, state, stack, inside)

    def _show(
        self, address: int, frames: Frames, stack: Stack, *, whole: bool
    ) -> tuple[Frame, ...]:
        """A unit's stack, with its arguments where they are not left for later."""
        if self.late is None or whole:
            return frames.show(stack)
        self.late.add(self.ids[address], frames, stack)
        return stack.place.show()

    def _unit(
        self,
        address: int,
        kind: Kind,
        type_name: str,
        name: str,
        tid: int | None,
        state: State,
        stack: tuple[Frame, ...],
        inside: str | None,
    ) -> Unit:
        moving = address in self.capture.moving
        wait = runtime = spawned = None
        if self.waits is not None:
            wait, runtime = self.waits.told(address)
        if self.births.on:
            runtime = runtime or self.births.runtime(address)
            spawned = self.births.spawned(address)
        # As one tuple: with thousands of units their names would take longer than the rest.
        identity = self.ids[address]
        return Unit._make(
            (identity, kind, type_name, name, tid, state, stack,
             moving, inside, wait, runtime, spawned)
        )  # fmt: skip

    def _tid_of_task(self, task: TaskFacts) -> int | None:
        """The thread whose loop a task belongs to."""
        if len(self.capture.threads) == 1:
            return self.capture.threads[0].state.tid
        return self.tid_by_ident.get(self.capture.loop_ident(task.loop))

    def _is_scheduled(self, task: TaskFacts) -> bool:
        """Whether the loop will step the task: it waits for nothing, or for what is done."""
        waiter = task.waiter
        if not waiter:
            return True
        objects = task.frames.objects
        pages = objects.memory.pages
        try:
            kind = pages[(waiter + 8) >> 12][((waiter + 8) >> 3) & 511]
            known = self.futures.get(kind)
            if known is None:
                bases = [objects.type_at(base).full for base in objects.type_at(kind).mro]
                known = self.futures[kind] = "_asyncio.Future" in bases or "_asyncio.Task" in bases
            if known:
                place = waiter + self.future_state
                return pages[place >> 12][(place >> 3) & 511] >> 8 * (place & 7) & 0xFF != 0
            return not is_pending(objects, waiter)
        except BadMemory:
            return False

    def _green_state(self, green: GreenletFacts) -> State:
        if not green.started:
            return "not_started"
        if green.running:
            return "running"
        return "runnable" if green.address in self.schedule.due else "waiting"

    def _green(self, green: GreenletFacts, state: State) -> Unit:
        address = green.address
        task = self.running_in.get(address) or self.continued.get(address, (0,))[0]
        inside = self.ids[task] if task else None
        kind = self._kind(green)
        name = kind if kind != "green" else self.names.name(green)
        tid = self.tids.get(self._main_of(green))
        stack = self._show(address, green.frames, green.stack, whole=task != 0)
        return self._unit(address, kind, green.type, name, tid, state, stack, inside)

    def _kind(self, green: GreenletFacts) -> Kind:
        if green.is_main:
            return "main"
        return "hub" if self._is_hub(green) else "green"

    def name_of(self, address: int) -> str:
        """The name of the task or greenlet at an address, "" where there is none."""
        if address in self.capture.tasks:
            return self.capture.tasks[address].name
        green = self.capture.greenlets.get(address)
        if green is None:
            return ""
        kind = self._kind(green)
        return kind if kind != "green" else self.names.name(green)

    def _is_hub(self, green: GreenletFacts) -> bool:
        """A greenlet whose outermost function is a hub's ``run``."""
        if green.stack:
            place = green.stack.place
            known = self.hub_places.get(place)
            if known is None:
                outer = green.stack[-1]
                module = module_of(green.frames.objects, outer)
                known = outer[1].name == "run" and module.startswith("eventlet.hubs")
                self.hub_places[place] = known
            return known
        if green.run:
            try:
                objects = self.objects
                if objects.type_of(green.run).name == "method":
                    owner = objects.memory.word(green.run + objects.layout.at["method.self"])
                    return objects.type_of(owner).full.startswith("eventlet.hubs.")
            except BadMemory:
                pass
        return False

    def _thread(self, thread: ThreadFacts) -> Thread:
        state = thread.state
        green = self.current.get(state.tid)
        running = thread.running_task
        known = self.capture.target.threads.get(state.tid)
        return Thread(
            tid=state.tid,
            name=self.thread_names.get(state.ident) or (known.name if known else None),
            holds_gil=state.holds_gil,
            current_task=self.ids.get(running),
            current_greenlet=self.ids.get(green) if green else None,
            stack=thread.frames.show(thread.stack),
            state=_KERNEL_STATES.get(known.state) if known else None,
            system_call=(known.system_call or None) if known else None,
        )
