"""One JSON object a line: findings, then unread files, each with its ``type``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from migrator.reporters.json import document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.findings import Report, Stage


def render(report: Report, stage: Stage) -> Iterator[str]:
    """The lines of the report."""
    whole = document(report, stage)
    for name, key in (("finding", "findings"), ("unread", "unread")):
        for record in whole[key]:
            yield json.dumps({"type": name, **record})
    yield json.dumps({"type": "summary", **whole["summary"]})
