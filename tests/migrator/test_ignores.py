"""Which files a scan looks at: git itself says what it ignores."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.migrator.scanning import document, git, migrate

if TYPE_CHECKING:
    from pathlib import Path

PATTERNS = """\
# comment
build/
/anchored.py
dir_only/
*.gen.py
!keep.gen.py
a/**/z.py
trail.py   \n\
\\#hash.py
\\!bang.py
docs/*.py
**/deep.py
x[ab].py
q?.py
neg/*
!neg/in.py
dead/
!dead/in.py
foo/bar
"""
FILES = """\
build/a.py anchored.py sub/anchored.py sub/build/a.py dir_only.py s/dir_only/x.py one.gen.py
keep.gen.py a/z.py a/b/c/z.py trail.py #hash.py !bang.py docs/a.py docs/b/a.py deep.py
p/q/deep.py xa.py xc.py q1.py neg/in.py neg/out.py dead/in.py foo/bar/x.py k/foo/bar/x.py
sub/yes.py sub/no.py sub2/one2.gen.py sub2/inner/one2.gen.py excluded.py globally.py .hidden/h.py
"""


def scanned(*arguments: str, cwd: Path, home: Path) -> list[str]:
    """The files found, each of which holds Eventlet."""
    done = migrate("scan", "--format", "json", *arguments, cwd=cwd, HOME=str(home))
    return sorted({one["path"] for one in document(done)["findings"]})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder whose owner has patterns of their own."""
    home = tmp_path / "home"
    (home / "settings").mkdir(parents=True)
    (home / ".gitconfig").write_text("[core]\n\texcludesFile = ~/settings/ignored\n")
    (home / "settings" / "ignored").write_text("globally.py\n")
    return home


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    top = tmp_path / "repository"
    for name in FILES.split():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text("import eventlet\n")
    (top / ".gitignore").write_text(PATTERNS)
    (top / "sub" / ".gitignore").write_text("*.py\n!yes.py\n")
    (top / "sub2" / ".gitignore").write_text("!one2.gen.py\n")
    git(top, "init")
    (top / ".git" / "info" / "exclude").write_text("excluded.py\n")
    (top / "loop").symlink_to(".")
    return top


def listed(folder: Path, home: Path) -> list[str]:
    """What git lists as new below a folder, and a scan would read."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--others", "--exclude-standard", "*.py"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(done.stdout.split("\0")[:-1])


def test_what_git_ignores_is_left_out(repository: Path, home: Path) -> None:
    expected = listed(repository, home)
    assert {"keep.gen.py", "neg/in.py", "sub/yes.py", ".hidden/h.py"} < {*expected}
    assert scanned(cwd=repository, home=home) == expected
    for folder in ("sub", "sub2", "docs", "neg"):
        below = repository / folder
        assert scanned(cwd=below, home=home) == listed(below, home)


def test_a_worktree_shares_what_is_excluded(repository: Path, home: Path, tmp_path: Path) -> None:
    git(repository, "add", ".gitignore")
    git(repository, "commit", "-m", "first")
    git(repository, "worktree", "add", str(tmp_path / "tree"))
    for name in ("excluded.py", "globally.py", "seen.py"):
        (tmp_path / "tree" / name).write_text("import eventlet\n")
    assert scanned(cwd=tmp_path / "tree", home=home) == ["seen.py"]


def test_what_is_named_is_meant(repository: Path, home: Path) -> None:
    """A folder that git ignores is empty to nobody who asks for it."""
    assert scanned("build", cwd=repository, home=home) == ["build/a.py"]
    assert scanned("excluded.py", cwd=repository, home=home) == ["excluded.py"]
    options = ("--exclude", "build", "build/a.py", "xc.py")
    assert scanned(*options, cwd=repository, home=home) == ["build/a.py", "xc.py"]
    assert scanned("--force-exclude", *options, cwd=repository, home=home) == ["xc.py"]
    assert scanned("--force-exclude", "--exclude=build", "build", cwd=repository, home=home) == []


def test_an_environment_in_the_project_is_none_of_its_code(tmp_path: Path, home: Path) -> None:
    for name in ("mine/pyvenv.cfg", "mine/bin/run.py", "conda/conda-meta/history", "conda/a.py"):
        (tmp_path / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "p" / name).write_text("import eventlet\n")
    assert scanned(cwd=tmp_path / "p", home=home) == []
    assert scanned("mine", cwd=tmp_path / "p", home=home) == ["mine/bin/run.py"]


def test_a_named_file_is_read_as_what_it_is(tmp_path: Path, home: Path) -> None:
    (tmp_path / "values.json").write_text('{"a": true,\n "worker_class": "eventlet"}\n')
    (tmp_path / "NOTES.md").write_text("It's `eventlet`, still.\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\0")
    (tmp_path / "deps.txt").write_text("eventlet\n")
    (tmp_path / "service.tac").write_text("import eventlet\n")
    names = sorted(one.name for one in tmp_path.iterdir() if one.is_file())
    done = migrate("scan", "--format", "json", *names, cwd=tmp_path, HOME=str(home))
    assert [(one["path"], one["code"]) for one in document(done)["findings"]] == [
        ("deps.txt", "EVT951"),
        ("service.tac", "EVT001"),
        ("values.json", "EVT901"),
    ]
    assert (done.returncode, done.stderr) == (1, "")


def test_patterns_that_make_no_sense_or_little(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text(
        "[tool.eventlet-migrate]\n*.gen.py\n![z-a].py\n!\nx\\\n[[x]z\nsu[!x]\n"
    )
    for name in ("a.py", "b.gen.py", "su/c.py", "[z/d.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("import eventlet\n")
    done = migrate("scan", "--format", "json", "--exclude", "[z-a].py", cwd=tmp_path)
    assert [one["path"] for one in document(done)["findings"]] == ["a.py", "su/c.py"]
    assert done.stderr == ""


def test_what_lies_elsewhere_is_left_out_by_name(tmp_path: Path) -> None:
    for name in ("here/x", "there/tests/t.py", "there/a.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("import eventlet\n")
    for pattern, left in (("tests", ["a.py"]), ("a.py", ["tests/t.py"]), ("/there", [])):
        options = ("scan", "--format", "json", "--exclude", pattern, "../there")
        found = document(migrate(*options, cwd=tmp_path / "here"))["findings"]
        wanted = left or ["a.py", "tests/t.py"]
        assert [one["path"].removeprefix("../there/") for one in found] == wanted
