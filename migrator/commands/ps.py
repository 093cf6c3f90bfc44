"""``migrate ps``: the tasks, green threads and threads of a process, one a line."""

from __future__ import annotations

import click

from bridge import table
from migrator import live, views
from migrator.commands import _live


@click.command(
    epilog="KEY is name, kind, waits, file, function, state, type or tid; a GLOB matches the "
    "whole text. Exit status: 1 when units wait for each other in a cycle (said on stderr)."
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
    read_args = stacks or as_json or record is not None
    targets = live.Targets(pids, children, name, freeze, sample, record, replay, read_args)
    listing = views.Listing(columns, sort, filters_, limit, stacks, show_secrets, wide)
    return (views.write_listing if as_json else views.show_table)(targets, listing)
