"""``--format json``: the shape that docs/schema/findings.schema.json promises."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from migrator import rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.findings import Finding, Report, Stage


def finding_record(finding: Finding, stage: Stage) -> dict[str, Any]:
    """One finding in the shape of the contract, judged for ``stage``."""
    advice = finding.advice(stage)
    return {
        "path": finding.path,
        "line": finding.span.line,
        "column": finding.span.column,
        "end_line": finding.span.end_line,
        "end_column": finding.span.end_column,
        "code": finding.code,
        "api": finding.api,
        "kind": finding.kind,
        "message": finding.message,
        "applicability": advice.applicability,
        "reason": advice.reason,
        "replacement": {
            "bridge": finding.bridge.replacement,
            "asyncio": finding.asyncio.replacement,
        },
        "url": rules.url(finding.code),
    }


def document(report: Report, stage: Stage) -> dict[str, Any]:
    """The whole report as plain data."""
    return {
        "format": "eventlet-migrate/findings",
        "format_version": 1,
        "findings": [finding_record(finding, stage) for finding in report.findings],
        "unread": [{"path": one.path, "reason": one.reason} for one in report.unread],
        "summary": {
            "files": report.files,
            "files_with_findings": len({finding.path for finding in report.findings}),
            "by_code": dict(sorted(Counter(one.code for one in report.findings).items())),
            "suppressed": report.suppressed,
            "baseline": report.known,
            "baseline_gone": report.gone,
        },
        "unused_suppressions": [
            {"path": one.path, "line": one.line, "reason": one.message} for one in report.unused
        ],
    }


def render(report: Report, stage: Stage) -> Iterator[str]:
    """The lines of the report."""
    yield json.dumps(document(report, stage), indent=2)
