"""Who binds each name and who reads it: what an import still serves after a rewrite.

`migrator.names` says what a name leads to; this says whether anything else needs it.
Python's scoping rules, no values. Raises RecursionError on code nested too deeply.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(eq=False, slots=True)
class Scope:
    """One namespace: the nodes that bind its names, and those that read names in it."""

    node: ast.AST
    parent: Scope | None = None
    binders: dict[str, list[ast.AST]] = field(default_factory=dict)
    reads: list[ast.Name] = field(default_factory=list)
    elsewhere: dict[str, bool] = field(default_factory=dict)  # declared; True: global
    children: list[Scope] = field(default_factory=list)

    def owner(self, name: str) -> Scope | None:
        """The scope in which a read of ``name`` here finds it; None for builtins."""
        scope: Scope | None = self
        if self.elsewhere.get(name):
            module = self._module()
            return module if name in module.binders else None
        if name in self.elsewhere:
            scope = self.parent
        while scope is not None:
            if name in scope.binders and (
                scope is self or not isinstance(scope.node, ast.ClassDef)
            ):
                return scope
            scope = scope.parent
        return None

    def around(self) -> Iterator[Scope]:
        """Itself and the scopes around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def all(self) -> Iterator[Scope]:
        """Itself and the scopes inside it."""
        yield self
        for child in self.children:
            yield from child.all()

    def _module(self) -> Scope:
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """One name that an import statement binds. ``target`` is what the name then holds."""

    scope: Scope
    name: str
    module: str  # what is imported: "eventlet.debug" for both forms, dots for relative ones
    target: str  # what the name holds: "eventlet" for `import eventlet.debug`
    alias: ast.alias
    statement: ast.Import | ast.ImportFrom


class Bindings:
    """The scopes of one module."""

    def __init__(self, tree: ast.Module) -> None:
        self.module = Scope(tree)
        self.imports: list[Imported] = []
        self.scope_of: dict[ast.AST, Scope] = {}  # of every statement, import and read
        self._reads: dict[tuple[Scope, str], list[ast.Name]] = {}
        self._body(tree.body, self.module)
        for scope in self.module.all():
            for read in scope.reads:
                owner = scope.owner(read.id)
                while owner is not None:
                    self._reads.setdefault((owner, read.id), []).append(read)
                    # A class body reads the name from around it until it binds it itself.
                    around = owner.parent if isinstance(owner.node, ast.ClassDef) else None
                    owner = around.owner(read.id) if around is not None else None

    def reads(self, scope: Scope, name: str) -> list[ast.Name]:
        """Every read of a name that ``scope`` owns, in nested scopes as well."""
        return self._reads.get((scope, name), [])

    def is_free(self, name: str, scope: Scope) -> bool:
        """Tell whether ``name`` means nothing yet in ``scope``, around it and inside it."""
        if any(name in inner.binders or name in inner.elsewhere for inner in scope.all()):
            return False
        return scope.owner(name) is None

    def _body(self, statements: Iterable[ast.AST], scope: Scope) -> None:
        for statement in statements:
            self._visit(statement, scope)

    def _bind(self, name: str, node: ast.AST, scope: Scope) -> Scope:
        """Returns the scope that the name lives in, which `global` may have moved."""
        where: Scope | None = scope
        if name in scope.elsewhere:
            where = scope._module() if scope.elsewhere[name] else scope.parent
        assert where is not None
        where.binders.setdefault(name, []).append(node)
        return where

    def _visit(self, node: ast.AST, scope: Scope) -> None:
        self.scope_of[node] = scope
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Store):
                scope.reads.append(node)  # `del x` needs the name as well
            if not isinstance(node.ctx, ast.Load):
                self._bind(node.id, node, scope)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node, scope)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            scope.elsewhere.update(dict.fromkeys(node.names, isinstance(node, ast.Global)))
        elif isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            self._definition(node, scope)
        elif isinstance(node, _COMPREHENSIONS):
            self._comprehension(node, scope)
        elif isinstance(node, ast.NamedExpr):
            where = scope
            while isinstance(where.node, _COMPREHENSIONS) and where.parent is not None:
                where = where.parent
            self._visit(node.target, where)
            self._visit(node.value, scope)
        else:
            for name in _names_bound_by(node):
                self._bind(name, node, scope)
            self._body(ast.iter_child_nodes(node), scope)

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            self.scope_of[alias] = scope
            if isinstance(node, ast.Import):
                name = alias.asname or alias.name.partition(".")[0]
                module, target = alias.name, alias.name if alias.asname else name
            else:
                name = alias.asname or alias.name
                module = "." * node.level + (node.module or "")
                target = f"{module}.{alias.name}"
                module = target if alias.name != "*" else module
            owner = self._bind(name, alias, scope)
            self.imports.append(Imported(owner, name, module, target, alias, node))

    def _definition(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef,
        scope: Scope,
    ) -> None:
        inner = Scope(node, scope)
        scope.children.append(inner)
        if not isinstance(node, ast.Lambda):
            self._bind(node.name, node, scope)
            self._body(node.decorator_list, scope)
            for parameter in getattr(node, "type_params", ()):
                self._bind(parameter.name, parameter, inner)
                self._body(ast.iter_child_nodes(parameter), inner)
        if isinstance(node, ast.ClassDef):
            self._body([*node.bases, *(keyword.value for keyword in node.keywords)], scope)
            self._body(node.body, inner)
            return
        arguments = node.args
        self._body([d for d in [*arguments.defaults, *arguments.kw_defaults] if d], scope)
        for one in ast.iter_child_nodes(arguments):
            if isinstance(one, ast.arg):
                self._bind(one.arg, one, inner)
                self._body([one.annotation] if one.annotation else [], scope)
        if isinstance(node, ast.Lambda):
            self._visit(node.body, inner)
        else:
            self._body([node.returns] if node.returns else [], scope)
            self._body(node.body, inner)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, scope: Scope
    ) -> None:
        inner = Scope(node, scope)
        scope.children.append(inner)
        for number, generator in enumerate(node.generators):
            self._visit(generator.iter, inner if number else scope)
            self._visit(generator.target, inner)
            self._body(generator.ifs, inner)
        self._body([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt], inner)


def _names_bound_by(node: ast.AST) -> list[str]:
    """Names that a node binds by text rather than by a Name node of its own."""
    if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        return [node.name] if node.name else []
    if isinstance(node, ast.MatchMapping):
        return [node.rest] if node.rest else []
    return []
