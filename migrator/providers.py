"""Functions that give Eventlet: ``get_eventlet()``, properties, a module's lazy ``__getattr__``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.expressions import Function


def asked_names(function: Function) -> dict[ast.AST, list[str]]:
    """The names that each ``return`` of a module's ``__getattr__`` answers (PEP 562)."""
    answers: dict[ast.AST, list[str]] = {}
    if not isinstance(function, ast.FunctionDef) or function.name != "__getattr__":
        return answers
    for node in ast.walk(function):
        if isinstance(node, ast.If):
            names = list(_compared_texts(node.test))
            for inner in node.body:
                answers.update((one, names) for one in ast.walk(inner) if _is_return(one))
    return answers


def is_property(function: ast.FunctionDef) -> bool:
    """Whether a method is read like an attribute: ``@property``, ``@cached_property`` and kin."""
    return any(name.lower().endswith("property") for name in _decorators(function))


def is_fixture(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function is pytest's ``@fixture``, which tests name as their parameters."""
    return "fixture" in _decorators(function)


def _decorators(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """The last parts of the names of a function's decorators."""
    for one in function.decorator_list:
        node = one.func if isinstance(one, ast.Call) else one
        yield getattr(node, "attr", getattr(node, "id", ""))


def _is_return(node: ast.AST) -> bool:
    return isinstance(node, ast.Return)


def _compared_texts(test: ast.expr) -> Iterator[str]:
    """The texts of ``name == "debug"`` and ``name in ("debug", "spew")``."""
    for node in ast.walk(test):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Eq, ast.In)):
            for one in ast.walk(node):
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield one.value
