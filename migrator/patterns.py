"""Code that pokes at green threads without naming an Eventlet API.

Debugging code copied between projects for a decade: a walk over the heap that keeps the
greenlets, stacks printed from ``gr_frame``, green threads told by the name of their type,
and the green-thread section of a guru meditation report.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from migrator.names import Use

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A statement without one of these needs no look.
WORDS = ("gr_frame", "get_objects", "GreenThread", "__name__", "greenlet")

_REPORT_NAMES = frozenset({"GreenThreadReportGenerator", "GreenThreadModel"})
_TYPE_NAMES = frozenset({"GreenThread", "GreenletExit", "greenlet"})


def find(nodes: Iterable[ast.AST]) -> Iterator[Use]:
    """Uses of kind "pattern" among a module's nodes, in no particular order."""
    walks: list[ast.AST] = []
    others: set[ast.AST] = set()  # how many objects there are says nothing of greenlets
    kinds: set[tuple[str, ast.AST]] = set()
    parameters: set[str] = set()
    about_greenlets = False
    for node in nodes:
        if isinstance(node, ast.Attribute):
            if node.attr == "gr_frame":
                yield Use("greenlet.gr_frame dump", "pattern", node)
            elif node.attr in _REPORT_NAMES:
                yield Use("guru meditation green threads", "pattern", node)
            elif node.attr == "get_objects" and _is_name(node.value, "gc"):
                walks.append(node)
            about_greenlets = about_greenlets or node.attr in _TYPE_NAMES
        elif isinstance(node, ast.Name):
            is_read = isinstance(node.ctx, ast.Load)
            about_greenlets = about_greenlets or (is_read and node.id in _TYPE_NAMES)
            if node.id in _REPORT_NAMES:
                yield Use("guru meditation green threads", "pattern", node)
            elif node.id == "get_objects":
                walks.append(node)
        elif isinstance(node, ast.Compare):
            if _names_the_type(node):
                about_greenlets = True
                yield Use("greenlet type name test", "pattern", node)
        elif isinstance(node, ast.Call):
            if _asks_for_frame(node):
                yield Use("greenlet.gr_frame dump", "pattern", node)
            elif _is_name(node.func, "len"):
                others.update(one.func for one in node.args if isinstance(one, ast.Call))
        elif isinstance(node, ast.comprehension) and isinstance(node.iter, ast.Call):
            kinds.update((kind, node.iter.func) for kind in _kinds_asked_for(node))
        elif isinstance(node, ast.arg):
            parameters.add(node.arg)
    others.update(walk for kind, walk in kinds if kind not in parameters)  # those may be any
    if about_greenlets:
        yield from (Use("gc greenlet walk", "pattern", one) for one in walks if one not in others)


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _kinds_asked_for(node: ast.comprehension) -> Iterator[str]:
    """The classes that are none of Eventlet's: ``if isinstance(o, Worker)``."""
    for condition in node.ifs:
        if isinstance(condition, ast.Call) and _is_name(condition.func, "isinstance"):
            for kind in condition.args[1:]:
                if isinstance(kind, ast.Name) and kind.id[:1].isupper() and "Green" not in kind.id:
                    yield kind.id


def _asks_for_frame(node: ast.Call) -> bool:
    """``getattr(o, "gr_frame", None)``."""
    return (
        _is_name(node.func, "getattr")
        and len(node.args) > 1
        and isinstance(node.args[1], ast.Constant)
        and node.args[1].value == "gr_frame"
    )


def _names_the_type(node: ast.Compare) -> bool:
    """``type(o).__name__ == "GreenThread"``, either way round, or ``in`` a tuple of names."""
    sides = [node.left, *node.comparators]
    if not any(isinstance(side, ast.Attribute) and side.attr == "__name__" for side in sides):
        return False
    constants: list[ast.expr] = []
    for side in sides:
        constants += side.elts if isinstance(side, (ast.Tuple, ast.List, ast.Set)) else [side]
    return any(isinstance(one, ast.Constant) and one.value in _TYPE_NAMES for one in constants)
