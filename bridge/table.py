"""``ps``: one line a unit, in columns. Full when piped, sized to a terminal."""

from __future__ import annotations

from bridge import words
from bridge.escape import cut, pad, width
from bridge.style import Style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bridge.graph import Graph
    from inspector.snapshot import Unit

    Column = Callable[[Graph, Sequence[Unit]], list[str]]

# Those of the guide, in its order, then what it cannot show.
DEFAULT = (
    "tid",
    "task_id",
    "task_name",
    "coroutine_chain",
    "awaiter_name",
    "runtime",
    "kind",
    "waits_on",
)
_ELASTIC = (
    "coroutine_chain",
    "awaiter_chain",
    "waits_on",
    "task_name",
    "awaiter_name",
    "file",
    "spawned_at",
)
_NARROWEST = 6  # cells an elastic column keeps, whatever the terminal
_WIDEST = 60  # cells that every row of a pipe is padded to; a longer one is longer by itself
_GAP = "  "


def _chains(_: Graph, units: Sequence[Unit]) -> list[str]:
    # Units at the same place share one stack: thousands of workers have a handful.
    known: dict[int, str] = {}
    found = []
    for unit in units:
        chain = known.get(id(unit.stack))
        if chain is None:
            chain = known[id(unit.stack)] = " -> ".join([one.function for one in unit.stack])
        found.append(chain)
    return found


def _awaiters(name: str) -> Column:
    """What a column says of those who wait for a unit."""

    def awaiters(graph: Graph, units: Sequence[Unit]) -> list[str]:
        known: dict[str, str] = {}
        found = []
        for unit in units:
            if unit.id not in graph.awaited_by:
                found.append("")
                continue
            waiters = graph.awaiters(unit.id)
            for waiter in waiters:
                if waiter.id not in known:
                    (known[waiter.id],) = COLUMNS[name](graph, [waiter])
            cells = [known[waiter.id] for waiter in waiters]
            found.append(cells[0] if len(cells) == 1 else ", ".join(cells))
        return found

    return awaiters


COLUMNS: dict[str, Column] = {
    "tid": lambda _, units: ["" if unit.tid is None else str(unit.tid) for unit in units],
    "task_id": lambda _, units: [words.address(unit) for unit in units],
    "task_name": lambda _, units: [unit.name for unit in units],
    "coroutine_chain": _chains,
    "awaiter_name": _awaiters("task_name"),
    "runtime": lambda _, units: [words.runtime(unit) for unit in units],
    "kind": lambda _, units: [words.KINDS[unit.kind] for unit in units],
    "waits_on": lambda graph, units: [words.waits_on(graph, unit) for unit in units],
    "awaiter_id": _awaiters("task_id"),
    "awaiter_chain": _awaiters("coroutine_chain"),
    "type": lambda _, units: [unit.type for unit in units],
    "state": lambda _, units: [unit.state for unit in units],
    "file": lambda _, units: [
        words.location(unit.stack[0]) if unit.stack else "" for unit in units
    ],
    "spawned_at": lambda graph, units: [words.spawned(graph, unit) for unit in units],
}


def order(graph: Graph) -> list[Unit]:
    """All units as ``ps`` lists them: tasks and green threads first, then the threads."""
    units = graph.units.values()
    last = [unit for unit in units if unit.kind == "main"]
    return [unit for unit in units if unit.kind != "main"] + last


def sort(graph: Graph, units: Iterable[Unit], column: str) -> list[Unit]:
    """``units`` by a column's value; ``-column`` for descending, empty values last.

    Raises KeyError for a column that there is not.
    """
    units = list(units)
    cells = COLUMNS[column.removeprefix("-")](graph, units)
    full: list[tuple[tuple[float, str], Unit]] = []
    empty: list[tuple[tuple[float, str], Unit]] = []
    for unit, text in zip(units, cells, strict=True):
        key = unit.runtime.seconds if column.endswith("runtime") and unit.runtime else 0.0
        number = int(text) if text.isdecimal() else key
        (full if text not in ("", "-") else empty).append(((number, text), unit))
    full.sort(key=lambda pair: pair[0], reverse=column.startswith("-"))
    return [unit for _, unit in full + empty]


