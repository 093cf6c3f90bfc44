"""JUnit XML: a suite a file, a failed case a finding, an error an unread file."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from migrator.reporters import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.findings import Report, Stage


def render(report: Report, _stage: Stage) -> Iterator[str]:
    """The lines of the report."""
    failures, errors = len(report.findings), len(report.unread)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<testsuites name="migrate scan" {_counts(failures, errors)}>'
    for path, group in groupby(report.findings, key=lambda finding: finding.path):
        findings = list(group)
        name = quoteattr(printable(path))
        yield f"  <testsuite name={name} {_counts(len(findings), 0)}>"
        for finding in findings:
            span = finding.span
            case = quoteattr(f"{finding.code} {finding.api} line {span.line} column {span.column}")
            message = quoteattr(printable(finding.message))
            yield f'    <testcase classname={name} name={case} line="{span.line}">'
            yield f"      <failure message={message} type={quoteattr(finding.code)}/>"
            yield "    </testcase>"
        yield "  </testsuite>"
    if report.unread:
        yield f'  <testsuite name="unread" {_counts(0, errors)}>'
        for one in report.unread:
            name, reason = quoteattr(printable(one.path)), quoteattr(printable(one.reason))
            yield f'    <testcase classname={name} name="unread">'
            yield f"      <error message={reason}/>"
            yield "    </testcase>"
        yield "  </testsuite>"
    if not report.findings and not report.unread:
        yield '  <testsuite name="migrate" tests="1" failures="0" errors="0">'
        yield '    <testcase classname="migrate" name="no Eventlet found"/>'
        yield "  </testsuite>"
    yield "</testsuites>"


def _counts(failures: int, errors: int) -> str:
    tests = failures + errors
    return f'tests="{tests}" failures="{failures}" errors="{errors}"'
