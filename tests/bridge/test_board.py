"""The picture of ``top`` from looks made by hand: its size, order, marks, and the keys."""

from __future__ import annotations

import pytest

from bridge import watch
from bridge.board import Board, Picture, draw
from bridge.escape import width
from bridge.style import Style
from bridge.view import SORTS, View, press
from inspector.snapshot import (
    Completeness,
    Edge,
    Frame,
    Runtime,
    Snapshot,
    Thread,
    Unit,
    Wait,
)

WORK = Frame("work", "/srv/app.py", 10, {"password": "'hunter2'", "n": "3"})
OTHER = Frame("other", "/srv/app.py", 20)


def task(number: int = 1, **changes: object) -> Unit:
    plain = Unit(
        id=f"task:{number:#x}",
        kind="task",
        type="_asyncio.Task",
        name=f"Task-{number}",
        tid=7,
        state="waiting",
        stack=(WORK,),
        wait=Wait("event", "event 0x10", object=0x10),
    )
    return plain._replace(**changes)  # type: ignore[arg-type]


GREEN = task(9, id="green:0x9", kind="green", name="green-9", stack=(OTHER,))


def at(seconds: float, *units: Unit, edges: tuple[Edge, ...] = ()) -> Snapshot:
    whole = Completeness(True, len(units), 0, 0, 0, False, 1.0)
    thread = Thread(11, "pool-1", False, None, None, (OTHER,))
    return Snapshot(
        4711, 1, "/usr/bin/python app.py", "3.14.0", None, "0.41.3", None, 1000 + seconds,
        whole, (thread,), units, edges,
    )  # fmt: skip


def looks(*snapshots: Snapshot) -> watch.Watch:
    found = watch.begin(snapshots[0])
    for snapshot in snapshots[1:]:
        found = watch.look(found, snapshot)
    return found


def show(
    found: watch.Watch, view: View | None = None, columns: int = 80, lines: int = 24
) -> Picture:
    return draw(Board(found), view or View(), columns, lines)


def text(picture: Picture) -> str:
    return "\n".join(line.text for line in picture.lines)


def names(picture: Picture) -> list[str]:
    return [line.text.split()[2] for line in picture.lines if "(T)" in line.text[:6]]


@pytest.mark.parametrize("tree", [False, True])
@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (20, 3), (1, 1), (200, 60)])
def test_a_picture_is_exactly_as_large_as_the_screen(columns: int, lines: int, tree: bool) -> None:
    wide = task(2, name="日本語" * 20)
    picture = show(looks(at(0, task(), wide, GREEN)), View(tree=tree), columns, lines)
    assert {width(line.text) for line in picture.lines} == {columns}
    assert len(picture.lines) == lines


def test_a_narrow_screen_has_whole_names() -> None:
    heartbeat = task(name="heartbeat")
    shown = text(show(looks(at(0, heartbeat), at(9, heartbeat)), columns=26))
    assert " heartbeat " in shown
    assert " NAME " in shown
    assert "WAITS" not in shown


@pytest.mark.parametrize("name", ["", " ", "\u3000"])
def test_what_has_no_name_has_a_dash(name: str) -> None:
    unnamed = task(name=name)
    assert names(show(looks(at(0, unnamed), at(9, unnamed)))) == ["-"]


def test_the_head_counts_both_worlds_and_what_changed() -> None:
    moved = task(1, stack=(OTHER, WORK))
    found = looks(at(0, task(1), task(2), GREEN), at(3, moved, task(3), task(4), GREEN))
    head = show(found).lines
    assert head[0].text.startswith("4711 python app.py  3.14.0, eventlet 0.41.3")
    assert head[1].text.startswith("3 tasks  1 green threads  1 threads  +2 -1 *1")


def test_the_longest_in_its_place_comes_first_and_threads_last() -> None:
    late = task(1, stack=(OTHER, WORK))
    known = task(3, runtime=Runtime(100, "exact"))
    found = looks(
        at(0, task(1), task(2), known), at(3, late, task(2), known), at(5, late, task(2), known)
    )
    picture = show(found)
    assert names(picture) == ["Task-3", "Task-2", "Task-1"]
    times = [line.text.split()[1] for line in picture.lines if "(T)" in line.text[:6]]
    assert times == ["1m40s", ">=5.0s", ">=2.0s"]
    assert picture.keys[-1] == "thread:11"


@pytest.mark.parametrize("sort", SORTS)
def test_every_sort_has_a_reverse(sort: str) -> None:
    found = looks(
        at(0, task(2, name="b")),
        at(3, task(2, name="b"), task(1, name="a", wait=None, state="running")),
    )
    forward = show(found, View(sort=sort)).keys
    backward = show(found, View(sort=sort, reverse=True)).keys
    assert set(forward) == set(backward)
    if sort != "moves" and sort != "kind":
        assert [key for key in forward if "task" in key] == [
            key for key in reversed(backward) if "task" in key
        ]


def test_marks() -> None:
    edges = (Edge("task:0x1", "green:0x9", "awaits"), Edge("green:0x9", "task:0x1", "awaits"))
    first = at(0, task(1), task(2), GREEN, edges=edges)
    then = at(1, task(1), task(2, moving=True), task(3), GREEN, edges=edges)
    lines = {line.text[15:21]: line for line in show(looks(first, then)).lines}
    assert lines["Task-1"].text.startswith("! (T)")
    assert lines["Task-1"].color == "alarm"
    assert lines["Task-2"].text.startswith("*~(T)")
    assert lines["Task-3"].text.startswith("+ (T)")
    assert lines["Task-3"].color == "state"
    assert "1 in a circle" in text(show(looks(first, then)))
    tree = text(show(looks(first, then), View(tree=True)))
    assert "Task-3 (new)" in tree
    assert "(moved, moving)" in tree
    assert "in a circle" in tree


