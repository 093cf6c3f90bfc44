"""Eventlet in files that are not Python: configuration, shell, containers, dependencies.

Line by line and by pattern: each of these formats has its own parser, and none of them
is needed to see that a line names Eventlet. Comments are left out.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from migrator import declared, quoted, strings, variables
from migrator.segments import LINES

if TYPE_CHECKING:
    from collections.abc import Iterator

# gunicorn -k, celery -P, --worker-class, --pool; quotes, commas and line breaks of YAML
# and JSON lists may stand between a flag and its value.
# Behind them Eventlet by its short name, or by the class that the short name means.
# A shell may have it as what a variable is by default.
CHOICE = (
    r"eventlet|egg:gunicorn#eventlet|gunicorn\.workers\.geventlet\.\w+|"
    r"celery\.concurrency\.eventlet:\w+"
)
_CHOSEN = rf"(?:\$\{{\w+:?[-=])?({CHOICE})\b(?![\w.-])"
_COMMAND_LINE = re.compile(
    r"(?:^|[\s\"'=\[,])(?:-[kP]|--worker-class|--pool|--async-mode)[\s\"',=]*(?:-\s*[\"']?)?"
    + _CHOSEN
)
TESTS = re.compile(r"\b(?:py\.?test|stestr|unittest|nosetests)\b")  # whose -k chooses tests
# Settings whose value "eventlet" chooses Eventlet: gunicorn, Socket.IO, celery, coverage,
# oslo.messaging, os-ken, bottle and other servers; with a prefix of the project's own.
_KEY = (
    r"(?:[\w.-]*[_.-])?(?:async[_-]?(?:method|mode|type)|"
    r"(?:backend|executor|hub|server)(?:[_-]type)?|event[_-]?loop(?:[_-]manager)?|"
    r"concurrency(?:[_-]backend)?|pool(?:[_-]cls)?|worker[_-]?class)"
)
SETTING = re.compile(_KEY, re.IGNORECASE)
_SET = re.compile(
    rf"\b({_KEY})[\"']?\s*[:=]+\s*(?:\[(?:[\w\"'.-]+\s*,\s*)*)?[\"']?{_CHOSEN}", re.IGNORECASE
)
_ENV = re.compile(rf"\s*(?:ENV|ARG|setenv)\s+({_KEY})\s+[\"']?{_CHOSEN}", re.IGNORECASE)
# A container's variable is two lines in Kubernetes.
_NAMED = re.compile(rf"\bname:\s*[\"']?{_KEY}[\"']?\s*\n\s*value:\s*[\"']?{_CHOSEN}", re.IGNORECASE)
# An option of the project's own; what an entry point's line names has a colon.
_OPTION = re.compile(r"\s*(eventlet_\w+)\s*[=:](?!.*\w:\w)")
EXTRA = re.compile(r"[\w.]\s?\[(?:[\w-]+,\s*)*(eventlet)(?:,\s*[\w-]+)*\]")
_PIP = re.compile(
    r"\b(?:pip3?|uv|pipx|poetry|pdm|conda|pipenv|easy_install)\b(?:(?!\s[;|&])[^#\n])*"
)
_UNINSTALLED = re.compile(r"\b(?:uninstall|remove)\b")
_INSTALLED = re.compile(
    r"[\s\"'=](eventlet|greenlet)\b(?![\w.-])|"
    r"://\S*?[/=](eventlet)(?=\.git|/archive|-\d|[@#\s\"']|$)"
)
# Debian's and Fedora's name; Alpine's is like that of a tox environment.
_PACKAGE = re.compile(r"(?:(?<![\w-])python[23]?|\bapk add\b[^#\n]*\spy3)-(eventlet)\b(?![\w.-])")

# "eventlet = futurist:GreenThreadPoolExecutor": an entry point is a name of Python.
_ENTRY_POINT = re.compile(r"=\s*[\"']?([\w.]+:[\w.]+)[\"']?\s*$")
_CODE = re.compile(r"\bpython[\d.]*\s+(?:-[A-Za-z]+\s+)*-c\s+([\"'])(.*?)\1")

_DESCRIPTION = re.compile(r"( *(?:- +)?)(?:description|summary|help)\s*:\s*[|>][-+\d]*\s*$")


def find(text: str, path: str) -> Iterator[tuple[str, int, int, int]]:
    """What names Eventlet: (API as in ``migrator.rules.config``, line, start, end).

    Each place once. Lines and columns are 1-based characters, the end exclusive.
    """
    reader = declared.Reader(path)
    locked = declared.is_lock(path.rpartition("/")[2].lower())
    prose = _Prose() if path.endswith((".yaml", ".yml")) else None
    before = ""  # what the line goes on from
    for number, line in enumerate(LINES.split(text), 1):
        code = "" if prose and prose.holds(line) else _without_comment(line)
        said: set[int] = set()
        found = reader.read(code)
        if not locked and ("eventlet" in code.lower() or "GreenThread" in code):
            found = chain(_line(code, prose is not None), _continued(before, code), found)
        for api, start, end in sorted(found, key=lambda one: one[1]):
            if start not in said:
                said.add(start)
                yield api, number, start + 1, end + 1
        if before.endswith("\\"):
            before = f"{before[:-1]} {code}".rstrip() if code else before
        else:
            before = code.rstrip()


class _Prose:
    """The lines of YAML's block scalars that only describe something to people."""

    def __init__(self) -> None:
        self._indent = -1  # of the key that the block is the value of; -1 outside of one

    def holds(self, line: str) -> bool:
        """Whether the next line belongs to such a block."""
        indent = len(line) - len(line.lstrip(" "))
        if self._indent >= 0 and (indent > self._indent or not line.strip()):
            return True
        key = _DESCRIPTION.match(line)
        self._indent = len(key.group(1)) if key else -1
        return False


