"""What ``top`` shows: pure, from a `Watch` and a `View` to lines of exactly the size asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from bridge import graph, redact, tree, watch, words
from bridge.escape import cut, pad, width
from bridge.style import Style
from bridge.view import HELP, KEYS, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bridge.watch import Track, Watch
    from inspector.snapshot import Unit

_NARROW = 100  # cells; below there is no room for the column of ages
_CRAMPED = 30  # cells that are left; in fewer there is the name only
_MOST_STACK = 40  # frames of an unfolded unit


class Line(NamedTuple):
    """One line of the picture, safe and of the full width; ``color`` is one of `Style`'s."""

    text: str
    color: str = ""
    selected: bool = False


class Row(NamedTuple):
    """A selectable row, or a line of what an opened one holds (``key`` is empty).

    Most of them are never on the screen: ``text`` makes what is shown when it is.
    """

    key: str
    text: Callable[[], str]
    color: Callable[[], str] = str


@dataclass(frozen=True, slots=True)
class Picture:
    """Lines for the screen, the view with its selection made to fit, and the rows' keys."""

    lines: tuple[Line, ...]
    view: View
    keys: tuple[str, ...]
    page: int  # rows on the screen


class Board:
    """What all pictures of the same looks have in common; made once for many of them."""

    def __init__(self, looks: Watch) -> None:
        self.looks = looks
        self.graph = graph.build(watch.observed(looks))
        self.growing = looks.growing()
        self.branches = {
            identity: watch.branch_of(track.unit) for identity, track in looks.tracks.items()
        }


def draw(
    board: Board,
    view: View,
    columns: int,
    lines: int,
    style: Style = Style(),  # noqa: B008 - frozen
    message: str = "",
) -> Picture:
    """The picture in ``columns`` by ``lines`` cells. ``message`` takes the place of the keys."""
    style = style._replace(width=columns, color=False)
    drawing = _Drawing(board, view, style)
    head = drawing.head()[: max(lines - 2, 0)]
    body_lines = max(lines - len(head) - 1, 0)
    if view.help:
        rows = [Row("", partial(style.text, text)) for text in HELP]
    else:
        rows = drawing.tree() if view.tree else drawing.table()
    places = [place for place, row in enumerate(rows) if row.key]
    selected = max(0, min(view.selected, len(places) - 1))
    at = places[selected] if places else 0
    top = max(0, min(view.top, len(rows) - body_lines, at), at - body_lines + 1)
    body = [
        Line(_fill(row.text(), columns, style), row.color(), bool(row.key) and place == at)
        for place, row in enumerate(rows[top : top + body_lines], top)
    ]
    body += [Line(" " * columns)] * (body_lines - len(body))
    foot = Line(_fill(drawing.foot(message), columns, style), "head" if view.typing else "faint")
    whole = [*(Line(_fill(text, columns, style), color) for text, color in head), *body, foot]
    keys = tuple(row.key for row in rows if row.key)
    return Picture(tuple(whole), replace(view, selected=selected, top=top), keys, body_lines)


def _fill(text: str, columns: int, style: Style) -> str:
    return pad(cut(text, columns, style.ellipsis), columns)


