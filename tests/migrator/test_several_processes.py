"""`--children`, `--name` and several PIDs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import jsonschema
import pytest

from tests.live import document, migrate
from tests.programs import ROOT, Program, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import TargetPython


@pytest.fixture(scope="module")
def family(target_python: TargetPython) -> Iterator[Program]:
    with running(target_python("3.14"), "tests/targets/family.py") as program:
        yield program


def sections(text: str) -> list[int]:
    return [
        int(pid) for pid in re.findall(r"^# (\d+) .*family.py.*\(Python 3.14", text, re.MULTILINE)
    ]


@pytest.mark.parametrize("command", ["ps", "pstree"])
def test_a_process_and_its_python_descendants(command: str, family: Program) -> None:
    done = migrate(command, "--children", family.pid)
    assert done.returncode == 0, done.stderr
    pids = sections(done.stdout)
    assert pids[:2] == [family.pid, int(family.ready["first"])]
    assert len(pids) == 3
    assert "worker-1" in done.stdout
    assert "worker-2" in done.stdout
    assert "not Python" not in done.stderr


def test_json_has_them_all(family: Program) -> None:
    loaded = document("ps", "--children", family.pid)
    jsonschema.validate(loaded, json.loads((ROOT / "docs/schema/snapshot.schema.json").read_text()))
    names = [[unit["name"] for unit in process["units"]] for process in loaded["processes"]]
    assert names == [[], ["worker-1"], ["worker-2"]]
    assert loaded["processes"][1]["ppid"] == family.pid


def test_by_name_like_pgrep(family: Program) -> None:
    found = document("ps", "--name", r"family\.py worker-[12]")
    assert {unit["name"] for process in found["processes"] for unit in process["units"]} == {
        "worker-1",
        "worker-2",
    }
    done = migrate("ps", "--name", "no process is called so 7")
    assert done.returncode == 4
    assert done.stdout == ""


def test_below_a_shell_there_is_python_too(family: Program) -> None:
    shell = int(family.ready["shell"])
    done = migrate("ps", "--children", shell)
    assert "worker-2" in done.stdout
    assert f"{shell}" in done.stderr


def test_below_the_shell_that_started_it_it_does_not_look_at_itself(family: Program) -> None:
    shell = (
        "import os, subprocess, sys; sys.exit(subprocess.run([sys.executable, '-m', 'migrator', "
        "'ps', '--freeze', '--children', str(os.getpid())], timeout=60).returncode)"
    )
    done = subprocess.run([sys.executable, "-c", shell], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("# ") == 1


def test_one_of_several_that_is_gone_is_said_and_the_others_are_shown(family: Program) -> None:
    done = migrate("ps", 2**22 + 1, family.pid, family.ready["first"])
    assert done.returncode == 3
    assert "4194305" in done.stderr
    assert sections(done.stdout) == [family.pid, int(family.ready["first"])]
    assert done.stdout.count("\n\n# ") == 1


def test_who_was_only_found_may_have_no_units(family: Program) -> None:
    assert "neither tasks" in migrate("ps", "--children", family.pid).stderr
    assert migrate("ps", "--name", r"family\.py").stderr == ""


def test_when_none_can_be_read_each_is_named_once() -> None:
    done = migrate("ps", 2**22 + 1, 2**22 + 2)
    assert done.returncode == 4
    assert [done.stderr.count(str(2**22 + number)) for number in (1, 2)] == [1, 1]
