"""``migrate scan --environment``: installed distributions that need or import Eventlet.

Metadata tells who declares it; the byte test and the parser tell who imports it all the
same. The environment is that of the running interpreter, or the environments and
site-packages folders given as paths. Of an editable install the project's files are read.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

import click

from inspector.errors import UsageError
from migrator import api, needles, scan, walk
from migrator.findings import Unread
from migrator.reporters import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*")
_NAMES = frozenset({"eventlet"})
# Where an environment keeps its distributions.
_PACKAGES = ("lib/python*/site-packages", "lib64/python*/site-packages", "Lib/site-packages")


@dataclass(frozen=True, slots=True)
class Dependent:
    """A distribution, its requirement on Eventlet as declared, and the files that import it."""

    name: str
    version: str
    requires: tuple[str, ...]
    importers: tuple[str, ...]


def report(paths: Sequence[str], format_: str) -> int:
    """Print who depends on Eventlet; returns the exit status (1 when somebody does)."""
    if format_ not in ("concise", "json"):
        raise UsageError(f"--environment has no format {format_!r}", "take concise or json")
    every = list(dependents(_folders(paths)))
    found = [one for one in every if isinstance(one, Dependent)]
    found.sort(key=lambda one: one.name.lower())
    unread = [one for one in every if isinstance(one, Unread)]
    for bad in unread:
        click.echo(f"migrate: {printable(bad.path)}: {printable(bad.reason)}", err=True)
    if format_ == "json":
        click.echo(json.dumps(_record(found, unread), indent=2))
    else:
        for line in _lines(found):
            click.echo(printable(line))
    return 1 if found else 3 if unread else 0


def _record(found: Sequence[Dependent], unread: Sequence[Unread]) -> dict[str, object]:
    return {
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
        "unread": [{"path": one.path, "reason": one.reason} for one in unread],
    }


def _lines(found: Sequence[Dependent]) -> Iterator[str]:
    for one in found:
        what = []
        if one.requires:
            what.append(f"requires {', '.join(one.requires)}")
        if one.importers:
            what.append(f"imports it in {counted(len(one.importers), 'file')}")
        yield f"{one.name} {one.version}: {'; '.join(what)}"
    yield f"{counted(len(found), 'distribution')} with Eventlet."


def _folders(paths: Sequence[str]) -> list[str]:
    """The folders that hold distributions: those given, or those of environments given."""
    found = []
    for path in map(Path, paths):
        packages = [one for pattern in _PACKAGES for one in sorted(path.glob(pattern))]
        below = [str(one) for one in packages if not one.parents[1].is_symlink()]  # lib64
        if not below and (any(path.glob("*.dist-info")) or any(path.glob("*.egg-info"))):
            below = [str(path)]
        if not below:
            reason = "holds no installed distributions" if path.is_dir() else "is no folder"
            raise UsageError(f"{path} {reason}", "name an environment or a site-packages folder")
        found += below
    return found


def dependents(paths: Sequence[str]) -> Iterator[Dependent | Unread]:
    """Distributions that declare or import Eventlet, Eventlet itself excepted.

    One whose metadata make no sense is ``Unread``.
    """
    seen = set()
    for one in distributions(path=list(paths)) if paths else distributions():
        try:
            name = one.metadata["Name"]
            if not name or name.lower() in seen or name.lower() in _NAMES:
                continue
            seen.add(name.lower())
            requires = tuple(text for text in one.requires or () if _distribution(text) in _NAMES)
            importers = tuple(_importers(one))
            version = one.version
        except Exception as error:  # noqa: BLE001 - written by anybody, and its parsers are many
            place = getattr(one, "_path", "a distribution")  # public only as its files
            yield Unread(str(place), f"its metadata cannot be read: {error}")
            continue
        if requires or importers:
            yield Dependent(name, version, requires, importers)


def _distribution(requirement: str) -> str:
    match = _REQUIREMENT.match(requirement)
    return match.group().lower().replace("_", "-") if match else ""


def _importers(distribution: Distribution) -> Iterator[str]:
    for shown, file in _files(distribution):
        try:
            data = file.read_bytes()
        except OSError:
            continue  # listed, but not there: somebody else's to report
        if not needles.may_matter(data):
            continue
        facts = scan.scan_python(data, shown, ".".join(Path(shown).with_suffix("").parts))
        if any(one.kind == "import" and _is_eventlets(one.api) for one in facts.findings):
            yield shown


def _is_eventlets(name: str) -> bool:
    return name.partition(".")[0] == "eventlet" or api.is_library(name)


def _files(distribution: Distribution) -> Iterator[tuple[str, Path]]:
    """The Python files of a distribution, and what they are called."""
    for file in distribution.files or ():
        if file.suffix == ".py":
            yield str(file), Path(str(distribution.locate_file(file)))
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):  # PEP 610
        project = url2pathname(urlsplit(origin["url"]).path)
        for one in walk.find([project], text=False):
            if not isinstance(one, Unread):
                yield one.path, Path(one.path)
