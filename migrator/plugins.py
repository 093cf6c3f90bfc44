"""Rules that other distributions add: entry points of the group ``eventlet_migrate.rules``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.rules import Family

GROUP = "eventlet_migrate.rules"


def families() -> tuple[Family, ...]:
    """The families that installed distributions name; raises UsageError for a broken one.

    `importlib.metadata` takes longer to import than a small scan takes, and hardly anyone
    has such rules: the files are searched for the group's name first.
    """
    if not any(map(_names_group, _entry_point_files())):
        return ()
    from importlib.metadata import entry_points

    found = []
    for entry in sorted(entry_points(group=GROUP)):
        try:
            family: Family = entry.load()
            assert all(rule.code.startswith(family.prefix) for rule in family.rules)
        except Exception as error:
            raise UsageError(
                f"the rules of {entry.value} cannot be loaded: {type(error).__name__}: {error}",
                "repair or uninstall the distribution that has them",
            ) from error
        found.append(family)
    return tuple(found)


def _entry_point_files() -> Iterator[str]:
    for folder in sys.path:
        try:
            entries = list(os.scandir(folder or "."))
        except OSError:
            continue  # an archive, or not there
        for entry in entries:
            if entry.name.endswith((".dist-info", ".egg-info")):
                yield f"{entry.path}/entry_points.txt"


def _names_group(path: str) -> bool:
    try:
        return GROUP.encode() in Path(path).read_bytes()
    except OSError:
        return False
