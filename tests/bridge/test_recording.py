from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from bridge.recording import MOST_UNITS, Recording, collapsed, speedscope
from inspector.snapshot import Completeness, Edge, Frame, Snapshot, Thread, Unit, Wait

WORK = Frame("Crawler.work", "/srv/app.py", 10)
SLEEP = Frame("sleep", "/usr/lib/python3.14/asyncio/tasks.py", 700, coroutine=True)
POSITIVE = {"type": "integer", "minimum": 0}

# speedscope's file-format-spec.ts as a schema, for what is used of it.
SPEEDSCOPE: dict[str, Any] = {
    "type": "object",
    "required": ["$schema", "shared", "profiles"],
    "properties": {
        "$schema": {"const": "https://www.speedscope.app/file-format-schema.json"},
        "name": {"type": "string"},
        "exporter": {"type": "string"},
        "activeProfileIndex": POSITIVE,
        "shared": {
            "required": ["frames"],
            "properties": {
                "frames": {
                    "type": "array",
                    "items": {
                        "required": ["name"],
                        "properties": {
                            "name": {"type": "string", "minLength": 1},
                            "file": {"type": "string"},
                            "line": POSITIVE,
                            "col": POSITIVE,
                        },
                        "additionalProperties": False,
                    },
                }
            },
        },
        "profiles": {
            "type": "array",
            "minItems": 1,
            "items": {
                "required": [
                    "type", "name", "unit", "startValue", "endValue", "samples", "weights",
                ],
                "properties": {
                    "type": {"const": "sampled"},
                    "name": {"type": "string"},
                    "unit": {"const": "seconds"},
                    "startValue": {"type": "number"},
                    "endValue": {"type": "number"},
                    "samples": {"type": "array", "items": {"type": "array", "items": POSITIVE}},
                    "weights": {"type": "array", "items": {"type": "number", "minimum": 0}},
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}  # fmt: skip


def check_speedscope(text: str) -> dict[str, Any]:
    """The document, once it is what speedscope reads: its schema and what that cannot say."""
    document: dict[str, Any] = json.loads(text)
    jsonschema.validate(document, SPEEDSCOPE)
    frames = document["shared"]["frames"]
    for profile in document["profiles"]:
        assert len(profile["samples"]) == len(profile["weights"])
        assert all(index < len(frames) for sample in profile["samples"] for index in sample)
        lasts = profile["endValue"] - profile["startValue"]
        assert lasts == pytest.approx(sum(profile["weights"]), abs=1e-4)
    return document


def task(number: int = 1, **changes: object) -> Unit:
    plain = Unit(
        id=f"task:{number:#x}",
        kind="task",
        type="_asyncio.Task",
        name=f"Task-{number}",
        tid=7,
        state="waiting",
        stack=(SLEEP, WORK),
        wait=Wait("sleep", "sleep 5 s (3.1 s left)", seconds_left=3.1, seconds_total=5),
    )
    return plain._replace(**changes)  # type: ignore[arg-type]


def at(
    seconds: float, *units: Unit, edges: tuple[Edge, ...] = (), threads: tuple[Thread, ...] = ()
) -> Snapshot:
    whole = Completeness(True, len(units), 0, 0, 0, False, 1.0)
    return Snapshot(
        1, 0, "app", "3.14.0", None, None, None, 1000 + seconds, whole, threads, units, edges
    )


def record(*snapshots: Snapshot, until: float) -> Recording:
    recording = Recording()
    for snapshot in snapshots:
        recording.add(snapshot)
    recording.finish(1000 + until)
    return recording


def names(recording: Recording) -> dict[tuple[str, ...], float]:
    return {
        tuple(place.name for place in stack): seconds
        for stack, seconds in recording.seconds.items()
    }


def test_a_look_counts_until_the_next_and_the_last_until_the_end() -> None:
    running = task(state="running", stack=(WORK,), wait=None)
    recording = record(at(0, task()), at(2, running), at(2.5, task()), until=4)
    assert names(recording) == {
        ("tasks", "Crawler.work", "sleep", "[waits: sleep]"): 3.5,
        ("tasks", "Crawler.work"): 0.5,
    }
    assert recording.looks == 3


def test_units_that_wait_alike_add_up_whatever_time_they_have_left() -> None:
    other = task(2, wait=Wait("sleep", "sleep 9 s (1 s left)", seconds_left=1, seconds_total=9))
    recording = record(at(0, task(), other), until=3)
    assert list(names(recording).values()) == [6]


def test_the_leaf_says_what_is_waited_for() -> None:
    reader = Wait("fd", "fd 7", fd=7, mode="read", peer="10.0.0.5:5432")
    recording = record(
        at(
            0,
            task(1, stack=(WORK,), wait=None),
            task(2, stack=(WORK,), wait=reader),
            task(3, stack=(WORK,), wait=None),
            task(4, stack=(WORK,), state="runnable", wait=None),
            task(5, stack=(), state="not_started", wait=None),
            task(6, stack=(WORK,), wait=Wait("gather", "2 of 3 to go")),
            task(7, stack=(WORK,), wait=Wait("lock", "lock held by Task-2")),
            edges=(
                Edge("task:0x1", "task:0x2", "awaits"),
                Edge("task:0x6", "task:0x2", "awaits"),
                Edge("task:0x6", "task:0x5", "awaits"),
                Edge("task:0x7", "task:0x2", "lock"),
            ),
        ),
        until=1,
    )
    assert [stack[-1] for stack in names(recording)] == [
        "[waits for task Crawler.work]",
        "[waits: fd read 10.0.0.5:5432]",
        "[waits]",
        "[runnable]",
        "[not started]",
        "[waits for several]",
        "[waits: lock]",
    ]


def test_both_worlds_and_plain_threads_are_told_apart_at_the_root() -> None:
    green = task(9, id="green:0x9", kind="green", name="GreenThread-9")
    hub = task(8, id="green:0x8", kind="hub", state="running", stack=(WORK,), wait=None)
    thread = Thread(11, "worker", False, None, None, (WORK,))
    recording = record(at(0, task(), green, hub, threads=(thread,)), until=1)
    roots = [stack[0] for stack in names(recording)]
    assert roots == ["tasks", "green threads", "threads", "threads"]
    document = check_speedscope(speedscope(recording, "app", "tests"))
    assert [profile["name"] for profile in document["profiles"]][:4] == [
        "all", "tasks", "green threads", "threads",
    ]  # fmt: skip


def test_a_greenlet_inside_a_task_is_one_stack_in_the_order_of_the_calls() -> None:
    spawn, query = Frame("greenlet_spawn", "/s.py", 1), Frame("driver_query", "/s.py", 2)
    flush, commit = Frame("flush", "/orm.py", 3), Frame("commit", "/orm.py", 4)
    host = task(1, stack=(SLEEP, query, flush, commit, spawn, WORK))
    inner = task(
        2, id="green:0x2", kind="green", stack=(flush, commit), wait=None, inside="task:0x1"
    )
    recording = record(at(0, host, inner), until=1)
    assert list(names(recording)) == [
        (
            "tasks",
            "Crawler.work",
            "greenlet_spawn",
            "commit",
            "flush",
            "driver_query",
            "sleep",
            "[waits: sleep]",
        )
    ]


def test_units_inside_one_another_end() -> None:
    one = task(1, inside="task:0x2")
    other = task(2, inside="task:0x1")
    assert record(at(0, one, other), until=1).looks == 1


def test_a_unit_has_a_line_of_what_it_did_in_order() -> None:
    running = task(state="running", stack=(WORK,), wait=None)
    recording = record(at(0), at(1, task()), at(2, task()), at(3, running), at(4, task()), until=6)
    document = check_speedscope(speedscope(recording, "app", "tests"))
    line = document["profiles"][-1]
    assert line["name"] == "Task-1"
    assert (line["startValue"], line["endValue"]) == (1, 6)
    assert line["weights"] == [2, 1, 2]


def test_a_line_is_empty_while_its_unit_is_not_there() -> None:
    """Addresses and names are used again: the next one did not begin where the first ended."""
    recording = record(at(0, task()), at(1), at(4, task()), at(5, task()), until=6)
    document = check_speedscope(speedscope(recording, "app", "tests"))
    line = document["profiles"][-1]
    assert (line["startValue"], line["endValue"]) == (0, 6)
    assert line["weights"] == [1, 3, 2]
    assert [len(sample) for sample in line["samples"]] == [4, 0, 4]
    assert sum(recording.seconds.values()) == 3  # together, nobody was there meanwhile
    looks = [at(1.7e9 + number / 7, task()) for number in range(50)]
    assert len(record(*looks, until=1.7e9 + 8).lines["task:0x1", "Task-1"].spells) == 1


def test_frames_are_shared_and_say_where_they_are() -> None:
    recording = record(at(0, task(), task(2)), until=1)
    document = check_speedscope(speedscope(recording, "app", "tests"))
    assert document["shared"]["frames"] == [
        {"name": "tasks"},
        {"name": "Crawler.work", "file": "/srv/app.py", "line": 10},
        {"name": "sleep", "file": SLEEP.file, "line": 700},
        {"name": "[waits: sleep]"},
    ]


def test_lines_are_bounded_but_every_unit_is_counted() -> None:
    units = [task(number) for number in range(MOST_UNITS + 50)]
    recording = record(at(0, *units), until=1)
    assert len(recording.lines) == MOST_UNITS
    assert sum(recording.seconds.values()) == pytest.approx(MOST_UNITS + 50)


def test_collapsed_stacks_are_milliseconds() -> None:
    recording = record(at(0, task()), at(1, task()), until=2.25)
    assert list(collapsed(recording)) == [
        "tasks;Crawler.work (/srv/app.py:10);sleep (asyncio/tasks.py:700);[waits: sleep] 2250"
    ]


def test_hostile_names_forge_neither_frames_nor_lines() -> None:
    evil = Frame("a;b\n\x1b[2Jc 9\ud800", "/srv/x;y 1\n.py", 3)
    recording = record(at(0, task(stack=(evil,), name="\x1b[31mred\n")), until=1)
    (line,) = collapsed(recording)
    stack, _, count = line.rpartition(" ")
    assert stack.count(";") == 2
    assert count == "1000"
    assert line.isprintable()
    text = speedscope(recording, "app", "tests")
    document = check_speedscope(text)
    assert all(frame["name"].isprintable() for frame in document["shared"]["frames"])
    assert document["profiles"][-1]["name"].isprintable()


def test_a_recording_of_nothing_is_valid() -> None:
    recording = record(at(0), at(1), until=2)
    assert list(collapsed(recording)) == []
    check_speedscope(speedscope(recording, "app", "tests"))


def test_a_clock_set_back_counts_nothing() -> None:
    recording = record(at(5, task()), at(2, task()), until=3)
    assert list(recording.seconds.values()) == [1]
