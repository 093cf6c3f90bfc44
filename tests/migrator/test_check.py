"""`migrate check` on processes with an ailment each: found, named, weighed; and on sound ones."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import jsonschema
import pytest

from bridge.health import RULES
from migrator.durations import Duration
from tests.interpreters import TARGETS
from tests.live import migrate
from tests.programs import ROOT, every_target, wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.conftest import StartTarget, TargetPython
    from tests.programs import Program

QUICK = ("--interval", "200ms")


@pytest.fixture
def sick(target_python: TargetPython, start_target: StartTarget) -> Callable[..., Program]:
    def sick(ailment: str, version: str = "3.14", **environment: str) -> Program:
        python = target_python(version, "greenlet", "eventlet")
        environment = {"PYTHONWARNINGS": "ignore", **environment}
        if ailment.endswith(".py"):
            return start_target(python, ailment, env=environment)
        return start_target(python, "tests/targets/sick.py", ailment, env=environment)

    return sick


def _check(program: Program, *options: str) -> tuple[int, dict[str, Any]]:
    done = migrate("check", program.pid, *QUICK, "--json", *options)
    loaded = json.loads(done.stdout)
    schema = json.loads((ROOT / "docs/schema/health.schema.json").read_text())
    jsonschema.validate(loaded, schema)
    return done.returncode, loaded["processes"][0]


def _codes(process: dict[str, Any], level: str = "deny") -> list[str]:
    return [found["code"] for found in process["findings"] if found["level"] == level]


@pytest.mark.parametrize(
    ("ailment", "version", "codes", "names"),
    [
        ("ring", "3.14", ["deadlock", "never-completes"], {"left", "right"}),
        pytest.param(
            "ring",
            "3.11",
            ["deadlock", "never-completes"],
            {"left", "right"},
            marks=pytest.mark.nightly,
        ),
        ("lost", "3.14", ["never-completes"], {"waiter"}),
        ("lost", "3.11", ["never-completes"], {"waiter"}),
        ("busy", "3.14", ["blocked-loop"], {"spinner"}),
        pytest.param("busy", "3.12", ["blocked-loop"], {"spinner"}, marks=pytest.mark.nightly),
        ("sleeper", "3.14", ["blocked-loop"], {"snorer"}),
        ("callback", "3.14", ["blocked-loop"], None),
        ("leak", "3.14", ["growth"], None),
        ("green_sleep", "3.14", ["blocking-call"], None),
        pytest.param("green_sleep", "3.13", ["blocking-call"], None, marks=pytest.mark.nightly),
        ("green_locks", "3.14", ["deadlock", "never-completes"], {"green_locks.<locals>.take"}),
        pytest.param(
            "green_locks", "3.12", ["deadlock", "never-completes"], None, marks=pytest.mark.nightly
        ),
        ("green_spin", "3.14", ["blocked-loop"], None),
        ("green_start", "3.14", [], None),
        ("green_leak", "3.14", ["growth"], None),
        ("green_readers", "3.14", ["multiple-readers"], None),
        ("healthy", "3.14", [], None),
        pytest.param("healthy", "3.11", [], None, marks=pytest.mark.nightly),
        ("sound", "3.14", [], None),
        *(
            pytest.param("sound", version, [], None, marks=pytest.mark.nightly)
            for version in ("3.11", "3.12", "3.13", "3.15")
        ),
        ("churn", "3.14", [], None),
        *(("gives_way", version, [], None) for version in TARGETS),
        ("green_gives_way", "3.14", [], None),
        ("samples/hybrid_service.py", "3.14", [], None),
    ],
)
def test_each_ailment_is_found_and_nothing_else(
    ailment: str,
    version: str,
    codes: list[str],
    names: set[str] | None,
    sick: Callable[..., Program],
) -> None:
    program = sick(ailment, version)
    if ailment == "green_sleep":
        program.rest()  # to say that it is ready is not yet to sleep
    status, process = _check(program)
    found = _codes(process)
    # The main task of the ring is a victim too: findings of one rule may be several.
    assert list(dict.fromkeys(found)) == codes, process["findings"]
    assert status == (1 if codes else status)
    assert process["healthy"] == (not codes)
    if not codes:
        assert status in (0, 3)  # 3: a unit that moved at each reading
    for finding in process["findings"]:
        assert finding["hint"]
        assert finding["message"]
        assert finding["units"]
    if names is not None:
        assert names <= {unit["name"] for unit in process["findings"][0]["units"]}


def test_a_deadlock_across_both_worlds_reads_like_a_story(sick: Callable[..., Program]) -> None:
    done = migrate("check", sick("samples/deadlock.py").pid, "--samples", "2", *QUICK)
    assert done.returncode == 1
    assert "error[deadlock]: deadlock of 3 units" in done.stdout
    path = next(line for line in done.stdout.splitlines() if line.strip().startswith("path: "))
    stations = path.strip().removeprefix("path: ").split(" -> ")
    assert stations[0] == stations[-1]
    assert {"book-7", "Orders.order"} <= set(stations)
    assert re.search(r"task 'book-7' \(0x[0-9a-f]+\):\n +waits for green", done.stdout)
    assert "samples/deadlock.py:" in done.stdout
    assert "hint: " in done.stdout
    assert done.stdout.splitlines()[-1].startswith("not healthy: ")


@every_target
def test_only_who_cannot_go_on_is_a_deadlocks_victim(
    version: str, sick: Callable[..., Program]
) -> None:
    _, process = _check(sick("around_a_ring", version), "--samples", "2")
    named = [(found["code"], unit["name"]) for found in process["findings"]
             for unit in found["units"]]  # fmt: skip
    victims = {name for code, name in named if code == "never-completes"}
    assert {name for code, name in named if code == "deadlock"} == {"left", "right"}
    assert victims == {"caught", "caught-by-both"}


@every_target
def test_what_only_those_know_who_wait_for_it_is_never_completed(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python(version), "tests/targets/orphans.py")
    status, process = _check(program, "--samples", "2")
    assert status == 1
    assert set(_codes(process)) == {"never-completes"}
    found = {one["units"][0]["name"]: one["message"] for one in process["findings"]
             if one["code"] == "never-completes"}  # fmt: skip
    assert set(found) == {"lost-event", "lost-queue", "lost-child"}
    assert found["lost-event"].endswith("waits for an event that nobody else refers to")


def test_exceptions_that_nobody_asked_for_are_named(sick: Callable[..., Program]) -> None:
    program = sick("unretrieved")
    done = migrate("check", program.pid, "--samples", "2", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "warning[never-retrieved]: 3 tasks ended with ValueError at " in done.stdout
    assert re.search(r"failed-1 \(0x[0-9a-f]+\): ValueError: nobody asks", done.stdout)
    assert "hunter2" not in done.stdout
    assert re.search(r"at unretrieved\.<locals>\.fail \(.*sick\.py:\d+\)", done.stdout)
    status, process = _check(program, "--samples", "2", "--deny", "never-retrieved")
    (found,) = [one for one in process["findings"] if one["code"] == "never-retrieved"]
    assert status == 1
    assert {unit["name"] for unit in found["units"]} == {f"failed-{n}" for n in range(3)}
    assert found["seconds"] > 0
    assert _check(program, "--samples", "2", "--allow", "never-retrieved")[1]["findings"] == []
    chosen = _check(program, "--samples", "1", "--filter", "name=failed-2")[1]["findings"]
    assert [[unit["name"] for unit in one["units"]] for one in chosen] == [["failed-2"]]


def test_a_single_look_sees_a_deadlock_and_no_time(sick: Callable[..., Program]) -> None:
    status, process = _check(sick("ring"), "--samples", "1")
    assert status == 1
    assert (process["looks"], process["seconds"]) == (1, 0)
    assert process["findings"][0]["seconds"] is None


def test_a_stuck_leaf_is_watched_for_as_long_as_asked(sick: Callable[..., Program]) -> None:
    program = sick("stuck")
    assert _check(program)[0] == 0  # 30 s by default, and nobody has watched that long
    status, process = _check(program, "--stuck", "1500ms")
    assert status == 1
    assert _codes(process) == ["stuck"]
    finding = process["findings"][0]
    assert finding["seconds"] >= 1.5
    assert [unit["name"] for unit in finding["units"]] == ["waiter"]
    assert finding["where"]["function"] == "forever"


def test_sleepers_and_servers_are_not_stuck(sick: Callable[..., Program]) -> None:
    assert _check(sick("healthy"), "--stuck", "1s")[0] in (0, 3)
    assert _check(sick("rests"), "--stuck", "1s")[1]["findings"] == []
    _, process = _check(sick("samples/hybrid_service.py"), "--stuck", "1s")
    assert "async_run" not in str(process["findings"])  # the asyncio hub's own task
    assert "heartbeat" not in str(process["findings"])


@pytest.mark.parametrize("restless", ["asks", "green_asks"])
def test_who_comes_by_the_same_place_again_is_not_stuck(
    restless: str, sick: Callable[..., Program]
) -> None:
    status, process = _check(sick(restless), "--stuck", "1500ms")
    assert (status, process["findings"]) in ((0, []), (3, []))


def test_a_blocked_loop_says_since_when_it_has_not_turned(sick: Callable[..., Program]) -> None:
    program = sick("busy")
    begun = time.monotonic()  # it was blocked before
    time.sleep(0.5)
    done = migrate("check", program.pid, "--samples", "3", *QUICK)
    said = re.search(r"the event loop's present turn began ([0-9.]+) s ago", done.stdout)
    assert said, done.stdout
    assert float(said[1]) + 0.05 >= 0.5
    assert float(said[1]) <= time.monotonic() - begun + 30


@pytest.mark.parametrize("ailment", ["healthy", "busy"])
def test_a_stopped_process_is_said_to_be_that(ailment: str, sick: Callable[..., Program]) -> None:
    program = sick(ailment)
    os.kill(program.pid, signal.SIGSTOP)
    wait_until(lambda: "T (stopped)" in Path(f"/proc/{program.pid}/status").read_text())
    status, process = _check(program, "--samples", "3", "--allow", "unnamed")
    assert (status, _codes(process)) == (1, ["stopped"])
    hint = process["findings"][0]["hint"]
    assert f"kill -CONT {program.pid}, " in hint
    assert f"/proc/{program.pid}/status" in hint
    os.kill(program.pid, signal.SIGCONT)
    assert "stopped" not in _codes(_check(program, "--samples", "3")[1])
    frozen = migrate("check", program.pid, "--samples", "3", "--freeze", *QUICK)
    assert "stopped" not in frozen.stdout


def test_levels_are_the_users_choice(sick: Callable[..., Program]) -> None:
    program = sick("unnamed")
    status, process = _check(program, "--samples", "1")
    assert (status, _codes(process, "warn")) == (0, ["unnamed"])
    status, process = _check(program, "--samples", "1", "--deny", "unnamed")
    assert (status, _codes(process)) == (1, ["unnamed"])
    status, process = _check(program, "--samples", "1", "--allow", "unnamed")
    assert (status, process["findings"]) == (0, [])
    status, process = _check(program, "--samples", "1", "--warn", "not-awaited")
    assert (status, _codes(process, "warn")) == (0, ["unnamed"])  # gather awaits them
    both = migrate("check", program.pid, "--deny", "unnamed", "--allow", "unnamed")
    assert (both.returncode, both.stdout) == (2, "")
    assert migrate("check", program.pid, "--deny", "no-such").returncode == 2


def test_tasks_that_wait_for_makes_need_no_name(sick: Callable[..., Program]) -> None:
    for version in ("3.11", "3.14"):
        program = sick("bounded", version)
        shown = migrate("ps", program.pid, "--filter", "kind=task").stdout
        numbered = set(re.findall(r" Task-\d+ ", shown))
        assert len(numbered) == (2 if version == "3.11" else 1), shown
        assert _check(program, "--samples", "1", "--deny", "unnamed")[1]["findings"] == []


def test_what_was_read_in_part_is_not_called_healthy(
    target_python: TargetPython, start_target: StartTarget
) -> None:
    python = target_python("3.14", "greenlet", "eventlet")
    program = start_target(python, "tests/targets/deep.py", "30000").rest()
    done = migrate("check", program.pid, "--samples", "1")
    assert (done.returncode, "without its middle" in done.stderr) == (3, True)
    assert done.stdout.splitlines()[-1] == (
        "not known to be healthy: nothing found, but not everything could be read"
    )


def test_the_evidence_names_the_programs_own_code(sick: Callable[..., Program]) -> None:
    _, process = _check(sick("green_readers"), "--samples", "1")
    evidence = "\n".join(process["findings"][0]["evidence"])
    for place in (r"at BaseHub\.switch \(", r"at green_readers\.<locals>\.read \(.*sick\.py:\d+"):
        assert len(re.findall(place, evidence)) == 2, evidence


def test_a_process_with_neither_tasks_nor_green_threads_says_so(
    target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python("3.14"), "tests/targets/asyncio_shapes.py", "plain")
    done = migrate("check", program.pid, "--samples", "1")
    assert done.returncode == 0
    assert "neither tasks nor green threads" in done.stderr
    assert "healthy: nothing found" in done.stdout


def test_limits_and_filters(sick: Callable[..., Program]) -> None:
    program = sick("unnamed")
    once = ("--samples", "1", "--allow", "unnamed")
    status, process = _check(program, *once, "--max-units", "2")
    assert (status, _codes(process)) == (1, ["max-units"])
    assert len(process["findings"][0]["units"]) == 4
    assert _check(program, *once, "--max-units", "4")[0] == 0
    assert _check(program, *once, "--max-units", "2", "--filter", "name=Task-1")[0] == 0
    status, process = _check(program, "--samples", "3", "--allow", "unnamed", "--max-age", "100ms")
    assert (status, set(_codes(process))) == (1, {"max-age"})
    assert _check(sick("ring"), "--samples", "1", "--filter", "name=nobody")[0] == 0


def test_junit_github_and_prometheus(sick: Callable[..., Program]) -> None:
    program = sick("ring")
    done = migrate("check", program.pid, "--samples", "1", "--junit")
    assert done.returncode == 1
    suite = ElementTree.fromstring(done.stdout).find("testsuite")
    assert suite is not None
    assert suite.get("tests") == str(len(RULES))
    failures = [case.get("name") for case in suite if case.find("failure") is not None]
    assert [str(name).split(":")[0] for name in failures] == ["deadlock", "never-completes"]

    done = migrate("check", program.pid, "--samples", "1", "--github")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert all(re.match(r"::(error|warning) file=.+,line=\d+,title=.*::.+", line) for line in lines)

    done = migrate("check", program.pid, "--samples", "1", "--prometheus")
    assert done.returncode == 1
    assert f'migrate_findings{{pid="{program.pid}",code="deadlock"}} 1' in done.stdout
    for line in done.stdout.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) .+|\w+\{(\w+="[^"\n]*",?)+\} [0-9.]+', line), line


def test_formats_exclude_each_other_and_a_pid_is_needed() -> None:
    assert migrate("check", os.getpid(), "--json", "--junit").returncode == 2
    assert migrate("check").returncode == 2
    assert migrate("check", "4194304").returncode == 4


def test_several_processes_and_one_that_is_not_there(sick: Callable[..., Program]) -> None:
    sound, ill = sick("healthy"), sick("ring")
    once = ("--samples", "1", "--json")
    done = migrate("check", sound.pid, ill.pid, *once)
    healthy = [process["healthy"] for process in json.loads(done.stdout)["processes"]]
    assert (done.returncode, healthy) == (1, [True, False])
    done = migrate("check", sound.pid, 4194304, *once)
    assert (done.returncode, len(json.loads(done.stdout)["processes"])) == (3, 1)
    assert "no process 4194304" in done.stderr


def test_a_process_that_ends_meanwhile_is_gone(sick: Callable[..., Program]) -> None:
    program = sick("healthy")
    os.kill(program.pid, signal.SIGKILL)
    program.process.wait()
    done = migrate("check", program.pid)
    assert (done.returncode, done.stdout) == (4, "")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30.0), ("500ms", 0.5), ("5m", 300.0), ("1.5h", 5400.0), ("2", 2.0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1s", "1x", "nan", "1e3", "s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    done: subprocess.CompletedProcess[str] = migrate("check", "1", "--stuck", text)
    assert (done.returncode, done.stdout) == (2, "")
