"""The baseline as projects keep it: in a folder of its own, merged, moved, shared."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.migrator.scanning import document, git, migrate
from tests.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = ("scan", "--baseline", "conf/base.json")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("conf/x", "lib/b.py", "lib/c.py", "src/a.py"):
        (tmp_path / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "p" / name).write_text("import eventlet\neventlet.sleep(1)\n")
    assert migrate(*OPTIONS, "--update-baseline", cwd=tmp_path / "p").returncode == 0
    return tmp_path / "p"


def known(project: Path) -> dict[str, dict[str, int]]:
    files = json.loads((project / "conf" / "base.json").read_text())["files"]
    assert isinstance(files, dict)
    return files


def test_what_is_gone_is_welcomed(project: Path) -> None:
    (project / "src" / "a.py").write_text("import eventlet\n")
    (project / "lib" / "b.py").unlink()
    done = migrate(*OPTIONS, cwd=project)
    assert done.returncode == 0
    assert "3 of the baseline gone (--update-baseline notes it)" in done.stdout
    only_lib = migrate(*OPTIONS, "--format", "json", "lib", cwd=project)
    assert document(only_lib)["summary"]["baseline_gone"] == 2
    only_core = migrate(*OPTIONS, "--select", "core", "--format", "json", "src", cwd=project)
    assert document(only_core)["summary"]["baseline_gone"] == 2  # the file that is gone
    assert migrate(*OPTIONS, "--update-baseline", cwd=project).returncode == 0
    assert known(project) == {
        "../lib/c.py": {"EVT001": 1, "EVT403": 1},
        "../src/a.py": {"EVT001": 1},
    }
    assert "gone" not in migrate(*OPTIONS, cwd=project).stdout


@pytest.mark.parametrize("paths", [["lib"], ["lib/b.py"], ["lib/*.py"], ["--select=sleep", "."]])
def test_an_update_leaves_what_it_did_not_look_at(paths: list[str], project: Path) -> None:
    before = known(project)
    for name in ("lib/b.py", "src/a.py"):
        (project / name).write_text("import eventlet\n")
    migrate(*OPTIONS, "--update-baseline", *paths, cwd=project)
    after = known(project)
    assert "EVT403" not in after["../lib/b.py"]
    assert after["../lib/c.py"] == before["../lib/c.py"]
    assert ("EVT403" in after["../src/a.py"]) == ("." not in paths)
    assert after["../src/a.py"]["EVT001"] == 1


def test_what_is_left_out_is_not_gone(project: Path) -> None:
    before = known(project)
    left_out = (*OPTIONS, "--exclude", "lib")
    assert "gone" not in migrate(*left_out, cwd=project).stdout
    assert migrate(*left_out, "--update-baseline", cwd=project).returncode == 0
    assert known(project) == before
    (project / "lib" / "b.py").write_text("")
    assert "2 of the baseline gone" in migrate(*left_out, "lib/b.py", cwd=project).stdout


def test_the_same_files_through_a_link(project: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(project)
    done = migrate(*OPTIONS, str(tmp_path / "link"), cwd=project)
    assert (done.returncode, "6 more in the baseline" in done.stdout) == (0, True)
    options = ("scan", "--baseline", str(tmp_path / "link" / "conf" / "base.json"))
    assert migrate(*options, "p", cwd=tmp_path).returncode == 0


def test_two_branches_merge_without_a_conflict(project: Path) -> None:
    git(project, "init")
    git(project, "add", ".")
    git(project, "commit", "-m", "first")
    for branch, name in (("one", "lib/a.py"), ("two", "src/z.py")):
        git(project, "checkout", "-b", branch, "main")
        (project / name).write_text("import eventlet\n")
        migrate(*OPTIONS, "--update-baseline", cwd=project)
        git(project, "add", ".")
        git(project, "commit", "-m", branch)
    git(project, "merge", "one")
    assert migrate(*OPTIONS, cwd=project).returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        "<<<<<<< HEAD\n{",
        '{"format": "eventlet-migrate/baseline", "format_version": 1,\n "files": {',
        '{"format": "eventlet-migrate/baseline", "format_version": 1,\n'
        ' "files": {"../src/a.py": {"EVT001": 1}, "../src/a.py": {"EVT001": 9}}}',
        '{"format": "eventlet-migrate/baseline", "format_version": 1,\n'
        ' "files": {"../src/a.py": {"EVT001": true}}}',
        "[" * 100_000,
    ],
)
def test_one_that_makes_no_sense_is_never_clean(text: str, project: Path) -> None:
    (project / "conf" / "base.json").write_text(text)
    for more in ((), ("--update-baseline",)):
        done = migrate(*OPTIONS, *more, cwd=project)
        assert (done.returncode, done.stdout) == (2, "")
        assert "is corrupt" in done.stderr
    assert (project / "conf" / "base.json").read_text() == text


def test_updates_at_the_same_time_leave_a_whole_file(project: Path) -> None:
    before = known(project)
    command = [sys.executable, "-m", "migrator", *OPTIONS, "--update-baseline"]
    running = [
        subprocess.Popen(
            command, cwd=project, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL
        )
        for _ in range(4)
    ]
    assert [one.wait(60) for one in running] == [0] * 4
    assert known(project) == before
    assert {one.name for one in (project / "conf").iterdir()} == {"base.json", "x"}
