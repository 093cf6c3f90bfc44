"""`migrate ps` on live processes; each peer's defect of the table in the open is a case."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pexpect
import pytest

from bridge.escape import width
from tests.live import document, migrate, rows
from tests.programs import ROOT, Program, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import StartTarget, TargetPython

    Shape = Callable[..., Program]

SHAPES = "tests/targets/asyncio_shapes.py"
ODD_NAMES = [
    "red\x1b[31m\x1b[2J",
    "ding\x07",
    "first\n1  0xdead  forged  row  -  -  task  -",
    "abc\u202edcba",
    "έργο",
    "任務一",
    "rocket🚀",
    "n" * 300,
    "half\udc80",
    "a\0b",
    "a\tb",
    "two  spaces",
]
# What `python -m asyncio ps` prints, as data, by the code that prints it.
ORACLE = """
import json, sys
from asyncio.tools import build_task_table, get_all_awaited_by
print(json.dumps(build_task_table(get_all_awaited_by(int(sys.argv[1])))))
"""


@pytest.fixture
def shape(start_target: StartTarget, target_python: TargetPython) -> Shape:
    def start(name: str, argument: object = 0, version: str = "3.14") -> Program:
        return start_target(target_python(version), SHAPES, name, json.dumps(argument))

    return start


@pytest.fixture(scope="module")
def crowd(target_python: TargetPython) -> Iterator[Program]:
    with running(target_python("3.14"), SHAPES, "many", "30") as program:
        yield program


@pytest.mark.parametrize("version", ["3.14", "3.15"])
@pytest.mark.parametrize(
    "program",
    [
        ("samples/asyncio_service.py",),
        (SHAPES, "diamond", "4"),
        (SHAPES, "names", json.dumps(ODD_NAMES)),
        (SHAPES, "cycle"),
        (SHAPES, "many", "300"),
    ],
    ids=lambda program: program[-1][:20],
)
def test_the_same_rows_as_asyncio_ps(
    version: str, program: tuple[str, ...], start_target: StartTarget, target_python: TargetPython
) -> None:
    python = target_python(version)
    target = start_target(python, *program)
    done = subprocess.run(
        [python, "-c", ORACLE, str(target.pid)], capture_output=True, check=True, text=True
    )
    expected: dict[str, list[object]] = {}
    for tid, identity, name, chain, _, awaiter, _ in json.loads(done.stdout):
        expected.setdefault(identity, [str(tid), name, chain or "-", []])[-1].append(awaiter)  # type: ignore[attr-defined]
    columns = "tid,task_id,task_name,coroutine_chain,awaiter_name"
    shown = rows(migrate("ps", target.pid, "--filter", "kind=task", "--columns", columns).stdout)
    assert [row["task_id"] for row in shown] == list(expected)
    for row in shown:
        tid, name, chain, awaiters = expected[row["task_id"]]
        assert isinstance(awaiters, list)
        assert (row["tid"], row["coroutine_chain"]) == (tid, chain)
        # It garbles names that are not ASCII (3.14) and cuts long ones; ours are tested below.
        if str(name).isprintable() and str(name).isascii() and "  " not in str(name):
            assert row["task_name"][:200] == str(name)[:200]
        assert sorted(row["awaiter_name"].split(", ")) == sorted(a or "-" for a in awaiters)


def test_odd_names_are_right_and_harmless(shape: Shape) -> None:
    target = shape("names", ODD_NAMES)
    done = migrate("ps", target.pid)
    assert done.returncode == 0
    shown = {row["task_name"] for row in rows(done.stdout)}
    assert {"έργο", "任務一", "rocket🚀", "n" * 300, r"red\x1b[31m\x1b[2J", r"ding\x07"} <= shown
    assert {r"a\x00b", r"a\tb", r"abc\u202edcba", r"half\udc80", r"two \x20spaces"} <= shown
    assert len(done.stdout.splitlines()) == 2 + 1 + len(ODD_NAMES) + 1
    assert "\x1b" not in done.stdout
    raw = document("ps", target.pid)["processes"][0]["units"]
    names = {name.encode("utf-8", "backslashreplace").decode() for name in ODD_NAMES}
    assert names <= {unit["name"] for unit in raw}


def test_a_second_loop_in_another_thread_is_not_missing(shape: Shape) -> None:
    target = shape("threads")
    shown = {row["task_name"]: row for row in rows(migrate("ps", target.pid).stdout)}
    assert {"Task-1", "here", "elsewhere"} <= set(shown)
    assert shown["here"]["tid"] != shown["elsewhere"]["tid"]
    tids = {thread["tid"] for thread in document("ps", target.pid)["processes"][0]["threads"]}
    assert len(tids) == 3
    assert {int(shown[name]["tid"]) for name in ("here", "elsewhere")} <= tids


def test_the_chain_goes_through_async_generators(shape: Shape) -> None:
    (row,) = rows(migrate("ps", shape("generators").pid, "--filter", "name=consumer").stdout)
    assert [name.rpartition(".")[2] for name in row["coroutine_chain"].split(" -> ")] == [
        "sleep",
        "rest",
        "source",
        "through",
        "consumer",
    ]


def test_pure_python_tasks_are_not_invisible(shape: Shape) -> None:
    done = migrate("ps", shape("python_tasks").pid, "--filter", "name=pure-python")
    assert [row["coroutine_chain"] for row in rows(done.stdout)] == ["sleep -> rest"]


def test_a_cycle_is_said_and_has_its_status(shape: Shape) -> None:
    done = migrate("ps", shape("cycle").pid)
    assert done.returncode == 1
    assert "cycle: (T) A → (T) B → (T) A" in done.stderr
    assert {row["task_name"] for row in rows(done.stdout)} >= {"A", "B", "C", "D", "Task-1"}


def test_a_process_under_churn_is_read_whole(shape: Shape) -> None:
    target = shape("churn", 60)
    for _ in range(5):
        done = migrate("ps", target.pid)
        assert done.returncode in (0, 3), done.stderr
        names = {row["task_name"] for row in rows(done.stdout)}
        assert {f"unit-{i}" for i in range(60)} <= names
        assert "Traceback" not in done.stderr


def test_a_task_that_never_yields_is_running(shape: Shape) -> None:
    (row,) = rows(migrate("ps", shape("running").pid, "--filter", "name=hot").stdout)
    assert row["waits_on"].startswith("running")
    assert "compute" in row["coroutine_chain"]


def test_green_threads_of_the_hybrid_sample_have_rows_too(
    start_target: StartTarget, target_python: TargetPython
) -> None:
    python = target_python("3.14", "greenlet", "eventlet")
    target = start_target(python, "samples/hybrid_service.py")
    found = rows(migrate("ps", target.pid).stdout)
    assert {row["kind"] for row in found} == {"task", "green", "thread"}
    names = {row["task_name"]: row for row in found}
    assert names["settle-7"]["waits_on"] != "-"
    assert names["Ledger.settle"]["awaiter_name"] == "settle-7"
    assert names["audit-7"]["awaiter_name"] == "spawn_for_awaitable.<locals>._run"
    asyncio_alone = subprocess.run(
        [python, "-c", ORACLE, str(target.pid)], capture_output=True, check=True, text=True
    )
    assert len(found) > len(json.loads(asyncio_alone.stdout))


def test_a_process_with_neither_says_so(shape: Shape) -> None:
    done = migrate("ps", shape("plain").pid)
    assert done.returncode == 0
    assert "neither tasks nor green threads" in done.stderr
    assert [row["kind"] for row in rows(done.stdout)] == ["thread"]


def test_columns_sort_limit_and_filter(crowd: Program) -> None:
    done = migrate(
        *("ps", "--columns", "task_name,kind", "--sort=-task_name", "--limit", 2),
        *("--filter", "name=unit-1*", crowd.pid),
    )
    assert done.stdout.splitlines()[0].split() == ["task_name", "kind"]
    assert [row["task_name"] for row in rows(done.stdout)] == ["unit-19", "unit-18"]


def test_a_filter_that_matches_nothing_says_so(crowd: Program) -> None:
    done = migrate("ps", crowd.pid, "--filter", "name=nobody")
    assert done.returncode == 0
    assert "no unit matches" in done.stderr
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--columns", "tid,nme", "1"], "no column 'nme'"),
        (["--columns", "taskname", "1"], "did you mean 'task_name'?"),
        (["--filter", "wait=lock", "1"], "did you mean 'waits'?"),
        (["--sort", "size", "1"], "no column 'size'"),
        (["--filter", "name~(", "1"], "not a regular expression"),
        (["--name", "("], "not a regular expression"),
        (["--limit", "0", "1"], "--limit"),
        (["gunicorn"], "--name REGEX searches"),
        ([], "no process named"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(arguments: list[str], message: str) -> None:
    done = migrate("ps", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_no_such_process_has_its_own_status() -> None:
    done = migrate("ps", 2**22 + 1)
    assert done.returncode == 4
    assert done.stdout == ""
    assert done.stderr.startswith("migrate: error: ")


def test_what_is_no_python_has_its_own_status() -> None:
    with subprocess.Popen(["sleep", "600"]) as process:
        try:
            done = migrate("ps", process.pid)
        finally:
            process.kill()
    assert done.returncode == 6
    assert done.stdout == ""


def test_json_of_some_units_has_their_edges(shape: Shape) -> None:
    program = shape("chain", 6)
    whole = document("ps", program.pid)["processes"][0]
    names = {unit["id"]: unit["name"] for unit in whole["units"]}
    some = document("ps", program.pid, "--filter", "name~[23]$", "--sort=-task_name")
    jsonschema.validate(some, json.loads((ROOT / "docs/schema/snapshot.schema.json").read_text()))
    (process,) = some["processes"]
    shown = [unit["name"] for unit in process["units"]]
    assert [name[-1] for name in shown] == ["3", "2"]
    touching = [e for e in whole["edges"] if {names[e["waiter"]], names[e["target"]]} & set(shown)]
    assert process["edges"] == touching
    assert 0 < len(touching) < len(whole["edges"])

    nobody = migrate("ps", "--json", "--filter", "name=nobody", program.pid)
    assert json.loads(nobody.stdout)["processes"][0]["units"] == []
    assert "no unit matches" in nobody.stderr


def test_json_is_valid_and_says_the_same_as_the_text(crowd: Program) -> None:
    loaded = document("ps", crowd.pid)
    jsonschema.validate(loaded, json.loads((ROOT / "docs/schema/snapshot.schema.json").read_text()))
    (process,) = loaded["processes"]
    assert process["pid"] == crowd.pid
    shown = rows(migrate("ps", crowd.pid, "--filter", "kind=task").stdout)
    assert [f"task:{row['task_id']}" for row in shown] == [u["id"] for u in process["units"]]


def test_a_pipe_that_closes_is_no_error(crowd: Program) -> None:
    command = f"'{sys.executable}' -m migrator ps {crowd.pid} --stacks --wide; echo $? >&2"
    done = subprocess.run(
        ["sh", "-c", f"({command}) | head -n 1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("tid")
    assert done.stderr == "0\n"


def test_grep_and_awk_of_the_guide_work(crowd: Program) -> None:
    command = f"'{sys.executable}' -m migrator ps {crowd.pid} | grep 'unit-7 ' | awk '{{print $3}}'"
    done = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "unit-7\n"


@pytest.mark.parametrize("env", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "latin-1"}], ids=str)
def test_a_locale_without_utf_8_gets_ascii(env: dict[str, str], shape: Shape) -> None:
    target = shape("names", ODD_NAMES)
    for command in ("ps", "pstree"):
        done = migrate(command, target.pid, env=env)
        assert done.returncode == 0, done.stderr
        assert done.stdout.isascii()
        assert r"\u03ad\u03c1\u03b3\u03bf" in done.stdout


def test_isolated_and_on_a_dumb_terminal(crowd: Program, tmp_path: Path) -> None:
    command = f"import sys; sys.path[:0] = [{str(ROOT)!r}]; from migrator.start import main; main()"
    done = subprocess.run(
        [sys.executable, "-I", "-c", command, "ps", str(crowd.pid)],
        cwd=tmp_path,
        env={"TERM": "dumb", "PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(rows(done.stdout)) == 32
    assert "\x1b" not in done.stdout


def test_colours_can_be_forced_into_a_pipe(crowd: Program) -> None:
    assert "\x1b[" in migrate("ps", crowd.pid, env={"FORCE_COLOR": "1"}).stdout
    both = {"FORCE_COLOR": "1", "NO_COLOR": "1"}
    assert "\x1b[" not in migrate("ps", crowd.pid, env=both).stdout


def test_freeze_gives_a_complete_picture_and_lets_go(shape: Shape) -> None:
    target = shape("churn", 10)
    facts = document("ps", target.pid, "--freeze")["processes"][0]["completeness"]
    assert facts["frozen"]
    assert facts["complete"]
    status = Path(f"/proc/{target.pid}/stat").read_text().rpartition(")")[2].split()[0]
    assert status in "RS"


@pytest.mark.parametrize("command", ["ps", "pstree"])
def test_sized_to_the_terminal_and_coloured_there(command: str, crowd: Program) -> None:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "migrator", command, str(crowd.pid)],
        cwd=str(ROOT),
        env={**os.environ, "TERM": "xterm", "LANG": "C.UTF-8"},
        dimensions=(50, 100),
        encoding="utf-8",
        timeout=60,
    )
    text = child.read()
    child.close()
    assert child.exitstatus == 0
    assert "\x1b[" in text
    lines = re.sub(r"\x1b\[[\d;]*m", "", text).splitlines()
    assert max(map(width, lines)) <= 100
    # The chain of the main thread is longer than that.
    assert any("…" in line for line in lines)
