"""What each unit waits on: a sleep and how long yet, a descriptor and its peer, a lock.

Rules are data (`green`, `tasks`, `stdlib`, `libraries`, `servers`): a function of a library that
waits, by module and name, and how to read from its frame what it waits for. Of its frames at the
leaf the outermost with a rule wins: ``GreenPool.waitall``, not the event inside it. What no rule
knows is said to be unknown.
"""

from __future__ import annotations

from itertools import islice

from inspector.edges import CALLBACK, FIRST, SEMAPHORE
from inspector.frames import FrameView, module_of
from inspector.memory import BadMemory
from inspector.snapshot import Runtime, Wait
from inspector.waits import green as green_rules
from inspector.waits import libraries, servers, stdlib
from inspector.waits import tasks as task_rules
from inspector.waits.futures import Workers, note_start, of_future, references_of
from inspector.waits.holders import find_holders
from inspector.waits.reason import Look, Reason, seconds
from inspector.waits.timers import Timers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from inspector.capture import Capture
    from inspector.code_objects import Code
    from inspector.frames import Place, RawFrame, Stack
    from inspector.greenlets import GreenletFacts
    from inspector.objects import Objects
    from inspector.schedule import Schedule
    from inspector.snapshot import State
    from inspector.tasks import TaskFacts
    from inspector.waits.reason import Rule, Rules

    _AtFrame = tuple[int, Code, int, Rule]  # index, code and instruction of a frame, its rule

_BY_HAND = frozenset({"event", "future", "unknown"})  # kinds of waits a program may end itself
_SKEW = 10.0  # seconds between readings of a clock and of a deadline
_MOST_EDGES = 10_000  # from the waiters of one semaphore to its holders
_LEAF_FRAMES = 12  # how far a library's frames are followed from the leaf
_RULES: Rules = (
    green_rules.RULES | stdlib.RULES | task_rules.RULES | libraries.RULES | servers.RULES
)
_LIBRARIES = frozenset(module.partition(".")[0] for module, _ in _RULES)
_ARROWS = {"read": "←", "write": "→"}