def test_growth_is_named_and_marked() -> None:
    def leak(count: int) -> list[Unit]:
        return [task(number) for number in range(count)]

    found = looks(*(at(second, GREEN, *leak(2 + 3 * second)) for second in range(5)))
    picture = show(found)
    assert "grows: work 2 to 14" in text(picture)
    marked = [line for line in picture.lines if "^" in line.text[:2]]
    assert len(marked) == 14


def test_what_could_not_be_read_is_said() -> None:
    partial = Completeness(False, 1, 1, 1, 2, False, 1.0, ("a note",))
    torn = at(0, task())._replace(completeness=partial)
    assert "not complete: 1 of 2 units read" in text(show(looks(torn)))


def test_filter_words_all_have_to_be_there() -> None:
    found = looks(at(0, task(1), task(2, stack=(OTHER,)), GREEN))
    assert names(show(found, View(filter="WORK task-1"))) == ["Task-1"]
    assert names(show(found, View(filter="work other"))) == []
    assert show(found, View(filter="green")).keys == ("green:0x9",)
    assert show(found, View(filter="app.py event")).keys


def test_a_filtered_tree_keeps_those_who_wait() -> None:
    edges = (Edge("task:0x1", "task:0x2", "awaits"),)
    found = looks(at(0, task(1), task(2, stack=(OTHER,)), task(3), edges=edges))
    picture = text(show(found, View(tree=True, filter="task-2")))
    assert "Task-1" in picture
    assert "Task-2" in picture
    assert "Task-3" not in picture
    assert "pool-1" not in picture


def test_a_tree_keeps_what_is_waited_for_where_lines_are_long() -> None:
    far = Frame("work", "/srv/a/folder/far/away/from/everything/else/that/is/there/app.py", 10)
    picture = text(show(looks(at(0, task(stack=(far,)))), View(tree=True)))
    assert "work  app.py:10  [event 0x10]" in picture


def test_fold_and_open() -> None:
    found = looks(at(0, task(1), task(2), GREEN))
    folded = show(found, View(folded=True))
    assert "work \u00d72" in text(folded)
    assert "Task-1" not in text(folded)
    (key,) = (key for key in folded.keys if key.startswith("branch:"))
    opened = show(found, View(folded=True, opened=frozenset({key})))
    assert {"task:0x1", "task:0x2"} < set(opened.keys)
    stack = text(show(found, View(opened=frozenset({"task:0x1"}))))
    assert "work(<hidden>, n=3)  /srv/app.py:10" in stack
    assert "hunter2" not in stack


def test_hostile_names_do_not_reach_the_terminal() -> None:
    evil = task(1, name="\x1b[2J\nforged\u202e", stack=(Frame("f\x07", "/x\x1b.py", 1),))
    for tree in (False, True):
        picture = show(looks(at(0, evil)), View(tree=tree, opened=frozenset({"task:0x1"})))
        assert all(line.text.isprintable() for line in picture.lines)
    ascii_only = draw(
        Board(looks(at(0, evil, GREEN))), View(folded=True), 80, 24, Style(unicode=False)
    )
    assert all(line.text.isascii() for line in ascii_only.lines)


def test_the_selected_row_is_on_the_screen() -> None:
    found = looks(at(0, *(task(number) for number in range(100))))
    view = View()
    for key, row in (("end", 100), ("home", 0), ("pagedown", 20), ("down", 21), ("up", 20)):
        picture = show(found, view)
        view = press(picture.view, key, picture.keys, picture.page)
        picture = show(found, view)
        (line,) = (line for line in picture.lines if line.selected)
        assert picture.view.selected == row
        assert line in picture.lines[3:-1]
    gone = show(looks(at(0, task())), view)
    assert gone.view.selected <= 1


def keys(view: View, pressed: list[str]) -> View:
    for key in pressed:
        view = press(view, key, ("a", "b"), 10)
    return view


def test_keys_that_change_the_view() -> None:
    assert keys(View(), ["t"]).tree
    assert keys(View(), ["p", " "]) == View()
    assert keys(View(), ["s"]).sort == SORTS[1]
    assert keys(View(), ["S"]).sort == SORTS[-1]
    assert keys(View(), ["s"] * len(SORTS)).sort == SORTS[0]
    assert keys(View(), ["down", "enter"]).opened == {"b"}
    assert keys(View(), ["enter", "enter"]).opened == frozenset()
    assert keys(View(), ["+"]).depth == 3
    assert keys(View(), ["-"] * 9).depth == 1
    assert keys(View(), ["?", "x"]) == View()
    assert keys(View(), ["x", "\x00", "unknown"]) == View()


def test_keys_while_a_filter_is_typed() -> None:
    assert keys(View(), list("/q p")).filter == "q p"
    assert keys(View(), [*"/ab", "backspace", "enter"]) == View(filter="a")
    assert keys(View(), [*"/ab", "escape"]) == View()
    assert keys(View(filter="ab"), ["escape"]) == View()
    assert keys(View(), ["/", "up", "\x07"]).filter == ""
