"""``migrate scan --environment``: installed distributions that need or import Eventlet.

Metadata tells who declares it; the byte test and the parser tell who imports it all the
same. The environment is that of the running interpreter, or the site-packages folders
given as paths.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inspector.errors import UsageError
from migrator import scan
from migrator.reporters import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*")
_NAMES = frozenset({"eventlet"})


@dataclass(frozen=True, slots=True)
class Dependent:
    """A distribution, its requirement on Eventlet as declared, and the files that import it."""

    name: str
    version: str
    requires: tuple[str, ...]
    importers: tuple[str, ...]


def report(paths: Sequence[str], format_: str) -> int:
    """Print who depends on Eventlet; returns the exit status (1 when somebody does)."""
    for path in paths:
        if not Path(path).is_dir():
            raise UsageError(f"{path} is no folder", "name a site-packages folder")
    found = sorted(dependents(paths), key=lambda one: one.name.lower())
    if format_ == "json":
        document = {
            "format": "eventlet-migrate/environment",
            "format_version": 1,
            "distributions": [
                {
                    "name": one.name,
                    "version": one.version,
                    "requires": list(one.requires),
                    "imports": list(one.importers),
                }
                for one in found
            ],
        }
        click.echo(json.dumps(document, indent=2))
        return 1 if found else 0
    for one in found:
        what = []
        if one.requires:
            what.append(f"requires {', '.join(one.requires)}")
        if one.importers:
            what.append(f"imports it in {counted(len(one.importers), 'file')}")
        click.echo(printable(f"{one.name} {one.version}: {'; '.join(what)}"))
    click.echo(f"{counted(len(found), 'distribution')} with Eventlet.")
    return 1 if found else 0


def dependents(paths: Sequence[str]) -> Iterable[Dependent]:
    """Distributions that declare or import Eventlet, Eventlet itself excepted."""
    seen = set()
    for one in distributions(path=list(paths)) if paths else distributions():
        name = one.metadata["Name"]
        if not name or name.lower() in seen or name.lower() in _NAMES:
            continue
        seen.add(name.lower())
        requires = tuple(text for text in one.requires or () if _distribution(text) in _NAMES)
        importers = tuple(_importers(one))
        if requires or importers:
            yield Dependent(name, one.version, requires, importers)


def _distribution(requirement: str) -> str:
    match = _REQUIREMENT.match(requirement)
    return match.group().lower().replace("_", "-") if match else ""


def _importers(distribution: Distribution) -> Iterable[str]:
    for file in distribution.files or ():
        if file.suffix != ".py":
            continue
        try:
            data = Path(str(distribution.locate_file(file))).read_bytes()
        except OSError:
            continue  # listed, but not there: somebody else's to report
        if b"eventlet" not in data:
            continue
        facts = scan.scan_python(data, str(file), ".".join(file.with_suffix("").parts))
        if any(one.kind == "import" and one.api.startswith("eventlet") for one in facts.findings):
            yield str(file)
