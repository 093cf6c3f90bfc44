"""Which files are read, in which encoding, and what their modules are called."""

from __future__ import annotations

import codecs
import glob
import os
import re
import stat
from functools import cache
from typing import TYPE_CHECKING

from inspector.record import Record
from migrator import ignores
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


class Source(Record):
    """A file to read: Python, or text that may configure something for Eventlet.

    ``named`` says that the user named the file itself, not only a folder around it.
    """

    path: str
    python: bool = True
    named: bool = False


def find(
    paths: Iterable[str], *, exclude: Ignores | None = None, text: bool = True, force: bool = False
) -> Iterator[Source | Unread]:
    """The files under ``paths``, each once, in order; what cannot be listed too.

    ``exclude`` leaves out what was named itself only by ``force``; ``text`` asks for files
    that are not Python.
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
                found = _with_included(_walk(one, excluded, text=text), one, excluded)
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


def _walk(top: str, excluded: list[Ignores], *, text: bool) -> Iterator[Source | Unread]:
    """Files below a folder, in the order of their names; symbolic folders are not entered."""
    home = os.path.abspath(top)
    cut = len(home) + 1
    shown = "" if top in (".", "./") else os.path.join(top, "")
    stack: list[tuple[str, list[Ignores]]] = [(home, ignores.above(home))]

    def left_out(path: str, chain: list[Ignores], *, folder: bool) -> bool:
        return ignores.ignored(excluded, path, folder=folder) or ignores.ignored(
            chain, path, folder=folder
        )

    while stack:
        folder, chain = stack.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield Unread((shown + folder[cut:]).rstrip(os.sep) or top, why(error))
            continue
        names = {entry.name for entry in entries}
        if folder != home and not names.isdisjoint(ignores.ENVIRONMENT):
            continue
        if ".gitignore" in names:
            own = ignores.read(folder)
            chain = [*chain, own] if own else chain
        folders = []
        for entry in entries:
            name = entry.name
            try:
                is_folder = entry.is_dir(follow_symlinks=False)
            except OSError:
                is_folder = False
            if is_folder:
                if name not in ignores.NEVER and not left_out(entry.path, chain, folder=True):
                    folders.append((entry.path, chain))
                continue
            python = name.endswith(PYTHON)
            if not python and not (text and is_text(entry.path)):
                interpreter = "" if "." in name else _interpreter(entry.path)
                if not interpreter or (interpreter == "sh" and not text):
                    continue
                python = interpreter == "python"
            if left_out(entry.path, chain, folder=False):
                continue
            yield Source(shown + entry.path[cut:], python=python)
        stack += reversed(folders)


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
