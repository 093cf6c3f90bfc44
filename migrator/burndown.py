"""The curve of `migrate status --history` as text and as SVG."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from migrator import rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from migrator.history import Point

_BAR = 40  # characters
_WIDTH, _HEIGHT, _LEFT, _TOP = 900, 360, 60, 40
# Told apart without colour vision: Okabe and Ito's set, then greys.
_COLOURS = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#d55e00",
    "#f0e442",
    "#666666",
    "#999999",
    "#333333",
)


def bar(count: int, most: int, width: int = _BAR) -> str:
    """A bar as long as ``count`` is of ``most``; one block at least, when there is anything."""
    if not count:
        return ""
    return "█" * max(1, round(width * count / most))


def text(points: Sequence[Point]) -> Iterator[str]:
    """One line a commit."""
    most = max(point.total for point in points) or 1
    digits = len(str(most))
    for point in points:
        line = f"{point.date}  {point.commit}  {point.total:>{digits}}  {bar(point.total, most)}"
        yield line.rstrip()


def svg(points: Sequence[Point]) -> str:
    """Stacked areas by class over the commits' order, oldest left."""
    names = [
        family.name for family in rules.families() if any(p.counts[family.name] for p in points)
    ]
    most = max(point.total for point in points) or 1
    step = _WIDTH / max(1, len(points) - 1)

    def at(place: int, value: float) -> str:
        return f"{_LEFT + place * step:.1f},{_TOP + _HEIGHT * (1 - value / most):.1f}"

    below = [0] * len(points)
    shapes = []
    for number, name in enumerate(names):
        above = [low + point.counts[name] for low, point in zip(below, points, strict=True)]
        edge = [at(place, value) for place, value in enumerate(above)]
        edge += [at(place, below[place]) for place in reversed(range(len(points)))]
        colour = _COLOURS[number % len(_COLOURS)]
        shapes.append(
            f'<polygon fill="{colour}" points="{" ".join(edge)}"><title>{name}</title></polygon>'
        )
        y = _TOP + 16 * number
        x = _LEFT + _WIDTH + 16
        shapes.append(f'<rect x="{x}" y="{y}" width="10" height="10" fill="{colour}"/>')
        count = points[-1].counts[name]
        shapes.append(f'<text x="{x + 16}" y="{y + 9}">{escape(name)} {count}</text>')
        below = above
    bottom = _TOP + _HEIGHT
    first, last = escape(points[0].date), escape(points[-1].date)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 160} '
            f'{bottom + 40}" font-family="sans-serif" font-size="12">',
            f'<text x="{_LEFT}" y="20" font-size="15">Eventlet left: {points[-1].total}</text>',
            f'<path fill="none" stroke="#888" d="M{_LEFT},{_TOP}V{bottom}H{_LEFT + _WIDTH}"/>',
            f'<text x="{_LEFT - 8}" y="{_TOP + 5}" text-anchor="end">{most}</text>',
            f'<text x="{_LEFT - 8}" y="{bottom}" text-anchor="end">0</text>',
            f'<text x="{_LEFT}" y="{bottom + 20}">{first}</text>',
            f'<text x="{_LEFT + _WIDTH}" y="{bottom + 20}" text-anchor="end">{last}</text>',
            *shapes,
            "</svg>",
            "",
        ]
    )
