"""Plan the imports of one file: swap, drop, add; sorted where the file is sorted."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from migrator.edits import Edit
from migrator.statements import block_of, comment_left, said

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from migrator.edits import Source

_Import = (ast.Import, ast.ImportFrom)


@dataclass(slots=True)
class ImportPlan:
    """What happens to the imports; `edits` says how.

    ``moved``: alias -> the module that it comes from instead. ``dropped``: aliases nobody
    needs; ``shortened``: alias -> the package that it still has to bind. ``added``: (module,
    the statement whose block needs it); ``standard`` ones come once at the top of the module.
    """

    source: Source
    moved: dict[ast.alias, str] = field(default_factory=dict)
    dropped: set[ast.alias] = field(default_factory=set)
    shortened: dict[ast.alias, str] = field(default_factory=dict)
    added: dict[tuple[str, ast.stmt], None] = field(default_factory=dict)
    standard: set[str] = field(default_factory=set)
    _now: dict[ast.stmt, str | None] = field(default_factory=dict)  # its new line; None: gone

    def edits(self) -> tuple[list[Edit], dict[ast.stmt, Sequence[str]]]:
        """Edits of parts of import statements, and changes of whole ones."""
        edits: list[Edit] = []
        whole: dict[ast.stmt, Sequence[str]] = {}
        inserted: dict[ast.stmt, list[str]] = {}
        touched = self._touched()
        self._now = {s: None for s in touched if all(a in self.dropped for a in s.names)}
        for statement in touched:
            kept = [a for a in statement.names if a not in self.moved and a not in self.dropped]
            if kept:
                edits += self._without(statement, kept)
                inserted.setdefault(statement, []).extend(self._lines(statement))
                continue
            lines = self._lines(statement)
            if len(lines) == 1 and self._stays_in_place(statement, lines[0]):
                self._now[statement] = lines[0]
                edits += self._renamed(statement)
                edits += self._without(statement, [a for a in statement.names if a in self.moved])
            elif len(lines) == 1 and not self.source.comments(*self._whole_line(statement)):
                self._now[statement] = None
                whole[statement] = []
                inserted.setdefault(statement, []).extend(lines)
            else:
                whole[statement] = lines
        edits += [Edit(*self.source.span(alias), name) for alias, name in self.shortened.items()]
        for module, anchor in self._needed():
            line = f"import {module}"
            if line not in inserted.setdefault(anchor, []):
                inserted[anchor].append(line)
        for anchor, lines in inserted.items():
            if whole.get(anchor) == [] and all(self._sorts(anchor, line) for line in lines):
                whole[anchor] = sorted(lines)
            else:
                edits += self._insert(anchor, lines)
        edits += self._insert_standard(whole)
        for gone in whole:
            edits += self._comments_kept(gone)
        return edits, whole

    def _comments_kept(self, statement: ast.stmt) -> Iterable[Edit]:
        """Comments inside a statement that goes get lines of their own above its place."""
        source = self.source
        first, last = source.span(statement)
        start = source.line_start(first)
        indent = source.text[start:first]
        kept = [f"{indent}{comment}{source.newline}" for comment in said(source, first, last)]
        if kept and not indent.strip():
            yield Edit(start, start, "".join(kept))

    def _touched(self) -> list[ast.Import | ast.ImportFrom]:
        """The statements that lose or change a name, in their order."""
        statements = {self.source.parents[alias] for alias in [*self.moved, *self.dropped]}
        found = [statement for statement in statements if isinstance(statement, _Import)]
        return sorted(found, key=lambda s: (s.lineno, s.col_offset))

    def _needed(self) -> Iterable[tuple[str, ast.stmt]]:
        """What is added, once for all that would stand at the top level of the module."""
        body = self.source.tree.body
        at_top: dict[str, ast.stmt] = {}
        for module, anchor in self.added:
            if anchor not in body:
                yield module, anchor
            elif module not in at_top or anchor.lineno < at_top[module].lineno:
                at_top[module] = anchor
        yield from at_top.items()

    def _lines(self, statement: ast.Import | ast.ImportFrom) -> list[str]:
        """The statements that import what moved away from ``statement``."""
        moved = [(alias, self.moved[alias]) for alias in statement.names if alias in self.moved]
        if isinstance(statement, ast.Import):
            return [f"import {module}{_as(alias)}" for alias, module in moved]
        lines: dict[str, list[str]] = {}
        for alias, module in moved:
            lines.setdefault(module, []).append(f"{alias.name}{_as(alias)}")
        return [f"from {module} import {', '.join(names)}" for module, names in lines.items()]

    def _renamed(self, statement: ast.Import | ast.ImportFrom) -> Iterable[Edit]:
        """Change no more than the module's name, so that layout and comments stay."""
        moved = [(alias, self.moved[alias]) for alias in statement.names if alias in self.moved]
        if isinstance(statement, ast.Import):
            for alias, module in moved:
                yield Edit(*self.source.span(alias), f"{module}{_as(alias)}")
            return
        tokens = list(self.source.tokens_between(*self.source.span(statement)))
        until = next(number for number, token in enumerate(tokens) if token.string == "import")
        yield Edit(tokens[1].start, tokens[until - 1].end, moved[0][1])

    def _stays_in_place(self, statement: ast.Import | ast.ImportFrom, line: str) -> bool:
        """Tell whether ``line`` takes its place: it sorts there, or the statement has layout."""
        first, last = self._whole_line(statement)
        if self.source.comments(first, last) or statement.lineno != statement.end_lineno:
            return True
        return self._sorts(statement, line)

    def _sorts(self, statement: ast.stmt, line: str) -> bool:
        """Tell whether the run around the statement is as sorted with ``line`` in its place."""
        run = self._run(statement)
        style = _style(run)
        if style is None:
            return True
        lines = [line if one is statement else self._now.get(one, one) for one in run]
        keys = [_keys(one)[style] for one in lines if one is not None]
        return keys == sorted(keys)

    def _whole_line(self, statement: ast.stmt) -> tuple[int, int]:
        start, end = self.source.span(statement)
        return start, self.source.line_end(end)

    def _without(
        self, statement: ast.Import | ast.ImportFrom, kept: list[ast.alias]
    ) -> Iterable[Edit]:
        """Take aliases out of a list, with the comma and the line that were theirs."""
        names, source = statement.names, self.source
        last = names.index(kept[-1])
        in_parentheses = any(
            token.string == "("
            for token in source.tokens_between(source.span(statement)[0], source.span(names[0])[0])
        )
        for number, alias in enumerate(names):
            if alias in kept:
                continue
            start, end = source.span(alias)
            comma = source.after(end)
            end_of_own = comma.end if comma and comma.string == "," else end
            line = source.line_start(start), source.line_end(end_of_own)
            rest = [t for t in source.tokens_between(*line) if not t.string.startswith("#")]
            if in_parentheses and all(start <= token.start < end_of_own for token in rest):
                yield Edit(*line, comment_left(source, start, end_of_own))
            elif number < last:
                yield Edit(start, source.span(names[number + 1])[0], "")
            else:
                yield Edit(source.span(names[number - 1])[1], end, "")

    def _insert(self, anchor: ast.stmt, lines: list[str]) -> Iterable[Edit]:
        """Put new imports where the run of imports around ``anchor`` wants them."""
        source = self.source
        run = self._run(anchor)
        style = _style(run)
        rest = [one for one in run if self._now.get(one, one) is not None] or run
        for line in lines:
            place = self._place(rest, line, style) if style is not None else None
            if place is None:
                yield self._behind(anchor if style is None else rest[-1], line)
                continue
            first = source.span(place)[0]
            start = source.line_start(first)
            if source.text[start:first].strip():
                yield self._behind(anchor, line)
            else:
                yield Edit(start, start, source.text[start:first] + line + source.newline)

    def _place(
        self, run: Sequence[ast.Import | ast.ImportFrom], line: str, style: int
    ) -> ast.stmt | None:
        """The statement of a sorted run before which ``line`` belongs; None: behind the last."""
        wanted = _keys(line)[style]
        return next((s for s in run if _keys(self._now.get(s) or s)[style] > wanted), None)

    def _behind(self, statement: ast.stmt, line: str) -> Edit:
        source = self.source
        end = source.span(statement)[1]
        start = source.line_start(source.span(statement)[0])
        alone = not source.text[start : source.span(statement)[0]].strip()
        following = source.after(end)
        line_end = source.line_end(end)
        if not alone or (following and following.start < line_end and following.string == ";"):
            return Edit(end, end, f"; {line}")
        indent = source.text[start : source.span(statement)[0]]
        if source.text[line_end - 1 : line_end] in "\r\n" and line_end > end:
            return Edit(line_end, line_end, f"{indent}{line}{source.newline}")
        return Edit(line_end, line_end, f"{source.newline}{indent}{line}")

    def _run(self, anchor: ast.stmt) -> list[ast.Import | ast.ImportFrom]:
        """The imports around ``anchor`` without a gap or anything else in between."""
        block = block_of(anchor, self.source.parents)
        run = [anchor]
        for step, grow in ((-1, lambda s: run.insert(0, s)), (1, run.append)):
            index = block.index(anchor) + step
            while 0 <= index < len(block):
                one, near = block[index], run[0] if step < 0 else run[-1]
                upper, lower = (one, near) if step < 0 else (near, one)
                apart = lower.lineno - (upper.end_lineno or 0) != 1
                if not isinstance(one, _Import) or apart or _is_future(one):
                    break
                grow(one)
                index += step
        return [statement for statement in run if isinstance(statement, _Import)]

    def _insert_standard(self, whole: dict[ast.stmt, Sequence[str]]) -> Iterable[Edit]:
        """Put modules of the standard library at the top, among their like if there are any."""
        source = self.source
        lines = [f"import {module}" for module in sorted(self.standard)]
        if not lines:
            return
        body = source.tree.body
        head = 0
        if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            head = int(isinstance(body[0].value.value, str))
        while head < len(body) and _is_future(body[head]):
            head += 1
        first = next((s for s in body[head:] if isinstance(s, _Import)), None)
        if first is not None and whole.get(first) == []:
            whole[first] = lines
            return
        if first is not None and all(_is_standard(s) for s in self._run(first)):
            yield from self._insert(first, lines)
            return
        text = source.newline.join(lines) + source.newline
        if head < len(body):
            start = source.line_start(source.span(body[head])[0])
            yield Edit(start, start, text + source.newline)
        else:
            yield Edit(len(source.text), len(source.text), source.newline + text)


