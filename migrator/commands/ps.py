"""``migrate ps``: the tasks, green threads and threads of a process, one a line."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import click

from bridge import table, words
from inspector.errors import UsageError
from migrator.commands import _live

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.graph import Graph
    from inspector.snapshot import Unit

_NOTHING_MATCHES = 1  # as grep says it


@click.command(
    epilog="KEY is name, kind, waits, file, function, state, type or tid; a GLOB matches the "
    "whole text. Exit status: 1 when units wait for each other in a cycle (said on stderr) or "
    "nothing matches the filter."
)
@_live.options
@click.option("--columns", metavar="LIST", help=f"Of {', '.join(table.COLUMNS)}.")
@click.option("--sort", metavar="COLUMN", help="Sort by a column; -COLUMN for descending.")
@click.option(
    "--filter",
    "filters_",
    metavar="KEY=GLOB,KEY~REGEX",
    multiple=True,
    help="Only the units that match all of them.",
)
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="At most N units.")
@click.option("--stacks", is_flag=True, help="Print each unit's whole stack below its line.")
def command(
    pids: tuple[int, ...],
    children: bool,
    name: str | None,
    freeze: bool,
    sample: float | None,
    record: str | None,
    replay: str | None,
    show_secrets: bool,
    as_json: bool,
    wide: bool,
    columns: str | None,
    sort: str | None,
    filters_: tuple[str, ...],
    limit: int | None,
    stacks: bool,
) -> int:
    """List the tasks, green threads and threads of the process PID.

    Nothing runs in the process and it is not paused. Columns are sized to the terminal;
    in a pipe they are whole.
    """
    chosen = _columns(columns)
    sorting = _sorting(sort)
    selecting = _selecting(filters_)
    read_args = stacks or as_json or record is not None
    look = _live.Look(
        _live.Targets(pids, children, name, freeze, sample, record, replay, read_args)
    )
    if as_json:
        _live.write_json(look, show_secrets)
        return look.status
    style = _live.output_style(wide)
    shown = False
    for one in look.graphs():
        units = selecting(sorting(one))[:limit]
        shown = shown or bool(units)
        lines = table.lines(one, units, chosen, style, stacks=stacks, show_secrets=show_secrets)
        _live.write(chain(look.heading(one, style), lines))
        for path in one.cycles:
            _live.note(f"cycle: {words.cycle(one, path, style)}")
    if not shown:
        _live.note("no unit matches the filter")
    return look.status if shown else _NOTHING_MATCHES


def _columns(wanted: str | None) -> Sequence[str]:
    if wanted is None:
        return table.DEFAULT
    names = [name.strip() for name in wanted.split(",")]
    for name in names:
        _known(name, "--columns")
    return names


def _sorting(column: str | None) -> Callable[[Graph], list[Unit]]:
    if column is None:
        return table.order
    _known(column.removeprefix("-"), "--sort")
    return lambda one: table.sort(one, table.order(one), column)


def _selecting(expressions: Sequence[str]) -> Callable[[list[Unit]], list[Unit]]:
    if not expressions:
        return lambda units: units
    from bridge import filters

    matches = filters.parse(expressions)
    return lambda units: [unit for unit in units if matches(unit)]


def _known(column: str, option: str) -> None:
    if column not in table.COLUMNS:
        raise UsageError(
            f"{option} knows no column {column!r}", f"columns: {', '.join(table.COLUMNS)}"
        )
