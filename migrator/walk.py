"""Which files a scan looks at: those named, those below folders, those that they include."""

from __future__ import annotations

import glob
import os
import re
import stat
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING

from inspector.record import Record
from migrator import ignores, parallel
from migrator.findings import Unread
from migrator.sources import (
    PYTHON,
    REQUIREMENTS,
    Source,
    interpreter,
    is_named_text,
    is_text,
    read,
    why,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from migrator.ignores import Ignores

# What a requirements file takes in: "-r base.txt", "--constraint=c.txt"; no addresses.
_INCLUDED = re.compile(
    rb"^[ \t]*(?:-r|-c|--requirement|--constraint)[ \t=]*((?!\w+:/)[^\s#]+)", re.MULTILINE
)
_LEVELS = 3  # of folders that are opened at most before the rest is shared out
_ENOUGH = 500  # folders that can be shared out evenly
_MANY = 64  # folders from which on that pays


class _Folder(Record):
    """A folder to look into, with the ignore files that speak about it."""

    path: str
    above: list[Ignores]


def find(
    paths: Iterable[str],
    *,
    exclude: Ignores | None = None,
    text: bool = True,
    force: bool = False,
    processes: int | None = None,
) -> Iterator[Source | Unread]:
    """The files under ``paths``, each once, in order; what cannot be listed too.

    ``exclude`` leaves out what was named itself only by ``force``; ``text`` asks for files
    that are not Python; ``processes`` None takes as many as there are processors.
    """
    excluded = [exclude] if exclude else []
    seen: set[str] = set()
    paths = list(paths)
    place = os.path.abspath if _spelled_differently(paths) else str
    for path in paths:
        for one in expand(path):
            if isinstance(one, Unread):
                yield one
                continue
            folder = os.path.isdir(one)
            if force and ignores.ignored(excluded, os.path.abspath(one), folder=folder):
                continue
            if folder:
                walk = _Walk(one, excluded, text=text)
                every = walk.files(processes or parallel.processors())
                found = _with_included(every, one, excluded)
            else:
                python = not is_named_text(one) and interpreter(one) != "sh"
                found = iter([Source(one, python=python, named=True)])
            for source in found:
                if isinstance(source, Unread):
                    yield source
                elif (key := place(source.path)) not in seen:
                    seen.add(key)
                    yield source


def _spelled_differently(paths: Sequence[str]) -> bool:
    """Whether one file may come under several names: as ./a.py and a.py."""
    return len(paths) > 1 and any(
        os.path.normpath(path) != path or path.startswith((os.sep, os.pardir)) for path in paths
    )


def _with_included(
    found: Iterator[Source | Unread], top: str, excluded: list[Ignores]
) -> Iterator[Source | Unread]:
    """The files, and what requirement files among them include under whatever name."""
    home = os.path.join(os.path.abspath(top), "")
    pending: list[Source] = []
    for source in found:
        yield source
        if isinstance(source, Source) and not source.python:
            pending.append(source)
    known = {one.path for one in pending}
    while pending:
        including = pending.pop()
        data = read(including.path) if including.path.endswith(REQUIREMENTS) else b""
        for name in _INCLUDED.findall(data) if isinstance(data, bytes) else ():
            path = os.path.join(os.path.dirname(including.path), os.fsdecode(name))
            path = os.path.normpath(path)
            full = os.path.abspath(path)
            if path in known or not full.startswith(home) or not os.path.isfile(path):
                continue
            if not ignores.ignored(excluded, full, folder=False):
                known.add(path)
                pending.append(Source(path, python=False))
                yield pending[-1]


def expand(path: str) -> list[str | Unread]:
    """The path, or what its wildcards match: of that a pipe is not read, it may never end."""
    try:
        os.lstat(path)
    except OSError as error:
        if not glob.has_magic(path):
            return [Unread(path, why(error))]
        found = sorted(glob.glob(path, recursive=True))
        matches = [Unread(one, "not a plain file") if _is_pipe(one) else one for one in found]
        return matches or [Unread(path, "no file matches")]
    return [path]


def _is_pipe(path: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        return False


class _Walk:
    """Files below a folder, in the order of their names; symbolic folders are not entered."""

    def __init__(self, top: str, excluded: list[Ignores], *, text: bool) -> None:
        self.top = top
        self.home = os.path.abspath(top)
        self.excluded = excluded
        self.text = text
        self.cut = len(self.home) + 1
        self.prefix = "" if top in (".", "./") else os.path.join(top, "")

    def files(self, processes: int) -> Iterator[Source | Unread]:
        """All of them. Many folders are shared out to ``processes``."""
        top = _Folder(self.home, ignores.above(self.home))
        if processes == 1 or not hasattr(os, "fork"):
            yield from self.below(top)
            return
        found: list[Source | Unread | _Folder] = [top]
        folders = [top]
        for _ in range(_LEVELS):
            if len(folders) >= _ENOUGH:
                break
            found = list(chain.from_iterable(map(self.opened, found)))
            folders = [one for one in found if isinstance(one, _Folder)]
        listed = iter(
            parallel.map_forked(self.all_below, folders, processes, 1)
            if len(folders) >= _MANY
            else map(self.all_below, folders)
        )
        for one in found:
            if isinstance(one, _Folder):
                yield from next(listed)
            else:
                yield one

    def opened(self, one: Source | Unread | _Folder) -> list[Source | Unread | _Folder]:
        """What lies in a folder; what is none, as it is."""
        return self.inside(one) if isinstance(one, _Folder) else [one]

    def all_below(self, folder: _Folder) -> list[Source | Unread]:
        """`below` as a list."""
        return list(self.below(folder))

    def below(self, folder: _Folder) -> Iterator[Source | Unread]:
        """Files in a folder and in those below it."""
        stack: list[Source | Unread | _Folder] = [folder]
        while stack:
            one = stack.pop()
            if isinstance(one, _Folder):
                stack += reversed(self.inside(one))
            else:
                yield one

    def inside(self, inner: _Folder) -> list[Source | Unread | _Folder]:
        """What lies in a folder itself: its files, then the folders to enter."""
        folder, above = inner
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=attrgetter("name"))
        except OSError as error:
            name = (self.prefix + folder[self.cut :]).rstrip(os.sep)
            return [Unread(name or self.top, why(error))]
        names = {entry.name for entry in entries}
        if folder != self.home and not names.isdisjoint(ignores.ENVIRONMENT):
            return []
        if ".gitignore" in names:
            own = ignores.read(folder)
            above = [*above, own] if own else above
        files: list[Source | Unread | _Folder] = []
        folders = []
        for entry in entries:
            name = entry.name
            try:
                is_folder = entry.is_dir(follow_symlinks=False)
            except OSError:
                is_folder = False
            if is_folder:
                if name not in ignores.NEVER and not self.leaves_out(entry.path, above, True):
                    folders.append(_Folder(entry.path, above))
                continue
            python = name.endswith(PYTHON)
            if not python and not (self.text and is_text(entry.path)):
                language = "" if "." in name else interpreter(entry.path)
                if not language or (language == "sh" and not self.text):
                    continue
                python = language == "python"
            if not self.leaves_out(entry.path, above, False):
                files.append(Source(self.prefix + entry.path[self.cut :], python=python))
        return files + folders

    def leaves_out(self, path: str, above: list[Ignores], folder: bool) -> bool:
        """Whether the command line's patterns or an ignore file leave a path out."""
        return ignores.ignored(self.excluded, path, folder=folder) or ignores.ignored(
            above, path, folder=folder
        )
