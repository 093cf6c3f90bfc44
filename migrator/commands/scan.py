"""``migrate scan``: find Eventlet in a code base and say what to do."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

import click

from inspector.errors import UsageError
from migrator import rules, sources
from migrator.findings import STAGES, Finding, Report, Stage, Unread
from migrator.scan import scan

if TYPE_CHECKING:
    from collections.abc import Iterable

_FORMATS = ("concise", "json")


@click.command()
@click.argument("paths", nargs=-1)
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="concise")
@click.option("--select", multiple=True, metavar="CODES", help="Only these, comma-separated.")
@click.option("--ignore", multiple=True, metavar="CODES", help="All but these.")
@click.option("--to", "stage", type=click.Choice(STAGES), default="bridge")
def command(
    paths: tuple[str, ...],
    format_: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    stage: str,
) -> int:
    """Find every use of Eventlet in PATHS (files or folders; default: here)."""
    codes = _codes(select or ("all",)) - _codes(ignore)
    report = scan_paths(paths or (".",), codes)
    for one in report.unread:
        click.echo(f"migrate: {one.path}: {one.reason}", err=True)
    reporter = import_module(f"migrator.reporters.{format_}")
    for line in reporter.render(report, cast("Stage", stage)):
        click.echo(line)
    return report.exit_status


def scan_paths(paths: Iterable[str], codes: frozenset[str]) -> Report:
    """Scan files and folders for the rules with these codes."""
    findings: list[Finding] = []
    unread: list[Unread] = []
    files = 0
    for path in sources.walk(paths):
        if isinstance(path, Unread):
            unread.append(path)
            continue
        files += 1
        data = sources.read(path)
        if isinstance(data, Unread):
            unread.append(data)
            continue
        module, package = sources.module_name(path)
        found = scan(data, path, module, package=package)
        if isinstance(found, Unread):
            unread.append(found)
        else:
            findings += [finding for finding in found if finding.code in codes]
    return Report(tuple(findings), tuple(unread), files)


def _codes(names: Iterable[str]) -> frozenset[str]:
    split = [name.strip() for text in names for name in text.split(",")]
    try:
        return rules.select(name for name in split if name)
    except LookupError as error:
        raise UsageError(
            f"no rule or family is called {error.args[0]!r}", "`migrate rules` lists them"
        ) from None
