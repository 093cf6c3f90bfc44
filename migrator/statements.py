"""Take statements out of a file, or put others in their place, and leave valid blocks.

Comments above a statement stay where they are, one behind it gets a line of its own, a
block that becomes empty gets ``pass`` or goes with a condition that has no effect.
"""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from typing import TYPE_CHECKING

from migrator.edits import Edit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from migrator.edits import Source

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BLOCKS = ("body", "orelse", "finalbody")
_PLAIN = (
    *(ast.Name, ast.Attribute, ast.Constant, ast.BoolOp, ast.UnaryOp, ast.Compare),
    *(ast.expr_context, ast.boolop, ast.unaryop, ast.cmpop),
)
_BLANK = " \t\r\n"  # a line with a form feed is the start of a page
# Speaks to a tool about the statement it stands behind; pointless without it.
_PRAGMA = re.compile(
    r"#\s*(noqa|type:|pragma|pylint:|nosec|isort:|fmt:|ruff:|mypy:|pyright:)", re.IGNORECASE
)


def block_of(statement: ast.stmt, parents: Mapping[ast.AST, ast.AST]) -> list[ast.stmt]:
    """The list of statements that holds ``statement``."""
    parent = parents[statement]
    for field in _BLOCKS:
        block = getattr(parent, field, None)
        if isinstance(block, list) and statement in block:
            return block
    raise AssertionError(f"{parent} does not hold it")