class _Drawing:
    """The rows of one picture."""

    def __init__(self, board: Board, view: View, style: Style) -> None:
        self._looks = board.looks
        self._graph = board.graph
        self._growing = board.growing
        self._branches = board.branches
        self._view = view
        self._style = style

    # -- around the rows

    def head(self) -> list[tuple[str, str]]:
        """Lines above the rows with their colours: what is watched, what stands out."""
        looks, view, style = self._looks, self._view, self._style
        snapshot = looks.snapshot
        program, _, arguments = redact.text(snapshot.command).partition(" ")
        title = f"{snapshot.pid} {program.rpartition('/')[2]} {arguments}  {snapshot.python}"
        title += f", eventlet {snapshot.eventlet}" if snapshot.eventlet else ""
        units = self._graph.units.values()
        counts = [
            f"{sum(words.KINDS[unit.kind] == kind for unit in units):,} {name}"
            for kind, name in (("task", "tasks"), ("green", "green threads"), ("thread", "threads"))
        ]
        new = sum(looks.is_new(track) for track in looks.tracks.values())
        moved = sum(looks.has_moved(track) for track in looks.tracks.values())
        counts.append(f"+{new:,} -{len(looks.ended):,} *{moved:,}")
        if self._graph.cycles:
            counts.append(f"! {len(self._graph.cycles):,} in a circle")
        if view.paused:
            counts.append("PAUSED")
        found = [(style.text(title), "head"), (style.text("  ".join(counts)), "")]
        facts = snapshot.completeness
        if not facts.complete:
            found.append((style.text(words.completeness(facts)), "state"))
        if self._growing:
            found.append((style.text(self._growth()), "alarm"))
        if not (view.tree or view.help):
            found.append((self._columns("", "", "TIME", "AGE", "NAME", "WAITS ON", "AT"), "head"))
        return found

    def foot(self, message: str) -> str:
        """The last line: the filter while it is typed, what has just happened, or the keys."""
        view = self._view
        if view.typing:
            return self._style.text(f"filter: {view.filter}_")
        if message:
            return self._style.text(message)
        shown = f"filter: {view.filter}  " if view.filter else ""
        order = "" if view.tree else f"by {view.sort}{' reversed' if view.reverse else ''}  "
        return self._style.text(f"{shown}{order}{KEYS}")

    def _growth(self) -> str:
        worst = sorted(self._growing.items(), key=lambda pair: pair[1][0] - pair[1][-1])
        return "grows: " + ", ".join(
            f"{branch.function} {counts[0]:,} to {counts[-1]:,}" for branch, counts in worst[:3]
        )

    # -- the rows

    def tree(self) -> list[Row]:
        """The lines of ``pstree``, with marks in words."""
        units = self._kept()
        if self._view.filter:
            units = self._with_awaiters(units)
        marked = tuple(
            unit._replace(name=f"{unit.name}{self._mark_in_words(unit)}")
            for unit in units
            if not unit.id.startswith("thread:")
        )
        kept = {unit.id for unit in units}
        snapshot = self._graph.snapshot
        threads = tuple(each for each in snapshot.threads if f"thread:{each.tid}" in kept)
        shown = graph.build(snapshot._replace(units=marked, threads=threads))
        group = True if self._view.folded else None
        options = tree.Options(depth=self._view.depth, args=False, group=group)
        lines = tree.lines(shown, options, self._style)
        return [Row(f"line:{place}", partial(str, line)) for place, line in enumerate(lines)]

    def table(self) -> list[Row]:
        """One row a unit, or one for those that were started alike."""
        units = self._kept()
        if not self._view.folded:
            return [row for unit in self._sorted(units) for row in self._rows(unit)]
        bundles: dict[object, list[Unit]] = {}
        for unit in self._sorted(units):
            bundles.setdefault(self._branches.get(unit.id, unit.id), []).append(unit)
        return [row for bundle in bundles.values() for row in self._bundle(bundle)]

    def _bundle(self, units: Sequence[Unit]) -> Iterator[Row]:
        if len(units) == 1:
            yield from self._rows(units[0])
            return
        first = units[0]
        key = f"branch:{self._branches[first.id]}"
        name = f"{self._branches[first.id].function} {self._style.times}{len(units):,}"
        yield Row(key, partial(self._row, first, name), partial(self._color, first))
        if key in self._view.opened:
            for unit in units:
                yield from self._rows(unit)

    def _rows(self, unit: Unit) -> Iterator[Row]:
        yield Row(unit.id, partial(self._row, unit, unit.name), partial(self._color, unit))
        if unit.id in self._view.opened:
            for frame, call in zip(unit.stack[:_MOST_STACK], words.calls(unit.stack), strict=False):
                text = f"        {call}  {words.location(frame)}"
                yield Row("", partial(self._style.text, text), partial(str, "faint"))

    def _row(self, unit: Unit, name: str) -> str:
        track = self._looks.tracks.get(unit.id)
        frame = next((frame for frame in unit.stack if not words.is_library(frame)), None)
        frame = frame or next(iter(unit.stack), None)
        at = f"{words.location(frame, short=True)} {frame.function}" if frame else ""
        return self._columns(
            self._marks(unit),
            words.GLYPHS[unit.kind],
            self._time(unit),
            _duration(self._looks.age(track)) if track else "",
            name.strip() or "-",
            words.waits_on(self._graph, unit),
            at,
        )

    def _columns(self, *cells: str) -> str:
        """Cells side by side; the last three share what is left of the line."""
        marks, glyph, time, age, name, waits, at = map(self._style.text, cells)
        columns = self._style.width or 80
        left = f"{pad(marks, 2)}{pad(glyph, 3)} {time.rjust(8)} "
        if columns >= _NARROW:
            left += f"{age.rjust(8)} "
        rest = columns - width(left)
        if rest < _CRAMPED:
            return left + name
        sizes = (rest * 28 // 100, rest * 38 // 100)
        parts = [
            pad(cut(text, size, self._style.ellipsis), size) + " "
            for text, size in zip((name, waits), sizes, strict=True)
        ]
        return left + "".join(parts) + at

    # -- which units, in which order

    def _kept(self) -> list[Unit]:
        """The units that hold every word of the filter, the running machinery last."""
        wanted = self._view.filter.casefold().split()
        units = sorted(self._graph.units.values(), key=lambda unit: unit.kind in ("main", "hub"))
        return [unit for unit in units if all(word in _haystack(unit) for word in wanted)]

    def _with_awaiters(self, units: Sequence[Unit]) -> list[Unit]:
        """``units`` and all who wait for them: the branches of the tree that lead there."""
        found = {unit.id: unit for unit in units}
        pending = list(units)
        while pending:
            for waiter in self._graph.awaiters(pending.pop().id):
                if waiter.id not in found:
                    found[waiter.id] = waiter
                    pending.append(waiter)
        return [unit for identity, unit in self._graph.units.items() if identity in found]

    def _sorted(self, units: list[Unit]) -> list[Unit]:
        sort = self._view.sort
        if sort in ("name", "kind", "waits"):
            texts: dict[str, Callable[[Unit], str]] = {
                "name": lambda unit: unit.name.casefold(),
                "kind": lambda unit: words.KINDS[unit.kind],
                "waits": words.state,
            }
            return sorted(units, key=texts[sort], reverse=self._view.reverse)
        numbers: dict[str, Callable[[Track], float]] = {
            "time": self._looks.in_place,
            "age": self._looks.age,
            "moves": lambda track: track.moves,
        }
        tracks = self._looks.tracks

        def number(unit: Unit) -> float:
            return numbers[sort](tracks[unit.id]) if unit.id in tracks else -1.0

        return sorted(units, key=number, reverse=not self._view.reverse)

    # -- what is said of a unit

    def _time(self, unit: Unit) -> str:
        track = self._looks.tracks.get(unit.id)
        seconds = self._looks.in_place(track) if track else 0.0
        known = unit.runtime is not None and unit.runtime.how == "exact"
        return f"{'' if known else '>='}{_duration(seconds)}" if seconds else "-"

    def _marks(self, unit: Unit) -> str:
        return "".join(mark for mark, _ in self._found(unit))[:2]

    def _mark_in_words(self, unit: Unit) -> str:
        found = ", ".join(text for _, text in self._found(unit))
        return f" ({found})" if found else ""

    def _found(self, unit: Unit) -> Iterator[tuple[str, str]]:
        track = self._looks.tracks.get(unit.id)
        if unit.id in self._graph.knots:
            yield "!", "in a circle"
        if track and self._looks.is_new(track):
            yield "+", "new"
        elif track and self._looks.has_moved(track):
            yield "*", "moved"
        if self._branches.get(unit.id) in self._growing:
            yield "^", "grows"
        if unit.moving:
            yield "~", "moving"

    def _color(self, unit: Unit) -> str:
        marks = self._marks(unit)
        if "!" in marks:
            return "alarm"
        if "+" in marks or "*" in marks:
            return "state"
        return "faint" if unit.kind in ("main", "hub") else unit.kind


def _haystack(unit: Unit) -> str:
    frames = (f"{frame.function} {frame.file}" for frame in unit.stack)
    texts = (unit.name, words.KINDS[unit.kind], words.state(unit), *frames)
    return "\n".join(texts).casefold()


def _duration(seconds: float) -> str:
    """At most seven characters: 0.2s, 59.9s, 12m04s, 3h07m, 12d03h."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    if seconds < 3600:
        return f"{seconds // 60:.0f}m{seconds % 60:02.0f}s"
    if seconds < 86400:
        return f"{seconds // 3600:.0f}h{seconds % 3600 // 60:02.0f}m"
    return f"{seconds // 86400:.0f}d{seconds % 86400 // 3600:02.0f}h"
