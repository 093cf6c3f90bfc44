from __future__ import annotations

from bridge.watch import Branch, Watch, begin, grows, look, observed
from inspector.snapshot import Completeness, Edge, Frame, Runtime, Snapshot, Spawned, Unit, Wait

WORK = Frame("work", "/srv/app.py", 10)
SLEEP = Frame("sleep", "/usr/lib/python3.14/asyncio/tasks.py", 700, coroutine=True)


def unit(number: int = 1, **changes: object) -> Unit:
    plain = Unit(
        id=f"task:{number:#x}",
        kind="task",
        type="_asyncio.Task",
        name=f"Task-{number}",
        tid=7,
        state="waiting",
        stack=(SLEEP, WORK),
        wait=Wait("event", "Event 0x10", object=0x10),
    )
    return plain._replace(**changes)  # type: ignore[arg-type]


def at(seconds: float, *units: Unit, edges: tuple[Edge, ...] = ()) -> Snapshot:
    whole = Completeness(True, len(units), 0, 0, 0, False, 1.0)
    return Snapshot(
        1, 0, "app", "3.14.0", None, None, None, 1000 + seconds, whole, (), units, edges
    )


def watch(*snapshots: Snapshot) -> Watch:
    looks = begin(snapshots[0])
    for snapshot in snapshots[1:]:
        looks = look(looks, snapshot)
    return looks


def in_place(*snapshots: Snapshot) -> float:
    looks = watch(*snapshots)
    (track,) = looks.tracks.values()
    return looks.in_place(track)


def test_counts_from_the_first_look_that_found_the_unit_where_it_is() -> None:
    elsewhere = unit(stack=(WORK,))
    assert in_place(at(0, unit())) == 0
    assert in_place(at(0, unit()), at(2, unit()), at(5, unit())) == 5
    assert in_place(at(0, elsewhere), at(2, unit()), at(5, unit())) == 3


def test_says_what_is_new_what_moved_and_what_ended() -> None:
    looks = watch(at(0, unit(1), unit(2)), at(1, unit(1, stack=(WORK,)), unit(3)))
    moved, new = looks.tracks["task:0x1"], looks.tracks["task:0x3"]
    assert looks.has_moved(moved)
    assert not looks.is_new(moved)
    assert moved.moves == 1
    assert looks.is_new(new)
    assert not looks.has_moved(new)
    assert [track.unit.name for track in looks.ended] == ["Task-2"]
    first = begin(at(0, unit(1)))
    assert not first.is_new(first.tracks["task:0x1"])


def test_a_unit_that_was_read_while_it_moved_has_moved() -> None:
    assert in_place(at(0, unit()), at(2, unit()), at(5, unit(moving=True))) == 0


def test_the_same_line_on_another_object_is_another_place() -> None:
    other = Wait("event", "Event 0x20", object=0x20)
    assert in_place(at(0, unit()), at(2, unit(wait=other)), at(5, unit(wait=other))) == 3


def test_a_loop_of_sleeps_is_not_one_long_sleep() -> None:
    def left(seconds: float) -> Unit:
        return unit(wait=Wait("sleep", "sleep", seconds_left=seconds, seconds_total=10))

    assert in_place(at(0, left(9)), at(3, left(6.02)), at(5, left(3.99))) == 5
    assert in_place(at(0, left(9)), at(10, left(9)), at(12, left(7))) == 2


def test_a_wait_that_gained_a_deadline_began_anew() -> None:
    with_timeout = unit(wait=Wait("event", "Event 0x10", object=0x10, seconds_left=4))
    assert in_place(at(0, unit()), at(3, with_timeout)) == 0


def test_an_address_used_again_is_another_unit() -> None:
    def age(*snapshots: Snapshot) -> float:
        looks = watch(*snapshots)
        return looks.now - looks.tracks["task:0x1"].first_seen

    other_name = unit(name="Task-99")
    other_root = unit(stack=(SLEEP, Frame("other", "/srv/app.py", 20)))
    born = unit(spawned=Spawned("/srv/app.py", 5, None, 999.0))
    born_later = unit(spawned=Spawned("/srv/app.py", 5, None, 1003.0))
    assert age(at(0, unit()), at(4, unit(stack=(WORK,)))) == 4
    assert age(at(0, unit()), at(4, other_name)) == 0
    assert age(at(0, unit()), at(4, other_root)) == 0
    assert age(at(0, born), at(4, born)) == 4
    assert age(at(0, born), at(4, born_later)) == 0
    assert [track.unit for track in watch(at(0, born), at(4, born_later)).ended] == [born]


