"""How much Eventlet a project's git history held: counts by class at chosen commits.

Each commit is scanned as it would be in a checkout: its own configuration and .gitignore,
facades, and files that are not Python. What matters of it is written to a folder of our
own, and only what differs from the commit before; git runs no filter and no hook for that,
and a file that stays the same is scanned once.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.errors import UsageError
from migrator import cache, project, rules, sources
from migrator.progress import told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import IO

    from migrator.progress import Progress

_ABOVE = (".gitignore", "pyproject.toml", "__init__.py")  # count for the folders below, too
_LINK = "120000"
_FILES = ("100644", "100755", "100664", _LINK)  # not submodules


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
    folder: str,
    points: int,
    options: Callable[[str], project.Options],
    progress: Progress | None = None,
) -> list[Point]:
    """At most ``points`` commits of the first-parent history of ``folder``, oldest first.

    The first and the last are among them. ``options`` says how to scan a folder, which is
    the current one then. Raises UsageError where there is no history.
    """
    log = _git(folder, "log", "--first-parent", "--format=%H %cs", "--", ".").split()
    commits = list(zip(log[::2], log[1::2], strict=True))[::-1]
    if not commits:
        raise UsageError(f"{folder} has no git history", "run it inside a repository")
    chosen = _spread(commits, points)
    top = _git(folder, "rev-parse", "--show-toplevel").removesuffix("\n")
    with tempfile.TemporaryDirectory(prefix="migrate-history-") as scratch:
        tree = _Tree(Path(scratch).resolve(), _place(folder, top), top)
        return [
            Point(
                commit[:12], date, tree.counts(_listing(folder, commit), _place(".", top), options)
            )
            for commit, date in told(progress, "Reading history", chosen, len(chosen))
        ]


def is_shallow(folder: str) -> bool:
    """Whether the repository lacks the beginning of its history."""
    return _git(folder, "rev-parse", "--is-shallow-repository").strip() == "true"


def _place(folder: str, top: str) -> str:
    """Where a folder lies in the repository; "" for its top, and for what lies outside."""
    place = os.path.relpath(os.path.realpath(folder), os.path.realpath(top))
    return "" if place == "." or place.startswith("..") else place


def _spread(commits: Sequence[tuple[str, str]], points: int) -> list[tuple[str, str]]:
    if len(commits) <= points:
        return list(commits)
    last = len(commits) - 1
    places = {round(number * last / max(1, points - 1)) for number in range(points)}
    return [commits[place] for place in sorted(places | {last})]


class _Tree:
    """The files of one commit after the other that a scan of ``place`` looks at."""

    def __init__(self, scratch: Path, place: str, repository: str) -> None:
        self.top = scratch / "tree"
        (self.top / ".git").mkdir(parents=True)  # .gitignore files count up to here
        self.store = scratch / "cache"
        self.place = place
        self.repository = repository
        self.held: Mapping[str, tuple[str, str]] = {}

    def counts(
        self,
        listing: Mapping[str, tuple[str, str]],
        start: str,
        options: Callable[[str], project.Options],
    ) -> Counter[str]:
        """Findings by family at the commit that ``listing`` is of, scanned from ``start``."""
        wanted = {path: what for path, what in listing.items() if self.wants(path)}
        for path in self.held.keys() - wanted.keys():
            self.remove(path)
        new = [path for path, what in wanted.items() if self.held.get(path) != what]
        objects = _contents(self.repository, [wanted[path][1] for path in new])
        for path, parts in zip(new, objects, strict=True):
            self.write(path, wanted[path][0], parts)
        self.held = wanted
        sources.forget()
        folder = self.top / self.place
        folder.mkdir(parents=True, exist_ok=True)
        (self.top / start).mkdir(parents=True, exist_ok=True)
        with contextlib.chdir(self.top / start):
            scanned = os.path.relpath(folder)
            report = project.scan_paths(
                [scanned], options(scanned), cache.Cache(self.store, runs=False)
            )
        return Counter(rules.by_code()[one.code][0].name for one in report.findings)

    def wants(self, path: str) -> bool:
        """Whether a scan may look at the file, or at what it says about others."""
        folder, name = os.path.split(path)
        if self.place and not path.startswith(f"{self.place}/"):
            above = not folder or self.place.startswith(f"{folder}/")
            return above and name in _ABOVE
        return name in _ABOVE or sources.may_be_read(path)

    def remove(self, path: str) -> None:
        (self.top / path).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # others are in it
            for folder in Path(path).parents[:-1]:
                (self.top / folder).rmdir()

    def write(self, path: str, mode: str, parts: Iterator[bytes]) -> None:
        file = self.top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.parent.resolve() != file.parent:
            return  # git makes no such tree, but somebody may: it leads out of here
        file.unlink(missing_ok=True)
        if mode == _LINK:
            file.symlink_to(os.fsdecode(b"".join(parts)))
            return
        with file.open("wb") as copy:
            copy.writelines(parts)


def _contents(repository: str, blobs: Sequence[str]) -> Iterator[Iterator[bytes]]:
    """The bytes of each object, piece by piece: the layout of ``git cat-file --batch``."""
    if not blobs:
        return
    with tempfile.TemporaryFile() as asked:
        asked.write("\n".join(blobs).encode())
        asked.seek(0)
        command = ["git", "-C", repository, "cat-file", "--batch"]
        with subprocess.Popen(
            command, stdin=asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as git:
            assert git.stdout is not None
            for blob in blobs:
                header = git.stdout.readline().split()
                if len(header) != 3:
                    raise UsageError(f"git has no object {blob}", "fetch what the clone left out")
                pieces = _pieces(git.stdout, int(header[2]))
                yield pieces
                for _ in pieces:
                    pass  # nobody wanted it
                git.stdout.read(1)


def _pieces(stream: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0:
        piece = stream.read(min(size, 2**20))
        if not piece:
            raise UsageError("git ended early", "run `git fsck`")
        size -= len(piece)
        yield piece


def _listing(folder: str, commit: str) -> dict[str, tuple[str, str]]:
    """Path -> (mode, object) of every file at a commit, from the top of the repository."""
    found = {}
    for entry in _git(folder, "ls-tree", "-r", "-z", "--full-tree", commit).split("\0"):
        meta, _, path = entry.partition("\t")
        if path and (mode := meta.split()[0]) in _FILES:
            found[path] = (mode, meta.split()[2])
    return found


def _git(folder: str, *arguments: str) -> str:
    return os.fsdecode(_run(folder, *arguments))


def _run(folder: str, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise UsageError("--history needs git", "install it") from None
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip().splitlines()
        raise UsageError(
            f"git {arguments[0]}: {why[-1] if why else 'failed'}", "see git's own help"
        )
    return done.stdout
