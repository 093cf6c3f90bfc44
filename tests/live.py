"""Run the commands as their users do, from a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.programs import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping


def migrate(
    *arguments: object, env: Mapping[str, str] | None = None, python: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """``migrate ARGUMENTS`` without a terminal, in a UTF-8 locale unless ``env`` says so."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LC_ALL", "LC_CTYPE")
    }
    return subprocess.run(
        [sys.executable, *python, "-m", "migrator", *map(str, arguments)],
        cwd=ROOT,
        env={**inherited, "LANG": "C.UTF-8", **(env or {})},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def document(*arguments: object) -> dict[str, Any]:
    """What a command prints with ``--json``; it must succeed."""
    done = migrate(*arguments, "--json")
    assert done.returncode in (0, 1, 3), done.stderr
    loaded = json.loads(done.stdout)
    assert isinstance(loaded, dict)
    return loaded


def rows(text: str) -> list[dict[str, str]]:
    """The rows of a table by column: cells are parted by two spaces or more."""
    lines = text.splitlines()
    header = lines[0].split()
    return [dict(zip(header, _cells(line), strict=True)) for line in lines[2:]]


def _cells(line: str) -> list[str]:
    return [cell.strip(" ") for cell in line.split("  ") if cell.strip(" ")]
