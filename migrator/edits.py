"""The text of one file and the means to cut it: offsets, tokens, edits.

Edits are spans of the text, so what lies outside them is the same byte for byte.
"""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
from bisect import bisect_left, bisect_right
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_LAYOUT = (tokenize.ENDMARKER, tokenize.DEDENT, tokenize.NL, tokenize.NEWLINE)


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Put ``text`` where the characters from ``start`` up to ``end`` are."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Token:
    """A token and where it stands: character offsets."""

    type: int
    string: str
    start: int
    end: int


class Source:
    """One file. Positions of its tree are turned into character offsets of ``text``."""

    def __init__(self, data: bytes, tree: ast.Module, text: str) -> None:
        """``tree`` and ``text`` are what `migrator.scan.parse` makes of ``data``."""
        self.tree = tree
        self.text = text
        self._bom = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        self._encoding = encoding.removesuffix("-sig")
        self._lines = [0, *(match.end() for match in _LINE.finditer(text))]

    def encode(self, text: str) -> bytes:
        """The bytes of ``text`` in this file's encoding, with its byte order mark."""
        return self._bom + text.encode(self._encoding)

    @cached_property
    def newline(self) -> str:
        """The line end that the file uses first."""
        match = re.search(r"\r\n|\r|\n", self.text)
        return match[0] if match else "\n"

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Node -> the node that holds it."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def tokens(self) -> list[Token]:
        """Every token, comments included."""
        readline = io.StringIO(self.text, newline="").readline
        found: list[Token] = []
        with suppress(tokenize.TokenError):  # a file may end with a backslash, for Python itself
            for t in tokenize.generate_tokens(readline):
                if t.type not in _LAYOUT:
                    start, end = (
                        self._lines[line - 1] + column for line, column in (t.start, t.end)
                    )
                    found.append(Token(t.type, t.string, start, end))
        return found

    def offset(self, line: int, byte_column: int) -> int:
        """Of a position as the tree gives it: 1-based line, column in UTF-8 bytes."""
        start = self._lines[line - 1]
        part = self.text[start : start + byte_column]
        if part.isascii():
            return start + byte_column
        return start + len(part.encode()[:byte_column].decode(errors="ignore"))

    def span(self, node: ast.expr | ast.stmt | ast.alias | ast.keyword) -> tuple[int, int]:
        """Where the node stands."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self.offset(node.lineno, node.col_offset),
            self.offset(node.end_lineno, node.end_col_offset),
        )

    def segment(self, node: ast.expr | ast.stmt) -> str:
        """The node's own text."""
        start, end = self.span(node)
        return self.text[start:end]

    def line_start(self, offset: int) -> int:
        """Where the line that holds ``offset`` begins: behind form feeds, which start a page."""
        if self.text[offset - 1 : offset + 1] == "\r\n":
            offset -= 1
        start = max(self.text.rfind("\n", 0, offset), self.text.rfind("\r", 0, offset)) + 1
        while start < offset and self.text[start] == "\f":
            start += 1
        return start

    def line_end(self, offset: int) -> int:
        """Behind the line end of the line that holds ``offset``."""
        match = _LINE.match(self.text, offset)
        assert match is not None
        return match.end()

    def comments(self, start: int, end: int) -> list[Token]:
        """The comments between two offsets."""
        return [t for t in self.tokens_between(start, end) if t.type == tokenize.COMMENT]

    def tokens_between(self, start: int, end: int) -> Iterator[Token]:
        """The tokens that lie wholly between two offsets."""
        for token in self.tokens[bisect_left(self.tokens, start, key=lambda t: t.start) :]:
            if token.end > end:
                return
            yield token

    def after(self, offset: int) -> Token | None:
        """The first token at or behind ``offset``."""
        return next(self.tokens_between(offset, len(self.text) + 1), None)

    def before(self, offset: int) -> Token | None:
        """The last token that ends at or before ``offset``."""
        index = bisect_right(self.tokens, offset, key=lambda t: t.end)
        return self.tokens[index - 1] if index else None

    def place_after(self, edits: Iterable[Edit], line: int, column: int) -> tuple[int, int]:
        """Where a character that no edit replaces stands after them: 1-based, in characters."""
        edits = set(edits)
        offset = self._lines[line - 1] + column - 1
        offset += sum(len(e.text) - (e.end - e.start) for e in edits if e.end <= offset)
        starts = [0, *(match.end() for match in _LINE.finditer(self.apply(edits)))]
        number = bisect_right(starts, offset)
        return number, offset - starts[number - 1] + 1

    def apply(self, edits: Iterable[Edit]) -> str:
        """The text after the edits. Raises ValueError when two of them overlap."""
        ordered = sorted(set(edits))
        if any(first.end > second.start for first, second in pairwise(ordered)):
            raise ValueError("edits overlap")
        parts, position = [], 0
        for edit in ordered:
            parts += [self.text[position : edit.start], edit.text]
            position = edit.end
        return "".join([*parts, self.text[position:]])
