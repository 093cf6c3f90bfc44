"""How much Eventlet a project's git history held: counts by class at chosen commits.

Blobs are read with ``git cat-file``; nothing is checked out. A blob that did not change
between two commits is scanned once.
"""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inspector.errors import UsageError
from migrator import rules, scan, sources
from migrator.progress import told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from migrator.progress import Progress

_WORDS = ("eventlet", "greenlet", "GreenThread", "gr_frame")
_PATTERNS = tuple(f"*{suffix}" for suffix in sources.PYTHON)
_AT_ONCE = 200  # blobs read in one run of git


@dataclass(frozen=True, slots=True)
class Point:
    """One commit: abbreviated hash, date (YYYY-MM-DD), findings by family name."""

    commit: str
    date: str
    counts: Counter[str]

    @property
    def total(self) -> int:
        """All findings."""
        return self.counts.total()


def read(
    folder: str, points: int, codes: frozenset[str], progress: Progress | None = None
) -> list[Point]:
    """At most ``points`` commits of the first-parent history of ``folder``, oldest first.

    The first and the last are among them. Raises UsageError where there is no history.
    """
    log = _git(folder, "log", "--first-parent", "--format=%H %cs", "--", ".").split()
    commits = list(zip(log[::2], log[1::2], strict=True))[::-1]
    if not commits:
        raise UsageError(f"{folder} has no git history", "run it inside a repository")
    known: dict[str, Counter[str]] = {}
    chosen = _spread(commits, points)
    return [
        Point(commit[:12], date, _counts(folder, commit, codes, known))
        for commit, date in told(progress, "Reading history", chosen, len(chosen))
    ]


def _spread(commits: Sequence[tuple[str, str]], points: int) -> list[tuple[str, str]]:
    if len(commits) <= points:
        return list(commits)
    last = len(commits) - 1
    places = {round(number * last / max(1, points - 1)) for number in range(points)}
    return [commits[place] for place in sorted(places | {last})]


def _counts(
    folder: str, commit: str, codes: frozenset[str], known: dict[str, Counter[str]]
) -> Counter[str]:
    # Git's own search says which blobs are worth reading.
    words = [part for word in _WORDS for part in ("-e", word)]
    held = _git(folder, "grep", "-l", "-z", "-i", *words, commit, "--", *_PATTERNS).split("\0")
    paths = {name.partition(":")[2] for name in held if name}
    blobs: dict[str, str] = {}
    for entry in _git(folder, "ls-tree", "-r", "-z", commit, ".").split("\0"):
        meta, _, path = entry.partition("\t")
        if path in paths:
            blobs[path] = meta.split()[2]
    missing = {blob: path for path, blob in blobs.items() if blob not in known}
    for blob, data in _contents(folder, list(missing)):
        known[blob] = _families(data, missing[blob], codes)
    total: Counter[str] = Counter()
    for blob in blobs.values():
        total += known.get(blob, Counter())
    return total


def _families(data: bytes, path: str, codes: frozenset[str]) -> Counter[str]:
    if not scan.may_matter(data):
        return Counter()
    stem = path.rpartition(".")[0].replace("/", ".")
    module = stem.removesuffix(".__init__")
    facts = scan.scan_python(data, path, module, package=stem != module)
    return Counter(rules.by_code()[one.code][0].name for one in facts.findings if one.code in codes)


def _contents(folder: str, blobs: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """What each blob holds. The layout is that of ``git cat-file --batch``."""
    for start in range(0, len(blobs), _AT_ONCE):
        some = blobs[start : start + _AT_ONCE]
        output = _run(folder, "cat-file", "--batch", given="\n".join(some).encode())
        place = 0
        for blob in some:
            end = output.index(b"\n", place)
            size = int(output[place:end].split()[2])
            yield blob, output[end + 1 : end + 1 + size]
            place = end + 1 + size + 1


def _git(folder: str, *arguments: str) -> str:
    return os.fsdecode(_run(folder, *arguments))


def _run(folder: str, *arguments: str, given: bytes = b"") -> bytes:
    try:
        done = subprocess.run(
            ["git", "-C", folder, *arguments], input=given, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise UsageError("--history needs git", "install it") from None
    if done.returncode > 1:  # 1 is grep's way to say that nothing was found
        why = done.stderr.decode(errors="replace").strip().splitlines()
        raise UsageError(
            f"git {arguments[0]}: {why[-1] if why else 'failed'}", "see git's own help"
        )
    return done.stdout
