"""Which files are read, in which encoding, and what their modules are called."""

from __future__ import annotations

import codecs
import os
import re
import stat
from functools import cache

from inspector.record import Record
from migrator.findings import Unread

PYTHON = (".py", ".pyi", ".pyw", ".wsgi")

# Python in another form, by suffix: why it is not read.
_OTHER_FORMS = {
    ".ipynb": "a notebook: not read; scan what `jupyter nbconvert --to script` makes of it",
    ".pyx": "Cython: not read",
}

# Where deployments name Eventlet. By name, since reading every file of a tree costs time.
_TEXT_SUFFIXES = (
    *(".bash", ".bat", ".cfg", ".cmd", ".conf", ".config", ".env", ".envrc", ".fish"),
    *(".flaskenv", ".hcl", ".ini", ".mk", ".nomad", ".pp", ".ps1", ".service", ".sh", ".sls"),
    *(".spec", ".tf", ".toml", ".yaml", ".yml", ".zsh"),
)
_TEXT_NAMES = re.compile(
    r"(?:.*[-_.])?(?:requirements|constraints)(?:[-_.].*)?\.(?:txt|in|pip)$|Dockerfile|"
    r"Containerfile|.*\.dockerfile$|Procfile|Pipfile|.*\.lock$|(?:GNU)?Makefile|Jenkinsfile|"
    r"\.env|conda-.*\.txt$|bindep\.txt$|(?:pip|test)-requires$|\.coveragerc$|control$|"
    r"Vagrantfile$|Justfile$|"
    r"(?:app|config|devcontainer|launch|package|railway|settings|tasks)\.json$",
    re.IGNORECASE,
)
# What makes another file of it: "gunicorn.conf.j2", ".env.example", "app.service.in".
_TEMPLATE = re.compile(
    r"\.(?:j2|jinja2?|tmpl|tpl|template|erb|mustache|in|example|sample|dist|default)$",
    re.IGNORECASE,
)
_MOST = 2**26  # bytes taken from what is no plain file
_SHELL = re.compile(rb"\b(?:ba|da|k|z)?sh\b")
REQUIREMENTS = (".txt", ".in", ".pip")
_REQUIREMENT_FOLDERS = frozenset({"requirements", "reqs", "constraints"})
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


def is_text(path: str) -> bool:
    """Whether the name is that of a file that is not Python and may name Eventlet."""
    folder, name = os.path.split(path)
    if folder.endswith(_NOTES):
        return False
    if name.endswith(REQUIREMENTS):
        above, inner = os.path.split(folder)  # requirements/extras/x.txt
        if _REQUIREMENT_FOLDERS.intersection((inner, os.path.basename(above))):
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
    return is_text(path) or path.endswith(REQUIREMENTS)


def may_be_text(path: str) -> bool:
    """Whether a named file that is no Python after all may be text: README.md, app.json."""
    suffix = os.path.splitext(path)[1]
    return bool(suffix) and suffix not in PYTHON


def may_be_read(path: str) -> bool:
    """Whether a walk may read a file, by its path; a script without a suffix is, by its text."""
    may_be_included = path.endswith(REQUIREMENTS)
    is_bare = "." not in os.path.basename(path)
    return path.endswith(PYTHON) or is_text(path) or may_be_included or is_bare


def is_python_after_all(path: str, data: bytes) -> bool:
    """Whether a file with a name of another kind is Python: PyInstaller's .spec, not RPM's."""
    return path.endswith(".spec") and b"Analysis(" in data


def other_form(path: str) -> str | None:
    """Why a file that holds Python in another form is not read."""
    return _OTHER_FORMS.get(os.path.splitext(path)[1])


def interpreter(path: str) -> str:
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


def real(path: str) -> str:
    """The path, whatever links lead to its folder; what is a link itself stays one."""
    folder, name = os.path.split(path)
    return os.path.join(_real_folder(folder), name)


@cache
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def forget() -> None:
    """Look anew at which folders are packages, and where they are: they have changed since."""
    _package.cache_clear()
    _real_folder.cache_clear()
