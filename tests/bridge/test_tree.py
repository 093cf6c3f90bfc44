from __future__ import annotations

import re
from collections import Counter
from itertools import cycle, pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import graph, tree
from bridge.escape import width
from bridge.style import Style
from inspector.snapshot import Edge, Frame, Runtime, Snapshot, Thread, Unit, Wait
from tests.bridge.snapshots import edges, frame, green, identity, sleep, snapshot, task


def draw(taken: Snapshot, style: Style | None = None, **options: Any) -> list[str]:
    return list(tree.lines(graph.build(taken), tree.Options(**options), style or Style()))


LIBRARY = Frame("sleep", "/usr/lib/python3.14/asyncio/tasks.py", 712, {"delay": "3.2"}, True)
FETCH = frame("fetch_url", url="'https://example.com/a'")


def test_the_guides_picture() -> None:
    units = [
        task("workers", frame("crawl_site", url="'https://example.com'")),
        task("one", LIBRARY, FETCH, wait=sleep(3.2)),
        task("two", frame("parse_links", line=9), state="running"),
    ]
    assert draw(snapshot(units, edges({"workers": ["one", "two"]}))) == [
        "└── (T) workers [2 tasks]",
        "    └── crawl_site('https://example.com')  /srv/app/service.py:7  [waiting]",
        "        ├── (T) one",
        "        │   └── fetch_url('https://example.com/a')  /srv/app/service.py:7",
        "        │       └── sleep(3.2)  asyncio/tasks.py:712  [sleeping, 3.2 s left]",
        "        └── (T) two",
        "            └── parse_links()  /srv/app/service.py:9  [running]",
    ]


def test_glyphs_and_means_of_waiting() -> None:
    units = [
        green("old", frame("serve", self="<Server>", port="80"), runtime=Runtime(4, "exact")),
        task("new", state="not_started", moving=True),
        green("main", kind="main", tid=5, state="running"),
        green("hub", kind="hub", tid=5, state="running"),
        task("asleep", tid=6, state="running"),
        green("idle", kind="hub", tid=6, state="running"),
    ]
    threads = [
        Thread(5, None, True, None, identity("hub", "green"), (), "running", "futex"),
        Thread(
            6, "six", False, identity("asleep"), identity("idle", "green"), (), "sleeping", "poll"
        ),
        Thread(9, "pool", False, None, None, ()),
        Thread(10, "pool", False, None, None, (), "sleeping", "futex"),
        Thread(11, "pool", True, None, None, (), "running", "futex"),
    ]
    waits = [Edge(units[0].id, units[1].id, "spawn_for_awaitable")]
    assert draw(snapshot(units, waits, threads)) == [
        "├── (G) old  4.0s",
        "│   └── serve(80)  /srv/app/service.py:7  [waiting]",
        "│       └── (T) new  via spawn_for_awaitable  [not started, moving]",
        "├── (T) asleep  [running, in poll]",
        "├── (M) main  tid 5  [running]",
        "├── (G) hub  [running]",
        "├── (G) idle  [running, in poll]",
        "├── (M) six  tid 6  [in poll]",
        "├── (M) pool  tid 9  [waiting]",
        "├── (M) pool  tid 10  [in futex]",
        "└── (M) pool  tid 11  [running]",
    ]


def test_several_awaiters_one_drawing() -> None:
    units = [task("a"), task("b"), task("shared", wait=sleep(1))]
    where = units[2].id.removeprefix("task:")
    assert draw(snapshot(units, edges({"a": ["shared"], "b": ["shared"]}))) == [
        "├── (T) a  [waiting]",
        f"│   └── (T) shared  {where}  [sleeping, 1.0 s left]",
        "└── (T) b  [waiting]",
        f"    └── (T) shared  {where}  (shown above)",
    ]