def test_a_unit_keeps_its_age_when_it_starts() -> None:
    looks = watch(at(0, unit(state="not_started", stack=(), wait=None)), at(4, unit()))
    assert looks.tracks["task:0x1"].first_seen == 1000


def test_fills_in_run_times_only_where_none_is_known() -> None:
    leaf, waiter, known = unit(1), unit(2), unit(3, runtime=Runtime(70, "exact"))
    edges = (Edge("task:0x2", "task:0x1", "awaits"),)
    moved = [each._replace(stack=(WORK,)) for each in (leaf, waiter)]
    looks = watch(
        at(0, leaf, waiter, known, edges=edges), at(3, *moved, known), at(5, *moved, edges=edges)
    )
    runtimes = {each.name: each.runtime for each in observed(looks).units}
    assert runtimes == {"Task-1": Runtime(2, "observed"), "Task-2": Runtime(5, "observed")}
    assert observed(watch(at(0, known))).units == (known,)
    assert observed(watch(at(0, leaf))).units == (leaf,)


def test_an_exact_time_counts_more_than_what_was_watched() -> None:
    sleeper = unit(runtime=Runtime(300.5, "exact"))
    assert in_place(at(0, sleeper)) == 300.5


def test_a_unit_is_as_old_as_its_wait_and_stays_so() -> None:
    sleeper = unit(runtime=Runtime(300.5, "exact"))
    looks = watch(at(0, sleeper), at(2, unit(stack=(WORK,))))
    assert looks.age(looks.tracks["task:0x1"]) == 302.5
    looks = watch(at(0, unit()), at(2, unit()))
    assert looks.age(looks.tracks["task:0x1"]) == 2


def test_counts_units_that_were_started_alike_by_their_own_function() -> None:
    green = unit(9, id="green:0x9", kind="green", stack=(Frame("serve", "/srv/s.py", 3),))
    looks = watch(at(0, unit(1)), at(1, unit(1), unit(2), green), at(2, unit(1)))
    assert looks.counts == {
        Branch("task", "work", "/srv/app.py"): (1, 2, 1),
        Branch("green", "serve", "/srv/s.py"): (0, 1, 0),
    }
    assert not looks.growing()


def test_a_branch_that_was_tracked_is_named_by_its_spawn() -> None:
    born = unit(spawned=Spawned("/srv/app.py", 5, None, 999.0))
    assert list(begin(at(0, born)).counts) == [Branch("task", "work", "/srv/app.py:5")]


def _looks(*groups: range) -> Watch:
    """A look each second at units of these numbers, each started alike."""
    return watch(*(at(i, *(unit(number) for number in ids)) for i, ids in enumerate(groups)))


def test_names_the_branch_that_keeps_growing() -> None:
    looks = _looks(*(range(2 + 3 * second) for second in range(5)))
    assert looks.growing() == {Branch("task", "work", "/srv/app.py"): (2, 5, 8, 11, 14)}


def test_a_leak_is_seen_behind_the_units_that_end() -> None:
    leaked = [range(5 * second) for second in range(9)]
    served = [range(1000 + second, 1001 + second) for second in range(9)]
    looks = watch(
        *(
            at(second, *(unit(number) for number in (*leaked[second], *served[second])))
            for second in range(9)
        )
    )
    assert looks.growing()


def test_what_comes_and_goes_does_not_grow() -> None:
    """Counts that rise at every look, of units that all are others at the next."""
    waves = [range(100 * second, 100 * second + 10 + 5 * second) for second in range(8)]
    assert not _looks(*waves).growing()


def test_one_burst_is_not_growth() -> None:
    assert not _looks(range(2), range(2), range(50), range(50), range(50)).growing()
    assert not _looks(*(range(20 * second) for second in range(4))).growing()  # too few looks


def test_growth_is_more_than_chance() -> None:
    assert grows((0, 2, 4, 6, 8), 8)
    assert not grows((0, 2, 3, 5, 7), 7)
    assert grows((10, 50), 45)
    assert not grows((10, 50), 60)  # as many end as half of those that stay
    assert not grows((50, 40), 20)


def test_remembers_a_bounded_number_of_looks() -> None:
    looks = watch(*(at(second, unit()) for second in range(200)))
    assert {len(counts) for counts in looks.counts.values()} == {60}
    assert looks.looks == 200
    looks = look(looks, at(200, unit(), unit(5, stack=(Frame("new", "/srv/n.py", 1),))))
    assert {len(counts) for counts in looks.counts.values()} == {60}
