"""``--changed``: what a plain scan reports, of the files that git says have changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.migrator.scanning import document, git, migrate

if TYPE_CHECKING:
    from pathlib import Path

EVENTLET = "import eventlet\n"


def paths(*arguments: str, cwd: Path) -> list[str]:
    """The paths that a scan reports, once each; nothing else may be said."""
    done = migrate("scan", *arguments, "--format", "json", cwd=cwd)
    assert done.stderr == ""
    found = document(done)
    assert done.returncode == bool(found["findings"])
    assert not found["unread"]
    return sorted({one["path"] for one in found["findings"]})


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    top = tmp_path / "repository"
    (top / "sub").mkdir(parents=True)
    for name in ("a.py", "gone.py", "moved.py", "sub/b.py"):
        (top / name).write_text(EVENTLET)
    git(top, "init")
    git(top, "add", ".")
    git(top, "commit", "-m", "first")
    return top


def test_what_is_staged_edited_new_moved_and_gone(repository: Path) -> None:
    assert paths("--changed", cwd=repository) == []
    (repository / "a.py").write_text(f"{EVENTLET}# edited\n")
    (repository / "staged é.py").write_text(EVENTLET)
    git(repository, "add", "staged é.py")
    (repository / "sub" / "new.py").write_text(EVENTLET)
    git(repository, "mv", "moved.py", "sub/at last.py")
    (repository / "gone.py").unlink()
    expected = ["a.py", "staged é.py", "sub/at last.py", "sub/new.py"]
    assert paths("--changed", cwd=repository) == expected
    assert paths("--changed", cwd=repository / "sub") == ["at last.py", "new.py"]
    assert paths("--changed", "..", cwd=repository / "sub") == [
        "../a.py",
        "../staged é.py",
        "../sub/at last.py",
        "../sub/new.py",
    ]
    git(repository, "add", ".")
    git(repository, "commit", "-m", "second")
    assert paths("--changed", cwd=repository) == []
    assert paths("--changed=HEAD~1", cwd=repository) == expected


def test_only_what_a_scan_reads(repository: Path) -> None:
    """Pictures, documents and folders behind links are no Python, changed or not."""
    (repository / "picture.png").write_bytes(b"\0\1eventlet")
    (repository / "README.md").write_text("eventlet, it's `here`\n")
    (repository / "elsewhere").symlink_to("/etc")
    (repository / "vendored").mkdir()
    (repository / "vendored" / "v.py").write_text(EVENTLET)
    (repository / "new.py").write_text(EVENTLET)
    assert paths("--changed", "--exclude", "vendored", cwd=repository) == ["new.py"]


def test_what_an_unchanged_module_hands_on_is_followed(repository: Path) -> None:
    (repository / "facade.py").write_text("from eventlet import debug as hooks\n")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "facade")
    (repository / "user.py").write_text("from facade import hooks\nhooks.spew()\n")
    assert paths("--changed", cwd=repository) == ["user.py"]


def test_a_path_behind_the_option_is_a_path(repository: Path) -> None:
    (repository / "new.py").write_text(EVENTLET)
    (repository / "sub" / "new.py").write_text(EVENTLET)
    assert paths("--changed", "sub", cwd=repository) == ["sub/new.py"]
    assert paths("--changed", "new.py", "a.py", cwd=repository) == ["new.py"]
    assert paths("--changed", "HEAD", "**/n*.py", cwd=repository) == ["new.py", "sub/new.py"]


def test_before_the_first_commit_everything_is_new(repository: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    git(fresh, "init")
    (fresh / "staged.py").write_text(EVENTLET)
    git(fresh, "add", ".")
    (fresh / "new.py").write_text(EVENTLET)
    assert paths("--changed", cwd=fresh) == ["new.py", "staged.py"]


def test_from_where_the_branch_left(repository: Path) -> None:
    git(repository, "checkout", "-b", "work")
    (repository / "work.py").write_text(EVENTLET)
    git(repository, "add", ".")
    git(repository, "commit", "-m", "work")
    git(repository, "checkout", "main")
    (repository / "a.py").write_text(f"{EVENTLET}# meanwhile\n")
    git(repository, "commit", "-am", "main")
    git(repository, "checkout", "work")
    assert paths("--changed=main", cwd=repository) == ["a.py", "work.py"]
    assert paths("--changed=main...", cwd=repository) == ["work.py"]


def test_in_submodules_and_worktrees(repository: Path, tmp_path: Path) -> None:
    above = tmp_path / "above"
    above.mkdir()
    git(above, "init")
    git(above, "-c", "protocol.file.allow=always", "submodule", "add", str(repository), "lib")
    git(above, "commit", "-m", "with a submodule")
    assert paths("--changed", cwd=above) == []
    (above / "lib" / "a.py").write_text(f"{EVENTLET}# edited\n")
    git(above / "lib", "commit", "-am", "edited")
    (above / "lib" / "new.py").write_text(EVENTLET)
    assert paths("--changed", cwd=above) == ["lib/a.py", "lib/new.py"]
    assert paths("--changed", "lib/a.py", cwd=above) == ["lib/a.py"]
    assert paths("--changed", cwd=above / "lib") == ["new.py"]
    git(repository, "worktree", "add", "-b", "other", str(tmp_path / "tree"))
    (tmp_path / "tree" / "new.py").write_text(EVENTLET)
    assert paths("--changed", cwd=tmp_path / "tree") == ["new.py"]
    assert paths("--changed", cwd=repository) == []


def test_in_a_repository_somewhere_else(repository: Path, tmp_path: Path) -> None:
    (repository / "new.py").write_text(EVENTLET)
    outside = tmp_path / "outside"
    outside.mkdir()
    place = os.path.relpath(repository, outside)
    assert paths("--changed", place, cwd=outside) == [f"{place}/new.py"]
    (tmp_path / "link").symlink_to(repository)
    assert paths("--changed", str(tmp_path / "link"), cwd=outside) == [f"{tmp_path}/link/new.py"]
    done = migrate("scan", "--changed", cwd=outside)
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs a git repository" in done.stderr


def test_a_shallow_clone_says_what_it_lacks(repository: Path, tmp_path: Path) -> None:
    (repository / "a.py").write_text(f"{EVENTLET}# edited\n")
    git(repository, "commit", "-am", "second")
    git(tmp_path, "clone", "--depth=1", f"file://{repository}", "shallow")
    (tmp_path / "shallow" / "new.py").write_text(EVENTLET)
    assert paths("--changed", cwd=tmp_path / "shallow") == ["new.py"]
    done = migrate("scan", "--changed=HEAD~1", cwd=tmp_path / "shallow")
    assert (done.returncode, done.stdout) == (2, "")
    assert "HEAD~1" in done.stderr


def test_a_path_that_is_not_there(repository: Path) -> None:
    done = migrate("scan", "--changed", "HEAD", "nowhere.py", cwd=repository)
    assert (done.returncode, done.stderr) == (3, "migrate: nowhere.py: no such file or directory\n")
    done = migrate("scan", "--changed", "HEAD", "-", cwd=repository, given=b"")
    assert done.returncode == 2


def test_a_baseline_keeps_what_was_not_looked_at(repository: Path) -> None:
    options = ("scan", "--baseline", "base.json")
    assert migrate(*options, "--update-baseline", cwd=repository).returncode == 0
    before = (repository / "base.json").read_text()
    (repository / "a.py").write_text("")
    assert migrate(*options, "--update-baseline", "--changed", cwd=repository).returncode == 0
    after = (repository / "base.json").read_text()
    assert '"a.py"' in before
    assert '"a.py"' not in after
    assert '"sub/b.py"' in after
    assert migrate(*options, "--changed", cwd=repository).returncode == 0


def test_apply_of_changed_files(repository: Path) -> None:
    text = "from eventlet import debug\n\ndebug.spew()\n"
    for name in ("old.py", "new.py"):
        (repository / name).write_text(text)
        if name == "old.py":
            git(repository, "add", ".")
            git(repository, "commit", "-m", "old")
    (repository / "notes.md").write_text("no Python: `eventlet`\n")
    done = migrate("apply", "--to", "bridge", "--check", "--only-changed", ".", cwd=repository)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[0] == "would change new.py"
    assert "old.py" not in done.stdout


def test_apply_names_its_own_option(repository: Path) -> None:
    done = migrate("apply", "--only-changed", "nosuch", "a.py", cwd=repository)
    assert done.returncode == 2
    assert "write --only-changed=REF before the paths" in done.stderr