def test_who_holds_a_lock_is_drawn_below_who_waits_for_itself() -> None:
    units = [task("group"), task("waiter"), task("holder")]
    waits = [*edges({"group": ["waiter", "holder"]}), *edges({"waiter": ["holder"]}, via="lock")]
    where = units[2].id.removeprefix("task:")
    assert draw(snapshot(units, waits))[1:] == [
        "    ├── (T) waiter  [waiting]",
        f"    │   └── (T) holder  via lock  {where}  (shown below)",
        f"    └── (T) holder  {where}  [waiting]",
    ]
    # With nobody else, there.
    alone = snapshot(units[1:], edges({"waiter": ["holder"]}, via="lock"))
    assert draw(alone)[1] == "    └── (T) holder  via lock  [waiting]"


def test_two_locks_taken_in_turns_are_a_cycle() -> None:
    units = [task("group"), task("a"), task("b")]
    waits = [*edges({"group": ["a", "b"]}), *edges({"a": ["b"], "b": ["a"]}, via="lock")]
    lines = draw(snapshot(units, waits))
    assert [line.partition("  (")[2] for line in lines if "via lock" in line] == [
        "cycle: shown below)",
        "cycle: back to the one above)",
    ]
    assert lines[-1] == "cycle: (T) a → (T) b → (T) a"


def test_a_cycle_is_drawn_marked_and_spelt_out_and_the_rest_is_there() -> None:
    units = [task("fine"), task("a"), green("b"), task("c")]
    _, a, b, c = (unit.id for unit in units)
    waits = [
        Edge(a, b, "await GreenThread"),
        Edge(b, a, "spawn_for_awaitable"),
        Edge(c, a, "awaits"),
    ]
    where, there = a.partition(":")[2], b.partition(":")[2]
    assert draw(snapshot(units, waits)) == [
        "├── (T) fine  [waiting]",
        "└── (T) c  [waiting]",
        f"    └── (T) a  {where}  [waiting]",
        f"        └── (G) b  via await GreenThread  {there}  [waiting]",
        f"            └── (T) a  via spawn_for_awaitable  {where}  (cycle: back to the one above)",
        "cycle: (T) a → (G) b → (T) a",
    ]


def test_a_greenlets_frames_stand_in_the_task_that_they_continue() -> None:
    orm = (frame("await_only", line=3), frame("flush", line=2))
    stack = (frame("driver", line=4), *orm, frame("greenlet_spawn"), frame("request", line=1))
    host = task("request-1", *stack, inside=identity("commit", "green"))
    part = green("commit", *orm, inside=host.id)
    other = task("waits-for-both")
    waits = [Edge(other.id, host.id, "awaits"), Edge(other.id, part.id, "x")]
    assert draw(snapshot([other, host, part], waits)) == [
        "└── (T) waits-for-both [1 task, 1 green thread]  [waiting]",
        "    ├── (T) request-1",
        "    │   └── request()  /srv/app/service.py:1",
        "    │       └── greenlet_spawn()  /srv/app/service.py:7",
        "    │           └── (G) commit",
        "    │               └── flush()  /srv/app/service.py:2",
        "    │                   └── await_only()  /srv/app/service.py:3",
        "    │                       └── driver()  /srv/app/service.py:4  [waiting]",
        f"    └── (G) commit  via x  {part.id.partition(':')[2]}  (shown above)",
    ]


def test_options_leave_out_what_they_say() -> None:
    units = [task("top", FETCH), task("low", LIBRARY, frame("work", token="'x'"), wait=sleep(3))]
    taken = snapshot([*units, task("lower")], edges({"top": ["low"], "low": ["lower"]}))
    assert draw(taken, args=False)[1].startswith("    └── fetch_url  /srv")
    assert "work(<hidden>)" in draw(taken)[3]
    assert "work('x')" in draw(taken, show_secrets=True)[3]
    assert draw(taken, frames=False) == [
        "└── (T) top  [waiting]",
        "    └── (T) low  [sleeping, 3.0 s left]",
        "        └── (T) lower  [waiting]",
    ]
    assert draw(taken, library=False)[2:] == [
        "        └── (T) low",
        "            └── work(<hidden>)  /srv/app/service.py:7  [sleeping, 3.0 s left]",
        "                └── (T) lower  [waiting]",
    ]
    assert draw(taken, depth=0)[2:] == ["        └── … 1 task"]
    assert len(draw(taken, depth=1)) == 6
    assert draw(taken, depth=2) == draw(taken)


