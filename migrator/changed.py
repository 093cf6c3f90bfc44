"""``--changed [REF]``: the files that differ from a revision, and those git does not know."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inspector.errors import UsageError
from migrator import sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SUBMODULE = "160000"
_ALL = ("--raw", "-z", "--abbrev=64", "--diff-filter=d", "--no-renames", "--no-ext-diff")


@dataclass(frozen=True, slots=True)
class Changed:
    """The changed files, whatever path leads to them: a container of paths."""

    files: frozenset[str]

    def __contains__(self, path: object) -> bool:
        return sources.real(str(path)) in self.files

    def shown(self) -> list[str]:
        """The files as paths from here, in order."""
        here = os.path.realpath(os.curdir)
        return sorted(os.path.relpath(file, here) for file in self.files)


def split(reference: str, paths: Sequence[str]) -> tuple[str, list[str]]:
    """The revision and the paths that are meant: ``--changed src`` names a folder, as in git."""
    if os.path.lexists(reference):
        top = _top(os.curdir)
        if not top or not _commit(top, reference):
            return "HEAD", [reference, *paths]
    return reference, list(paths)


def changed(reference: str, paths: Sequence[str]) -> Changed:
    """What differs from ``reference`` in the repositories that ``paths`` lie in.

    Submodules are followed from the commit that the revision has of them; ``REF...`` is
    where the current branch left it. Raises UsageError outside a repository and for a
    revision that git does not know.
    """
    here = _top(os.curdir)
    tops = set()
    for path in paths or ["."]:
        full = os.path.realpath(path)
        if here and os.path.join(full, "").startswith(os.path.join(here, "")):
            tops.add(here)
        else:
            tops.add(_repository(path))
    found = {file for top in sorted(tops) for file in _changed(top, _base(top, reference))}
    return Changed(frozenset(found))


def _repository(path: str) -> str:
    folder = path
    while folder and not os.path.isdir(folder):  # a file, or a glob, or nothing
        folder = os.path.dirname(folder)
    top = _top(folder or os.curdir)
    if not top:
        raise UsageError("--changed needs a git repository", f"{path} is in none")
    return top


def _top(folder: str) -> str:
    """The top of the repository that a folder is in, or ""; raises for one closed to us."""
    done = _run(folder, "rev-parse", "--show-toplevel")
    if done.returncode and b"dubious ownership" in done.stderr:
        raise UsageError(f"git: {_words(done)}", "git config --global --add safe.directory ...")
    return os.path.realpath(os.fsdecode(done.stdout).removesuffix("\n")) if done.stdout else ""


def _base(top: str, reference: str) -> str:
    """The commit to compare with; the empty tree where nothing is committed yet."""
    revision = reference.removesuffix("...")
    commit = _commit(top, revision)
    if commit and revision != reference:
        commit = _git(top, "merge-base", commit, "HEAD").strip()
    if not commit and revision in ("HEAD", "@"):
        return _nothing(top)
    if not commit:
        raise UsageError(
            f"git knows no revision {revision!r}", "write --changed=REF before the paths"
        )
    return commit


def _commit(top: str, reference: str) -> str:
    if reference.startswith("-"):
        return ""
    done = _run(top, "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}")
    return done.stdout.decode().strip()


def _nothing(top: str) -> str:
    return _git(top, "hash-object", "-t", "tree", os.devnull).strip()


def _changed(top: str, base: str) -> Iterator[str]:
    """Full paths of what differs from ``base``, deleted files excepted."""
    fields = iter(_git(top, "diff", *_ALL, "--ignore-submodules=none", base, "--").split("\0"))
    for meta in fields:
        if not meta:
            continue
        path = os.path.join(top, next(fields))
        before, after, old, *_ = meta[1:].split()
        if after == _SUBMODULE:
            if os.path.lexists(os.path.join(path, ".git")):  # else it is not checked out
                known = before == _SUBMODULE and _commit(path, old)
                yield from _changed(path, known or _nothing(path))
        else:
            yield path
    for name in _git(top, "ls-files", "-z", "--others", "--exclude-standard").split("\0"):
        path = os.path.join(top, name)
        if name.endswith("/"):  # a repository of its own that git does not know here
            yield from _changed(path.rstrip("/"), _nothing(path))
        elif name:
            yield path


def _git(folder: str, *arguments: str) -> str:
    done = _run(folder, *arguments)
    if done.returncode:
        raise UsageError(f"git {arguments[0]}: {_words(done)}", "see git's own help")
    return os.fsdecode(done.stdout)


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else "failed"


def _run(folder: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = ["git", "--no-optional-locks", "-C", folder, *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        raise UsageError("--changed needs git", "install it, or name the files") from None
