"""A run over the very same files says the same without another look at them; any other looks."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from migrator import cache, sources
from migrator.commands.scan import codes_of
from migrator.findings import Unread
from migrator.project import Options, scan_paths
from tests.migrator.scanning import migrate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES = {
    "pkg/__init__.py": "",
    "pkg/compat.py": "from eventlet import debug as switches\n",
    "pkg/user.py": "from pkg.compat import switches\nswitches.spew()\n",
    "pkg/excused.py": "import eventlet  # migrate: ignore[EVT001] for now\n",
    "pkg/broken.py": "import eventlet\nprint 'x'\n",
    "run.sh": "export EVENTLET_HUB=poll\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def scan(tree: Path, *options: str) -> str:
    done = migrate("scan", "--format", "json", *options, ".", cwd=tree)
    return f"{done.stdout}{done.stderr}{done.returncode}"


def kept(tree: Path) -> list[Path]:
    return sorted((tree / ".migrate_cache").glob("run-*.json"), key=os.path.getmtime)


def test_the_same_files_are_not_looked_at_again(tree: Path) -> None:
    plain = scan(tree, "--no-cache")
    assert scan(tree) == plain
    assert scan(tree) == plain
    (run,) = kept(tree)
    text = json.dumps(cache.read(run.parent, run.name)).replace("EVENTLET_HUB", "TOLD_FROM_THE_RUN")
    cache.write(run.parent, run.name, json.loads(text))
    assert scan(tree) == plain.replace("EVENTLET_HUB", "TOLD_FROM_THE_RUN")


def edit(name: str, text: str) -> Callable[[Path], object]:
    return lambda tree: (tree / name).write_text(text)


@pytest.mark.parametrize(
    "change",
    [
        edit("pkg/compat.py", "from eventlet import wsgi as switches\n"),
        edit("pkg/user.py", "from pkg.compat import switches\nswitches.unspew()\n"),
        edit("pkg/new.py", "import eventlet\n"),
        edit("run.sh", "\n"),
        edit(".gitignore", "user.py\n"),
        lambda tree: (tree / "pkg" / "excused.py").unlink(),
        lambda tree: (tree / "pkg" / "__init__.py").unlink(),
        lambda tree: (tree / "__init__.py").touch(),
        lambda tree: (tree / "pkg" / "user.py").rename(tree / "pkg" / "other.py"),
        lambda tree: os.mkfifo(tree / "pkg" / "pipe.py"),
    ],
)
def test_what_has_changed_is_seen(tree: Path, change: Callable[[Path], object]) -> None:
    before = scan(tree)
    change(tree)
    now = scan(tree)
    assert now == scan(tree, "--no-cache")
    assert now != before


@pytest.mark.parametrize("options", [("--mentions",), ("--select", "debug"), ("--ignore", "EVT1")])
def test_another_question_has_its_own_answer(tree: Path, options: tuple[str, ...]) -> None:
    scan(tree)
    for _ in range(2):
        assert scan(tree, *options) == scan(tree, "--no-cache", *options)


@pytest.mark.parametrize(
    "change",
    [
        lambda sub: (sub / "compat").mkdir(),
        lambda sub: (sub / "compat.py").write_text("def spew(): pass\n"),  # that git ignores
    ],
)
def test_what_hides_a_module_is_seen_though_it_is_not_scanned(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("sub/compat.py\n")
    (tmp_path / "compat.py").write_text("from eventlet import debug as switches\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "user.py").write_text("from compat import switches\nswitches.spew()\n")
    assert "user.py" in scan(tmp_path)
    change(tmp_path / "sub")
    assert scan(tmp_path) == scan(tmp_path, "--no-cache")
    assert "user.py" not in scan(tmp_path)


@pytest.mark.parametrize("select", ["debug", "all"])
def test_what_a_file_held_for_a_moment_is_not_kept(
    tree: Path, monkeypatch: pytest.MonkeyPatch, select: str
) -> None:
    options = Options(codes_of([select]), processes=1)
    paths = [str(tree)]
    plain = scan_paths(paths, options)
    read, user = sources.read, tree / "pkg" / "user.py"
    times = []

    def lost(path: str, *, named: bool = False) -> bytes | Unread:
        times.append(path)
        is_again = path == str(user) and times.count(path) > 1
        return Unread(path, "no such file") if is_again else read(path, named=named)

    with monkeypatch.context() as patched:
        patched.setattr(sources, "read", lost)
        assert scan_paths(paths, options, cache.Cache(tree / ".migrate_cache")) != plain
    assert scan_paths(paths, options, cache.Cache(tree / ".migrate_cache")) == plain


def test_a_baseline_and_a_report_of_few_take_from_the_same_run(tree: Path) -> None:
    scan(tree)
    migrate("scan", "--baseline", "base.json", "--update-baseline", ".", cwd=tree)
    (run,) = kept(tree)
    assert '"findings": []' in scan(tree, "--baseline", "base.json")
    assert kept(tree) == [run]


def test_a_run_that_makes_no_sense_is_none(tree: Path) -> None:
    plain = scan(tree)
    (run,) = kept(tree)
    whole = run.read_text()
    stored = cache.read(run.parent, run.name)
    for damaged in ("", "[]", "{}", whole[:-20], whole.replace("EVENTLET_HUB", "EVENTLET_HUG")):
        run.write_text(damaged)
        assert scan(tree) == plain
    for nonsense in (
        {**stored, "told": [[999, *stored["told"][0][1:]]]},
        {**stored, "told": 5},
        {**stored, "facades": [1]},
    ):
        cache.write(run.parent, run.name, nonsense)
        assert scan(tree) == plain
    other = run.with_name("run-of-another-question.json")
    scan(tree, "--mentions")
    (mentions,) = {*kept(tree)} - {run}
    run.rename(other)
    mentions.rename(run)
    assert scan(tree) == plain


def test_the_oldest_run_goes(tree: Path) -> None:
    for number in range(10):
        (tree / f"more{number}.py").touch()
        scan(tree)
    assert len(kept(tree)) == 8
