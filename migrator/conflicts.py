"""Changes of one file that do not go together: some wait for the next pass, some stay."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from migrator.fixes import swap
from migrator.statements import runs_before

if TYPE_CHECKING:
    from migrator.edits import Source
    from migrator.fixes import Change, File
    from migrator.names import Use

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
WAITS = "another site inside it comes first"
_SWITCHES = (f"{swap.MODULE}.hub_", f"{swap.MODULE}.tpool_")
_SAME_SWITCH = {"eventlet.greenpool.DEBUG": (f"{swap.MODULE}.hub_exceptions",)}


def keep_units_together(changes: dict[Use, Change], reasons: dict[Use, str]) -> None:
    """Calls that switch one thing on and off again go or stay as one unit."""
    for use, reason in list(reasons.items()):
        if use.kind not in ("call", "reference") or reason == WAITS:
            continue
        unit = {use.api, *_SAME_SWITCH.get(use.api, ())}
        if not use.api.startswith(_SWITCHES) and len(unit) == 1:
            continue
        for other in [other for other in changes if other.api in unit]:
            del changes[other]
            line = getattr(use.node, "lineno", 0)
            reasons[other] = f"another reference cannot follow (line {line}: {reason})"


def let_the_inner_go_first(
    changes: dict[Use, Change], reasons: dict[Use, str], source: Source
) -> None:
    """Of two changes of which one's text holds the other's, put off the outer one."""
    spans: dict[Use, list[tuple[int, int]]] = {}
    rewritten: list[tuple[Use, tuple[int, int]]] = []
    for use, change in changes.items():
        nodes = [source.span(node) for node in change.nodes]
        spans[use] = [*nodes, *(source.span(statement) for statement in change.statements)]
        rewritten += [(use, span) for span in nodes]
        rewritten += [(use, source.span(s)) for s, lines in change.statements.items() if lines]
    for use, (first, last) in rewritten:
        if any(
            other is not use and first <= start and end <= last and (first, last) != (start, end)
            for other, inner in spans.items()
            if other in changes
            for start, end in inner
        ):
            changes.pop(use, None)
            reasons[use] = WAITS


def bind_nothing_too_late(changes: dict[Use, Change], reasons: dict[Use, str], file: File) -> None:
    """Leave a use whose import would take a name from what runs earlier in its function."""
    for use, statement in [(use, s) for use, c in changes.items() for _, s in c.added]:
        scope = file.scope(statement)
        if not isinstance(scope.node, _FUNCTIONS) or file.bridge in scope.binders:
            continue
        early = [
            node.lineno
            for change in changes.values()
            if not any(file.scope(one) is scope for _, one in change.added)
            for node in change.nodes
            if scope in file.scope(node).around()
            and not runs_before(statement, node, file.source.parents)
        ]
        if early:
            changes.pop(use, None)
            reasons[use] = (
                f"an import of {file.bridge} in line {statement.lineno} would bind that name for "
                f"the whole function, and line {min(early)} reads it before"
            )
