from __future__ import annotations

from bridge import graph, table
from bridge.escape import width
from bridge.style import Style
from inspector.snapshot import Edge, Runtime, Snapshot, Thread, Wait
from tests.bridge.snapshots import edges, frame, green, identity, sleep, snapshot, task
from tests.live import rows


def text(taken: Snapshot, style: Style | None = None, stacks: bool = False) -> list[str]:
    one = graph.build(taken)
    return list(table.lines(one, table.order(one), style=style or Style(), stacks=stacks))


def sample() -> Snapshot:
    units = [
        task("main", frame("gather"), frame("main"), runtime=Runtime(12.44, "exact")),
        task("fetch-1", frame("sleep"), frame("fetch"), wait=sleep(3.2), tid=1407356),
        green("reader", frame("r"), wait=Wait("fd", "read fd 7"), runtime=Runtime(2, "observed")),
    ]
    waits = [*edges({"main": ["fetch-1"]}), Edge(units[0].id, units[2].id, "await GreenThread")]
    return snapshot(units, waits, [Thread(7, "pool", False, None, None, (frame("run"),))])


def test_the_guides_columns_and_what_it_lacks() -> None:
    lines = text(sample())
    assert " ".join(lines[0].split()) == (
        "tid task_id task_name coroutine_chain awaiter_name runtime kind waits_on"
    )
    assert set(lines[1]) == {"-", " "}
    assert [len(rule) for rule in lines[1].split()][:2] == [8, len("0x7f0000000000") + 1]
    assert rows("\n".join(lines))[:2] == [
        {
            "tid": "1",
            "task_id": identity("main").removeprefix("task:"),
            "task_name": "main",
            "coroutine_chain": "gather -> main",
            "awaiter_name": "-",
            "runtime": "12.4s",
            "kind": "task",
            "waits_on": "task fetch-1, green reader",
        },
        {
            "tid": "1407356",
            "task_id": identity("fetch-1").removeprefix("task:"),
            "task_name": "fetch-1",
            "coroutine_chain": "sleep -> fetch",
            "awaiter_name": "main",
            "runtime": "-",
            "kind": "task",
            "waits_on": "sleeping, 3.2 s left",
        },
    ]
    assert [(row["kind"], row["runtime"]) for row in rows("\n".join(lines))[2:]] == [
        ("green", ">=2.0s"),
        ("thread", "-"),
    ]


def test_who_waits_for_a_lock_does_not_wait_for_its_holder() -> None:
    waits = [*edges({"group": ["holder"]}), *edges({"waiter": ["holder"]}, via="lock")]
    found = rows("\n".join(text(snapshot([task("holder"), task("group"), task("waiter")], waits))))
    assert [row["awaiter_name"] for row in found] == ["group", "-", "-"]
    assert found[2]["waits_on"] == "task holder"


def test_columns_are_aligned_by_cells() -> None:
    names = ["任務一", "e\u0301", "plain", "🚀"]
    lines = text(snapshot([task(name, frame("zz")) for name in names]))
    column = lines[0].index("coroutine_chain")
    for line in lines[2:]:
        before = line[: line.index("zz  ")]
        assert width(before) == column


def test_no_name_can_forge_a_row_or_a_cell() -> None:
    evil = ["a\n1  0xdead  forged", "a  b", "", " ", "\x1b[2J", "-"]
    lines = text(snapshot([task(name, frame("f")) for name in evil]))
    assert len(lines) == 2 + len(evil)
    assert all(line.isprintable() for line in lines)
    found = [row["task_name"] for row in rows("\n".join(lines))]
    assert found == [
        r"a\n1 \x200xdead \x20forged",
        r"a \x20b",
        "-",
        "-",
        r"\x1b[2J",
        "-",
    ]


def test_full_without_a_terminal_and_cut_on_one() -> None:
    units = [task("n" * 100, *(frame(f"function_{i}") for i in range(30)), wait=sleep(1))]
    whole = text(snapshot(units))
    assert whole[2].count(" -> ") == 29
    assert "n" * 100 in whole[2]
    for terminal in (200, 120, 100, 80):
        cut = text(snapshot(units), Style(width=terminal))
        assert max(map(len, cut)) <= terminal
        assert "…" in cut[2]
    # Narrower than the fixed columns are: nothing is lost but the alignment of the screen.
    assert "sleep…" in text(snapshot(units), Style(width=20))[2]


def test_one_long_value_does_not_pad_the_rows_of_others() -> None:
    lines = text(snapshot([task("n" * 500, frame("f")), task("short", frame("f"))]))
    assert len(lines[2]) > 500
    assert len(lines[3]) < 150
    assert [row["coroutine_chain"] for row in rows("\n".join(lines))] == ["f", "f"]


def test_sorting() -> None:
    one = graph.build(sample())
    units = table.order(one)

    def sorted_by(column: str) -> list[str]:
        return [unit.name for unit in table.sort(one, units, column)]

    assert sorted_by("runtime") == ["reader", "main", "fetch-1", "pool"]
    assert sorted_by("-runtime") == ["main", "reader", "fetch-1", "pool"]
    assert sorted_by("tid") == ["main", "reader", "pool", "fetch-1"]
    assert sorted_by("task_name") == ["fetch-1", "main", "pool", "reader"]
    assert sorted_by("awaiter_name")[-2:] == ["main", "pool"]


def test_stacks_stand_below_their_units() -> None:
    lines = text(sample(), stacks=True)
    where = "/srv/app/service.py:7"
    assert lines[3:5] == [f"    gather()  {where}", f"    main()  {where}"]


def test_every_column_has_a_value_for_every_unit() -> None:
    one = graph.build(sample())
    units = list(one.units.values())
    for name, column in table.COLUMNS.items():
        cells = column(one, units)
        assert [type(cell) for cell in cells] == [str] * len(units), name


def test_an_unknown_wait_is_called_so() -> None:
    assert rows("\n".join(text(snapshot([task("a", frame("f"))]))))[0]["waits_on"] == "unknown"
