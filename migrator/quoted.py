"""Python code in strings: ``exec("import eventlet")``, ``["python", "-c", "..."]``."""

from __future__ import annotations

import ast
from itertools import pairwise
from typing import TYPE_CHECKING

from migrator import names
from migrator.strings import text_of
from migrator.uses import Use

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WORDS = ("eventlet", "greenlet")  # a statement without needs no look
_RUNNERS = frozenset({"exec", "eval", "compile", "timeit", "Timer"})
_WRITERS = frozenset({"makepyfile", "makeconftest"})  # pytest's pytester: code that a test runs


def find(nodes: Iterable[ast.AST]) -> Iterator[Use]:
    """Uses of kind "string" in the code that is run from a module's strings."""
    for node in nodes:
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else ""
            name = function.id if isinstance(function, ast.Name) else name
            if name in _RUNNERS:
                for one in node.args[:2]:
                    yield from _run(one)
            elif name in _WRITERS:
                for one in [*node.args, *(keyword.value for keyword in node.keywords)]:
                    yield from _run(one)
        elif isinstance(node, (ast.List, ast.Tuple)):
            for flag, code in pairwise(node.elts):
                if text_of(flag) == "-c":
                    yield from _run(code)


def names_in(line: str) -> Iterator[tuple[str, int, int]]:
    """The uses in one line of code: (API, start, end)."""
    for use in _uses(line):
        node = use.node
        yield use.api, node.col_offset, node.end_col_offset  # type: ignore[attr-defined]


def _run(text: ast.expr) -> Iterator[Use]:
    import textwrap

    for api in dict.fromkeys(use.api for use in _uses(textwrap.dedent(text_of(text)))):
        yield Use(api, "string", text)


def _uses(code: str) -> tuple[Use, ...]:
    if not any(word in code for word in WORDS):
        return ()
    try:
        return names.resolve(ast.parse(code), "").uses
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
