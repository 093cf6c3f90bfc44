"""``migrate scan``: find Eventlet in a code base and say what to do."""

from __future__ import annotations

import os
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from inspector.errors import UsageError, meant
from migrator import baseline, cache, config, progress, project, rules
from migrator.completion import FAILING, PATHS, RULES
from migrator.findings import STAGES, Report, Stage
from migrator.reporters import FORMATS, counted, held, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from migrator.config import Config


@click.command()
@click.argument("paths", nargs=-1, type=PATHS, metavar="[PATH]...")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Default: concise.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), help="Write the report here; - is stdout."
)
@click.option(
    "--select",
    multiple=True,
    type=RULES,
    help="Only these: codes (EVT103), prefixes (EVT1), families.",
)
@click.option("--ignore", multiple=True, type=RULES, help="All but these.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out, as .gitignore would.")
@click.option("--force-exclude", is_flag=True, help="Exclude also what is named itself.")
@click.option("--to", "stage", type=click.Choice(STAGES), help="The stage judged. Default: bridge.")
@click.option(
    "--fail-on",
    multiple=True,
    type=FAILING,
    help="Exit 1 only for these: any (default), none, rules.",
)
@click.option("--baseline", "baseline_", type=PATHS, help="Report what is not counted there.")
@click.option("--update-baseline", is_flag=True, help="Count what is there now; exit 0.")
@click.option(
    "--changed",
    is_flag=False,
    flag_value="HEAD",
    metavar="[REF]",
    help="Only files that differ from a git revision (HEAD), and new ones.",
)
@click.option("--stdin-filename", metavar="NAME", help="What the source on stdin (-) is called.")
@click.option("--mentions", is_flag=True, default=None, help="List comments and docstrings, too.")
@click.option("--statistics", is_flag=True, help="Print counts by rule instead of findings.")
@click.option("--environment", is_flag=True, help="List installed distributions that need it.")
@click.option("--config", "config_", type=PATHS, help="The pyproject.toml to take.")
@click.option("--isolated", is_flag=True, help="Take no pyproject.toml.")
@click.option("--no-cache", is_flag=True, help="Neither read nor write the cache.")
@click.option(
    "--cache-dir", type=PATHS, metavar="DIR", help="Default: .migrate_cache in the project."
)
@click.option("--jobs", type=click.IntRange(1), help="Processes. Default: one a processor.")
def command(paths: Sequence[str], format_: str | None, **given: Any) -> int:
    """Find every use of Eventlet in PATHs: files, folders, globs, - for stdin (default: .).

    Exit status: 0 nothing found, 1 findings, 2 usage or configuration, 3 nothing found but
    not everything could be read.
    """
    if given["environment"]:
        from migrator.environment import report as environment

        return environment(paths, format_ or "concise")
    if given["changed"] is not None:
        from migrator.changed import split

        given["changed"], paths = split(given["changed"], paths)
    if given["stdin_filename"] is not None:  # its name alone means stdin, as with other tools
        paths = paths or ["-"]
        if "-" not in paths:
            raise UsageError("--stdin-filename names what stdin holds", "give - instead of paths")
    settings = _settings(paths, given)
    stage = cast("Stage", given["stage"] or settings.to or "bridge")
    options = options_of(settings, **given)
    fail_on = _fail_on(given["fail_on"], settings)
    file = _baseline_file(given, settings)
    known = baseline.load(file, missing_ok=given["update_baseline"]) if file else {}
    scanned = list(paths) or ["."]
    if given["changed"] is not None:
        options, scanned = only_changed(options, given["changed"], scanned)
    report = _scan(paths or ["."], options, _cache(given, settings), given["stdin_filename"])
    if file and given["update_baseline"]:
        complain(report)
        return _update(report, known, file, scanned, options)
    if file:
        report = baseline.apply(report, known, file, scanned, options)
    with suppress(BrokenPipeError):  # who reads no further still gets the status
        complain(report)
        _write(report, stage, format_ or settings.format or "concise", given)
    return exit_status(report, fail_on)


def exit_status(report: Report, fail_on: frozenset[str]) -> int:
    """1 with findings that count, 3 when something was not read, else 0."""
    if any(one.code in fail_on and one.kind != "mention" for one in report.findings):
        return 1
    return 3 if report.unread else 0


def options_of(
    settings: Config,
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    exclude: Sequence[str] = (),
    force_exclude: bool = False,
    mentions: bool | None = None,
    jobs: int | None = None,
    **_: object,
) -> project.Options:
    """What to look at: the command line's options first, then the configuration's."""
    codes = (
        codes_of(select) if select else _configured("select", settings.select or ("all",), settings)
    )
    codes -= codes_of(ignore) if ignore else _configured("ignore", settings.ignore, settings)
    return project.Options(
        codes,
        mentions=settings.mentions if mentions is None else mentions,
        text=any(code.startswith("EVT9") for code in codes),
        root=settings.root,
        exclude=tuple(exclude) or settings.exclude,
        exclude_from=None if exclude else settings.root,
        force_exclude=force_exclude,
        per_file_ignores=tuple(
            (glob, _configured("per-file-ignores", names, settings))
            for glob, names in (settings.per_file_ignores or {}).items()
        ),
        # A pool in each of the processes that pre-commit starts would be slower, not faster.
        processes=1 if os.environ.get("PRE_COMMIT") else jobs,
    )


