"""``--statistics``: how often each rule applies, most often first."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from migrator import rules
from migrator.reporters import summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.findings import Report, Stage


def render(report: Report, stage: Stage) -> Iterator[str]:
    """The lines of the report."""
    counts = Counter((one.code, one.advice(stage).applicability) for one in report.findings)
    for (code, applicability), count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        yield f"{count:>6}  {code}  {applicability:<6}  {rules.by_code()[code][1].summary}"
    yield summary(report)
