"""``migrate apply``: rewrite debug and backdoor use, provably, or say why not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

import click

from inspector.errors import UsageError
from migrator.findings import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrator.apply import Plan
    from migrator.findings import Stage
    from migrator.rewrite import Result

_FORMATS = ("text", "json")


@click.command()
@click.argument("paths", nargs=-1)
@click.option(
    "--to",
    "stage",
    type=click.Choice(STAGES),
    help="bridge: both worlds run. asyncio: Eventlet is gone. [default: what PATHS are ready for]",
)
@click.option("--write", is_flag=True, help="Write the changes instead of showing them.")
@click.option("--check", is_flag=True, help="Name the files that would change, nothing more.")
@click.option("--unsafe", is_flag=True, help="Also make changes that need a review.")
@click.option("--select", multiple=True, metavar="CODES", help="Only these, comma-separated.")
@click.option("--ignore", multiple=True, metavar="CODES", help="All but these.")
@click.option("--allow-dirty", is_flag=True, help="Write although git could not undo it.")
@click.option("--backup", is_flag=True, help="Keep each old file beside the new one, as NAME.orig.")
@click.option("--bridge-as", metavar="NAME", help="Import NAME, which is written, not bridge.")
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="text")
def command(
    paths: tuple[str, ...],
    stage: str | None,
    write: bool,
    check: bool,
    unsafe: bool,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    allow_dirty: bool,
    backup: bool,
    bridge_as: str | None,
    format_: str,
) -> int:
    """Rewrite Eventlet's debugging and backdoors in PATHS (files or folders; default: here).

    Shows a diff and why anything was left; changes nothing without --write.
    """
    from migrator.apply import plan
    from migrator.commands.scan import codes_of
    from migrator.rewrite import Options

    if write and check:
        raise UsageError("--write and --check exclude each other", "pass one of them")
    if bridge_as:
        from migrator.stand_in import check_name

        check_name(bridge_as)
    options = Options(
        unsafe=unsafe,
        bridge=bridge_as or "bridge",
        codes=codes_of(select or ("all",)) - codes_of(ignore),
    )
    done = plan(paths or (".",), options, stage=cast("Stage | None", stage))
    for one in done.unread:
        click.echo(f"migrate: {one.path}: {one.reason}", err=True)
    done = _with_bridge(done, bridge_as) if done.stage == "bridge" else done
    failed = _write(done, allow_dirty=allow_dirty, backup=backup) if write else {}
    if format_ == "json":
        _print_json(done, written=write, failed=failed)
    else:
        _print_text(done, written=write, check=check, failed=failed)
    if failed:
        return 1
    left = any(not outcome.rewritten for outcome in done.outcomes)
    if left or (done.changed and not write):
        return 1
    return 3 if done.unread else 0


def _with_bridge(done: Plan, bridge_as: str | None) -> Plan:
    """See that the rewritten code finds our bridge; raises UsageError when it would not."""
    from dataclasses import replace

    if bridge_as:
        from migrator.stand_in import stand_ins

        return replace(done, created=stand_ins(bridge_as, done.changed))
    from migrator.clash import refuse_clash

    refuse_clash([result.path for result in done.changed])
    return done


def _write(done: Plan, *, allow_dirty: bool, backup: bool) -> dict[str, str]:
    """Replace the files; returns path -> why not for those that could not be."""
    from pathlib import Path

    from migrator.guard import require_undo
    from migrator.write import NotWritten, create_file, replace_file

    if done.changed and not allow_dirty:
        require_undo(Path(result.path) for result in done.changed)
    failed: dict[str, str] = {}
    for result in done.changed:
        path = Path(result.path)
        try:
            if result in done.created:
                written = create_file(path, result.new)
            else:
                written = replace_file(path, result.old, result.new, backup=backup)
        except NotWritten as error:
            failed[result.path] = error.message
            click.echo(f"migrate: {error.message}", err=True)
        else:
            for note in written.notes:
                click.echo(f"migrate: {result.path}: {note}", err=True)
    return failed


def _print_json(done: Plan, *, written: bool, failed: dict[str, str]) -> None:
    import json

    from migrator.findings import Report
    from migrator.reporters.json import document

    outcomes = list(done.outcomes)
    report = Report(tuple(o.finding for o in outcomes), done.unread, done.files)
    text = document(report, done.stage)
    for record, outcome in zip(text["findings"], outcomes, strict=True):
        rewritten = outcome.rewritten and outcome.finding.path not in failed
        record["outcome"] = "rewritten" if rewritten else "left"
        record["reason"] = None if rewritten else outcome.reason or failed[outcome.finding.path]
    text["stage"] = done.stage
    text["files"] = [
        {
            "path": result.path,
            "changed": written and result.path not in failed,
            "reason": failed.get(result.path),
        }
        for result in done.changed
    ]
    click.echo(json.dumps(text, indent=2))


def _print_text(done: Plan, *, written: bool, check: bool, failed: dict[str, str]) -> None:
    for result in done.changed:
        if check:
            click.echo(f"would change {result.path}")
        elif written:
            if result.path not in failed:
                click.echo(f"changed {result.path}")
        else:
            _echo_diff(_diff(result))
    from migrator import rules

    others = rewritten = left = 0
    for outcome in done.outcomes:
        finding = outcome.finding
        if outcome.rewritten:
            rewritten += 1
        elif rules.by_code()[finding.code][0].fixes is None:
            others += 1
        else:
            left += 1
            place = f"{finding.path}:{finding.span.line}:{finding.span.column}"
            click.echo(f"{place} {finding.code} {finding.api} left: {outcome.reason}")
    verb = "rewritten" if written else "to rewrite"
    summary = f"{rewritten} {verb} in {len(done.changed)} files for stage {done.stage}, {left} left"
    if others:
        summary += f"; {others} other uses of Eventlet are for `migrate scan`"
    click.echo(f"{summary}.")


def _diff(result: Result) -> Iterable[str]:
    """Unified diff, line ends as they are; bytes that are not UTF-8 shown escaped."""
    import difflib

    old, new = (
        data.decode(errors="backslashreplace").splitlines(keepends=True)
        for data in (result.old, result.new)
    )
    for line in difflib.unified_diff(old, new, result.path, result.path):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def _echo_diff(lines: Iterable[str]) -> None:
    import os

    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for line in lines:
        bold = line.startswith(("---", "+++"))
        colour = None if bold else _COLOURS.get(line[0])
        text = click.style(line, fg=colour, bold=bold) if coloured else line
        click.echo(text, nl=False, color=coloured)
