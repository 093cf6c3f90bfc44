"""One finding a line: ``path:line:col CODE message``, then a summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.findings import Report, Stage


def render(report: Report, stage: Stage) -> Iterator[str]:
    """The lines of the report."""
    for finding in report.findings:
        span = finding.span
        yield (
            f"{finding.path}:{span.line}:{span.column} {finding.code} {finding.message} "
            f"[{finding.advice(stage).applicability}]"
        )
    yield summary(report)


def summary(report: Report) -> str:
    """One line that says how much was found and how much was looked at."""
    found, files = len(report.findings), len({finding.path for finding in report.findings})
    text = f"{_count(found, 'finding')} in {_count(files, 'file')} of {report.files}"
    if report.unread:
        text += f"; {_count(len(report.unread), 'file')} could not be read"
    return f"{text}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
