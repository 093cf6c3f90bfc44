"""Refuse to write where a bad change could not be undone, as ``cargo fix`` does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

# Their state is not asked; as with cargo, that they are there is enough.
_OTHER_VERSION_CONTROL = (".hg", ".jj", ".svn", ".bzr", ".fslckout", "_FOSSIL_", ".pijul")
_SHOWN = 5


def require_undo(paths: Iterable[Path]) -> None:
    """Raise UsageError unless every path lies in a repository without uncommitted changes."""
    roots: set[Path] = set()
    for folder in sorted({Path(os.path.realpath(path)).parent for path in paths}):
        if any(root == folder or root in folder.parents for root in roots):
            continue  # a repository inside one that was checked is its submodule
        root = _root_of(folder)
        if root is None:
            raise UsageError(
                f"{folder} is not under version control: a change could not be undone",
                "git init and commit first, or pass --allow-dirty",
            )
        if (root / ".git").exists():
            _require_clean(root)
        roots.add(root)


def _root_of(folder: Path) -> Path | None:
    for candidate in (folder, *folder.parents):
        if any((candidate / name).exists() for name in (".git", *_OTHER_VERSION_CONTROL)):
            return candidate
    return None


def _require_clean(root: Path) -> None:
    try:
        status = subprocess.run(
            ["git", "-C", str(root), "status", "--porcelain", "-z", "--no-renames"],
            capture_output=True,
            check=True,
        ).stdout
    except FileNotFoundError as error:
        raise UsageError(
            f"git is not installed, so {root} cannot be checked for uncommitted changes",
            "install git, or pass --allow-dirty",
        ) from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        raise UsageError(
            f"git cannot tell the state of {root}: {said[0] if said else 'no reason given'}",
            "pass --allow-dirty to write all the same",
        ) from error
    dirty = [os.fsdecode(entry[3:]) for entry in status.split(b"\0") if entry]
    if dirty:
        shown = ", ".join(ascii(name)[1:-1] for name in dirty[:_SHOWN])
        more = f" and {len(dirty) - _SHOWN} more" if len(dirty) > _SHOWN else ""
        raise UsageError(
            f"{root} has uncommitted changes: {shown}{more}",
            "commit or stash them first, or pass --allow-dirty",
        )
