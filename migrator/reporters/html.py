"""One self-contained page: no script is needed to read it, nothing is fetched."""

from __future__ import annotations

from collections import Counter
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from migrator import rules
from migrator.reporters import printable, source_lines, summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.findings import Finding, Report, Stage

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --mark: #e8a33d55; --bar: #3b82c4; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font: 600 1rem ui-monospace, monospace; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left }
td.number { text-align: right; font-variant-numeric: tabular-nums }
.bar { background: var(--bar); height: .6rem; border-radius: .3rem; min-width: 2px }
article { border: 1px solid var(--line); border-radius: .5rem }
article { margin: .6rem 0; padding: .6rem .9rem }
article p { margin: .2rem 0 } pre { margin: .4rem 0; overflow-x: auto }
mark { background: var(--mark); color: inherit } .tag { font-size: .8rem; opacity: .8 }
"""


def render(report: Report, stage: Stage) -> Iterator[str]:
    """The lines of the report."""
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>Eventlet in this code</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>Eventlet in this code</h1><p>{_text(summary(report))}</p>"
    if report.findings:
        yield from _classes(report)
    for path, group in groupby(report.findings, key=lambda finding: finding.path):
        lines = source_lines(path)
        yield f"<section><h2>{_text(path)}</h2>"
        for finding in group:
            yield from _finding(finding, lines, stage)
        yield "</section>"
    if report.unread:
        yield "<section><h2>Not read</h2><ul>"
        for one in report.unread:
            yield f"<li><code>{_text(one.path)}</code>: {_text(one.reason)}</li>"
        yield "</ul></section>"
    yield "</body></html>"


def _classes(report: Report) -> Iterator[str]:
    counts = Counter(rules.by_code()[one.code][0].title for one in report.findings)
    most = max(counts.values())
    yield "<table><thead><tr><th>Class</th><th>Findings</th><th></th></tr></thead><tbody>"
    for title, count in counts.most_common():
        bar = f'<div class="bar" style="width:{100 * count / most:.1f}%"></div>'
        yield f'<tr><td>{_text(title)}</td><td class="number">{count}</td><td>{bar}</td></tr>'
    yield "</tbody></table>"


def _finding(finding: Finding, lines: list[str], stage: Stage) -> Iterator[str]:
    span = finding.span
    advice = finding.advice(stage)
    place = f"{span.line}:{span.column}"
    yield f'<article><p><a href="{escape(rules.url(finding.code))}">{finding.code}</a> '
    yield f'{_text(finding.message)} <span class="tag">{place}, {advice.applicability}</span></p>'
    if span.line <= len(lines) and len(lines[span.line - 1]) <= 400:
        line = lines[span.line - 1]
        end = span.end_column - 1 if span.end_line == span.line else len(line)
        start = span.column - 1
        yield (
            f"<pre>{_text(line[:start])}<mark>{_text(line[start:end])}</mark>"
            f"{_text(line[end:])}</pre>"
        )
    if advice.reason:
        yield f"<p>{_text(advice.reason)}</p>"
    yield "</article>"


def _text(text: str) -> str:
    return escape("\t".join(printable(part) for part in text.split("\t")))