def test_what_is_hidden_by_depth_shows_where_it_is_not_deep() -> None:
    units = [task("a"), task("b"), task("c"), task("d")]
    taken = snapshot(units, edges({"a": ["b"], "b": ["c"], "d": ["c"]}))
    assert [line.rpartition("(T) ")[2] for line in draw(taken, depth=1, frames=False)][:3] == [
        "a  [waiting]",
        "b  [waiting]",
        "│       └── … 1 task",
    ]
    assert "(T) c" in draw(taken, depth=1)[-1]


def crowd(number: int) -> list[Unit]:
    return [
        task(
            f"fetch-{i}",
            frame("get", url=f"'u{i}'", timeout="5"),
            frame("fetch", url="'same'"),
            wait=sleep(i / 10),
        )
        for i in range(number)
    ]


def test_identical_stacks_are_one_branch_with_a_count_above_fifty() -> None:
    grouped = [
        "├── (T) fetch-* \N{MULTIPLICATION SIGN}60",
        "│   └── fetch('same')  /srv/app/service.py:7",
        "│       └── get(…)  /srv/app/service.py:7  [sleeping, 0.0 to 5.9 s left]",
        "└── (T) other  [waiting]",
    ]
    assert draw(snapshot([*crowd(60), task("other")])) == grouped
    assert len(draw(snapshot(crowd(50)))) == 150
    assert len(draw(snapshot(crowd(60)), group=False)) == 180
    assert draw(snapshot(crowd(2)), group=True)[0] == "└── (T) fetch-* \N{MULTIPLICATION SIGN}2"


def test_groups_go_down_as_far_as_they_are_alike() -> None:
    units = [*(task(f"p{i}", frame("parent")) for i in range(3)), *crowd(3), task("odd")]
    waits = edges({f"p{i}": [f"fetch-{i}"] for i in range(3)})
    assert draw(snapshot(units, waits), group=True) == [
        "├── (T) p* \N{MULTIPLICATION SIGN}3",
        "│   └── parent()  /srv/app/service.py:7  [waiting]",
        "│       └── (T) fetch-* \N{MULTIPLICATION SIGN}3",
        "│           └── fetch('same')  /srv/app/service.py:7",
        "│               └── get(…)  /srv/app/service.py:7  [sleeping, 0.0 to 0.2 s left]",
        "└── (T) odd  [waiting]",
    ]


def test_what_several_wait_for_is_never_collapsed() -> None:
    units = [task("x"), task("y"), *(task(f"w{i}") for i in range(4))]
    waits = edges({"w0": ["x"], "w1": ["x"], "w2": ["y"], "w3": ["y"]})
    text = "\n".join(draw(snapshot(units, waits), group=True))
    assert text.count("(T) w* \N{MULTIPLICATION SIGN}2") == 2
    assert text.count("(T) x") == text.count("(T) y") == 1


def test_groups_with_different_waits_show_one_and_count_the_others() -> None:
    units = [task(f"r{i}", frame("recv"), wait=Wait("fd", f"read fd {i}")) for i in range(3)]
    assert draw(snapshot(units), group=True)[1].endswith("[read fd 0; 2 others like it]")


def test_a_chain_of_ten_thousand_is_linear_and_its_lines_are_short() -> None:
    names = [f"link-{i}" for i in range(10_000)]
    units = [task(name, frame("wait"), frame("run")) for name in names]
    lines = draw(snapshot(units, edges({a: [b] for a, b in pairwise(names)})))
    assert len(lines) == 3 * len(names)
    assert max(map(len, lines)) < 350
    assert sum("(T) link-" in line for line in lines) == len(names)


def test_one_deep_stack_is_bounded_too() -> None:
    lines = draw(snapshot([task("deep", *(frame(f"f{i}") for i in range(5_000)))]))
    assert len(lines) == 5_001
    assert max(map(len, lines)) < 350
    folded = [(index, line) for index, line in enumerate(lines) if " deep] └── f" in line]
    assert len(folded) > 10
    assert all(line.startswith(f"[{index} deep] ") for index, line in folded)


