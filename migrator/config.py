"""``[tool.eventlet-migrate]`` in pyproject.toml: strict keys, strict types, one place.

The nearest pyproject.toml with that table, from the scanned paths upwards, counts. The
command line wins over it, key by key.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector.errors import UsageError, meant
from migrator.findings import STAGES
from migrator.reporters import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TABLE = "eventlet-migrate"


@dataclass(frozen=True, slots=True)
class Config:
    """Settings by key; a dash in the file is an underscore here.

    ``root`` is the folder that their paths and patterns are relative to; ``places`` tells
    where each key stands ("pyproject.toml:12: select").
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    per_file_ignores: Mapping[str, tuple[str, ...]] | None = None
    fail_on: tuple[str, ...] = ()
    baseline: str | None = None
    cache_dir: str | None = None
    format: str | None = None
    to: str | None = None
    mentions: bool = False
    root: str | None = None
    places: Mapping[str, str] = field(default_factory=dict)


_LISTS = frozenset({"select", "ignore", "exclude", "fail-on"})
_TEXTS = frozenset({"baseline", "cache-dir", "format", "to"})
_CHOICES: dict[str, Sequence[str]] = {"to": STAGES, "format": FORMATS}
KEYS = tuple(
    one.name.replace("_", "-") for one in fields(Config) if one.name not in ("root", "places")
)


def load(paths: Sequence[str]) -> Config:
    """The settings for these paths; raises UsageError naming file, line, key and cure."""
    start = os.path.commonpath([os.path.abspath(path) for path in paths]) if paths else os.getcwd()
    for folder in (Path(start), *Path(start).parents):
        file = folder / "pyproject.toml"
        if os.path.isfile(file):  # as Path.is_file, and False in a folder closed to us
            found = _settings(file, required=False)
            if found:
                return found
    return Config()


def passed_over(paths: Sequence[str]) -> list[Path]:
    """Files with settings of one of several paths, which do not count for them all."""
    places = [os.path.abspath(path) for path in paths]
    start = os.path.commonpath(places) if places else ""
    folders: dict[str, None] = {}
    for place in places:
        while place != start and place not in folders:
            folders[place] = None
            place = os.path.dirname(place)
    files = [Path(folder, "pyproject.toml") for folder in folders]
    return [file for file in files if os.path.isfile(file) and _has_settings(file)]


def _has_settings(file: Path) -> bool:
    with contextlib.suppress(OSError):
        return f"[tool.{TABLE}".encode() in file.read_bytes()
    return False


def load_file(file: Path) -> Config:
    """The settings of one file, which has to have them."""
    found = _settings(file, required=True)
    if not found:
        raise UsageError(f"{file} has no [tool.{TABLE}] table", "add it, or leave out --config")
    return found


def _settings(file: Path, *, required: bool) -> Config | None:
    import tomllib

    try:
        data = file.read_bytes()
        document = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # Somebody else's broken file is reported only when it might be meant for us.
        if not required and TABLE.encode() not in data:
            return None
        raise UsageError(f"{file}: {error}", "correct the file") from None
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}", "name a file that can be read") from None
    tools = document.get("tool", {})
    if isinstance(tools, dict) and TABLE in tools:
        return _check(file, tools[TABLE], data.decode())
    named = [f"tool.{name}" for name in tools] if isinstance(tools, dict) else []
    for name in (*named, *document):
        if _is_meant(name):
            raise UsageError(f"{file}: [{name}] is not read", f"write [tool.{TABLE}]")
    return None


def _is_meant(name: str) -> bool:
    """Whether a table has our name, but for its spelling or its place."""
    from difflib import get_close_matches

    plain = name.removeprefix("tool.").lower().replace("_", "-")
    return plain == "migrate" or bool(get_close_matches(plain, [TABLE], cutoff=0.9))


def _check(file: Path, table: Any, text: str) -> Config:
    if not isinstance(table, dict):
        raise UsageError(f"{file}: tool.{TABLE} is no table", f"write [tool.{TABLE}]")
    values: dict[str, Any] = {}
    places = {}
    for key, value in table.items():
        place = f"{file}{_line(key, text)}"
        if key not in KEYS:
            raise UsageError(f"{place}: unknown key {key!r} in [tool.{TABLE}]", meant(key, KEYS))
        wanted = _wanted(key, value)
        if wanted:
            hint = f"it is {value!r}"
            if key in _CHOICES and isinstance(value, str):
                hint = meant(value, _CHOICES[key])
            raise UsageError(f"{place}: {key} must be {wanted}", hint)
        if key == "per-file-ignores":
            value = {glob: tuple(codes) for glob, codes in value.items()}
        values[key.replace("-", "_")] = tuple(value) if isinstance(value, list) else value
        places[key] = f"{place}: {key}"
    return Config(**values, root=str(Path(os.path.abspath(file)).parent), places=places)


def _line(key: str, text: str) -> str:
    """``:12``, where the key stands below our table's header; "" when it is written otherwise."""
    lines = text.splitlines()
    header = re.compile(rf"\s*\[\s*tool\s*\.\s*[\"']?{TABLE}\b")
    start = next((number for number, line in enumerate(lines) if header.match(line)), len(lines))
    wanted = re.compile(rf"\s*(?:\[.*\.\s*)?[\"']?{re.escape(key)}[\"']?\s*[=.\]]")
    for number, line in enumerate(lines[start:], start + 1):
        if wanted.match(line):
            return f":{number}"
    return ""


def _wanted(key: str, value: Any) -> str | None:
    """What the value should have been, or None when it is right."""
    if key in _LISTS:
        return None if _strings(value) else "a list of strings"
    if key in _TEXTS:
        choices = _CHOICES.get(key)
        if choices and value not in choices:
            return "one of " + ", ".join(choices)
        return None if isinstance(value, str) else "a string"
    if key == "per-file-ignores":
        right = isinstance(value, dict) and all(map(_strings, value.values()))
        return None if right else "a table of lists of strings"
    return None if isinstance(value, bool) else "true or false"


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
