"""Writing is refused where it could not be undone."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from inspector.errors import UsageError
from migrator.guard import require_undo

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "code.py").write_text("x = 1\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_a_clean_tree_passes(repository: Path) -> None:
    require_undo([repository / "package" / "code.py"])


def test_ignored_files_do_not_count(repository: Path) -> None:
    (repository / ".git" / "info" / "exclude").write_text("*.log\n")
    (repository / "noise.log").write_text("noise")
    require_undo([repository / "package" / "code.py"])


def test_a_file_that_git_ignores_is_refused(repository: Path) -> None:
    (repository / ".git" / "info" / "exclude").write_text("build/\n")
    (repository / "build").mkdir()
    with pytest.raises(UsageError, match=r"ignores .*build/code.py: a change could not be undone"):
        require_undo([repository / "package" / "code.py", repository / "build" / "code.py"])


def test_a_submodule_is_asked_itself(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outer = tmp_path_factory.mktemp("outer")
    git(outer, "init", "-q")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", str(repository), "sub")
    git(outer, "commit", "-qam", "first")
    require_undo([outer / "sub" / "package" / "code.py"])
    (outer / "sub" / "package" / "code.py").write_text("x = 2\n")
    with pytest.raises(UsageError, match="uncommitted changes"):
        require_undo([outer / "sub" / "package" / "code.py"])


@pytest.mark.parametrize("stage", [False, True], ids=["unstaged", "staged"])
def test_a_changed_file_anywhere_in_the_tree_is_refused(repository: Path, stage: bool) -> None:
    (repository / "package" / "code.py").write_text("x = 2\n")
    if stage:
        git(repository, "add", "-A")
    with pytest.raises(UsageError, match=r"uncommitted changes: package/code.py") as refusal:
        require_undo([repository / "other.py"])
    assert "--allow-dirty" in refusal.value.hint


def test_an_untracked_file_is_refused_and_its_name_escaped(repository: Path) -> None:
    (repository / "a\x1b[31mb").write_text("")
    with pytest.raises(UsageError, match=r"a\\x1b\[31mb"):
        require_undo([repository / "package" / "code.py"])


def test_without_version_control_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not under version control"):
        require_undo([tmp_path / "code.py"])


def test_other_version_control_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ".hg").mkdir()
    require_undo([tmp_path / "code.py"])


def test_without_git_it_is_refused(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository / "package"))
    with pytest.raises(UsageError, match="git is not installed"):
        require_undo([repository / "package" / "code.py"])


def test_a_broken_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(UsageError, match="git cannot tell the state"):
        require_undo([tmp_path / "code.py"])