def command_lines(text: str) -> Iterator[re.Match[str]]:
    """Where a command line chooses Eventlet."""
    for match in _COMMAND_LINE.finditer(text):
        if "-k" not in match[0] or not TESTS.search(text, 0, match.start()):
            yield match


def _line(line: str, prose: bool) -> Iterator[tuple[str, int, int]]:
    """What a line says by itself; ``prose`` is as in `variables.find`."""
    for name, start, end in variables.find(line, prose=prose):
        yield f"environment:{name}", start, end
    for match in command_lines(line):
        yield "config:command line", match.start(1), match.end(1)
    for match in chain(_SET.finditer(line), _ENV.finditer(line)):
        key = match.group(1).lower().replace("-", "_")
        yield f"config:{key}=eventlet", match.start(2), match.end(2)
    for match in filter(None, [_OPTION.match(line)]):
        yield f"option:{match.group(1)}", match.start(1), match.end(1)
    for match in _ENTRY_POINT.finditer(line):
        name = strings.entry_point(match[1])
        if ":" not in name:
            yield name, *match.span(1)
    for match in _CODE.finditer(line):
        for name, start, end in quoted.names_in(match[2]):
            yield name, match.start(2) + start, match.start(2) + end
    yield from _packages(line)
    for match in EXTRA.finditer(line):
        yield "dependency:eventlet", *match.span(1)


def _packages(line: str) -> Iterator[tuple[str, int, int]]:
    """What the line installs."""
    for match in _PACKAGE.finditer(line):
        yield "dependency:eventlet", *match.span(1)
    for command in _PIP.finditer(line):
        if _UNINSTALLED.search(command[0]):
            continue
        for match in _INSTALLED.finditer(line, *command.span()):
            start, end = match.span(match.lastindex or 1)
            yield f"dependency:{line[start:end]}", start, end


def _continued(before: str, line: str) -> Iterator[tuple[str, int, int]]:
    """What a line says behind the one before it.

    A YAML list has a flag and its value on lines of their own; a backslash joins lines.
    """
    joined = before.endswith("\\")
    whole = f"{before[:-1]} {line}" if joined else f"{before}\n{line}"
    start = len(whole) - len(line)
    found = [("config:command line", *match.span(1)) for match in command_lines(whole)]
    if joined:
        found += _packages(whole)
    else:
        found += [("config:variable=eventlet", *match.span(1)) for match in _NAMED.finditer(whole)]
    for api, first, last in found:
        if first >= start:
            yield api, first - start, last - start


def _without_comment(line: str) -> str:
    """The line up to its comment; a # inside a word (a URL's fragment) is none."""
    stripped = line.lstrip()
    if stripped.startswith(("#", ";", "//")):
        return ""
    place = line.find(" #")
    return line if place < 0 else line[:place]
