"""The command as people and scripts call it: a process, its output, its exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from migrator import cache
from tests.migrator.scanning import ROOT, document, git, migrate

if TYPE_CHECKING:
    from pathlib import Path


def test_a_line_a_finding_and_a_summary(project: Path) -> None:
    done = migrate("scan", cwd=project)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [
        ["pkg/service.py:1:8", "EVT001"],
        ["pkg/service.py:2:22", "EVT101"],
        ["pkg/service.py:4:1", "EVT102"],
    ]
    assert lines[-1] == "3 findings in 1 file of 3."
    assert done.stderr == ""


def test_nothing_found(project: Path) -> None:
    done = migrate("scan", "clean.py", cwd=project)
    assert (done.returncode, done.stdout) == (0, "0 findings in 0 files of 1.\n")


def test_columns_are_characters(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import eventlet; é = 'ü€𝄞'; eventlet.sleep(1)\n")
    finding = document(migrate("scan", "a.py", "--format", "json", cwd=tmp_path))["findings"][1]
    assert (finding["column"], finding["end_column"]) == (29, 43)


def test_names_with_control_characters_do_not_reach_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[31m\n.py").write_text("import eventlet\n")
    (tmp_path / os.fsdecode(b"b\xff.py")).write_text("import eventlet\n")
    done = migrate("scan", cwd=tmp_path)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 3
    assert len(document(migrate("scan", "--format", "json", cwd=tmp_path))["findings"]) == 2


def test_stdin_by_the_name_of_what_it_holds(project: Path) -> None:
    named = ("scan", "--stdin-filename", "x/y.py")
    given = b"import eventlet\n"
    done = migrate(*named, cwd=project, given=given)
    assert done.stdout.startswith("x/y.py:1:8 EVT001")
    (project / "x").mkdir()
    (project / "x" / "y.py").write_text("as = it was\n")
    done = migrate(*named, "--format", "full", cwd=project, given=given)
    assert "  1 | import eventlet\n" in done.stdout
    done = migrate(*named, "pkg", cwd=project, given=given)
    assert (done.returncode, done.stdout) == (2, "")
    done = migrate(*named, "--exclude", "x", cwd=project, given=given)
    assert done.returncode == 1  # named itself
    done = migrate(*named, "--exclude", "x", "--force-exclude", cwd=project, given=given)
    assert (done.returncode, done.stdout) == (0, "0 findings in 0 files of 0.\n")


def test_a_file_by_several_names_counts_once(project: Path) -> None:
    again = ("pkg", "./pkg", "pkg/", f"../{project.name}/pkg", str(project), "pkg/service.py")
    assert migrate("scan", *again, cwd=project).stdout.endswith("\n3 findings in 1 file of 3.\n")
    known = ("scan", "--baseline", "base.json", "--ignore", "EVT9")
    assert migrate(*known, "--update-baseline", cwd=project).returncode == 0
    assert migrate(*known, ".", "./pkg", str(project), cwd=project).returncode == 0


def test_stdin(project: Path) -> None:
    done = migrate(
        "scan", "-", "--stdin-filename", "x/y.py", cwd=project, given=b"import eventlet\n"
    )
    assert (done.returncode, done.stdout.split(":")[0]) == (1, "x/y.py")
    assert migrate("scan", "-", cwd=project, given=b"def f(:\n").returncode == 3
    done = migrate("scan", "-", "--stdin-filename", "tox.ini", cwd=project, given=b"-P eventlet")
    assert done.stdout.startswith("tox.ini:1:4 EVT901")


def test_changed_files_only(project: Path) -> None:
    git(project, "init")
    git(project, "add", ".")
    git(project, "commit", "-m", "all")
    assert migrate("scan", "--changed", cwd=project).returncode == 0
    (project / "new.py").write_text("import eventlet\n")
    (project / "clean.py").write_text("import greenlet\n")
    done = migrate("scan", "--changed=HEAD", "--format", "json", cwd=project)
    assert {one["path"] for one in document(done)["findings"]} == {"new.py", "clean.py"}
    done = migrate("scan", "--changed=nope", cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nope" in done.stderr


def test_baseline(project: Path) -> None:
    options = ("scan", "--baseline", "base.json")
    assert migrate(*options, cwd=project).returncode == 2
    assert migrate(*options, "--update-baseline", cwd=project).returncode == 0
    assert migrate(*options, cwd=project).returncode == 0
    service = project / "pkg" / "service.py"
    before = service.read_text()
    service.write_text(f"{before}debug.hub_exceptions(False)\n")
    done = migrate(*options, cwd=project)
    assert done.returncode == 1
    assert done.stdout.count("EVT102") == 2
    service.write_text("import eventlet\n")
    assert migrate(*options, cwd=project).returncode == 0
    assert "2 gone" in migrate(*options, "--update-baseline", cwd=project).stdout
    service.write_text(before)
    assert migrate(*options, cwd=project).returncode == 1
    for corrupt in ("", "{}", "[]", '{"format": "eventlet-migrate/baseline"}', "\0"):
        (project / "base.json").write_text(corrupt)
        done = migrate(*options, cwd=project)
        assert (done.returncode, done.stdout) == (2, "")
        assert "base.json" in done.stderr


def test_suppressions(project: Path) -> None:
    (project / "pkg" / "service.py").write_text(
        "import eventlet  # migrate: ignore[EVT001] until 2.0\n"
        "from eventlet import debug  # migrate: ignore[debug]\n"
        "x = 1  # migrate: ignore[EVT102]\n"
        "y = 1  # migrate: ignore[EVT999]\n"
    )
    done = migrate("scan", cwd=project)
    assert done.returncode == 0
    assert "2 suppressed" in done.stdout
    assert done.stderr.splitlines() == [
        "migrate: pkg/service.py:3: unused suppression[EVT102]",
        "migrate: pkg/service.py:4: suppression names no rule: EVT999",
    ]


def test_configuration(project: Path) -> None:
    file = project / "pyproject.toml"
    file.write_text("[tool.eventlet-migrate]\nselect = ['debug']\nformat = 'json'\n")
    found = document(migrate("scan", "pkg", cwd=project))["findings"]
    assert {one["code"] for one in found} == {"EVT101", "EVT102"}
    file.write_text("[tool.eventlet-migrate]\nper-file-ignores = { 'pkg/*' = ['EVT0', 'EVT1'] }\n")
    assert migrate("scan", cwd=project).returncode == 0
    assert migrate("scan", "--isolated", cwd=project).returncode == 1
    for text, cure in (
        ("selct = []", "did you mean 'select'"),
        ("select = 'a'", "list of strings"),
    ):
        file.write_text(f"[tool.eventlet-migrate]\n{text}\n")
        done = migrate("scan", cwd=project)
        assert (done.returncode, done.stdout) == (2, "")
        assert cure in done.stderr
    file.write_text("[tool.other\n")
    assert migrate("scan", cwd=project).returncode == 1


def test_fail_on(project: Path) -> None:
    assert migrate("scan", "--fail-on", "backdoor", cwd=project).returncode == 0
    assert migrate("scan", "--fail-on", "EVT9,debug", cwd=project).returncode == 1
    assert migrate("scan", "--fail-on", "none", cwd=project).returncode == 0
    assert migrate("scan", "--fail-on", "any", cwd=project).returncode == 1
    done = migrate("scan", "--select", "debg", cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 'debug'" in done.stderr


def forget_runs(folder: Path) -> None:
    for run in folder.glob("run-*"):
        run.unlink()


def test_the_cache_changes_nothing_and_survives_anything(project: Path) -> None:
    (project / "pkg" / "user.py").write_text("from pkg.service import debug\ndebug.spew()\n")
    plain = migrate("scan", "--no-cache", "--format", "json", cwd=project).stdout
    assert not (project / ".migrate_cache").exists()
    store = project / ".migrate_cache" / "scan.json"
    for _ in range(2):
        assert migrate("scan", "--format", "json", cwd=project).stdout == plain
    kept = store.read_bytes()
    for corrupt in (b"", b"[]", b"\0", b"{}", kept[:-20], kept.replace(b"EVT1", b"EVT4")):
        store.write_bytes(corrupt)
        forget_runs(store.parent)
        assert migrate("scan", "--format", "json", cwd=project).stdout == plain
    record = cache.read(store.parent, store.name)
    record["files"] = dict.fromkeys(record["files"], "nonsense")
    cache.write(store.parent, store.name, record)
    forget_runs(store.parent)
    assert migrate("scan", "--format", "json", cwd=project).stdout == plain
    (project / "pkg" / "service.py").write_text("import eventlet\n")
    assert migrate("scan", cwd=project).stdout.count("EVT") == 1


def test_many_processes_say_the_same_as_one(tmp_path: Path) -> None:
    for number in range(150):
        (tmp_path / f"m{number:03}.py").write_text(f"import eventlet\neventlet.sleep({number})\n")
    one = migrate("scan", "--no-cache", "--jobs", "1", cwd=tmp_path).stdout
    assert migrate("scan", "--no-cache", "--jobs", "3", cwd=tmp_path).stdout == one
    assert one.endswith("300 findings in 150 files of 150.\n")


def test_nothing_heavy_is_imported() -> None:
    script = (
        "import sys\nfrom migrator.cli import run\nrun(['scan', '--no-cache', 'migrator'])\n"
        "heavy = {'libcst', 'eventlet', 'greenlet', 'asyncio', 'rich', 'multiprocessing'}\n"
        "sys.stderr.write(' '.join(sorted(heavy & set(sys.modules))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert done.stderr == ""


def test_findings_at_one_place_keep_their_order(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import eventlet\neventlet.GreenPool().spawn(f)\n" * 8)
    shown = {
        subprocess.run(
            [sys.executable, "-m", "migrator", "scan", "--no-cache", str(tmp_path)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
        ).stdout
        for seed in range(4)
    }
    assert len(shown) == 1
    assert "GreenPool().spawn" in shown.pop()
