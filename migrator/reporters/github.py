"""Workflow commands of GitHub Actions: each finding becomes an annotation.

Escapes: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.findings import Report, Stage


def render(report: Report, stage: Stage) -> Iterator[str]:
    """The lines of the report."""
    for finding in report.findings:
        span = finding.span
        place = f"file={_property(finding.path)},line={span.line},endLine={span.end_line}"
        if span.line == span.end_line:  # columns of several lines are refused
            place += f",col={span.column},endColumn={span.end_column}"
        title = _property(f"migrate {finding.code} ({finding.advice(stage).applicability})")
        yield f"::warning {place},title={title}::{_text(finding.message)}"
    for one in report.unread:
        place = f"file={_property(one.path)},title={_property('migrate: unread')}"
        yield f"::error {place}::{_text(one.reason)}"


def _text(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _text(text).replace(":", "%3A").replace(",", "%2C")
