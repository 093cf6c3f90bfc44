"""Which names a scope binds itself, by Python's own rules."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

_SCOPES = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)


@dataclass(slots=True)
class Bound:
    """Names by where they live. ``local`` excludes those declared global or nonlocal."""

    local: set[str] = field(default_factory=set)
    declared_global: set[str] = field(default_factory=set)
    declared_nonlocal: set[str] = field(default_factory=set)


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    """All parameters of a function, in order."""
    extra = [one for one in (arguments.vararg, arguments.kwarg) if one]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]


def bound_names(scope: ast.AST) -> Bound:
    """The names that ``scope`` (a function, class, comprehension or pattern) binds."""
    bound = Bound()
    if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        bound.local.update(one.arg for one in parameters(scope.args))
        stack: list[ast.AST] = [scope.body] if isinstance(scope, ast.Lambda) else [*scope.body]
    elif isinstance(scope, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        stack = [generator.target for generator in scope.generators]
    elif isinstance(scope, (ast.ClassDef, ast.Module)):
        stack = [*scope.body]
    else:
        stack = [scope]
    for parameter in getattr(scope, "type_params", ()):
        bound.local.add(parameter.name)
    while stack:
        node = stack.pop()
        _bind(node, bound)
        if isinstance(node, _SCOPES):
            continue  # what it binds inside is its own
        stack += ast.iter_child_nodes(node)
    bound.local -= bound.declared_global | bound.declared_nonlocal
    return bound


def _bind(node: ast.AST, bound: Bound) -> None:
    if isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            bound.local.add(node.id)
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        bound.local.add(node.name)
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        bound.local.update(
            alias.asname or (alias.name if isinstance(node, ast.ImportFrom) else _root(alias.name))
            for alias in node.names
        )
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        if node.name:
            bound.local.add(node.name)
    elif isinstance(node, ast.MatchMapping):
        if node.rest:
            bound.local.add(node.rest)
    elif isinstance(node, ast.Global):
        bound.declared_global.update(node.names)
    elif isinstance(node, ast.Nonlocal):
        bound.declared_nonlocal.update(node.names)


def _root(name: str) -> str:
    return name.partition(".")[0]
