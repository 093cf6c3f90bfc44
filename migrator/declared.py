"""Dependencies that a file declares: requirements, TOML and INI tables, conda, lock files.

Line by line, as positions are asked for; what a line means is told by the table and the key
that it stands under.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from migrator.chosen import REQUIREMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# git+https://host/eventlet.git@x#egg=eventlet, https://host/eventlet-0.36.tar.gz
_URL = re.compile(r"://\S*?[/=](eventlet)(?=\.git|-\d|[@#\s]|$)")
_STRING = re.compile(
    r"[\"'](eventlet|greenlet)\s*(?:\[[^\]]*\])?\s*(?:[<>=!~(@][^\"']*)?(?:;[^\"']*)?[\"']",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_KEY = re.compile(r"\s*([\"']?)([\w-]+)\1((?:\.[\w\"'-]+)*)\s*=\s*")
_PART = re.compile(r"\"[^\"]*\"|'[^']*'|[^.\s\[\]]+")
_GROUP = re.compile(r"include-group\s*=\s*(?:\"[^\"]*\"|'[^']*')")  # the name of another group
_INI_KEY = re.compile(r"([\w.-]+)\s*[=:]\s*")
_FACTOR = re.compile(r"[\w{},!.-]+:\s+")  # tox: `py311-eventlet: eventlet`
_CONDA = re.compile(
    r"(?:\s*(?:-\s*)?|(?:\s+|\s*-\s+)name:\s*)[\"']?(?:[\w-]+::)?(eventlet|greenlet)[\"']?"
    r"\s*(?:[<>=!~@;,\[(].*)?$",
    re.IGNORECASE,
)
_LOCKED = re.compile(
    r"\s*(?:name\s*=\s*[\"'](eventlet)[\"']\s*$|\"(eventlet)\"\s*:\s*\{|"
    r"\"project_name\"\s*:\s*\"(eventlet)\")"  # pex
)
# Ansible and the like: the packages of a task, which their key is followed by.
_YAML_KEY = re.compile(r"\s*-?\s*[\"']?([\w.-]+)[\"']?\s*:\s*(?:\[|$)")
_YAML_ITEM = re.compile(
    r"(?:^\s*-\s+|[\[,]\s*)[\"']?(eventlet|greenlet)\s*"
    r"(?:\[[\w,\s-]*\]\s*)?(?:[<>=!~][^\"',\]]*)?[\"']?\s*(?:[,\]]|$)"
)
_YAML_LISTS = re.compile(
    r"(?:.*_)?(?:name|packages?|pip|requirements?|requires|dependencies|extras|libs?|run|host)$"
)
_YAML_INSTALLERS = re.compile(r"(?:ansible\.\w+\.)?(?:pip|package|apt|dnf|yum)$")
_YAML_NAME = re.compile(r"\s+name\s*:\s*[\"']?(eventlet|greenlet)\s*(?:[<>=!~][^\"']*)?[\"']?\s*$")

_LISTS = frozenset({"requires", "install_requires", "setup_requires", "tests_require", "deps"})
_EXTRAS = frozenset({"extras", "extras_require", "options.extras_require", "dependency-groups"})
_TABLES = frozenset({"packages", "dev-packages", "tool.uv.sources"})


_PINNED = re.compile(r"requirements[\w.-]*\.lock$")  # rye's
_LOCK = re.compile(r".*\.lock$|pylock(?:\.[^.]+)?\.toml$")


def is_lock(name: str) -> bool:
    """Whether a file of that name lists what has been resolved, each with what it needs."""
    return bool(_LOCK.match(name)) and not _PINNED.match(name)


class Reader:
    """Reads the lines of one file, which its name says the kind of, in their order."""

    def __init__(self, path: str) -> None:
        self._read: Callable[[str], Iterator[re.Match[str]]] = lambda _: iter(())
        name = path.rpartition("/")[2].lower()
        self._table = ""
        self._listed = False  # the lines belong to a list of requirements
        self._installs = False  # they are the arguments of what installs a package
        self._depth = 0  # of the TOML value that goes on
        for suffix in (".j2", ".jinja", ".jinja2", ".tmpl", ".template", ".example", ".sample"):
            name = name.removesuffix(suffix)
        if name.endswith((".txt", ".in", ".pip", "-requires")) or _PINNED.match(name):
            self._read = self._requirement
        elif is_lock(name):
            self._read = self._lock
        elif name.startswith(("environment", "conda")):
            self._read = self._conda
        elif name.endswith((".yaml", ".yml")):
            self._read = self._yaml
        elif name.endswith(".toml") or name == "pipfile":
            self._read = self._toml
        elif name.endswith((".cfg", ".ini")):
            self._read = self._ini

    def read(self, line: str) -> Iterator[tuple[str, int, int]]:
        """What the next line, without its comment, declares: (API, start, end), 0-based."""
        for found in self._read(line):
            start, end = found.span(found.lastindex or 1)
            yield f"dependency:{line[start:end].lower()}", start, end

    @staticmethod
    def _one(pattern: re.Pattern[str], line: str, start: int = 0) -> Iterator[re.Match[str]]:
        found = pattern.match(line, start)
        if found:
            yield found

    def _requirement(self, line: str) -> Iterator[re.Match[str]]:
        text = line.rstrip("\\ \t")
        found = list(self._one(REQUIREMENT, text, len(line) - len(line.lstrip())))
        yield from found or _URL.finditer(text)

    def _lock(self, line: str) -> Iterator[re.Match[str]]:
        return self._one(_LOCKED, line)

    def _conda(self, line: str) -> Iterator[re.Match[str]]:
        return self._one(_CONDA, line)

    def _yaml(self, line: str) -> Iterator[re.Match[str]]:
        may_be_key = "[" in line or line.rstrip().endswith(":")  # few are, and it is slow
        key = _YAML_KEY.match(line) if may_be_key else None
        if self._installs:
            yield from self._one(_YAML_NAME, line)
        if key:
            self._listed = bool(_YAML_LISTS.fullmatch(key.group(1).lower()))
            self._installs = bool(_YAML_INSTALLERS.fullmatch(key.group(1).lower()))
        elif line.strip() and not line.lstrip().startswith("-"):
            self._listed = False
        if self._listed:
            yield from _YAML_ITEM.finditer(line)

    def _ini(self, line: str) -> Iterator[re.Match[str]]:
        if line.startswith("["):
            self._table, self._listed = line.strip().strip("[]").strip(), False
            return
        start = len(line) - len(line.lstrip())
        key = None if start else _INI_KEY.match(line)
        if key:
            self._listed = key.group(1).replace("-", "_") in _LISTS or self._table in _EXTRAS
            start = key.end()
        if self._listed:
            factor = None if key else _FACTOR.match(line, start)
            yield from self._one(REQUIREMENT, line, factor.end() if factor else start)

    def _toml(self, line: str) -> Iterator[re.Match[str]]:
        if not self._depth and line.lstrip().startswith("["):
            self._table = ".".join(part.strip("\"'") for part in _PART.findall(line))
            above, _, name = self._table.rpartition(".")
            if _is_table(above) and name.lower() in ("eventlet", "greenlet"):
                yield from re.finditer(rf"({re.escape(name)})\W*$", line)
            return
        key = None if self._depth else _KEY.match(line)
        if key:
            names = [key.group(2), *key.group(3).split(".")]
            lists = any(name in _LISTS or name.endswith("dependencies") for name in names)
            self._listed = lists or _is_table(self._table)
            group = line.startswith("[", key.end())  # names an extra, and no distribution
            if _is_table(self._table) and not group:
                yield from re.finditer(r"(?<![\w.-])(eventlet|greenlet)\b", line[: key.end(2)])
        bare = _QUOTED.sub("", line)
        self._depth += bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}")
        if self._listed:
            hidden = _GROUP.sub(lambda found: " " * len(found.group()), line)
            yield from _STRING.finditer(hidden, key.end() if key else 0)


def _is_table(table: str) -> bool:
    """Whether the keys of a TOML table are distributions, or name lists of them."""
    last = table.rpartition(".")[2]
    return table in _TABLES or last in _EXTRAS or last.endswith("dependencies")
