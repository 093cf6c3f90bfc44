"""``[tool.eventlet-migrate]`` in pyproject.toml: strict keys, strict types, one place.

The nearest pyproject.toml with that table, from the scanned paths upwards, counts. The
command line wins over it, key by key.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
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
    """Settings by key; a dash in the file is an underscore here. ``root`` is their folder."""

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


_LISTS = frozenset({"select", "ignore", "exclude", "fail-on"})
_TEXTS = frozenset({"baseline", "cache-dir", "format", "to"})
_CHOICES: dict[str, Sequence[str]] = {"to": STAGES, "format": FORMATS}
KEYS = tuple(one.name.replace("_", "-") for one in fields(Config) if one.name != "root")


def load(paths: Sequence[str]) -> Config:
    """The settings for these paths; raises UsageError naming file, key and cure."""
    start = os.path.commonpath([os.path.abspath(path) for path in paths]) if paths else os.getcwd()
    for folder in (Path(start), *Path(start).parents):
        file = folder / "pyproject.toml"
        if os.path.isfile(file):  # as Path.is_file, and False in a folder closed to us
            table = _read(file).get("tool", {})
            if isinstance(table, dict) and TABLE in table:
                return _check(file, table[TABLE])
    return Config()


def load_file(file: Path) -> Config:
    """The settings of one file, which has to have them."""
    table = _read(file).get("tool", {})
    if not isinstance(table, dict) or TABLE not in table:
        raise UsageError(f"{file} has no [tool.{TABLE}] table", "add it, or leave out --config")
    return _check(file, table[TABLE])


def _read(file: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # Somebody else's broken file is reported only when it might be meant for us.
        if TABLE.encode() not in file.read_bytes():
            return {}
        raise UsageError(f"{file}: {error}", "correct the file") from None
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}", "name a file that can be read") from None


def _check(file: Path, table: Any) -> Config:
    if not isinstance(table, dict):
        raise UsageError(f"{file}: tool.{TABLE} is no table", f"write [tool.{TABLE}]")
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in KEYS:
            raise UsageError(f"{file}: unknown key {key!r} in [tool.{TABLE}]", meant(key, KEYS))
        wanted = _wanted(key, value)
        if wanted:
            hint = f"it is {value!r}"
            if key in _CHOICES and isinstance(value, str):
                hint = meant(value, _CHOICES[key])
            raise UsageError(f"{file}: {key} must be {wanted}", hint)
        if key == "per-file-ignores":
            value = {glob: tuple(codes) for glob, codes in value.items()}
        values[key.replace("-", "_")] = tuple(value) if isinstance(value, list) else value
    return Config(**values, root=str(file.parent))


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
