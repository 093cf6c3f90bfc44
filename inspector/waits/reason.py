"""What rules work with: the reason they fill in, and what they may look things up in."""

from __future__ import annotations

from inspector.memory import BadMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inspector.capture import Capture
    from inspector.frames import FrameView
    from inspector.objects import Objects
    from inspector.snapshot import WaitOn
    from inspector.waits.futures import Workers
    from inspector.waits.timers import Timers

    # How to read from the frame of a function that waits what it waits for. The third argument
    # is what a rule said of a frame further in (a semaphore inside a pool); what a rule returns
    # replaces that.
    Rule = Callable[["Look", FrameView, "Reason | None"], "Reason | None"]

    # (last folder and file, qualified name of the function) -> rule. The folder of the
    # standard library's own modules is written "python".
    Rules = dict[tuple[str, str], Rule]

MAX_MEMBERS = 2_000_000  # of a pool, a group, a gather
NOT_STARTED = "not started"  # said of work that no thread has taken up yet
EMPTY = "get from empty"
CLIENT = "a client"
ENDS = "connection to end"
SENT = "response to be sent"
SHUTDOWN = "shutdown"
# How the text of a wait begins that lasts as long as nobody has anything for the unit.
RESTS = (EMPTY, f"read {CLIENT}", ENDS, SENT, SHUTDOWN)


class Reason:
    """Why a unit waits, before it is put into words. Times are seconds, CLOCK_MONOTONIC.

    What most reasons lack stands in the class: there is one for each of thousands of units.
    """

    deadline: float | None = None  # when a sleep or a timeout ends
    total: float | None = None  # how long it was asked to last
    cut: float | None = None  # when a timeout ends a sleep before its own end
    fd: int | None = None
    mode = ""  # "read" or "write"
    targets: Iterable[int] = ()  # tasks and greenlets that must act first
    via = ""  # by which means, for the edges to them
    limit: int | None = 0  # how many units can hold the subject at a time, None for unknown
    released = 0  # a lock that it has let go of while it waits

    def __init__(
        self, on: WaitOn, text: str, subject: int = 0, until: str = "timeout in %s"
    ) -> None:
        self.on = on
        self.text = text
        self.subject = subject  # the primitive waited on, 0 when there is none
        self.until = until  # how the deadline is put into words


class Look:
    """What a rule may ask about the target: objects, timers, names."""

    __slots__ = ("capture", "memory", "name_of", "objects", "timers", "workers")

    def __init__(
        self,
        capture: Capture,
        objects: Objects,
        timers: Timers,
        workers: Workers,
        name_of: Callable[[int], str],
    ) -> None:
        self.capture = capture
        self.workers = workers
        self.objects = objects  # of the reading that the unit was decoded from
        self.memory = objects.memory
        self.timers = timers
        self.name_of = name_of

    def number(self, address: int, name: str) -> int | None:
        """An int attribute of an object, None when there is none."""
        value = self.objects.attribute(address, name)
        return self.objects.integer(value) if value else None

    def size(self, address: int, name: str) -> int:
        """How many items the container in an attribute holds, 0 when there is none."""
        value = self.objects.attribute(address, name)
        return 0 if not value or self.objects.is_none(value) else self.objects.size(value)

    def members(self, address: int) -> list[int]:
        """The items of a list, tuple, set or deque; none of anything else."""
        return self.objects.items(address, MAX_MEMBERS) if address else []

    def file_number(self, address: int) -> int | None:
        """The descriptor that an int, a socket or what wraps a socket stands for."""
        for _ in range(4):
            if not address:
                return None
            kind = self.objects.type_of(address)
            if any(self.objects.type_at(base).full == "_socket.socket" for base in kind.mro):
                number = self.memory.u32(address + 16)  # PySocketSockObject.sock_fd
                return number if number < 1 << 31 else None
            if (whole := self.objects.integer(address)) is not None:
                return whole
            # eventlet's GreenSocket has .fd, asyncio's TransportSocket ._sock
            address = self.objects.attribute(address, "fd") or self.objects.attribute(
                address, "_sock"
            )
        return None

    def flag(self, address: int) -> bool:
        """Whether a value is a true bool or int."""
        return bool(address and self.objects.integer(address))

    def unit(self, address: int) -> str:
        """``task NAME`` or ``green thread NAME``, "" for anything else."""
        if address in self.capture.tasks:
            return f"task {self.name_of(address)}"
        if address in self.capture.greenlets:
            return f"green thread {self.name_of(address)}"
        return ""

    def read(self, rule: Rule, frame: FrameView, inner: Reason | None) -> Reason | None:
        """What a rule says; what was known before where memory makes no sense."""
        try:
            return rule(self, frame, inner)
        except BadMemory:
            return inner


def primitive(
    on: WaitOn,
    text: str,
    local: str = "self",
    *,
    describe: Callable[[Look, int], str] | None = None,
) -> Rule:
    """The common rule: waits on the object that a local names.

    ``describe`` gives the text for the object.
    """

    def read(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
        if inner is not None and inner.on == "lock":
            return inner  # it is made of a lock and others, and waits for the lock yet
        subject = frame.local(local)
        reason = Reason(on, describe(look, subject) if describe else text, subject)
        if on in ("lock", "semaphore"):
            reason.limit = 1 if on == "lock" else limit_of(look, subject)
        if inner is not None:
            reason.deadline, reason.total = inner.deadline, inner.total
        return reason

    return read


_YEAR = 365.25 * 86400
_AGES = 100 * _YEAR


def limit_of(look: Look, semaphore: int) -> int | None:
    """How many can hold a semaphore: a bounded one knows it."""
    for name in ("_bound_value", "_initial_value", "original_counter"):
        if (limit := look.number(semaphore, name)) is not None:
            return limit
    return None


def seconds(value: float) -> str:
    """A span for people: ``3.2 s``, ``4m 10s``, ``2h 05m``, ``3e+02 years``."""
    if value >= _AGES:
        return f"{value / _YEAR:.0e} years"
    if value < 60:
        return f"{max(value, 0):.1f} s"
    whole = int(value)
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"


def count(number: int, what: str) -> str:
    """``1 task``, ``3 tasks``."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def several(number: int, until: str | None) -> str:
    """What is said of a wait for futures: ``until`` is asyncio's ``return_when``."""
    if until == "FIRST_EXCEPTION":
        return f"first exception of {count(number, 'future')}, or all"
    return f"{'all' if until == 'ALL_COMPLETED' else 'first'} of {count(number, 'future')}"