def _as(alias: ast.alias) -> str:
    return f" as {alias.asname}" if alias.asname else ""


def _is_future(statement: ast.stmt) -> bool:
    """``from __future__``, before which nothing may come."""
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _is_standard(statement: ast.Import | ast.ImportFrom) -> bool:
    if isinstance(statement, ast.ImportFrom):
        names = [] if statement.level else [statement.module or ""]
    else:
        names = [alias.name for alias in statement.names]
    return bool(names) and all(n.partition(".")[0] in sys.stdlib_module_names for n in names)


_Key = tuple[bool, str]


def _keys(statement: ast.Import | ast.ImportFrom | str) -> tuple[_Key, _Key]:
    """How a statement sorts: by name only, and with all `import x` before all `from x`."""
    if isinstance(statement, str):
        words = statement.split()
        is_from, name = words[0] == "from", words[1]
    elif isinstance(statement, ast.ImportFrom):
        is_from, name = True, "." * statement.level + (statement.module or "")
    else:
        is_from, name = False, statement.names[0].name
    return (False, name.lower()), (is_from, name.lower())


def _style(run: Sequence[ast.Import | ast.ImportFrom]) -> int | None:
    """Which of the two orders the run keeps, if any."""
    for style in (1, 0):
        if all(_keys(a)[style] <= _keys(b)[style] for a, b in pairwise(run)):
            return style
    return None
