"""GitLab's code quality report: https://docs.gitlab.com/ci/testing/code_quality/."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING

from migrator.reporters import placed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.findings import Report, Stage

_SEVERITY = {"safe": "minor", "unsafe": "minor", "manual": "major"}


def render(report: Report, stage: Stage) -> Iterator[str]:
    """The lines of the report."""
    seen: Counter[str] = Counter()
    issues = []
    for finding in report.findings:
        # Lines move with every edit; the place among its like does not.
        what = f"{placed(finding.path)}\0{finding.code}\0{finding.api}\0{finding.kind}"
        seen[what] += 1
        mark = hashlib.sha256(f"{what}\0{seen[what]}".encode("utf-8", "replace")).hexdigest()
        issues.append(
            {
                "description": finding.message,
                "check_name": finding.code,
                "fingerprint": mark,
                "severity": _SEVERITY[finding.advice(stage).applicability],
                "location": {
                    "path": placed(finding.path),
                    "lines": {"begin": finding.span.line, "end": finding.span.end_line},
                },
            }
        )
    yield json.dumps(issues, indent=2)
