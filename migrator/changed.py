"""``--changed [REF]``: the files that differ from a revision, and those git does not know."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from inspector.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


def changed_files(reference: str, paths: Sequence[str]) -> list[str]:
    """Files below ``paths`` that differ from ``reference``, deleted ones excepted.

    Raises UsageError outside a repository and for a revision that git does not know.
    """
    top = _git("rev-parse", "--show-toplevel").strip()
    if not top:
        raise UsageError("--changed needs a git repository", "run it inside one")
    if reference.startswith("-") or not _git("rev-parse", "--verify", "--quiet", reference):
        raise UsageError(
            f"git knows no revision {reference!r}", "write --changed=REF before the paths"
        )
    options = ("-z", "--name-only", "--diff-filter=d", "--no-renames", "--no-ext-diff")
    names = _git("diff", *options, reference, "--", *paths).split("\0")
    listed = _git("ls-files", "-z", "--others", "--exclude-standard", "--full-name", "--", *paths)
    found = sorted({name for name in [*names, *listed.split("\0")] if name})
    return [os.path.relpath(os.path.join(os.path.realpath(top), name)) for name in found]


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise UsageError("--changed needs git", "install it, or name the files") from None
    return os.fsdecode(done.stdout) if done.returncode == 0 else ""
