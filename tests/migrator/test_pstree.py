"""`migrate pstree` on live processes; each peer's defect of the tree in the open is a case."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.live import document, migrate
from tests.programs import ROOT, Program, every_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import StartTarget, TargetPython

    Shape = Callable[..., Program]

SHAPES = "tests/targets/asyncio_shapes.py"


@pytest.fixture
def shape(start_target: StartTarget, target_python: TargetPython) -> Shape:
    def start(name: str, argument: object = 0, version: str = "3.14") -> Program:
        return start_target(target_python(version), SHAPES, name, json.dumps(argument))

    return start


def branches(text: str) -> list[tuple[int, str]]:
    """The lines of a tree as (depth, what they say)."""
    found = []
    for line in text.splitlines():
        match = re.match(r"((?:│   |    )*)(?:├── |└── )(.*)", line)
        if match:
            found.append((len(match[1]) // 4, match[2]))
    return found


def way_to(text: str, needle: str) -> list[str]:
    """The line that holds ``needle`` after those above it, from its root on."""
    lines = branches(text)
    place = next(i for i, (_, said) in enumerate(lines) if needle in said)
    depth, said = lines[place]
    way = [said]
    for above, said in reversed(lines[:place]):
        if above < depth:
            depth = above
            way.append(said)
    return way[::-1]


@every_target
def test_the_deadlock_of_both_worlds(
    version: str, start_target: StartTarget, target_python: TargetPython
) -> None:
    target = start_target(target_python(version, "greenlet", "eventlet"), "samples/deadlock.py")
    done = migrate("pstree", target.pid)
    assert done.returncode == 1
    assert (
        "cycle: (T) book-7 → (G) Orders.order → (G) spawn_for_awaitable.<locals>._run → (T) book-7"
        in done.stdout.splitlines()
    )
    assert "(cycle: back to the one above)" in done.stdout
    assert "(T) heartbeat" in done.stdout
    (process,) = document("pstree", target.pid)["processes"]
    (cycle,) = process["cycles"]
    assert cycle[0] == cycle[-1]
    edges = {(edge["waiter"], edge["target"]) for edge in process["edges"]}
    assert set(pairwise(cycle)) <= edges


@every_target
def test_both_kinds_of_edges_in_one_tree(
    version: str, start_target: StartTarget, target_python: TargetPython
) -> None:
    python = target_python(version, "greenlet", "eventlet")
    target = start_target(python, "samples/hybrid_service.py")
    done = migrate("pstree", target.pid)
    assert done.returncode == 0, done.stderr
    way = [said for said in way_to(done.stdout, "(T) audit-7") if said.startswith("(")]
    assert [re.sub(r"  .*| \[.*", "", said) for said in way] == [
        "(G) spawn_for_awaitable.<locals>._run",
        "(T) new-half",
        "(T) settle-7",
        "(G) Ledger.settle",
        "(G) spawn_for_awaitable.<locals>._run",
        "(T) audit-7",
    ]
    assert "via await GreenThread" in way[3]
    assert "via spawn_for_awaitable" in way[5]
    assert "NewHalf.fetch_price('ABC')" in done.stdout
    assert "(M) main" in done.stdout


def test_orm_frames_of_sqlalchemy_stand_under_their_task(
    start_target: StartTarget, target_python: TargetPython
) -> None:
    python = target_python("3.14", "greenlet", "sqlalchemy", "aiosqlite")
    target = start_target(python, "tests/targets/sqlalchemy_commit.py")
    way = way_to(migrate("pstree", target.pid).stdout, "Connection._execute(")
    wanted = [
        *("(T) request-1", "request(", "greenlet_spawn(", "(G) Session.commit"),
        *("SessionTransaction.commit(", "_emit_insert_statements(", "DefaultDialect.do_execute("),
        *("Cursor.execute('INSERT", "Connection._execute("),
    ]
    places = [next(i for i, said in enumerate(way) if said.startswith(one)) for one in wanted]
    assert places == sorted(places)


@pytest.mark.parametrize("world", ["tasks", "greens", "mixed"])
@pytest.mark.parametrize("number", [1_501, pytest.param(10_001, marks=pytest.mark.nightly)])
def test_a_long_chain_is_shown_in_full(
    world: str, number: int, start_target: StartTarget, target_python: TargetPython
) -> None:
    target = start_target(
        target_python("3.14", "greenlet", "eventlet"),
        "tests/targets/long_chains.py",
        world,
        str(number),
        seconds=120,
    )
    drawn = migrate("pstree", target.pid)
    assert (drawn.returncode, drawn.stderr) == (0, "")
    calls = re.findall(r"(?:awaits|\.waits)\((\d+), ", drawn.stdout)
    assert [int(call) for call in calls] == list(range(number - 1))
    assert len(drawn.stdout) < 1_500 * number

    listed = migrate("ps", target.pid)
    assert (listed.returncode, listed.stderr) == (0, "")
    (process,) = document("pstree", target.pid)["processes"]
    assert len(listed.stdout.splitlines()) - 2 >= len(process["units"]) >= number

    # From the head on, every unit waits for exactly one, and the last one sleeps.
    units = {unit["id"]: unit for unit in process["units"]}
    following = {edge["waiter"]: edge["target"] for edge in process["edges"]}
    assert len(following) == len(process["edges"])
    heads = following.keys() - set(following.values())
    way = max((list(along(following, head)) for head in heads), key=len)
    assert len(way) >= number
    assert units[way[-1]]["wait"]["on"] == "sleep"


def along(following: dict[str, str], unit: str) -> Iterator[str]:
    """``unit`` and all those below it in a chain."""
    yield unit
    while unit in following:
        yield (unit := following[unit])


def test_a_diamond_prints_each_unit_once(shape: Shape) -> None:
    lines = migrate("pstree", shape("diamond", 14).pid).stdout.splitlines()
    assert len(lines) < 200
    for name in ("bottom", "top", *(f"level-{i}-{side}" for i in range(14) for side in "ab")):
        drawn = [line for line in lines if f"(T) {name} " in line and "above)" not in line]
        assert len(drawn) == 1, name


def test_a_cycle_is_drawn_with_the_rest(shape: Shape) -> None:
    done = migrate("pstree", shape("cycle").pid)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "cycle: (T) A → (T) B → (T) A"
    assert all(f"(T) {name}" in done.stdout for name in "ABCD")


@pytest.mark.parametrize("path", ["-", "/dev/stdout"])
def test_the_page_may_go_to_stdout(path: str, shape: Shape) -> None:
    done = migrate("pstree", "--html", path, shape("many", 2).pid)
    assert done.returncode == 0
    assert done.stdout.startswith("<!doctype html>")
    assert done.stdout.endswith("</html>\n")


def test_secrets_are_hidden_everywhere_until_asked_for(shape: Shape, tmp_path: Path) -> None:
    target = shape("secrets")
    page = tmp_path / "page.html"
    for arguments in ([], ["--json"], ["--html", page]):
        done = migrate("pstree", *arguments, target.pid)
        text = page.read_text() if "--html" in arguments else done.stdout
        assert "hunter2" not in text
        assert "page=7" in text
    assert migrate("pstree", target.pid, "--show-secrets").stdout.count("hunter2") >= 4


def test_options_change_the_picture(shape: Shape) -> None:
    target = shape("many", 60)
    grouped = migrate("pstree", target.pid).stdout
    assert "(T) unit-* \N{MULTIPLICATION SIGN}60" in grouped
    assert len(grouped.splitlines()) < 20
    every = migrate("pstree", target.pid, "--no-group").stdout
    assert every.count("(T) unit-") == 60
    assert "rest(17)" in every
    assert "rest(" not in migrate("pstree", target.pid, "--no-group", "--no-args").stdout
    bare = migrate("pstree", target.pid, "--no-group", "--no-frames").stdout
    assert len(bare.splitlines()) == 62
    assert "60 tasks" in migrate("pstree", target.pid, "--depth", 0).stdout
    hidden = migrate("pstree", target.pid, "--hide-library").stdout
    assert "asyncio/tasks.py" not in hidden
    assert "rest(" in hidden


def test_the_first_lines_come_before_the_last_are_made(shape: Shape) -> None:
    target = shape("many", 500)
    command = f"'{sys.executable}' -m migrator pstree --no-group {target.pid}; echo $? >&2"
    done = subprocess.run(
        ["sh", "-c", f"({command}) | head -n 3"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout.splitlines()) == 3
    assert done.stderr == "0\n"


def test_html_that_cannot_be_written_is_one_line(shape: Shape, tmp_path: Path) -> None:
    target = shape("cycle")
    done = migrate("pstree", target.pid, "--html", tmp_path / "none" / "page.html")
    assert done.returncode == 2
    assert "cannot write" in done.stderr
    assert list(tmp_path.iterdir()) == []
    both = migrate("pstree", target.pid, "--html", "x", "--json")
    assert both.returncode == 2


@every_target
def test_three_threads_each_with_a_loop_or_a_hub(
    version: str, start_target: StartTarget, target_python: TargetPython
) -> None:
    python = target_python(version, "greenlet", "eventlet")
    target = start_target(
        python, "tests/targets/three_threads.py", env={"PYTHONWARNINGS": "ignore"}
    )
    (process,) = document("pstree", target.pid)["processes"]
    tids: dict[str, set[int]] = {}
    for unit in process["units"]:
        tids.setdefault(unit["name"].partition("-")[0], set()).add(unit["tid"])
    for name in ("first", "third", "hub_main.<locals>.nap", "hub"):
        assert len(tids[name]) == 1, tids
    assert tids["hub"] == tids["hub_main.<locals>.nap"]
    assert len(tids["first"] | tids["third"] | tids["hub"]) == 3
    assert target.pid not in tids["first"] | tids["third"] | tids["hub"]
    threads = {thread["tid"]: thread for thread in process["threads"]}
    assert len(threads) == 4
    for name in ("first", "third", "hub"):
        (tid,) = tids[name]
        assert any("asyncio" in f["file"] or "hubs" in f["file"] for f in threads[tid]["stack"])
    text = migrate("pstree", target.pid).stdout
    assert way_to(text, "hub_main.<locals>.nap(3600)")[0].startswith("(M) main")