def codes_of(names: Iterable[str]) -> frozenset[str]:
    """The codes that comma-separated names mean; raises UsageError with what was meant."""
    split = [name.strip() for text in names for name in text.split(",")]
    if split and not any(split):  # --select "$UNSET" would find nothing, for ever
        raise UsageError("no rule is named", "`migrate rules` lists them")
    try:
        return rules.select(name for name in split if name)
    except LookupError as error:
        known = [family.name for family in rules.families()]
        known += [name for code, (_, rule) in rules.by_code().items() for name in (code, rule.name)]
        hint = meant(str(error.args[0]), known)
        raise UsageError(
            f"no rule or family is called {error.args[0]!r}",
            hint if hint.startswith("did") else "`migrate rules` lists them",
        ) from None


def _fail_on(given: Sequence[str], settings: Config) -> frozenset[str]:
    names = given or settings.fail_on or ("any",)
    if "any" in names:
        return codes_of(("all",))
    names = [name for name in names if name not in ("none", "never")]
    return codes_of(names) if given else _configured("fail-on", names, settings)


def _configured(key: str, names: Iterable[str], settings: Config) -> frozenset[str]:
    """As `codes_of`; what is wrong is said with the place where it stands."""
    try:
        return codes_of(names)
    except UsageError as error:
        if key not in settings.places:  # not of the configuration's making
            raise
        raise UsageError(f"{settings.places[key]}: {error.message}", error.hint) from None


def _settings(paths: Sequence[str], given: dict[str, Any]) -> Config:
    if given["isolated"]:
        return config.Config()
    if given["config_"]:
        return config.load_file(Path(given["config_"]))
    if "-" in paths:  # of the project that the source is for
        return config.load([str(Path(given["stdin_filename"] or "-").parent)])
    for file in config.passed_over(paths):
        shown = printable(os.path.relpath(file))
        why = "its settings are not those of all paths, and not read"
        click.echo(f"migrate: {shown}: {why}", err=True)
    return config.load(paths or ["."])


def _baseline_file(given: dict[str, Any], settings: Config) -> Path | None:
    if given["baseline_"]:
        return Path(given["baseline_"])
    if settings.baseline:
        return Path(settings.root or ".") / settings.baseline
    if given["update_baseline"]:
        raise UsageError("--update-baseline needs a baseline", "name it with --baseline FILE")
    return None


def _cache(given: dict[str, Any], settings: Config) -> cache.Cache:
    if given["no_cache"]:
        return cache.Cache(None)
    if given["cache_dir"]:
        return cache.Cache(Path(given["cache_dir"]))
    return cache.Cache(cache.place(settings.root, settings.cache_dir))


def only_changed(
    options: project.Options, reference: str, paths: Sequence[str]
) -> tuple[project.Options, list[str]]:
    """The options narrowed to what differs from ``reference``, and those files."""
    if "-" in paths:
        raise UsageError("--changed asks git, which knows no stdin", "name files or folders")
    from migrator.changed import changed

    only = changed(reference, paths)
    return replace(options, only=only), only.shown()


def _scan(
    paths: Sequence[str], options: project.Options, store: cache.Cache, stdin_filename: str | None
) -> Report:
    if "-" in paths:
        if len(paths) > 1:
            raise UsageError("- stands alone", "scan stdin and files one after the other")
        name = stdin_filename or "-"
        held[name] = sys.stdin.buffer.read()
        return project.scan_bytes(held[name], name, options)
    with progress.shown() as told:
        return project.scan_paths(paths, options, store, told)


def complain(report: Report) -> None:
    """Say on stderr what was not read, and which suppressions hide nothing."""
    for one in report.unread:
        click.echo(f"migrate: {printable(one.path)}: {printable(one.reason)}", err=True)
    for idle in report.unused:
        click.echo(f"migrate: {printable(idle.path)}:{idle.line}: {idle.message}", err=True)


def _update(
    report: Report,
    known: baseline.Counts,
    file: Path,
    scanned: Sequence[str],
    options: project.Options,
) -> int:
    counts = baseline.update(report, known, file, scanned, options)
    baseline.save(file, counts)
    before, after = Counter(known), Counter(counts)
    added, gone = (after - before).total(), (before - after).total()
    click.echo(f"{file}: {counted(after.total(), 'finding')}, {added} added, {gone} gone.")
    return 3 if report.unread else 0


def _write(report: Report, stage: Stage, format_: str, given: dict[str, Any]) -> None:
    name = "statistics" if given["statistics"] and format_ in ("concise", "full") else format_
    reporter = import_module(f"migrator.reporters.{name}")
    lines = reporter.render(report, stage)
    if given["output"] not in (None, "-"):
        text = "".join(f"{line}\n" for line in lines)
        try:
            Path(given["output"]).write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{given['output']}: {error.strerror}", "name another file") from None
        return
    for line in lines:
        click.echo(line)
