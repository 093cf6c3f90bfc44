"""One finding a line: ``path:line:col CODE message``, then a summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.reporters import printable, summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.findings import Finding, Report, Stage


def headline(finding: Finding, stage: Stage) -> str:
    """The line of one finding."""
    span = finding.span
    return (
        f"{printable(finding.path)}:{span.line}:{span.column} {finding.code} "
        f"{printable(finding.message)} [{finding.advice(stage).applicability}]"
    )


def render(report: Report, stage: Stage) -> Iterator[str]:
    """The lines of the report."""
    for finding in report.findings:
        yield headline(finding, stage)
    yield summary(report)
