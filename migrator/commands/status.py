"""``migrate status``: what is left, by package and by class, and how it went so far."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector.errors import UsageError
from migrator import burndown, cache, config, progress, project, rules
from migrator.commands.scan import codes_of, complain, exit_status, options_of
from migrator.completion import PATHS, RULES
from migrator.reporters import counted, printable, summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.findings import Report
    from migrator.history import Point


@click.command()
@click.argument("paths", nargs=-1, type=PATHS, metavar="[PATH]...")
@click.option("--history", is_flag=True, help="Read the git history for the curve.")
@click.option("--points", type=click.IntRange(2), default=20, help="Commits of the history.")
@click.option("--svg", type=PATHS, help="Draw the history there, - for stdout (implies --history).")
@click.option("--select", multiple=True, type=RULES, help="Only these.")
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text")
@click.option("--no-cache", is_flag=True, help="Neither read nor write the cache.")
def command(
    paths: tuple[str, ...],
    history: bool,
    points: int,
    svg: str | None,
    select: tuple[str, ...],
    format_: str,
    no_cache: bool,
) -> int:
    """Show what is left of Eventlet in PATHs (default: here), by package and class.

    Exit status as of `migrate scan`; with --history 0.
    """
    codes_of(select)  # what is wrong with it is said before anything is read
    if history or svg:
        return _history(paths or (".",), points, select, svg, format_)
    settings = config.load(paths or (".",))
    options = _options(settings, select)
    store = cache.Cache(None if no_cache else cache.place(settings.root, settings.cache_dir))
    with progress.shown() as told:
        report = project.scan_paths(paths or (".",), options, store, told)
    with suppress(BrokenPipeError):  # who reads no further still gets the status
        complain(report)
        if format_ == "json":
            click.echo(json.dumps(_record(report), indent=2))
        else:
            for line in _lines(report):
                click.echo(line)
    return exit_status(report, options.codes)


def _options(settings: config.Config, select: tuple[str, ...]) -> project.Options:
    """As of `migrate scan`; mentions are nothing that could be worked off."""
    return options_of(settings, select=select, mentions=False)


def package_of(path: str) -> str:
    """What a file counts for: its folder's first two parts, or "." at the top."""
    return "/".join(Path(path).parent.parts[:2]) or "."


def _tables(report: Report) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Findings by class, by package, and by applicability at stage bridge."""
    classes = Counter(rules.by_code()[one.code][0].name for one in report.findings)
    packages = Counter(package_of(one.path) for one in report.findings)
    return classes, packages, Counter(one.bridge.applicability for one in report.findings)


def _record(report: Report) -> dict[str, Any]:
    classes, packages, applicability = _tables(report)
    return {
        "format": "eventlet-migrate/status",
        "format_version": 1,
        "total": len(report.findings),
        "files": report.files,
        "by_class": dict(classes.most_common()),
        "by_package": dict(packages.most_common()),
        "by_applicability": dict(applicability.most_common()),
        "unread": [{"path": one.path, "reason": one.reason} for one in report.unread],
    }


def _lines(report: Report) -> Iterator[str]:
    classes, packages, applicability = _tables(report)
    for title, counts in (("class", classes), ("package", packages)):
        if counts:
            yield f"By {title}"
            yield from _bars(counts)
            yield ""
    if applicability["safe"] or applicability["unsafe"]:
        yield (
            f"`migrate apply` rewrites {counted(applicability['safe'], 'finding')} safely, "
            f"{applicability['unsafe']} more with --unsafe."
        )
    yield summary(report)


def _bars(counts: Counter[str]) -> Iterator[str]:
    width = max(len(printable(name)) for name in counts)
    most = max(counts.values())
    digits = len(str(most))
    for name, count in counts.most_common():
        line = f"  {printable(name):<{width}}  {count:>{digits}}  {burndown.bar(count, most)}"
        yield line.rstrip()


def _history(
    paths: tuple[str, ...], points: int, select: tuple[str, ...], svg: str | None, format_: str
) -> int:
    if len(paths) > 1 or not Path(paths[0]).is_dir():
        raise UsageError("--history takes one folder", "name the project's folder")
    from migrator import history

    def options(folder: str) -> project.Options:
        try:
            return _options(config.load([folder]), select)
        except UsageError:  # of an old commit, where nobody can mend it any more
            return _options(config.Config(), select)

    with progress.shown() as told:
        curve = history.read(paths[0], points, options, told)
    if history.is_shallow(paths[0]):
        click.echo("migrate: a shallow clone: `git fetch --unshallow` brings the rest", err=True)
    if svg == "-":
        click.echo(burndown.svg(curve), nl=False)
        return 0
    if svg:
        try:
            Path(svg).write_text(burndown.svg(curve), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{svg}: {error.strerror}", "name another file") from None
    if format_ == "json":
        click.echo(json.dumps([_point(point) for point in curve], indent=2))
    else:
        for line in burndown.text(curve):
            click.echo(line)
    return 0


def _point(point: Point) -> dict[str, Any]:
    return {
        "commit": point.commit,
        "date": point.date,
        "total": point.total,
        "by_class": dict(point.counts.most_common()),
    }
