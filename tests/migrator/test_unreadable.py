"""What a scan is not allowed to read, or what goes away under it: a line each, and status 3."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tests.migrator.scanning import document, migrate
from tests.programs import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def as_nobody_special(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `migrate` without root's right to read everything, should we have it."""
    before = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    if before and not shutil.which("setpriv"):
        pytest.skip("no setpriv here")
    return subprocess.run(
        [*before, sys.executable, "-m", "migrator", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Path]:
    """A folder that cannot be entered, one that can only be listed, and a file."""
    for name in ("closed/a.py", "listed/b.py", "open/c.py", "open/d.py", "e.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("import eventlet\n")
    locked = [tmp_path / "closed", tmp_path / "open" / "c.py"]
    for path in locked:
        path.chmod(0)
    (tmp_path / "listed").chmod(0o444)
    yield tmp_path
    for path in (*locked, tmp_path / "listed"):
        path.chmod(0o755)


def test_what_may_not_be_read_is_named_and_the_rest_is_reported(guarded: Path) -> None:
    done = as_nobody_special("scan", "--format", "json", cwd=guarded)
    assert done.returncode == 1
    assert {one["path"] for one in json.loads(done.stdout)["findings"]} == {"e.py", "open/d.py"}
    assert done.stderr.splitlines() == [
        "migrate: closed: permission denied",
        "migrate: listed/b.py: permission denied",
        "migrate: open/c.py: permission denied",
    ]
    done = as_nobody_special("scan", "closed", "closed/a.py", "open/c.py", cwd=guarded)
    assert done.returncode == 3
    assert done.stderr.count("permission denied") == 3


def test_a_baseline_keeps_what_lies_where_nobody_may_look(guarded: Path) -> None:
    options = ("--isolated", "--baseline", "base.json")
    migrate("scan", *options, "--update-baseline", cwd=guarded)  # root, or as nobody special
    counts = json.loads((guarded / "base.json").read_text())
    counts["files"]["closed/a.py"] = counts["files"]["open/c.py"] = {"EVT001": 1}
    (guarded / "base.json").write_text(json.dumps(counts))
    done = as_nobody_special("scan", *options, "--update-baseline", cwd=guarded)
    assert done.returncode == 3
    kept = json.loads((guarded / "base.json").read_text())["files"]
    assert {"closed/a.py", "open/c.py", "open/d.py", "e.py"} <= {*kept}


def test_files_of_our_own_that_may_not_be_read_are_named(guarded: Path) -> None:
    for arguments in (
        ("--baseline", "closed/base.json"),
        ("--baseline", "closed/base.json", "--update-baseline"),
        ("-o", "closed/report.json"),
        ("--config", "closed/pyproject.toml"),
    ):
        done = as_nobody_special("scan", *arguments, "e.py", cwd=guarded)
        assert done.returncode == 2, done.stderr
        assert "closed" in done.stderr


def test_a_file_that_vanishes_during_the_scan(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "first.py")
    second = tmp_path / "second.py"
    second.write_text("import eventlet\n")

    def give() -> None:
        with (tmp_path / "first.py").open("wb") as pipe:  # by now everything is listed
            second.unlink()
            pipe.write(b"x = 1\n")

    giving = threading.Thread(target=give)
    giving.start()
    done = migrate("scan", "--format", "json", "first.py", "second.py", cwd=tmp_path)
    giving.join()
    assert done.returncode == 3
    assert document(done)["unread"] == [
        {"path": "second.py", "reason": "no such file or directory"}
    ]


def test_a_pipe_that_a_pattern_matches_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "a.py").write_text("x = 1\n")
    done = migrate("scan", "*.py", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (3, "migrate: pipe.py: not a plain file\n")


@pytest.mark.parametrize("command", ["scan", "status", "apply"])
def test_a_folder_that_is_gone(command: str, tmp_path: Path) -> None:
    script = f'cd "$1"; rmdir "$1"; exec "{sys.executable}" -m migrator {command}'
    (tmp_path / "gone").mkdir()
    done = subprocess.run(
        ["sh", "-c", script, "sh", str(tmp_path / "gone")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "does not exist any more" in done.stderr


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("select = ['debgu']", ("select", "did you mean 'debug'?")),
        ("per-file-ignores = { 'a.py' = ['EVT10x'] }", ("per-file-ignores", "did you mean")),
        ("to = 'asyncoi'", ("one of bridge, asyncio", "did you mean 'asyncio'?")),
        ("exlude = []", ("unknown key 'exlude'", "did you mean 'exclude'?")),
    ],
)
def test_a_mistake_in_the_configuration_is_named_with_its_cure(
    line: str, says: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.eventlet-migrate]\n{line}\n")
    for command in ("scan", "status", "apply"):
        done = migrate(command, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        for text in (str(tmp_path / "pyproject.toml"), *says):
            assert text in done.stderr


def test_a_command_that_was_mistyped(tmp_path: Path) -> None:
    done = migrate("scna", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Did you mean 'scan'?" in done.stderr
    assert "Did you mean" not in migrate("xyzzy", cwd=tmp_path).stderr