def runs_before(first: ast.stmt, node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """Tell whether ``first`` has run whenever ``node`` does, if nothing raised.

    A function's body counts as run after all of the module; that of a lambda where it stands.
    """
    around = [node]
    later = False
    while around[-1] in parents:
        above = parents[around[-1]]
        later = later or (isinstance(above, _FUNCTIONS) and around[-1] in above.body)
        around.append(above)
    while (
        isinstance(holder := parents[first], (ast.Try, ast.With))
        and first in holder.body
        and holder not in around
    ):
        first = holder
    if isinstance(holder, ast.Module) and later:
        return first not in around
    block = block_of(first, parents)
    return any(statement in around for statement in block[block.index(first) + 1 :])


def enclosing(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> ast.stmt:
    """The innermost statement around ``node``."""
    while not isinstance(node, ast.stmt):
        node = parents[node]
    return node


def loses_comment(source: Source, statement: ast.stmt, *, deleted: bool) -> bool:
    """Tell whether a comment would vanish, or stand alone with nothing to explain."""
    start, end = source.span(statement)
    return bool(said(source, start, source.line_end(end) if deleted else end))


def said(source: Source, start: int, end: int) -> list[str]:
    """The comments between two offsets that are for people, not about a line for a tool."""
    return [c.string for c in source.comments(start, end) if not _PRAGMA.match(c.string)]


def edit_statements(
    source: Source, changes: dict[ast.stmt, Sequence[str]], places: Collection[int] = ()
) -> list[Edit]:
    """The edits that put each statement's lines in its place; no lines: it is deleted.

    ``places`` are where other edits put something: no cut spans them.
    """
    changes = complete(source, changes)
    # What lies inside a statement that goes is gone with it.
    changes = {s: lines for s, lines in changes.items() if not _inside(s, changes, source.parents)}
    edits = [
        Edit(*source.span(statement), _joined(source, statement, lines))
        for statement, lines in changes.items()
        if lines
    ]
    deleted = {statement for statement, lines in changes.items() if not lines}
    cuts: list[Edit] = []
    for line in {id(g[0]): g for g in (_on_one_line(source, s) for s in deleted)}.values():
        kept = [statement for statement in line if statement not in deleted]
        if kept:
            edits += _cut_between(source, line, kept)
        else:
            cuts.append(_cut_line(source, line))
    starts_block = {source.line_start(source.span(s)[0]) for s in deleted if _is_first(source, s)}
    done = 0  # two that take the gap between them share it
    for cut in _joined_cuts(cuts, places):
        wide = _without_gap(source, cut, starts_block)
        if any(wide.start < place < wide.end for place in places):
            wide = cut
        edits.append(Edit(max(wide.start, done), wide.end, wide.text))
        done = wide.end
    return edits


def complete(
    source: Source, changes: Mapping[ast.stmt, Sequence[str]]
) -> dict[ast.stmt, Sequence[str]]:
    """The changes with what follows from them for blocks that lose all their statements."""
    changes = dict(changes)
    while emptied := _emptied(source, changes):
        changes.update(emptied)
    return changes


def _emptied(source: Source, changes: dict[ast.stmt, Sequence[str]]) -> dict[ast.stmt, list[str]]:
    """What else has to change because a block lost all its statements."""
    more: dict[ast.stmt, list[str]] = {}
    for statement in [s for s, lines in changes.items() if not lines]:
        parent = source.parents[statement]
        block = block_of(statement, source.parents)
        if isinstance(parent, ast.Module) or any(changes.get(s, ["stays"]) for s in block):
            continue
        if isinstance(parent, ast.stmt) and parent in changes:
            continue
        if isinstance(parent, (ast.If, ast.Try)) and _has_no_effect(source, parent, block):
            more[parent] = []
        else:
            more[block[0]] = ["pass"]
    return more


def _has_no_effect(source: Source, parent: ast.If | ast.Try, block: list[ast.stmt]) -> bool:
    if block is not parent.body or parent.orelse:
        return False
    start, end = source.span(parent)
    if source.comments(start, source.line_end(end)):
        return False
    if isinstance(parent, ast.If):
        return _is_plain(parent.test) and source.text.startswith("if", start)
    handled = [statement for handler in parent.handlers for statement in handler.body]
    return not parent.finalbody and all(isinstance(s, ast.Pass) for s in handled)


def _is_plain(test: ast.expr) -> bool:
    """Reading names and options only: nothing happens when it is not evaluated."""
    return all(isinstance(node, _PLAIN) for node in ast.walk(test))


def _inside(
    statement: ast.stmt,
    changes: dict[ast.stmt, Sequence[str]],
    parents: dict[ast.AST, ast.AST],
) -> bool:
    node: ast.AST | None = parents.get(statement)
    while node is not None:
        if node in changes:
            return True
        node = parents.get(node)
    return False


def _joined(source: Source, statement: ast.stmt, lines: Sequence[str]) -> str:
    start, _ = source.span(statement)
    indent = source.text[source.line_start(start) : start]
    alone = not indent.strip() and len(_on_one_line(source, statement)) == 1
    return (source.newline + indent if alone else "; ").join(lines)


def _on_one_line(source: Source, statement: ast.stmt) -> list[ast.stmt]:
    """The statements of its block that share its line, ``statement`` included."""
    block = block_of(statement, source.parents)
    first = last = block.index(statement)
    while first and block[first - 1].end_lineno == block[first].lineno:
        first -= 1
    while last + 1 < len(block) and block[last].end_lineno == block[last + 1].lineno:
        last += 1
    return block[first : last + 1]


def _cut_between(source: Source, line: list[ast.stmt], kept: list[ast.stmt]) -> Iterable[Edit]:
    last = line.index(kept[-1])
    for statement, following in pairwise(line[: last + 1]):
        if statement not in kept:
            yield Edit(source.span(statement)[0], source.span(following)[0], "")
    if kept[-1] is not line[-1]:
        yield Edit(source.span(kept[-1])[1], source.span(line[-1])[1], "")


def _cut_line(source: Source, line: list[ast.stmt]) -> Edit:
    """Delete a whole line (or several, for a long statement); a comment behind it stays."""
    first, last = source.span(line[0])[0], source.span(line[-1])[1]
    start, end = source.line_start(first), source.line_end(last)
    return Edit(start, end, comment_left(source, first, last))


def comment_left(source: Source, first: int, last: int) -> str:
    """What stays of a line when the part from ``first`` to ``last`` goes: its comment."""
    kept = next(iter(said(source, last, source.line_end(last))), None)
    indent = source.text[source.line_start(first) : first]
    return f"{indent}{kept}{source.newline}" if kept else ""


def _is_first(source: Source, statement: ast.stmt) -> bool:
    """Tell whether the statement opens a block that is not the module."""
    block = block_of(statement, source.parents)
    return block[0] is statement and block is not source.tree.body


def _joined_cuts(cuts: list[Edit], places: Collection[int]) -> Iterable[Edit]:
    """Neighbouring lines that go are one cut, so that the gap around them is seen whole."""
    joined: list[Edit] = []
    for cut in sorted(cuts):
        apart = not joined or joined[-1].end != cut.start or cut.start in places
        if not apart and not joined[-1].text and not cut.text:
            joined[-1] = Edit(joined[-1].start, cut.end, "")
        else:
            joined.append(cut)
    return joined


def _without_gap(source: Source, cut: Edit, starts_block: set[int]) -> Edit:
    """Widen a cut so that two runs of blank lines do not become one long one."""
    if cut.text:
        return cut
    text, start, end = source.text, cut.start, cut.end
    above, below = start, end
    while above and not text[source.line_start(above - 1) : above].strip(_BLANK):
        above = source.line_start(above - 1)
    while below < len(text) and not text[below : source.line_end(below)].strip(_BLANK):
        below = source.line_end(below)
    lines_above = text.count(source.newline, above, start)
    lines_below = text.count(source.newline, end, below)
    if below >= len(text) or (lines_below and 0 < lines_above <= lines_below):
        return Edit(above, end, "")
    if (lines_above > lines_below > 0) or start in starts_block or not above:
        return Edit(start, below, "")
    return cut
