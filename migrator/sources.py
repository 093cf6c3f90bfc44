"""Which files are read, in which encoding, and what their modules are called."""

from __future__ import annotations

import codecs
import glob
import os
import re
import stat
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

from inspector.record import Record
from migrator import ignores, parallel
from migrator.findings import Unread

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from migrator.ignores import Ignores

PYTHON = (".py", ".pyi", ".pyw", ".wsgi")

# Python in another form, by suffix: why it is not read.
_OTHER_FORMS = {
    ".ipynb": "a notebook: not read; scan what `jupyter nbconvert --to script` makes of it",
    ".pyx": "Cython: not read",
}

# Where deployments name Eventlet. By name, since reading every file of a tree costs time.
_TEXT_SUFFIXES = (
    *(".bash", ".bat", ".cfg", ".cmd", ".conf", ".env", ".envrc", ".flaskenv", ".ini", ".mk"),
    *(".nomad", ".ps1", ".service", ".sh", ".spec", ".tf", ".toml", ".yaml", ".yml", ".zsh"),
)
_TEXT_NAMES = re.compile(
    r"(?:.*[-_.])?(?:requirements|constraints)(?:[-_.].*)?\.(?:txt|in|pip)$|Dockerfile|"
    r"Containerfile|.*\.dockerfile$|Procfile|Pipfile|.*\.lock$|(?:GNU)?Makefile|Jenkinsfile|"
    r"\.env|conda-.*\.txt$|bindep\.txt$|(?:pip|test)-requires$|\.coveragerc$|control$|"
    r"Vagrantfile$|Justfile$|launch\.json$|app\.json$",
    re.IGNORECASE,
)
# What makes another file of it: "gunicorn.conf.j2", ".env.example", "app.service.in".
_TEMPLATE = re.compile(
    r"\.(?:j2|jinja2?|tmpl|tpl|template|erb|mustache|in|example|sample|dist|default)$",
    re.IGNORECASE,
)
_MOST = 2**26  # bytes taken from what is no plain file
_SHELL = re.compile(rb"\b(?:ba|da|k|z)?sh\b")
# What a requirements file takes in: "-r base.txt", "--constraint=c.txt"; no addresses.
_INCLUDED = re.compile(
    rb"^[ \t]*(?:-r|-c|--requirement|--constraint)[ \t=]*((?!\w+:/)[^\s#]+)", re.MULTILINE
)
_REQUIREMENTS = (".txt", ".in", ".pip")
_REQUIREMENT_FOLDERS = ("requirements", "reqs", "constraints")
_NOTES = os.path.join("releasenotes", "notes")  # reno's: YAML, but prose

# PEP 263: in one of the first two lines, and only below comments.
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re.compile(rb"^[ \t\f]*(?:#|$)")


_LEVELS = 3  # of folders that are opened before the rest is shared out
_MANY = 64  # folders from which on that pays


class _Folder(Record):
    """A folder to look into, with the ignore files that speak about it."""

    path: str
    above: list[Ignores]


class Source(Record):
    """A file to read: Python, or text that may configure something for Eventlet.

    ``named`` says that the user named the file itself, not only a folder around it.
    """

    path: str
    python: bool = True
    named: bool = False


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
                python = not is_named_text(one) and _interpreter(one) != "sh"
                found = iter([Source(one, python=python, named=True)])
            for source in found:
                if isinstance(source, Unread):
                    yield source
                elif source.path not in seen:
                    seen.add(source.path)
                    yield source


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
        data = read(including.path) if including.path.endswith(_REQUIREMENTS) else b""
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
        for _ in range(_LEVELS):
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
                entries = sorted(listing, key=lambda entry: entry.name)
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
                interpreter = "" if "." in name else _interpreter(entry.path)
                if not interpreter or (interpreter == "sh" and not self.text):
                    continue
                python = interpreter == "python"
            if not self.leaves_out(entry.path, above, False):
                files.append(Source(self.prefix + entry.path[self.cut :], python=python))
        return files + folders

    def leaves_out(self, path: str, above: list[Ignores], folder: bool) -> bool:
        """Whether the command line's patterns or an ignore file leave a path out."""
        return ignores.ignored(self.excluded, path, folder=folder) or ignores.ignored(
            above, path, folder=folder
        )


