"""Each finding with its source, what takes its place, and why that is not safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator import rules
from migrator.reporters import printable, source_lines, summary
from migrator.reporters.concise import headline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.findings import Finding, Report, Stage


def render(report: Report, stage: Stage) -> Iterator[str]:
    """The lines of the report."""
    path = ""
    lines: list[str] = []
    for finding in report.findings:
        if finding.path != path:
            path, lines = finding.path, source_lines(finding.path)
        yield headline(finding, stage)
        yield from _excerpt(finding, lines)
        advice = finding.advice(stage)
        if advice.replacement is not None:
            yield f"    = {stage}: {printable(advice.replacement) or '(deleted)'}"
        if advice.reason:
            yield f"    = {advice.applicability}: {printable(advice.reason)}"
        yield f"    = help: {rules.url(finding.code)}"
        yield ""
    yield summary(report)


def _excerpt(finding: Finding, lines: list[str]) -> Iterator[str]:
    span = finding.span
    if span.line > len(lines):
        return
    text = lines[span.line - 1]
    if len(text) > 400:  # minified or generated: an excerpt would hide the message
        return
    end = span.end_column if span.end_line == span.line else len(text) + 1
    gutter = " " * len(str(span.line))
    yield f"  {gutter} |"
    yield f"  {span.line} | {_plain(text)}"
    yield f"  {gutter} | {_plain(_blank(text[: span.column - 1]))}{'^' * max(1, end - span.column)}"


def _plain(text: str) -> str:
    return "\t".join(printable(part) for part in text.split("\t"))


def _blank(text: str) -> str:
    """As wide as ``text``, tabs kept."""
    return "".join("\t" if one == "\t" else " " for one in text)
