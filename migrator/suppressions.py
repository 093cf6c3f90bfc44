"""``# migrate: ignore[EVT102] reason`` on a finding's line, and which of them hide nothing.

On the first or the last line of a statement it speaks for all its lines. ``ignore-file``
instead of ``ignore`` speaks for the whole file. Without codes, all are meant. Families may
be named, too: ``ignore[debug]``.
"""

from __future__ import annotations

import io
import re
import sys
from typing import TYPE_CHECKING

from inspector.record import Record
from migrator import rules
from migrator.findings import Unused
from migrator.segments import lines_of
from migrator.sources import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from migrator.findings import Finding

_MARK = re.compile(rb"#\s*migrate:\s*ignore")  # rare, and cheap to look for
_COMMENT = re.compile(
    r"#\s*migrate:\s*ignore(?P<file>-file)?(?![\w-])[ \t]*"
    r"(?:\[(?P<codes>[^\]#]*)(?P<end>\]?))?[ \t]*(?P<reason>[^\r\n]*)"
)


class Suppression(Record):
    """One comment. It stands in line ``at`` and speaks for lines ``first`` to ``last``.

    ``codes`` is as written, None for all; of brackets that say nothing it is ().
    """

    at: int
    first: int
    last: int
    codes: tuple[str, ...] | None
    reason: str


def find(data: bytes, *, python: bool = True) -> tuple[Suppression, ...]:
    """The suppression comments of a file; () when it is no Python although it should be."""
    if not _MARK.search(data):
        return ()
    found = []
    for text, at, first, last in _comments(data) if python else _lines(data):
        match = _COMMENT.search(text)
        if match:
            names = match["codes"].split(",") if match["end"] else ()
            codes = tuple(name.strip() for name in names if name.strip())
            lines = (0, sys.maxsize) if match["file"] else (first, last)
            all_or_some = None if match["codes"] is None else codes
            found.append(Suppression(at, *lines, all_or_some, match["reason"]))
    return tuple(found)


def _lines(data: bytes) -> Iterator[tuple[str, int, int, int]]:
    for number, line in enumerate(lines_of(data.decode("utf-8", "replace")), 1):
        yield line, number, number, number


def _comments(data: bytes) -> Iterator[tuple[str, int, int, int]]:
    """Each comment, its line, and the lines of the statement that it speaks for.

    By the tokenizer: what looks like a comment may be part of a string.
    """
    import tokenize

    held: list[tuple[str, int]] = []
    first = 0  # of the statement; 0 between two of them
    between = (tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    try:
        source = io.StringIO(decode(data), newline=None)
        for token in tokenize.generate_tokens(source.readline):
            line = token.start[0]
            if token.type == tokenize.COMMENT:
                held.append((token.string, line))
            elif token.type not in between and not first:
                first = line
            if not first or token.type == tokenize.NEWLINE:
                for text, at in held:
                    ends = at in (first, line)
                    yield text, at, first if ends and first else at, line if ends else at
                held, first = [], 0
    except (SyntaxError, UnicodeError, LookupError, tokenize.TokenError):
        return  # it is named as unread


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
    # Each name of a comment by itself: one that hides nothing is told of, too.
    active: list[tuple[Suppression, str, frozenset[str]]] = []
    for one in suppressions:
        names = ("all",) if one.codes is None else one.codes
        for name in names:
            try:
                active.append((one, name, rules.select([name])))
            except LookupError:
                idle.append(Unused(path, one.at, f"suppression names no rule: {name}"))
        if not names:
            idle.append(Unused(path, one.at, "suppression names no rule: write ignore[CODE]"))
    used: set[tuple[Suppression, str]] = set()
    kept = []
    hidden = 0
    for finding in findings:
        span = finding.span
        hits = [
            (one, name)
            for one, name, codes in active
            if finding.code in codes and one.first <= span.end_line and span.line <= one.last
        ]
        used.update(hits)
        hidden += bool(hits)
        if not hits:
            kept.append(finding)
    for one in suppressions:
        mine = [(name, codes) for of, name, codes in active if of is one and codes <= selected]
        unused = [name for name, _ in mine if (one, name) not in used]
        if unused:
            text = f"[{', '.join(unused)}]" if one.codes else ""
            idle.append(Unused(path, one.at, f"unused suppression{text}"))
    return kept, hidden, sorted(idle, key=lambda one: one.line)
