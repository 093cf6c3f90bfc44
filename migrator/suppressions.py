"""``# migrate: ignore[EVT102] reason`` on a finding's line, and which of them hide nothing.

``ignore-file`` instead of ``ignore`` speaks for the whole file. Without codes, all are
meant. Families may be named, too: ``ignore[debug]``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator import rules
from migrator.findings import Unused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from migrator.findings import Finding

MARK = b"migrate:"
_COMMENT = re.compile(
    r"#\s*migrate:\s*ignore(?P<file>-file)?\b(?:\[(?P<codes>[^\]]*)\])?[ \t]*(?P<reason>[^\r\n]*)"
)


@dataclass(frozen=True, slots=True)
class Suppression:
    """One comment. ``codes`` is as written, () for all; ``line`` is 0 for a whole file."""

    at: int
    line: int
    codes: tuple[str, ...]
    reason: str


def find(data: bytes) -> tuple[Suppression, ...]:
    """The suppression comments of a file."""
    if MARK not in data:
        return ()
    found = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        match = _COMMENT.search(line)
        if match:
            names = (match["codes"] or "").split(",")
            codes = tuple(name.strip() for name in names if name.strip())
            found.append(
                Suppression(number, 0 if match["file"] else number, codes, match["reason"])
            )
    return tuple(found)


def apply(
    path: str,
    findings: Iterable[Finding],
    suppressions: Sequence[Suppression],
    selected: frozenset[str],
) -> tuple[list[Finding], int, list[Unused]]:
    """Take out what is suppressed: what is left, how many went, which comments are idle.

    A comment for a rule that is not ``selected`` in this run is not called idle.
    """
    if not suppressions:
        return list(findings), 0, []
    idle: list[Unused] = []
    active: list[tuple[Suppression, frozenset[str]]] = []
    for one in suppressions:
        try:
            active.append((one, rules.select(one.codes or ("all",))))
        except LookupError as error:
            idle.append(Unused(path, one.at, f"suppression names no rule: {error.args[0]}"))
    used: set[Suppression] = set()
    kept = []
    hidden = 0
    for finding in findings:
        lines = range(finding.span.line, finding.span.end_line + 1)
        hits = [one for one, codes in active if finding.code in codes and one.line in (0, *lines)]
        used.update(hits)
        hidden += bool(hits)
        if not hits:
            kept.append(finding)
    for one, codes in active:
        if one not in used and codes <= selected:
            text = f"[{', '.join(one.codes)}]" if one.codes else ""
            idle.append(Unused(path, one.at, f"unused suppression{text}"))
    return kept, hidden, idle
