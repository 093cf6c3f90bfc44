"""``ps`` and ``pstree`` as functions: what the commands do once their options are read."""

from __future__ import annotations

from itertools import chain

from bridge import table, words
from inspector.errors import UsageError, meant
from inspector.record import Record
from migrator import live

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge import tree
    from bridge.graph import Graph
    from inspector.snapshot import Unit


class Listing(Record):
    """What ``ps`` shows of each unit, and of which."""

    columns: str | None = None
    sort: str | None = None
    filters: tuple[str, ...] = ()
    limit: int | None = None
    stacks: bool = False
    show_secrets: bool = False
    wide: bool = False


def show_table(targets: live.Targets, listing: Listing) -> int:
    """Print the table of each process; returns the exit status."""
    columns = _columns(listing.columns)
    choose = _chooser(listing)
    look = live.Look(targets)
    style = live.output_style(listing.wide)
    shown = False
    for one in look.graphs():
        units = choose(one)
        shown = shown or bool(units)
        lines = table.lines(
            one, units, columns, style, stacks=listing.stacks, show_secrets=listing.show_secrets
        )
        live.write(chain(look.heading(one, style), lines))
        place = f"process {one.snapshot.pid}: " if look.several else ""
        for path in one.cycles:
            live.note(f"{place}cycle: {words.cycle(one, path, style)}")
    if not shown:
        live.note(live.NO_MATCH)
    return look.status


def write_listing(targets: live.Targets, listing: Listing) -> int:
    """Write the JSON document, of the units that were asked for; returns the exit status."""
    _columns(listing.columns)  # a document has them all
    few = listing.filters or listing.sort or listing.limit
    return live.write_json(targets, listing.show_secrets, _chooser(listing) if few else None)


def show_tree(targets: live.Targets, options: tree.Options, wide: bool = False) -> int:
    """Print the tree of each process; returns the exit status."""
    from bridge import tree

    look = live.Look(targets._replace(late=options.group is not False))
    style = live.output_style(wide)
    for one in look.graphs():
        live.write(chain(look.heading(one, style), tree.lines(one, options, style)))
    return look.status


def _columns(wanted: str | None) -> Sequence[str]:
    if wanted is None:
        return table.DEFAULT
    names = [name.strip() for name in wanted.split(",")]
    for name in names:
        _known(name, "--columns")
    return names


def _chooser(listing: Listing) -> Callable[[Graph], list[Unit]]:
    sorting = _sorting(listing.sort)
    selecting = _selecting(listing.filters)
    return lambda one: selecting(sorting(one))[: listing.limit]


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
        raise UsageError(f"{option} knows no column {column!r}", meant(column, table.COLUMNS))
