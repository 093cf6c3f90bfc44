"""``migrate apply``: rewrite debug and backdoor use, provably, or say why not."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from inspector.errors import UsageError
from migrator.completion import PATHS, RULES
from migrator.findings import STAGES
from migrator.reporters import FORMATS, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from migrator import project
    from migrator.apply import Plan
    from migrator.config import Config
    from migrator.findings import Stage
    from migrator.rewrite import Result


@click.command()
@click.argument("paths", nargs=-1, type=PATHS, metavar="[PATH]...")
@click.option(
    "--to",
    "stage",
    type=click.Choice(STAGES),
    help="bridge: both worlds run. asyncio: Eventlet is gone. Default: what PATHs are ready for.",
)
@click.option("--write", is_flag=True, help="Write the changes instead of showing them.")
@click.option("--check", is_flag=True, help="Name the files that would change, show no diff.")
@click.option("--interactive", "-i", is_flag=True, help="Ask for each site, then write.")
@click.option("--unsafe", is_flag=True, help="Also make changes that need a review.")
@click.option("--select", multiple=True, type=RULES, help="Only these: codes, families.")
@click.option("--ignore", multiple=True, type=RULES, help="All but these.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out, as .gitignore would.")
@click.option(
    "--only-changed",
    is_flag=False,
    flag_value="HEAD",
    metavar="[REF]",
    help="Only files that differ from a git revision (HEAD), and new ones.",
)
@click.option("--allow-dirty", is_flag=True, help="Write although git could not undo it.")
@click.option("--backup", is_flag=True, help="Keep each old file beside the new one, as NAME.orig.")
@click.option("--bridge-as", metavar="NAME", help="Import NAME, which is written, not bridge.")
@click.option("--format", "format_", type=click.Choice(("text", *FORMATS)), default="text")
@click.option("--jobs", type=click.IntRange(1), help="Processes. Default: one a processor.")
def command(paths: Sequence[str], format_: str, **given: Any) -> int:
    """Rewrite Eventlet's debugging and backdoors in PATHs: files or folders (default: .).

    Shows a diff and why anything was left; changes nothing without --write.

    Exit status: 0 nothing to do or left, 1 something is, 2 usage (or a tree that git could
    not restore), 3 nothing found but not everything could be read.
    """
    from migrator import progress
    from migrator.apply import plan
    from migrator.rewrite import Options

    if given["only_changed"] is not None:
        from migrator.changed import split

        given["only_changed"], paths = split(given["only_changed"], paths)
    _check_usage(paths, given)
    settings, scanning = _settings(paths, given)
    options = Options(
        unsafe=given["unsafe"], bridge=given["bridge_as"] or "bridge", codes=scanning.codes
    )
    stage = cast("Stage | None", given["stage"] or settings.to)
    with progress.shown() as told:
        done = plan(paths or ["."], options, scanning, stage=stage, progress=told)
    for one in done.unread:
        click.echo(f"migrate: {printable(one.path)}: {one.reason}", err=True)
    write = given["write"] or given["interactive"]
    if given["interactive"]:
        from migrator.interactive import choose

        done = choose(done)
    if done.stage == "bridge" and done.changed:
        done = _with_bridge(done, given["bridge_as"])
    failed = _write(done, given) if write else {}
    _print(done, format_, written=write, check=given["check"], failed=failed)
    left = any(not outcome.rewritten for outcome in done.outcomes)
    if failed or left or (done.changed and not write):
        return 1
    return 3 if done.unread else 0


def _check_usage(paths: Sequence[str], given: Mapping[str, Any]) -> None:
    chosen = [name for name in ("write", "check", "interactive") if given[name]]
    if len(chosen) > 1:
        raise UsageError(f"--{chosen[0]} and --{chosen[1]} exclude each other", "pass one of them")
    if "-" in paths:
        raise UsageError("apply rewrites files and reads no standard input", "name the file")
    if given["bridge_as"]:
        from migrator.stand_in import check_name

        check_name(given["bridge_as"])


def _settings(paths: Sequence[str], given: Mapping[str, Any]) -> tuple[Config, project.Options]:
    """The project's configuration, and with it what to look at."""
    from migrator import config
    from migrator.commands.scan import only_changed, options_of

    settings = config.load(paths or ["."])
    options = replace(options_of(settings, **given), text=False, mentions=False)
    if given["only_changed"] is not None:
        try:
            options, _ = only_changed(options, given["only_changed"], paths or ["."])
        except UsageError as error:  # by the name that the option has here
            said = (error.message, error.hint)
            raise UsageError(
                *(one.replace("--changed", "--only-changed") for one in said)
            ) from error
    return settings, options


def _with_bridge(done: Plan, bridge_as: str | None) -> Plan:
    """See that the rewritten code finds our bridge; raises UsageError when it would not."""
    if bridge_as:
        from migrator.stand_in import stand_ins

        return replace(done, created=stand_ins(bridge_as, done.changed))
    from migrator.clash import refuse_clash

    refuse_clash([result.path for result in done.changed])
    return done


def _write(done: Plan, given: Mapping[str, Any]) -> dict[str, str]:
    """Replace the files; returns path -> why not for those that could not be.

    When it is interrupted, it says which files hold their new text.
    """
    from migrator.guard import require_undo

    if done.changed and not given["allow_dirty"]:
        require_undo(Path(result.path) for result in done.changed)
    failed: dict[str, str] = {}
    try:
        for result in done.changed:
            problem = _replace(result, new=result in done.created, backup=given["backup"])
            if problem is not None and result in done.created:
                raise UsageError(f"{problem}: what would import it is unchanged")
            if problem is not None:
                failed[result.path] = problem
    except KeyboardInterrupt:
        for result in done.changed:
            if _holds(result):
                click.echo(f"migrate: interrupted, but changed: {printable(result.path)}", err=True)
        raise
    return failed


def _replace(result: Result, *, new: bool, backup: bool) -> str | None:
    """Write one file; returns why it could not be. What was not kept of it goes to stderr."""
    from migrator.write import NotWritten, create_file, replace_file

    path = Path(result.path)
    try:
        if new:
            written = create_file(path, result.new)
        else:
            written = replace_file(path, result.old, result.new, backup=backup)
    except NotWritten as error:
        problem = printable(error.message)
        if not new:
            click.echo(f"migrate: {problem}", err=True)
        return problem
    for note in written.notes:
        click.echo(f"migrate: {printable(result.path)}: {note}", err=True)
    return None


def _holds(result: Result) -> bool:
    try:
        return Path(result.path).read_bytes() == result.new
    except OSError:
        return False


def _print(
    done: Plan, format_: str, *, written: bool, check: bool, failed: Mapping[str, str]
) -> None:
    from migrator.reporters import applied

    lines: Iterable[str | bytes]
    if format_ == "text":
        lines = applied.text(done, written=written, check=check, failed=failed)
    elif format_ == "json":
        lines = applied.json(done, written=written, failed=failed)
    else:
        lines = applied.other(done, format_, failed=failed)
    with suppress(BrokenPipeError):  # who reads no further still gets the status
        for line in lines:
            whole = line[-1:] in ("\n", b"\n")
            click.echo(line, nl=not whole, color=applied.colour())
