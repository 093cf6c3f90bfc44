"""SARIF 2.1.0, as code scanning services read it.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; columns count
UTF-16 units unless ``columnKind`` says otherwise, as it does here.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from migrator import __version__, rules
from migrator.reporters import placed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.findings import Finding, Report, Stage

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(report: Report, stage: Stage) -> Iterator[str]:
    """The lines of the report."""
    codes = sorted({finding.code for finding in report.findings})
    run = {
        "tool": {
            "driver": {
                "name": "eventlet-migrate",
                "version": __version__,
                "informationUri": rules.HOME,
                "rules": [_rule(code) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not report.unread,
                "toolExecutionNotifications": [
                    {
                        "level": "error",
                        "message": {"text": one.reason},
                        "locations": [{"physicalLocation": _artifact(one.path)}],
                    }
                    for one in report.unread
                ],
            }
        ],
        "results": [_result(finding, codes, stage) for finding in report.findings],
    }
    yield json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(code: str) -> dict[str, Any]:
    _, rule = rules.by_code()[code]
    return {
        "id": code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"Instead: {rule.instead}"},
        "helpUri": rules.url(code),
        "defaultConfiguration": {"level": "warning"},
    }


def _result(finding: Finding, codes: list[str], stage: Stage) -> dict[str, Any]:
    span = finding.span
    advice = finding.advice(stage)
    return {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": "warning",
        "message": {"text": finding.message},
        "locations": [
            {
                "physicalLocation": {
                    **_artifact(finding.path),
                    "region": {
                        "startLine": span.line,
                        "startColumn": span.column,
                        "endLine": span.end_line,
                        "endColumn": span.end_column,
                    },
                }
            }
        ],
        "properties": {
            "api": finding.api,
            "kind": finding.kind,
            "applicability": advice.applicability,
            "reason": advice.reason,
        },
    }


def _artifact(path: str) -> dict[str, Any]:
    # As bytes, so that names which are no text still make a URI.
    path = placed(path)
    uri = quote(os.fsencode(path).replace(os.sep.encode(), b"/"))
    uri = f"file://{uri}" if path.startswith(os.sep) else uri
    return {"artifactLocation": {"uri": uri}}
