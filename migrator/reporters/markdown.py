"""Markdown for a pull request or a job's summary: counts by class, then the findings."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from migrator import rules
from migrator.reporters import printable, summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.findings import Report, Stage


def render(report: Report, stage: Stage) -> Iterator[str]:
    """The lines of the report."""
    yield "# Eventlet in this code"
    yield ""
    yield summary(report)
    if report.findings:
        yield ""
        yield from _by_rule(report)
    for path, group in groupby(report.findings, key=lambda finding: finding.path):
        yield ""
        yield f"## {_cell(path)}"
        yield ""
        yield "| Line | Code | What | Applicability |"
        yield "| ---: | --- | --- | --- |"
        for finding in group:
            yield (
                f"| {finding.span.line} | [{finding.code}]({rules.url(finding.code)}) "
                f"| {_cell(finding.message)} | {finding.advice(stage).applicability} |"
            )
    if report.unread:
        yield ""
        yield "## Not read"
        yield ""
        for one in report.unread:
            yield f"- {_cell(one.path)}: {_cell(one.reason)}"


def _by_rule(report: Report) -> Iterator[str]:
    yield "| Code | Rule | Findings |"
    yield "| --- | --- | ---: |"
    counts = Counter(finding.code for finding in report.findings)
    for code, count in sorted(counts.items()):
        yield f"| {code} | {rules.by_code()[code][1].summary} | {count} |"


def _cell(text: str) -> str:
    escaped = printable(text).replace("\\", "\\\\").replace("|", "\\|")
    for mark in "`*_[]<>":
        escaped = escaped.replace(mark, f"\\{mark}")
    return escaped