def is_text(path: str) -> bool:
    """Whether the name is that of a file that is not Python and may name Eventlet."""
    folder, name = os.path.split(path)
    if folder.endswith(_NOTES):
        return False
    if name.endswith((".txt", ".in")) and os.path.basename(folder) in _REQUIREMENT_FOLDERS:
        return True
    while True:
        if name.endswith((*_TEXT_SUFFIXES, *_OTHER_FORMS)) or _TEXT_NAMES.match(name):
            return True
        made = _TEMPLATE.sub("", name)
        if made == name:
            return False
        if made.endswith(PYTHON):
            return True  # a template of Python is none itself
        name = made


def is_named_text(path: str) -> bool:
    """As `is_text`, for a file that was named itself: deps.txt can only be requirements."""
    return is_text(path) or path.endswith(_REQUIREMENTS)


def may_be_text(path: str) -> bool:
    """Whether a named file that is no Python after all may be text: README.md, app.json."""
    suffix = os.path.splitext(path)[1]
    return bool(suffix) and suffix not in PYTHON


def may_be_read(path: str) -> bool:
    """Whether a walk may read a file, by its path; a script without a suffix is, by its text."""
    may_be_included = path.endswith(_REQUIREMENTS)
    is_bare = "." not in os.path.basename(path)
    return path.endswith(PYTHON) or is_text(path) or may_be_included or is_bare


def other_form(path: str) -> str | None:
    """Why a file that holds Python in another form is not read."""
    return _OTHER_FORMS.get(os.path.splitext(path)[1])


def _interpreter(path: str) -> str:
    """Which language the first line of a script asks for: "python", "sh" or ""."""
    if not os.path.isfile(path):  # a pipe can be read once only
        return ""
    try:
        with open(path, "rb") as file:
            first = file.read(128).partition(b"\n")[0]
    except OSError:
        return ""
    if not first.startswith(b"#!"):
        return ""
    return "python" if b"python" in first else "sh" if _SHELL.search(first) else ""


def read(path: str, *, named: bool = False) -> bytes | Unread:
    """The file's bytes, or why not. Pipes are read only when they were ``named``."""
    try:
        if named:
            with open(path, "rb") as file:
                if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return file.read()
                data = file.read(_MOST + 1)  # a device may never end
                return data if len(data) <= _MOST else Unread(path, "does not end")
        # Without waiting for a pipe's other end, and without the layers of `open`.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return Unread(path, "not a plain file")
            data = os.read(descriptor, status.st_size + 1)
            if len(data) > status.st_size or not data:  # it grows, or does not tell its size
                while part := os.read(descriptor, _MOST):
                    data += part
            return data
        finally:
            os.close(descriptor)
    except OSError as error:
        return Unread(path, why(error))


def why(error: OSError) -> str:
    """An operating system's error in a few words."""
    return (error.strerror or str(error)).lower()


def encoding(data: bytes) -> str:
    """What a source says about its encoding (PEP 263); raises LookupError when unknown."""
    for line in data.split(b"\n", 2)[:2]:
        match = _COOKIE.match(line)
        if match:
            return codecs.lookup(match.group(1).decode("ascii")).name
        if not _BLANK.match(line.rstrip(b"\r")):
            break
    return "utf-8"


def decode(data: bytes) -> str:
    """Source text; raises UnicodeError or LookupError."""
    if data.startswith(codecs.BOM_UTF8):
        return data[3:].decode()
    text = data.decode(encoding(data))
    if not isinstance(text, str):  # "base64" and friends turn bytes into bytes
        raise LookupError("not a text encoding")
    return text


def module_name(path: str) -> tuple[str, bool]:
    """The dotted name that a file has for its package, and whether it is an ``__init__``."""
    folder, name = os.path.split(os.path.abspath(path))
    stem = name.partition(".")[0]
    package = _package(folder)
    if stem == "__init__":
        return package, True
    return f"{package}.{stem}" if package else stem, False


@cache
def _package(folder: str) -> str:
    if not os.path.isfile(os.path.join(folder, "__init__.py")):
        return ""
    above, name = os.path.split(folder)
    parent = _package(above) if above != folder else ""
    return f"{parent}.{name}" if parent else name


def forget() -> None:
    """Look anew at which folders are packages: the files have changed since."""
    _package.cache_clear()
