"""Refuse to write where a bad change could not be undone, as ``cargo fix`` does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Their state is not asked; as with cargo, that they are there is enough.
_OTHER_VERSION_CONTROL = (".hg", ".jj", ".svn", ".bzr", ".fslckout", "_FOSSIL_", ".pijul")
_SHOWN = 5


def require_undo(paths: Iterable[Path]) -> None:
    """Raise UsageError unless every path lies in a repository that could restore it.

    That is one without uncommitted changes which does not ignore the file.
    """
    roots: dict[Path, list[Path]] = {}
    for path in sorted({Path(os.path.realpath(path)) for path in paths}):
        root = _root_of(path.parent)
        if root is None:
            raise UsageError(
                f"{path.parent} is not under version control: a change could not be undone",
                "git init and commit first, or pass --allow-dirty",
            )
        roots.setdefault(root, []).append(path)
    for root, files in roots.items():
        if (root / ".git").exists():
            _require_clean(root)
            _require_kept(root, files)


def _root_of(folder: Path) -> Path | None:
    for candidate in (folder, *folder.parents):
        if any((candidate / name).exists() for name in (".git", *_OTHER_VERSION_CONTROL)):
            return candidate
    return None


def _require_clean(root: Path) -> None:
    status = _git(root, "status", "--porcelain", "-z", "--no-renames")
    dirty = [entry[3:] for entry in status.split(b"\0") if entry]
    if dirty:
        raise UsageError(
            f"{root} has uncommitted changes: {_listed(dirty)}",
            "commit or stash them first, or pass --allow-dirty",
        )


def _require_kept(root: Path, files: Iterable[Path]) -> None:
    """A clean tree says nothing of the files that it ignores."""
    names = b"\0".join(map(os.fsencode, files))
    ignored = _git(root, "check-ignore", "-z", "--stdin", stdin=names, none=1).split(b"\0")
    if any(ignored):
        raise UsageError(
            f"{root} ignores {_listed(ignored[:-1])}: a change could not be undone",
            "leave it out, or pass --allow-dirty",
        )


def _git(root: Path, *arguments: str, stdin: bytes = b"", none: int = 0) -> bytes:
    """What git says. ``none`` is the status with which it says that there is nothing."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], input=stdin, capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise UsageError(
            f"git is not installed, so {root} cannot be checked for uncommitted changes",
            "install git, or pass --allow-dirty",
        ) from error
    if done.returncode not in (0, none):
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise UsageError(
            f"git cannot tell the state of {root}: {said[0] if said else 'no reason given'}",
            "pass --allow-dirty to write all the same",
        )
    return done.stdout


def _listed(names: Sequence[bytes]) -> str:
    shown = ", ".join(ascii(os.fsdecode(name))[1:-1] for name in names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