class Waits:
    """The reasons of a capture's units, found one by one, then compared."""

    def __init__(self, capture: Capture, schedule: Schedule, name_of: Callable[[int], str]) -> None:
        self._capture = capture
        self._timers = Timers(capture, schedule)
        self._workers = Workers(capture)
        self._name_of = name_of
        self._looks: dict[int, Look] = {}  # by the reading that a unit was decoded from
        self._rules: dict[int, tuple[bool, Rule | None]] = {}  # by address of the code
        self._at_places: dict[Place, list[_AtFrame]] = {}
        self._reasons: dict[int, Reason] = {}
        self._waiters: dict[int, int] = {}  # by address of what they wait on
        self._holders: dict[int, list[int]] = {}
        self._taking: dict[int, int] = {}  # unit -> lock that it is about to take
        self._starts: dict[int, float] | None = None

    def add_task(
        self, task: TaskFacts, state: State, inside: int, parts: Iterable[GreenletFacts] = ()
    ) -> None:
        """Find what a task waits on, when it does; ``inside`` is the greenlet it stands in.

        ``parts`` are greenlets that handed it what they wait for: they know more of it.
        """
        if state not in ("waiting", "runnable"):
            return
        look = self._look_for(task)
        reason = self._at_leaf(look, task.stack)
        for part in parts:
            reason = self._at_leaf(self._look_for(part), part.stack, reason)
        if state == "waiting" and inside:
            name = self._name_of(inside)
            self._reasons[task.address] = Reason("green", f"inside of green thread {name}", inside)
            return
        if state == "runnable" or not task.waiter:
            self._note_taking(task.address, reason)
            return
        try:
            if reason is None:
                views = [FrameView(look.objects, frame) for frame in task.stack]
                reason = of_future(look, task.waiter, references_of(task.waiter, views))
            elif reason.on == "thread":
                note_start(look, task.waiter, reason)
            self._timers.read_loop(task.loop)
        except BadMemory:
            reason = Reason("unknown", "unknown")
        self._reasons[task.address] = reason

    def add_green(self, green: GreenletFacts, state: State, task: int) -> None:
        """Find what a green thread waits on, when it does; ``task`` is one that it runs for."""
        if state == "not_started":
            if self._starts is None:
                self._starts = self._timers.schedule.starts()
            when = self._starts.get(green.address)
            if when is not None and when > self._timers.now:
                reason = Reason("sleep", "not started", until="starts in %s")
                reason.deadline = when
                self._reasons[green.address] = reason
        elif state == "runnable":
            self._note_taking(green.address, self._at_leaf(self._look_for(green), green.stack))
        elif state == "waiting" and task:
            # It handed what it waits for to its task, as SQLAlchemy's greenlets do.
            name = self._name_of(task)
            self._reasons[green.address] = Reason("task", f"what task {name} awaits", task)
        elif state == "waiting":
            found = self._at_leaf(self._look_for(green), green.stack)
            self._reasons[green.address] = found or self._switched_away(green)

    def settle(self, blocked: AbstractSet[int]) -> Iterator[tuple[tuple[int, int], str]]:
        """Compare the reasons: who holds what others wait for.

        Yields the edges found so, as ((waiter, target), via). ``blocked`` are the units that
        wait for others, as far as known: of a semaphore that one of its holders can leave
        there is nothing to say.
        """
        self._timers.read_throws()
        self._find_wakers()
        waiting: dict[int, Reason] = {}
        lacking = {unit: {lock} for unit, lock in self._taking.items()}
        for address, reason in self._reasons.items():
            if address in self._timers.units:
                self._cut_short(reason, *self._timers.units[address])
            if reason.subject:
                self._waiters[reason.subject] = self._waiters.get(reason.subject, 0) + 1
                if reason.limit != 0:
                    waiting[address] = reason
                if reason.released:
                    lacking[address] = {reason.released}
            for target in reason.targets:
                if target != address and self._is_unit(target):
                    yield (address, target), reason.via
        contended = {reason.subject for reason in waiting.values()}
        self._holders = find_holders(self._capture, contended, lacking)
        stuck = blocked | waiting.keys()
        for address, reason in waiting.items():
            holders = self._holders.get(reason.subject, [])
            if reason.limit is None:  # there may be others, who took it without ``with``
                known = stuck.issuperset(holders)
            else:
                known = len(holders) == reason.limit
            if known and len(holders) * self._waiters[reason.subject] <= _MOST_EDGES:
                for holder in holders:
                    yield (address, holder), "lock" if reason.on == "lock" else SEMAPHORE

    def _find_wakers(self) -> None:
        """Take in whose end completes what units wait for that name nobody."""
        waits = {
            address: reason.subject or address
            for address, reason in self._reasons.items()
            if reason.on in _BY_HAND and not reason.targets
        }
        if waits:
            from inspector import wakes

            for address, wakers in wakes.find(self._capture, waits).items():
                reason = self._reasons[address]
                reason.targets = wakers
                reason.via = FIRST if len(wakers) > 1 else CALLBACK

    def told(self, address: int) -> tuple[Wait | None, Runtime | None]:
        """What the unit at ``address`` waits on, None when it does not wait.

        With it how long it has slept: exact, since the timer says when it ends.
        """
        reason = self._reasons.get(address)
        if reason is None:
            return None, None
        left = self._left(reason)
        if reason.on == "sleep" and left is not None and not reason.subject:  # as most do
            text = f"{reason.text}, {reason.until % seconds(left)}"
            if reason.cut is not None:
                text += f", timeout in {seconds(max(reason.cut - self._timers.now, 0.0))}"
            wait = Wait._make(("sleep", text, left, reason.total, None, None, None, None, None))
            return wait, self._slept(reason, left)
        peer = None if reason.fd is None else self._capture.target.descriptors.peer(reason.fd)
        waiters = self._waiters.get(reason.subject)
        wait = Wait(
            on=reason.on,
            text=self._text(reason, left, peer, waiters or 1),
            seconds_left=left,
            seconds_total=reason.total,
            fd=reason.fd,
            mode="read" if reason.mode == "read" else "write" if reason.mode else None,
            peer=peer,
            object=reason.subject or None,
            waiters=waiters,
        )
        return wait, self._slept(reason, left) if reason.on == "sleep" else None

    def _slept(self, reason: Reason, left: float | None) -> Runtime | None:
        if left is None or reason.total is None or reason.deadline is None:
            return None
        if reason.deadline + 1e-3 == reason.deadline:  # too far off to say
            return None
        slept = reason.total - (reason.deadline - self._timers.now)
        return Runtime._make((max(slept, 0.0), "exact"))

    def _left(self, reason: Reason) -> float | None:
        """Seconds until a wait's deadline, None without one or where it is of another clock.

        That is so where more is left than there was: a loop's ``time()`` may be anything.
        """
        if reason.deadline is None:
            return None
        left = reason.deadline - self._timers.now
        if reason.total is not None and left > reason.total + _SKEW:
            return None
        return max(left, 0.0)

    # one unit

    def _look_for(self, unit: TaskFacts | GreenletFacts) -> Look:
        """A unit that moved was read again: its frames are only right in that reading."""
        objects = unit.frames.objects
        found = self._looks.get(id(objects))
        if found is None:
            found = Look(self._capture, objects, self._timers, self._workers, self._name_of)
            self._looks[id(objects)] = found
        return found

    def _at_leaf(self, look: Look, stack: Stack, reason: Reason | None = None) -> Reason | None:
        """What the rules say of the library's frames at the leaf of a stack.

        ``reason`` is what they said of frames further in.
        """
        rules = self._at_places.get(stack.place)
        if rules is None:
            rules = self._at_places[stack.place] = self._rules_at(look.objects, stack)
        for index, code, instruction, rule in rules:
            frame = FrameView(look.objects, (stack.addresses[index], code, instruction))
            reason = look.read(rule, frame, reason)
        return reason

    def _rules_at(self, objects: Objects, stack: Stack) -> list[_AtFrame]:
        """The rules for those of a stack's frames that have one, from the leaf outwards."""
        found: list[_AtFrame] = []
        for index, frame in enumerate(islice(stack, _LEAF_FRAMES)):
            inside, rule = self._rules.get(frame[1].address) or self._rule(objects, frame)
            if not inside:
                break
            if rule is not None:
                found.append((index, *frame[1:], rule))
        return found

    def _rule(self, objects: Objects, frame: RawFrame) -> tuple[bool, Rule | None]:
        """Whether the frame's code is part of a library that waits, and its rule."""
        code = frame[1]
        module = module_of(objects, frame)
        inside = module.partition(".")[0] in _LIBRARIES
        if inside and module in stdlib.MODULES:
            inside = stdlib.has(code.file)
        rule = _RULES.get((module, code.qualname)) if inside else None
        found = self._rules[code.address] = (inside, rule)
        return found

    def _switched_away(self, green: GreenletFacts) -> Reason:
        """No rule knows: either one is missing, or the program switches greenlets itself."""
        text = "unknown"
        if green.stack and not self._rules[green.stack[0][1].address][0]:
            text += ": its own code switched away"
        return Reason("unknown", text)

    def _note_taking(self, address: int, reason: Reason | None) -> None:
        """It was woken to take a lock and stands as if it had it already."""
        if reason is not None and reason.limit != 0:
            self._taking[address] = reason.subject

    def _cut_short(self, reason: Reason, end: float, total: float | None) -> None:
        """Take in when a timeout ends what a unit waits for."""
        if reason.on == "sleep":
            if reason.deadline is None or end < reason.deadline:
                reason.cut = end
            return
        if reason.deadline is None or end <= reason.deadline:
            reason.deadline = end
            reason.total = total if total is not None else reason.total
        if reason.on in ("future", "unknown") and not reason.targets:
            reason.on = "timeout"

    def _is_unit(self, address: int) -> bool:
        return address in self._capture.tasks or address in self._capture.greenlets

    def _text(self, reason: Reason, left: float | None, peer: str | None, waiters: int) -> str:
        text = reason.text
        if reason.fd is not None and reason.on == "fd":
            text = f"{reason.mode} fd {reason.fd}"
            if peer:
                text += f" {_ARROWS[reason.mode]} {peer}"
        holders = self._holders.get(reason.subject, ())
        if len(holders) == 1:
            holder = holders[0]
            world = "task" if holder in self._capture.tasks else "green thread"
            text += f" held by {world} {self._name_of(holder)}"
        if waiters > 1:
            text += f", {waiters - 1} other{'s' if waiters > 2 else ''} waiting"
        if left is not None:
            text += ", " + reason.until % seconds(left)
        if reason.cut is not None:
            text += f", timeout in {seconds(max(reason.cut - self._timers.now, 0.0))}"
        return text
