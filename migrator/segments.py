"""The text behind a node, to tell without walking it whether it can matter.

Most statements of a file that uses Eventlet have nothing to do with it. A search of their
text is a hundred times cheaper than a walk of their tree.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_LINES = re.compile(r"\r\n|\r|\n")  # as Python's tokenizer sees them: no form feeds


class Segments:
    """A source's lines by number."""

    __slots__ = ("_starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0, *(match.end() for match in _LINES.finditer(text)), len(text)]

    def holds(self, node: ast.stmt, words: Collection[str]) -> bool:
        """Whether a line of the statement (decorators included) holds one of the words."""
        first = node.lineno
        for decorator in getattr(node, "decorator_list", ()):
            first = min(first, decorator.lineno)
        start, end = self._starts[first - 1], self._starts[node.end_lineno or first]
        find = self.text.find
        return any(find(word, start, end) >= 0 for word in words)

    def nodes(self, tree: ast.Module, words: Collection[str]) -> Iterator[ast.AST]:
        """All nodes of the statements that hold one of the words, outer ones first."""
        if not any(word in self.text for word in words):
            return
        stack: list[ast.AST] = [tree]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.stmt) and not self.holds(node, words):
                continue
            yield node
            for value in node.__dict__.values():
                if isinstance(value, list):
                    stack += [item for item in value if isinstance(item, ast.AST)]
                elif isinstance(value, ast.AST):
                    stack.append(value)
