"""What units wait on, in real programs of both worlds, on every supported target."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from inspector.capture import Options, take
from inspector.waits.reason import seconds
from tests.interpreters import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from inspector.snapshot import Snapshot, Unit, Wait
    from tests.conftest import StartTarget, TargetPython
    from tests.programs import Program

ASYNCIO = "tests/targets/waits_asyncio.py"
EVENTLET = "tests/targets/waits_eventlet.py"


class Seen(NamedTuple):
    """A snapshot, with its units by name and its edges by names."""

    snapshot: Snapshot
    units: dict[str, list[Unit]]
    edges: set[tuple[str, str, str]]

    def wait(self, name: str, on: str) -> Wait:
        found = [u.wait for u in self.units[name] if u.wait and u.wait.on == on]
        assert found, (name, [unit.wait for unit in self.units[name]])
        return found[0]


def look(program: Program) -> Seen:
    snapshot = take(program.rest().pid)
    assert not snapshot.completeness.units_failed
    units: dict[str, list[Unit]] = {}
    for unit in snapshot.units:
        units.setdefault(unit.name, []).append(unit)
    names = {unit.id: unit.name for unit in snapshot.units}
    edges = {(names[e.waiter], names[e.target], e.via) for e in snapshot.edges}
    return Seen(snapshot, units, edges)


def until(program: Program, condition: Callable[[Seen], object]) -> Seen:
    """Look until the condition holds: what polls is at times just about to run."""
    deadline = time.monotonic() + 30
    while not condition(seen := look(program)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return seen


def near(value: float | None, expected: float) -> bool:
    """Within a minute below: the program was started a moment ago."""
    return value is not None and expected - 60 < value <= expected


class Case(NamedTuple):
    on: str
    text: str
    waiters: int | None = 1
    total: float | None = None
    left: float | None = None


ASYNCIO_CASES = {
    "sleep": Case("sleep", "sleeping, ", None, 300, 300),
    "spliced": Case("sleep", "sleeping, ", None, 3600, 3600),
    "commits": Case("task", "what task spliced awaits"),
    "lock-holder": Case("sleep", "sleeping, ", None, 3600, 3600),
    "lock-1": Case("lock", "lock held by task lock-holder, 1 other waiting", 2),
    "lock-2": Case("lock", "lock held by task lock-holder, 1 other waiting", 2),
    "condition": Case("condition", "condition"),
    "semaphore": Case("semaphore", "semaphore (0 free)"),
    "queue-get-1": Case("queue", "get from empty queue, 1 other waiting", 2),
    "queue-put": Case("queue", "put to full queue of 2"),
    "queue-join": Case("queue", "queue to be worked off"),
    "group": Case("gather", "TaskGroup: 2 tasks not done"),
    "gather": Case("gather", "gather: 2 of 3 not done"),
    "wait": Case("gather", "first of 3 futures, timeout in ", 1, 500, 500),
    "task": Case("task", "task sleep, 1 other waiting", 2),
    "shield": Case("task", "task sleep, 1 other waiting", 2),
    "timeout-future": Case("timeout", "future, timeout in ", 1, None, 800),
    "sleep-timeout": Case("sleep", "sleeping, ", None, 3600, 3600),
    "sleep-first": Case("sleep", "sleeping, ", None, 3600, 3600),
    "future-nobody": Case("future", "future that nobody else refers to: it will never be done"),
    "future-somebody": Case("future", "future"),
    "thread": Case("thread", "thread: Event.wait", None),
    "executor": Case("thread", "thread: Event.wait"),
    "deadlock-a": Case("lock", "lock held by task deadlock-b"),
    "deadlock-b": Case("lock", "lock held by task deadlock-a"),
}

EVENTLET_CASES = {
    "locks_and_sleeps": Case("sleep", "sleeping, ", None, 3600, 3600),
    "raw_runs": Case("sleep", "sleeping, ", None, 3600, 3600),
    "wants_lock": Case("lock", "lock held by green thread locks_and_sleeps, 1 other waiting", 2),
    "wants_lock_too": Case(
        "lock", "lock held by green thread locks_and_sleeps, 1 other waiting", 2
    ),
    "dead_a": Case("lock", "lock held by green thread dead_b"),
    "dead_b": Case("lock", "lock held by green thread dead_a"),
    "wants_semaphore": Case("semaphore", "semaphore (0 free)"),
    "gets": Case("queue", "get from empty queue, 1 other waiting", 2),
    "gets_with_timeout": Case(
        "queue", "get from empty queue, 1 other waiting, timeout in ", 2, 500, 500
    ),
    "puts": Case("queue", "put to full queue of 2, 1 other waiting", 2),
    "joins": Case("queue", "queue to be worked off, 1 other waiting", 2),
    "waits_event_under_timeout": Case("event", "event, 1 other waiting, timeout in ", 2, 700, 700),
    "sleeps_under_timeout": Case("sleep", "sleeping, ", None, 3600, 3600),
    "waits_pool": Case("gather", "GreenPool: 2 green threads not done, 1 other waiting", 2),
    "spawns_in_full_pool": Case("semaphore", "a free place in GreenPool of 2, 1 other", 2),
    "wants_item": Case("queue", "a free item of Pool of 1"),
    "in_tpool": Case("thread", "tpool thread: Event.wait"),
    "by_hand": Case("unknown", "unknown: its own code switched away", None),
}


def check(seen: Seen, name: str, case: Case) -> None:
    wait = seen.wait(name, case.on)
    assert wait.text.startswith(case.text), (name, wait)
    if not case.text.endswith(" in ") and case.on != "sleep":
        assert wait.text == case.text or case.text.endswith("other"), (name, wait)
    assert wait.waiters == case.waiters, (name, wait)
    assert (wait.object is None) == (case.waiters is None), (name, wait)
    assert wait.seconds_total == case.total, (name, wait)
    assert wait.seconds_left is None if case.left is None else near(wait.seconds_left, case.left)
    assert (wait.fd, wait.mode, wait.peer) == (None, None, None)


# A sleep of an hour under a timeout of 650 seconds ends with that.
CUT = re.compile(r"sleeping, (60|59)m \d\ds left, timeout in (10|9)m \d\ds")


@pytest.mark.parametrize("version", TARGETS)
def test_asyncio(version: str, target_python: TargetPython, start_target: StartTarget) -> None:
    program = start_target(target_python(version, "greenlet", "eventlet"), ASYNCIO)
    seen = look(program)
    for name, case in ASYNCIO_CASES.items():
        check(seen, name, case)
    assert CUT.fullmatch(seen.wait("sleep-timeout", "sleep").text)
    assert "timeout" not in seen.wait("sleep-first", "sleep").text
    said = {key: int(value) for key, value in program.ready.items()}
    descriptors = {
        "sock-recv": (said["recv_fd"], "read", f"127.0.0.1:{said['recv_port']}"),
        "sock-sendall": (said["send_fd"], "write", "unix socket"),
        "sock-accept": (
            said["accept_fd"], "read", f"listening on 127.0.0.1:{said['accept_port']}"
        ),
        "serve": (said["serve_fd"], "read", f"listening on 127.0.0.1:{said['stream_port']}"),
        "stream-read": (said["stream_fd"], "read", f"127.0.0.1:{said['stream_port']}"),
        "stream-write": (said["write_fd"], "write", f"127.0.0.1:{said['stream_port']}"),
    }  # fmt: skip
    for name, (fd, mode, peer) in descriptors.items():
        wait = seen.wait(name, "fd")
        assert (wait.fd, wait.mode, wait.peer) == (fd, mode, peer), name
        assert wait.text == f"{mode} fd {fd} {'←' if mode == 'read' else '→'} {peer}"
    child = program.wait_for_line("child=").removeprefix("child=")
    assert seen.wait("subprocess", "future").text == f"process {child} to end"
    # Before 3.12 wait_for runs what it waits for as a task of its own.
    inner = seen.wait("wait_for", "event" if version >= "3.12" else "task")
    assert inner.seconds_total == 600
    assert near(inner.seconds_left, 600)
    assert near(seen.wait("timeout", "event").seconds_left, 700)
    assert {
        ("lock-1", "lock-holder", "lock"),
        ("lock-2", "lock-holder", "lock"),
        ("deadlock-a", "deadlock-b", "lock"),
        ("deadlock-b", "deadlock-a", "lock"),
        ("task", "sleep", "awaits"),
        ("shield", "sleep", "awaits"),
        ("group", "group-a", "awaits"),
        ("group", "group-b", "awaits"),
    } == {edge for edge in seen.edges if not edge[1].startswith("Task-")}
    # How long a sleep lasts is exact: its timer says when it ends.
    (unit,) = seen.units["sleep"]
    assert unit.runtime is not None
    assert unit.wait is not None
    assert unit.wait.seconds_left is not None
    assert unit.runtime.how == "exact"
    assert abs(unit.runtime.seconds + unit.wait.seconds_left - 300) < 0.001


NEWEST = ("greenlet", "eventlet")
OLDEST = ("greenlet==2.0.2", "eventlet==0.33.3")  # the oldest that run on 3.11


@pytest.mark.parametrize(
    ("version", "way", "requirements"),
    [
        *[(version, way, NEWEST) for version in TARGETS for way in ("", "patched", "hybrid")],
        ("3.11", "", OLDEST),
    ],
)
def test_eventlet(
    version: str,
    way: str,
    requirements: tuple[str, ...],
    target_python: TargetPython,
    start_target: StartTarget,
) -> None:
    python = target_python(version, *requirements)
    check_eventlet(way, start_target(python, EVENTLET, *([way] if way else [])))


def check_eventlet(way: str, program: Program) -> None:
    """Compare what each green thread of the target waits on with what it is there for."""
    # The hub may still be sorting its timers when the program says that it is ready.
    seen = until(program, lambda seen: {u.state for u in seen.units["sleeps"]} > {"waiting"})
    for name, case in EVENTLET_CASES.items():
        if way and name in ("wants_lock", "gets"):
            continue  # there are two of that name
        check(seen, name, case)
    assert CUT.fullmatch(seen.wait("sleeps_under_timeout", "sleep").text)
    said = {key: int(value) for key, value in program.ready.items()}
    accepted = seen.wait("accepts", "fd")
    assert accepted.fd == said["accept_fd"]
    assert accepted.text == f"read fd {accepted.fd} ← {accepted.peer}"
    assert accepted.peer == f"listening on 127.0.0.1:{said['accept_port']}"
    read = seen.wait("reads", "fd")
    assert (read.fd, read.mode) == (said["read_fd"], "read")
    assert read.peer == f"127.0.0.1:{said['read_port']}"
    timed = seen.wait("reads_with_timeout", "fd")
    assert timed.seconds_total == 900
    assert near(timed.seconds_left, 900)
    assert (seen.wait("writes", "fd").fd, seen.wait("writes", "fd").mode) == (
        said["write_fd"],
        "write",
    )
    selected = seen.wait("selects", "fd")
    assert (selected.fd, selected.mode, selected.seconds_total) == (said["select_fd"], "read", 400)
    states = {unit.state: unit.wait for unit in seen.units["sleeps"]}
    assert states.keys() == {"waiting", "not_started"}
    later = states["not_started"]
    assert later is not None
    assert later.text.startswith("not started, starts in 3")
    assert near(later.seconds_left, 2000)
    assert {
        ("waits_green", "sleeps", "GreenThread.wait"),
        ("waits_pool", "in_pool", "GreenPool.waitall"),
        ("wants_lock", "locks_and_sleeps", "lock"),
        ("wants_lock_too", "locks_and_sleeps", "lock"),
        ("dead_a", "dead_b", "lock"),
        ("dead_b", "dead_a", "lock"),
    } <= seen.edges
    if way == "patched":
        check_patched(program, seen, said["child"])
    if way == "hybrid":
        check_hybrid(seen)


def check_patched(program: Program, seen: Seen, child: int) -> None:
    check(seen, "patched_condition", Case("condition", "condition"))
    held = {
        unit.wait.text for unit in seen.units["wants_lock"] if unit.wait and unit.wait.on == "lock"
    }
    assert "lock held by green thread patched_rlock_holder" in held
    assert ("wants_lock", "patched_rlock_holder", "lock") in seen.edges
    assert {unit.wait.on for unit in seen.units["waits_event"] if unit.wait} == {"event"}
    assert {unit.wait.on for unit in seen.units["gets"] if unit.wait} == {"queue"}
    (joining,) = seen.units["patched_joins"]
    assert joining.wait is not None
    assert joining.wait.on in ("green", "thread")
    polling = until(program, lambda seen: seen.units["waits_process"][0].wait)
    assert polling.wait("waits_process", "future").text == f"process {child} to end"


def check_hybrid(seen: Seen) -> None:
    crossing = {
        (waiter.split("-")[0], target.split("-")[0], via) for waiter, target, via in seen.edges
    }
    run = "spawn_for_awaitable.<locals>._run"
    assert {
        ("Task", "sleeps", "await GreenThread"),
        ("Task", "waits_green", "await GreenThread"),
        ("waits_green", run, "GreenThread.wait"),
        (run, "Task", "spawn_for_awaitable"),
    } <= crossing
    waits = {
        (unit.wait.on, unit.wait.text.split(",")[0])
        for unit in seen.snapshot.units
        if unit.wait and unit.kind == "task"
    }
    assert {("green", "green thread sleeps"), ("green", "green thread waits_green")} <= waits
    assert ("event", "eventlet's hub") in waits
    assert all(unit.wait and unit.wait.on == "task" for unit in seen.units[run])


def test_a_lock_taken_without_with_has_no_known_holder(
    target_python: TargetPython, start_target: StartTarget, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing in memory says who took it: then nothing is said, and no edge is drawn."""
    script = tmp_path_factory.mktemp("target") / "locks.py"
    script.write_text(
        "import asyncio, os\n"
        "async def take(lock):\n"
        "    async with lock: pass\n"
        "async def once(lock):\n"  # has had the lock, and holds its name only
        "    async with lock: pass\n"
        "    await asyncio.sleep(600)\n"
        "async def main():\n"
        "    lock = asyncio.Lock()\n"
        "    first = asyncio.create_task(once(lock), name='once')\n"
        "    await asyncio.sleep(0)\n"
        "    await lock.acquire()\n"
        "    task = asyncio.create_task(take(lock), name='take')\n"
        "    await asyncio.sleep(0.01)\n"
        "    print('ready', f'pid={os.getpid()}', flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    for version in ("3.11", "3.15"):
        seen = look(start_target(target_python(version), script))
        assert seen.wait("take", "lock").text == "lock"
        assert not seen.edges


def test_without_waits(target_python: TargetPython, start_target: StartTarget) -> None:
    program = start_target(target_python("3.14", "greenlet", "eventlet"), ASYNCIO)
    snapshot = take(program.pid, Options(waits=False))
    assert len(snapshot.units) > 30
    assert all(unit.wait is None and unit.runtime is None for unit in snapshot.units)


def test_spans_for_people() -> None:
    assert [seconds(value) for value in (-1, 0.04, 3.24, 59.9, 60, 3599, 7500)] == [
        "0.0 s", "0.0 s", "3.2 s", "59.9 s", "1m 00s", "59m 59s", "2h 05m",
    ]  # fmt: skip
