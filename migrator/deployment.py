"""Eventlet in files that are not Python: configuration, shell, containers, dependencies.

Line by line and by pattern: each of these formats has its own parser, and none of them
is needed to see that a line names Eventlet. Comments are left out.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# One requirement: "eventlet", "eventlet[x]>=0.33; marker". Group 1 is the distribution.
REQUIREMENT = re.compile(
    r"(eventlet|greenlet)\s*(?:\[[\w,\s-]*\]\s*)?(?:[<>=!~;@(].*)?$", re.IGNORECASE
)

# gunicorn -k, celery -P, --worker-class, --pool; quotes, commas and line breaks of YAML
# and JSON lists may stand between a flag and its value.
COMMAND_LINE = re.compile(
    r"(?:^|[\s\"'=\[,])(?:-[kP]|--worker-class|--pool|--async-mode)[\s\"',=]*(?:-\s*[\"']?)?"
    r"(eventlet)\b(?![\w.-])"
)
_SETTING = re.compile(
    r"\b(worker[-_]?class|async[-_]mode|worker[-_]pool|celeryd?_(?:worker_)?pool|pool|"
    r"executor|rpc_executor)[\"']?\s*[:=]+\s*[\"']?(eventlet)\b(?![\w.-])",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"\b([A-Z0-9_]*EVENTLET_[A-Z0-9_]+)\b")
_EXTRA = re.compile(r"\w\[(?:[\w-]+,\s*)*(eventlet)(?:,\s*[\w-]+)*\]")
# `eventlet = "^0.33"`, `"eventlet>=0.33",`, `name = "eventlet"`, `- eventlet=0.36`, `eventlet: {`
_IN_TABLE = re.compile(
    r"^\s*(?:name\s*=\s*|-\s*)?[\"']?(eventlet)[\"']?\s*(?:[<>=!~@:;,\[\"'(].*)?,?$", re.IGNORECASE
)
_QUOTED = re.compile(r"[\"'](eventlet)\s*(?:\[[^\]]*\])?\s*(?:[<>=!~][^\"']*)?(?:;[^\"']*)?[\"']")
_PIP = re.compile(r"\b(?:pip3?|uv|pipx|poetry|pdm|conda)\b[^#\n]*?[\s\"'](eventlet)\b(?![\w.-])")


def find(text: str, path: str) -> Iterator[tuple[str, int, int, int]]:
    """What names Eventlet: (API as in ``migrator.rules.config``, line, start, end).

    Lines and columns are 1-based characters, the end exclusive.
    """
    name = os.path.basename(path).lower()
    requirements = name.endswith((".txt", ".in", ".pip"))
    sections = name.endswith((".toml", ".cfg", "pipfile"))
    table = sections or name.endswith(".lock") or name.startswith(("environment", "conda"))
    inside = not sections
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        code = _without_comment(line)
        if sections and code.startswith("["):
            inside = _is_dependency_table(code)
        if "eventlet" not in code.lower() and not (requirements and "greenlet" in code):
            continue
        said: set[int] = set()
        for api, start, end in _line(code, requirements=requirements, table=table and inside):
            if start not in said:
                said.add(start)
                yield api, number, start + 1, end + 1
        if not said:
            # A YAML list has the flag on the line before.
            before = lines[number - 2] if number > 1 else ""
            match = COMMAND_LINE.search(f"{before}\n{code}")
            if match and match.start(1) > len(before):
                start = match.start(1) - len(before) - 1
                yield "config:command line", number, start + 1, start + 9


def _line(line: str, *, requirements: bool, table: bool) -> Iterator[tuple[str, int, int]]:
    for match in COMMAND_LINE.finditer(line):
        yield "config:command line", match.start(1), match.end(1)
    for match in _SETTING.finditer(line):
        key = match.group(1).lower().replace("-", "_")
        yield f"config:{key}=eventlet", match.start(2), match.end(2)
    for match in _VARIABLE.finditer(line):
        yield f"environment:{match.group(1)}", match.start(1), match.end(1)
    for match in _EXTRA.finditer(line):
        yield "dependency:eventlet", match.start(1), match.end(1)
    if requirements:
        stripped = line.strip()
        found = REQUIREMENT.match(stripped)
        if found:
            start = line.index(stripped)
            distribution = found.group(1).lower()
            yield f"dependency:{distribution}", start, start + len(distribution)
    for pattern in (_IN_TABLE, _QUOTED) if table else ():
        for match in pattern.finditer(line):
            yield "dependency:eventlet", match.start(1), match.end(1)
    for match in _PIP.finditer(line):
        yield "dependency:eventlet", match.start(1), match.end(1)


def _is_dependency_table(header: str) -> bool:
    words = ("depend", "package", "project", "option", "extra", "require", "metadata", "group")
    return any(word in header.lower() for word in words)


def _without_comment(line: str) -> str:
    """The line up to its comment; a # inside a word (a URL's fragment) is none."""
    stripped = line.lstrip()
    if stripped.startswith(("#", ";", "//")):
        return ""
    place = line.find(" #")
    return line if place < 0 else line[:place]