def lines(
    graph: Graph,
    units: Sequence[Unit],
    columns: Sequence[str] = DEFAULT,
    style: Style = Style(),  # noqa: B008 - frozen
    *,
    stacks: bool = False,
    show_secrets: bool = False,
) -> Iterator[str]:
    """The header, a rule and a line for each unit, without line ends.

    Cells are never empty ("-") and hold no two spaces in a row, which only part columns,
    so that awk can split on them.
    """
    cells = [_column(COLUMNS[name](graph, units), style) for name in columns]
    widths = [
        max(width(name), _widest(*column)) for name, column in zip(columns, cells, strict=True)
    ]
    if style.width is not None:
        widths = _fit(columns, widths, style.width)
        cells = [
            ([cut(value, wide, style.ellipsis) for value in column], False)
            for (column, _), wide in zip(cells, widths, strict=True)
        ]
    else:
        widths = [min(wide, _WIDEST) for wide in widths]
    names = [
        cut(name, wide, style.ellipsis).ljust(wide)
        for name, wide in zip(columns, widths, strict=True)
    ]
    yield style.paint(_GAP.join(names).rstrip(" "), "head")
    yield " ".join("-" * (wide + 1) for wide in widths)[:-1]
    template, filled = _filled(cells, widths)
    for unit, row in zip(units, filled, strict=True):
        yield (template % row).rstrip(" ")
        if stacks:
            yield from _stack(unit, style, show_secrets)


def _column(values: list[str], style: Style) -> tuple[list[str], bool]:
    """The cells of a column, safe to show, and whether each character of them fills one.

    Most columns have nothing to escape in them.
    """
    values = [value or "-" for value in values]
    text = " ".join(values)
    if text.isascii() and "  " not in text and text.isprintable() and text == text.strip(" "):
        return values, True
    return [_cell(value, style) for value in values], False


def _cell(text: str, style: Style) -> str:
    text = style.text(text).strip(" ")
    while "  " in text:
        text = text.replace("  ", " \\x20")
    return text or "-"


def _widest(column: list[str], plain: bool) -> int:
    """Cells of the widest value."""
    return max(map(len if plain else width, column), default=0)


def _filled(
    cells: list[tuple[list[str], bool]], widths: Sequence[int]
) -> tuple[str, Iterator[tuple[str, ...]]]:
    """What makes a line of a row, and the rows. One step fills all cells that are plain."""
    template = _GAP.join(
        f"%-{wide}s" if plain else "%s" for (_, plain), wide in zip(cells, widths, strict=True)
    )
    columns = [
        column if plain else [pad(value, wide) for value in column]
        for (column, plain), wide in zip(cells, widths, strict=True)
    ]
    return template, zip(*columns, strict=True)


def _fit(columns: Sequence[str], widths: list[int], terminal: int) -> list[int]:
    """Take cells from the widest elastic columns until the line fits, or none can give."""
    widths = list(widths)
    elastic = [place for place, name in enumerate(columns) if name in _ELASTIC]
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - terminal
    while excess > 0 and elastic:
        widest = max(elastic, key=lambda place: widths[place])
        if widths[widest] <= _NARROWEST:
            break
        next_widest = max((widths[place] for place in elastic if place != widest), default=0)
        give = min(excess, max(1, widths[widest] - max(next_widest, _NARROWEST)))
        widths[widest] -= give
        excess -= give
    return widths


def _stack(unit: Unit, style: Style, show_secrets: bool) -> Iterator[str]:
    for frame, call in zip(unit.stack, words.calls(unit.stack, show_secrets), strict=True):
        where = style.paint(style.text(words.location(frame)), "faint")
        yield f"    {style.text(call)}  {where}"
