"""Which names a scope binds itself, by Python's own rules."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_SCOPES = {
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
}
# Most of what a node holds: nothing is bound below these.
_LEAVES = {str, int, type(None), ast.Constant, ast.Load, ast.Store, ast.Del}
# Nor below these, where no ``:=`` is said.
_VALUES = _LEAVES | {
    *(ast.Assert, ast.Break, ast.Continue, ast.Expr, ast.Pass, ast.Raise, ast.Return),
    *(ast.Attribute, ast.Await, ast.BinOp, ast.BoolOp, ast.Call, ast.Compare, ast.Dict),
    *(ast.DictComp, ast.GeneratorExp, ast.IfExp, ast.JoinedStr, ast.Lambda, ast.ListComp),
    *(ast.Set, ast.SetComp, ast.Slice, ast.Subscript, ast.UnaryOp, ast.Yield, ast.YieldFrom),
}


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


def paired(
    targets: Sequence[ast.expr], source: ast.expr | None
) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """The targets of an unpacking, and the parts that they take where both can be seen."""
    parts = source.elts if isinstance(source, (ast.Tuple, ast.List)) else []
    star = next((n for n, one in enumerate(targets) if isinstance(one, ast.Starred)), None)
    needed = len(targets) - (star is not None)
    is_short = len(parts) < needed or (star is None and len(parts) > needed)
    if is_short or any(isinstance(one, ast.Starred) for one in parts):
        yield from ((target, None) for target in targets)
        return
    before = len(targets) if star is None else star
    yield from zip(targets[:before], parts, strict=False)
    if star is not None:
        yield targets[star], None
        yield from zip(targets[star + 1 :], parts[len(parts) - needed + star :], strict=True)


def bound_names(scope: ast.AST, *, in_values: bool = True) -> Bound:
    """The names that ``scope`` (a function, class, comprehension or pattern) binds.

    ``in_values`` False: the source says no ``:=``, without which no value binds a name.
    """
    bound = Bound()
    leaves = _LEAVES if in_values else _VALUES
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
        kind = node.__class__
        bind = _BINDERS.get(kind)
        if bind:
            bind(node, bound)
        if kind in _SCOPES:
            continue  # what it binds inside is its own
        for value in node.__dict__.values():
            if value.__class__ is list:
                stack += [item for item in value if item.__class__ not in leaves]
            elif value.__class__ not in leaves and isinstance(value, ast.AST):
                stack.append(value)
    bound.local -= bound.declared_global | bound.declared_nonlocal
    return bound


def _name(node: ast.Name, bound: Bound) -> None:
    if not isinstance(node.ctx, ast.Load):
        bound.local.add(node.id)


def _definition(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, bound: Bound) -> None:
    bound.local.add(node.name)


def _import(node: ast.Import, bound: Bound) -> None:
    bound.local.update(one.asname or one.name.partition(".")[0] for one in node.names)


def _import_from(node: ast.ImportFrom, bound: Bound) -> None:
    bound.local.update(one.asname or one.name for one in node.names)


def _named(node: ast.ExceptHandler | ast.MatchAs | ast.MatchStar, bound: Bound) -> None:
    if node.name:
        bound.local.add(node.name)


def _mapping(node: ast.MatchMapping, bound: Bound) -> None:
    if node.rest:
        bound.local.add(node.rest)


def _global(node: ast.Global, bound: Bound) -> None:
    bound.declared_global.update(node.names)


def _nonlocal(node: ast.Nonlocal, bound: Bound) -> None:
    bound.declared_nonlocal.update(node.names)


_BINDERS: dict[type[ast.AST], Callable[[Any, Bound], None]] = {
    ast.AsyncFunctionDef: _definition,
    ast.ClassDef: _definition,
    ast.ExceptHandler: _named,
    ast.FunctionDef: _definition,
    ast.Global: _global,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.MatchAs: _named,
    ast.MatchMapping: _mapping,
    ast.MatchStar: _named,
    ast.Name: _name,
    ast.Nonlocal: _nonlocal,
}
