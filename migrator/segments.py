"""The text behind a node, to tell without walking it whether it can matter.

Most statements of a file that uses Eventlet have nothing to do with it. A search of their
text is a hundred times cheaper than a walk of their tree.
"""

from __future__ import annotations

import ast
import re
import sys
from bisect import bisect_left
from itertools import accumulate, chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

# What matters in longer words, too: `import_module`, `test_x`.
PARTS = frozenset({"import", "eventlet", "greenlet", "eventlet_backdoor", "test"})
_LEAVES = {str, int, type(None), ast.Load, ast.Store, ast.Del}
LINES = re.compile(r"\r\n|\r|\n")  # as Python's tokenizer and editors see them: no form feeds


def lines_of(text: str) -> list[str]:
    """The lines of a text, without what ends them."""
    # Nearly always the same, in a tenth of the time.
    return LINES.split(text) if "\r" in text else text.split("\n")


class Segments:
    """A source's lines by number, and where words stand in it."""

    __slots__ = ("_names", "_starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        if "\r" in text:
            self._starts = [0, *(match.end() for match in LINES.finditer(text)), len(text)]
        else:  # the same, and nearly always so
            lengths = [len(line) + 1 for line in lines_of(text)]
            self._starts = [0, *accumulate(lengths[:-1]), len(text)]
        self._names: dict[str, list[int]] = {}

    def span(self, node: ast.stmt) -> tuple[int, int]:
        """Where the lines of a statement, decorators included, start and end."""
        decorators = getattr(node, "decorator_list", None)
        first = decorators[0].lineno if decorators else node.lineno
        return self._starts[first - 1], self._starts[node.end_lineno or first]

    def end(self, node: ast.stmt) -> int:
        """Where its lines end."""
        return self._starts[node.end_lineno or node.lineno]

    def places(self, words: Iterable[str]) -> list[int]:
        """Where any of the words starts, in order."""
        found = [self._names_of(word) if word in PARTS else self._places_of(word) for word in words]
        return sorted(chain.from_iterable(found))

    def names(self, words: Iterable[str]) -> list[int]:
        """The same for names, which are no part of longer words."""
        return sorted(chain.from_iterable(map(self._names_of, words)))

    def _places_of(self, word: str) -> list[int]:
        found = []
        at = self.text.find(word)
        while at >= 0:
            found.append(at)
            at = self.text.find(word, at + 1)
        return found

    def _names_of(self, word: str) -> list[int]:
        found = self._names.get(word)
        if found is None:
            found = self._places_of(word)
            if word not in PARTS:
                found = [at for at in found if self._is_name(at, at + len(word))]
            self._names[word] = found
        return found

    def _is_name(self, start: int, end: int) -> bool:
        before, behind = self.text[start - 1 : start], self.text[end : end + 1]
        return not (before.isalnum() or behind.isalnum() or before == "_" or behind == "_")

    def nodes(self, tree: ast.AST, words: Collection[str]) -> Iterator[ast.AST]:
        """All nodes of the statements that hold one of the words, outer ones first.

        But those that say how a name is meant, as ``ast.Load``.
        """
        places = self.places(words)
        stack: list[ast.AST] = [tree] if places else []
        while stack:
            node = stack.pop()
            yield node
            for value in node.__dict__.values():
                if value.__class__ is list:
                    if value and isinstance(value[0], ast.stmt):
                        stack += self._holding(value, places)
                    else:
                        stack += [item for item in value if isinstance(item, ast.AST)]
                elif value.__class__ not in _LEAVES and isinstance(value, ast.AST):
                    stack.append(value)

    def _holding(self, statements: Iterable[ast.stmt], places: list[int]) -> Iterator[ast.stmt]:
        clear = 0  # no place is between the statement and this one
        for statement in statements:
            end = self.end(statement)
            if end > clear:
                clear = following(places, self.span(statement)[0])
                if clear < end:
                    yield statement


def following(places: list[int], start: int) -> int:
    """The first of the sorted places that is not before ``start``."""
    at = bisect_left(places, start)
    return places[at] if at < len(places) else sys.maxsize


def holds(places: list[int], start: int, end: int) -> bool:
    """Whether one of the sorted places lies there."""
    return following(places, start) < end
