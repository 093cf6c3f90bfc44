"""``migrate check``: is the process healthy? For CI, for monitoring, for whoever is on call."""

from __future__ import annotations

import json
import math
import platform
import time
from typing import TYPE_CHECKING, Any

import click

from bridge import checks, filters, health, health_report, words
from inspector import descriptors, process
from inspector.errors import MigrateError, NoSuchProcess, NotPython, UsageError
from migrator import __version__
from migrator.commands import _live
from migrator.durations import Duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.health import Level, Report

_FINDINGS = 1
_NOT_ALL_READ = 3
_STUCK = 30.0
_SOCKETS_OF_A_LOOP = 2  # with which asyncio's wakes itself up
_CODES = click.Choice(list(health.RULES))


@click.command(
    epilog="Findings: "
    + "; ".join(f"{code} ({rule.level}): {rule.summary}" for code, rule in health.RULES.items())
    + ". Exit status: 0 healthy, also with warnings; 1 findings; 3 none, but not everything "
    "could be read."
)
@_live.choosing
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--samples", type=click.IntRange(min=1), default=5, show_default=True,
              help="How often to look.")  # fmt: skip
@click.option("--interval", type=Duration(), default="2s", show_default=True,
              help="From one look to the next.")  # fmt: skip
@click.option("--stuck", type=Duration(), metavar="DURATION",
              help="How long a leaf may stay where it is (30s). Given, the process is watched "
              "for so long.")  # fmt: skip
@click.option("--max-age", type=Duration(), metavar="DURATION",
              help="How long a unit may live.")  # fmt: skip
@click.option("--max-units", type=click.IntRange(min=0), metavar="N",
              help="How many units there may be.")  # fmt: skip
@click.option("--filter", "filters_", metavar="KEY=GLOB,KEY~REGEX", multiple=True,
              help="Only findings about units that match all of them; see ps.")  # fmt: skip
@click.option(
    "--deny", type=_CODES, metavar="FINDING", multiple=True, help="Exit 1 when this is found."
)
@click.option("--warn", type=_CODES, metavar="FINDING", multiple=True, help="Only mention this.")
@click.option(
    "--allow", type=_CODES, metavar="FINDING", multiple=True, help="Do not look for this."
)
@click.option("--junit", is_flag=True, help="Print JUnit XML.")
@click.option("--github", is_flag=True, help="Print GitHub workflow annotations.")
@click.option("--prometheus", is_flag=True, help="Print metrics in Prometheus text format.")
def command(
    pids: tuple[int, ...],
    children: bool,
    name: str | None,
    freeze: bool,
    as_json: bool,
    samples: int,
    interval: float,
    stuck: float | None,
    max_age: float | None,
    max_units: int | None,
    filters_: tuple[str, ...],
    junit: bool,
    github: bool,
    prometheus: bool,
    **levels: tuple[str, ...],
) -> int:
    """Look at the process PID a few times and report what is wrong with it.

    Deadlocks across tasks and green threads, loops and hubs that do not turn, leaves that do
    not move, what grows: each with the evidence and a hint. Nothing runs in the process and
    it is not paused.
    """
    if sum((as_json, junit, github, prometheus)) > 1:
        raise UsageError("give one of --json, --junit, --github and --prometheus")
    if stuck is not None:
        samples = max(samples, math.ceil(stuck / interval) + 1)
    limits = checks.Limits(_STUCK if stuck is None else stuck, max_age, max_units)
    chosen = _levels(levels)
    matches = filters.parse(filters_)
    look = _live.Look(_live.Targets(pids, children, name, freeze, args=False))
    named = look.pids()
    examinations = {pid: health.Examination(limits, chosen, matches) for pid in named}
    gone: dict[int, MigrateError] = {}
    _examine(look, examinations, gone, samples, interval)
    if len(gone) == len(examinations):
        raise next(iter(gone.values()))
    all_read = True
    for pid, error in gone.items():
        # What a search found may well have ended, or be no Python: not of interest.
        if named[pid] or not isinstance(error, NoSuchProcess | NotPython):
            _live.note(error.message)
            all_read = False
    reports = []
    for pid, examination in examinations.items():
        if pid in gone:
            continue
        reports.append(examination.report())
        if named[pid]:
            _live.note_if_empty(reports[-1].graph.snapshot)
        if not examination.all_read:
            all_read = False
            _live.note(
                f"process {pid}: {words.completeness(reports[-1].graph.snapshot.completeness)}"
            )
    for piece in _format(reports, as_json, junit, github, prometheus):
        _live.write([piece])
    if not all(report.healthy for report in reports):
        return _FINDINGS
    return 0 if all_read else _NOT_ALL_READ


def _levels(options: Mapping[str, tuple[str, ...]]) -> Mapping[str, Level]:
    """Each rule's level as asked for. Raises UsageError for a rule with two."""
    levels: dict[str, Level] = {}
    given: dict[str, tuple[str, ...]] = dict(options)
    for level in ("deny", "warn", "allow"):
        for code in given.get(level, ()):
            if levels.setdefault(code, level) != level:
                raise UsageError(f"--{level} {code} contradicts --{levels[code]} {code}")
    return levels


def _examine(
    look: _live.Look,
    examinations: dict[int, health.Examination],
    gone: dict[int, MigrateError],
    samples: int,
    interval: float,
) -> None:
    """Take the looks.

    Puts those of several processes that could not be looked at into ``gone``; raises
    MigrateError where there is only one.
    """
    known: dict[int, process.Process] = {}
    start = 0.0
    for number in range(samples):
        # One after a look that took long is late: not at once, nothing would have happened.
        least = interval / 2 if number else 0.0
        time.sleep(max(least, start + number * interval - time.time()))
        for pid, examination in examinations.items():
            if pid in gone:
                continue
            try:
                if pid not in known:
                    known[pid] = process.look_up(pid)
                elif not process.is_same(known[pid]):
                    raise NoSuchProcess(f"process {pid} has ended")
                # The search takes longer than all else: once, and again when time has passed.
                ended = number in (0, samples - 1) and examination.wants_ended()
                last = number == samples - 1
                snapshot = look.take(pid, orphans=last, ended=ended, marks=samples > 1)
            except MigrateError as error:
                if not look.several:
                    raise
                gone[pid] = error
                continue
            start = start or snapshot.taken_at  # the times that the findings go by
            examination.add(snapshot, _facts(pid))


def _facts(pid: int) -> checks.Facts:
    threads = process.threads(pid)
    return checks.Facts(
        frozenset(thread.tid for thread in threads if thread.state in "SD"),
        process.count_sockets(pid) > _SOCKETS_OF_A_LOOP,
        descriptors.clients(pid),
        stopped=bool(threads) and all(thread.state in "Tt" for thread in threads),
    )


def _format(
    reports: list[Report], as_json: bool, junit: bool, github: bool, prometheus: bool
) -> Any:
    if as_json:
        found = health_report.document(reports, __version__, platform.python_version())
        return [json.dumps(found, indent=2, ensure_ascii=False)]
    if junit:
        return [health_report.junit(reports)]
    if github:
        return health_report.github(reports)
    if prometheus:
        return health_report.prometheus(reports)
    return health_report.text(reports, _live.output_style(wide=True))