def test_a_diamond_is_linear() -> None:
    levels = [[f"l{i}{side}" for side in "ab"] for i in range(14)]
    waits = {name: below for above, below in pairwise(levels) for name in above}
    lines = draw(snapshot([task(name) for level in levels for name in level], edges(waits)))
    assert len(lines) == 2 + 2 * len(waits)


def test_a_name_cannot_forge_a_line_or_move_the_cursor() -> None:
    evil = task("x\n└── (T) forged\x1b[2J\u202e", frame("f\r\n", a="'\x1b]0;title\x07'"))
    lines = draw(snapshot([evil]))
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


def test_ascii_branches() -> None:
    taken = snapshot([task("ä"), task("b"), task("c")], edges({"ä": ["b"], "b": ["c"], "c": ["b"]}))
    lines = draw(taken, Style(unicode=False))
    assert all(line.isascii() for line in lines)
    assert lines[0] == r"`-- (T) \xe4  [waiting]"
    assert lines[-1] == "cycle: (T) b -> (T) c -> (T) b"


def test_who_has_no_name_is_seen_all_the_same() -> None:
    lines = draw(snapshot([task("")], edges({"": [""]})))
    assert lines[0].startswith("└── (T) -  0x")
    assert lines[-1] == "cycle: (T) - → (T) -"


def test_colours_are_only_around_the_text() -> None:
    taken = snapshot([task("a", FETCH), green("b")], edges({"a": ["a"]}))
    plain, coloured = draw(taken), draw(taken, Style(color=True))
    assert [re.sub(r"\x1b\[[\d;]*m", "", line) for line in coloured] == plain
    assert coloured != plain


def test_lines_fit_a_terminal() -> None:
    long = Frame("f" * 90, "/srv/a/very/long/way/to/service.py", 7, {})
    lines = draw(snapshot([task("a", long, wait=sleep(3))]), Style(width=70))
    assert max(map(len, lines)) <= 70
    assert lines[1].endswith("…  service.py:7  [sleeping, 3.0 s left]")
    lines = draw(snapshot([task("a", long, wait=sleep(3))]), Style(width=40))
    assert lines[1].endswith("fff…  [sleeping, 3.0 s left]")
    # Deeper lines begin again at the margin, so that what they say has half of the terminal.
    names = [f"task-{i}" for i in range(30)]
    units = [task(name, long, wait=sleep(3)) for name in names]
    taken = snapshot(units, edges({a: [b] for a, b in pairwise(names)}))
    for columns in (80, 60):
        lines = draw(taken, Style(width=columns, color=True))
        assert max(width(re.sub(r"\x1b\[[\d;]*m", "", line)) for line in lines) <= columns
        assert sum("sleeping, 3.0 s left" in line for line in lines) == len(names)


NAMES = st.sampled_from("abcdefgh")


@settings(deadline=None)
@given(
    st.lists(st.tuples(NAMES, NAMES), max_size=20),
    st.dictionaries(NAMES, NAMES, max_size=3),
    st.booleans(),
)
def test_every_unit_is_drawn_once_in_any_graph(
    pairs: list[tuple[str, str]], inside: dict[str, str], ascii_only: bool
) -> None:
    units = [
        green(name, inside=identity(inside[name])) if name in inside else task(name)
        for name in "abcdefgh"
    ]
    ids = {unit.name: unit.id for unit in units}
    vias = cycle(["awaits", "lock", "awaits"])
    waits = [Edge(ids[one], ids[other], next(vias)) for one, other in pairs]
    lines = draw(snapshot(units, waits), Style(unicode=not ascii_only))
    drawn = Counter(
        line.partition(") ")[2][0]
        for line in lines
        if ") " in line and not re.search(r"above\)|below\)|^cycle:", line)
    )
    assert drawn == Counter("abcdefgh")
    cycles = graph.build(snapshot(units, waits)).cycles
    assert len(lines) <= len(units) + len(set(waits)) + len(cycles)
