"""Python source -> the Eventlet names it uses, resolved through every alias.

An abstract walk in the order of execution. Each scope maps its names to the dotted name
that they hold; whatever is not known to lead to Eventlet is not in the map, so an unknown
value shadows by its absence. Branches are walked on copies and merged as a union: the
usual ``try: import eventlet except ImportError: eventlet = None`` keeps its answer.
Function bodies come last, when the module's names are final. Expressions are walked
without recursion, since real (generated) code nests deeper than Python's own stack.

What is yielded are ``Use`` values: API name, kind and the node that stands for it. No rule
is known here.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from migrator import api
from migrator.bindings import bound_names, paired
from migrator.classes import Classes, is_none
from migrator.expressions import IMPORTERS, Function
from migrator.imported import absolute
from migrator.mocked import TEST_PREFIX, is_default, replacement, unwrap
from migrator.namespaces import Scope
from migrator.providers import asked_names
from migrator.strings import text_of
from migrator.uses import Exports, Names, Use

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from migrator.segments import Segments

__all__ = ["Exports", "Names", "Use", "resolve"]

_PASSES = 3  # late bindings that lead to late bindings; more is contrived


def resolve(
    tree: ast.Module,
    module: str,
    *,
    package: bool = False,
    exports: Exports | None = None,
    source: Segments | None = None,
) -> Names:
    """Find the uses in ``tree``.

    ``module`` is its dotted name and ``package`` says that it is an ``__init__``: both are
    needed for relative imports. ``exports`` are the known re-exports of other modules.
    With its ``source``, statements without a word that matters are not walked.
    """
    walk = _Walk(module, package, exports or {}, {}, source, ())
    walk.module(tree)
    for _ in range(_PASSES):
        # `self.hub = get_hub()` and `global debug` reach code that was walked earlier.
        if walk.late == walk.seeds and not walk.skipped_too_early:
            break
        last = walk
        walk = _Walk(module, package, exports or {}, last.late, source, last.words)
        walk.bounds = last.bounds  # the same tree, and dear to find
        walk.mixed = last.mixed
        walk.module(tree)
    return Names(tuple(walk.uses), walk.exports(), frozenset(walk.imports))


class _Walk(Classes):
    """Walks statements in the order of execution, function bodies last."""

    def __init__(
        self,
        module: str,
        package: bool,
        exports: Exports,
        seeds: Mapping[object, Mapping[str, str]],
        source: Segments | None,
        words: Iterable[str],
    ) -> None:
        super().__init__(module, package, exports, seeds, source, words)

    def module(self, tree: ast.Module) -> None:
        self.root.node = tree
        self.body(tree.body)
        self.root.held = {**self.seeds.get("module", {}), **self.root.held}
        while self.pending:
            self.function(*self.pending.popleft())

    def exports(self) -> dict[str, str]:
        """What other modules find here; "f()" is what its function f returns."""
        held = {**self.late.get("given", {}), **self.root.held}
        found = {name: value for name, value in held.items() if api.is_eventlet(value)}
        for name, value in self.root.held.items():
            found.update(self.attributes_for_others(name, value))
            if given := self.given(value):
                found[f"{name}()"] = given
        # A star brings no private names, unless they are listed.
        listed = {f"*{name}": found[name] for name in self.listed if name in found}
        return {**found, **listed}

    # Statements

    def body(self, statements: Iterable[ast.stmt]) -> None:
        for statement in self.mattering(statements):
            handler = _STATEMENTS.get(statement.__class__)
            if handler:
                handler(self, statement)
            else:
                self.children(statement)

    def children(self, node: ast.AST) -> None:
        """Walk a node that binds nothing by itself, in source order."""
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, list):
                if value and isinstance(value[0], ast.stmt):
                    self.body(value)
                else:
                    for item in value:
                        self.child(item)
            else:
                self.child(value)

    def child(self, node: object) -> None:
        if isinstance(node, ast.ExceptHandler):
            self.handler(node)
        elif isinstance(node, ast.expr):
            self.expression(node)
        elif isinstance(node, ast.pattern):
            for name in bound_names(node).local:
                self.hold(name, None)
            self.children(node)
        elif isinstance(node, ast.AST):
            self.children(node)

    def branches(self, *bodies: Sequence[Any]) -> None:
        """Walk alternatives from the same state; any of them may have happened."""
        before = self.scope.held
        after: dict[str, str] = {}
        for alternative in bodies:
            self.scope.held = dict(before)
            if alternative and isinstance(alternative[0], ast.stmt):
                self.body(alternative)
            else:
                for node in alternative:
                    self.child(node)
            after = {**self.scope.held, **after}
        self.scope.held = after

    def if_(self, node: ast.If) -> None:
        bodies = [node.body]
        self.expression(node.test)
        while len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            node = node.orelse[0]  # generated code has thousands of elif
            self.expression(node.test)
            bodies.append(node.body)
        self.branches(*bodies, node.orelse)

    def while_(self, node: ast.While) -> None:
        self.expression(node.test)
        self.branches(node.body, [])
        self.branches(node.orelse, [])

    def for_(self, node: ast.For | ast.AsyncFor) -> None:
        self.expression(node.iter)
        self.target(node.target, None)
        self.branches(node.body, [])
        self.branches(node.orelse, [])

    def try_(self, node: ast.Try) -> None:
        before = dict(self.scope.held)
        self.body(node.body)
        self.body(node.orelse)
        done = self.scope.held
        # A handler may run after any part of the body.
        self.scope.held = {**done, **before}
        self.branches([], *[[handler] for handler in node.handlers])
        self.scope.held = {**self.scope.held, **done}
        self.body(node.finalbody)

    def handler(self, node: ast.ExceptHandler) -> None:
        if node.type:
            self.expression(node.type)
        if node.name:
            self.hold(node.name, None)
        self.body(node.body)

    def match(self, node: ast.Match) -> None:
        self.expression(node.subject)
        self.branches([], *[[case] for case in node.cases])

    def with_(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            value = self.expression(item.context_expr)
            if item.optional_vars is not None:
                entered = value if value in api.ENTERED else unwrap(value)
                self.target(item.optional_vars, entered)
        self.body(node.body)

    def assign(self, node: ast.Assign) -> None:
        value = self.expression(node.value)
        for target in node.targets:
            self.target(target, value, node.value)
            if isinstance(target, ast.Name) and target.id == "__all__":
                self.listed += map(text_of, getattr(node.value, "elts", ()))

    def annotated(self, node: ast.AnnAssign) -> None:
        self.annotation(node.annotation)
        value = self.expression(node.value) if node.value is not None else None
        if node.value is not None and text_of(node.value) and _is_type_alias(node.annotation):
            self.annotation(node.value)
        if node.value is not None or isinstance(node.target, ast.Name):
            self.target(node.target, value, node.value)

    def type_alias(self, node: Any) -> None:
        """``type X = ...``."""
        self.hold(node.name.id, None)
        self.type_parameters(node)
        self.annotation(node.value)

    def augmented(self, node: ast.AugAssign) -> None:
        self.expression(node.value)
        self.target(node.target, None)

    def target(self, node: ast.expr, value: str | None, source: ast.expr | None = None) -> None:
        """Bind an assignment's target; attributes and items are uses themselves.

        ``value`` is that of ``source``, whose parts a target with parts takes one by one.
        """
        if isinstance(node, ast.Name):
            self.hold(node.id, value)
            if is_none(source):
                self.scope.hidden.discard(node.id)  # a place to fill later
        elif isinstance(node, (ast.Tuple, ast.List)):
            for target, part in paired(node.elts, source):
                self.target(target, self.peek(part) if part else None, part)
        elif isinstance(node, ast.Starred):
            self.target(node.value, None)
        else:
            self.expression(node)
            if isinstance(node, ast.Attribute) and not is_none(source):
                self.attribute(node, value)

    def delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self.target(target, None)

    def return_(self, node: ast.Return) -> None:
        value = self.expression(node.value) if node.value else None
        if value and api.is_eventlet(value):
            self.give(value, self.answers.get(node, ()))
        self.hand(value)

    def expression_statement(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return  # a docstring or a bare literal says nothing
        self.expression(node.value, statement=True)
        if isinstance(node.value, ast.Yield) and node.value.value:
            self.hand(self.peek(node.value.value))

    def class_(self, node: ast.ClassDef) -> None:
        handed = self.handed(node.decorator_list)
        if handed:  # its tests are given mocks, and need not name Eventlet themselves
            self.words[TEST_PREFIX] = None
        self.type_parameters(node)
        bases = [self.expression(expression) for expression in node.bases]
        for keyword in node.keywords:
            self.expression(keyword.value)
        scope = Scope(node, self.scope, in_async=self.scope.in_async)
        scope.handed = handed
        scope.owner = self.class_name(node)
        inherited = self.inherited(node, bases)
        scope.attributes = {**inherited, **self.seeds.get(node, {})}
        outer = self.inside(scope)
        self.body(node.body)
        self.scope = outer
        self.keep_attributes(scope, inherited)
        is_followed = scope.attributes and not api.is_eventlet(scope.owner)
        self.hold(node.name, scope.owner if is_followed else None)

    def def_(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        handed = self.handed(node.decorator_list)
        self.type_parameters(node)
        self.signature(node.args)
        if node.returns:
            self.annotation(node.returns)
        if node.name.startswith(TEST_PREFIX):
            handed += self.scope.handed
        given = {**self.defaults(node.args), **self.fixtures(node)}
        if handed:
            given.update(self.mocks(node.args, handed))
        self.pending.append((node, self.scope, given))
        is_giver = self.scope is self.root and f"{node.name}()" in self.seeds.get("given", {})
        self.hold(node.name, f"{self.name}.{node.name}" if is_giver else None)

    def handed(self, decorators: Sequence[ast.expr]) -> list[tuple[str, str]]:
        """Walk decorators; what mock hands a function for them: (keyword or "", API or "")."""
        values = [self.expression(decorator) for decorator in decorators]
        handed: list[tuple[str, str]] = []
        for decorator, value in zip(reversed(decorators), reversed(values), strict=True):
            found = replacement(decorator)
            if found and found.hands_over:
                handed.append(("", unwrap(value) or ""))
            elif found and found.several and (owner := self.owner_of(found)):
                mocks = [one.arg for one in found.several if one.arg and is_default(one)]
                named = [(name, self.through(f"{owner}.{name}")) for name in mocks]
                handed += [(name, value) for name, value in named if api.is_eventlet(value)]
        return handed

    def function(self, node: Function, parent: Scope, given: Mapping[str, str]) -> None:
        """Walk a body whose walk was put off. ``given``: what its arguments may hold."""
        late = self.seeds.get(node, {})
        if not (late or given or isinstance(node, ast.Lambda)) and self.passed_over(node.body):
            return
        is_async = isinstance(node, ast.AsyncFunctionDef)
        scope = Scope(node, parent, in_async=is_async)
        arguments = [one.arg for one in [*node.args.posonlyargs, *node.args.args]]
        if isinstance(parent.node, ast.ClassDef) and arguments:
            scope.me = arguments.pop(0)
            scope.attributes, scope.owner = parent.attributes, parent.owner
        elif parent.me:
            scope.me, scope.attributes = parent.me, parent.attributes
            scope.owner = parent.owner
        scope.held.update(late)
        scope.held.update(given)
        self.words.update(dict.fromkeys(scope.held))
        self.inside(scope)
        if isinstance(node, ast.Lambda):
            self.expression(node.body)
        else:
            if parent is self.root:
                self.answers = asked_names(node)
            self.body(node.body)
        scope.held = {**late, **scope.held}  # for the functions inside, which run later
        self.scope = self.root

    # Imports

    def import_(self, node: ast.Import) -> None:
        for alias in node.names:
            self.imports.add(alias.name)
            root = alias.name.partition(".")[0]
            if api.is_eventlet(alias.name):
                self.emit(alias.name, "import", alias)
            elif root not in self.roots and api.BACKDOOR_MODULE not in alias.name:
                self.hold(alias.asname or root, None)
                continue
            if alias.asname:
                self.hold(alias.asname, alias.name)
            else:
                self.hold(root, root)

    def import_from(self, node: ast.ImportFrom) -> None:
        module = absolute(node.level, node.module or "", self.name, package=self.package)
        for alias in node.names:
            self.imports.add(f"{module}.{alias.name}")
            if alias.name == "*":
                self.star(module, alias)
                continue
            # The module itself, even where a parent gives its name something else.
            held = self.known.get(module, {}).get(alias.name)
            name = self.through(held) if held else f"{module}.{alias.name}"
            known = api.is_eventlet(name)
            if known:
                self.emit(name.removesuffix("()"), "import", alias)
            elif alias.asname and alias.name in IMPORTERS:
                self.importers.add(alias.asname)
            leads = name in self.known or name in api.LIBRARY_WAYS or self.leads_on(name)
            is_held = known or leads or self.given(name) or self.attributes_of(name)
            self.hold(alias.asname or alias.name, name if is_held else None)

    def star(self, module: str, alias: ast.alias) -> None:
        if api.is_eventlet(module):
            self.emit(module, "import", alias)
            for name in api.STAR.get(module, "").split():
                self.hold(name, f"{module}.{name}")
        for name, value in self.known.get(module, {}).items():
            owner, dot, _ = name.partition(".")
            if not name.startswith("_"):
                self.hold(owner.removeprefix("*"), f"{module}.{owner}" if dot else value)


def _is_type_alias(annotation: ast.expr) -> bool:
    return getattr(annotation, "attr", getattr(annotation, "id", "")) == "TypeAlias"


_STATEMENTS: dict[type[ast.AST], Callable[[_Walk, Any], None]] = {
    getattr(ast, "TypeAlias", ast.stmt): _Walk.type_alias,  # from Python 3.12 on
    ast.AnnAssign: _Walk.annotated,
    ast.Assign: _Walk.assign,
    ast.AsyncFor: _Walk.for_,
    ast.AsyncFunctionDef: _Walk.def_,
    ast.AsyncWith: _Walk.with_,
    ast.AugAssign: _Walk.augmented,
    ast.ClassDef: _Walk.class_,
    ast.Delete: _Walk.delete,
    ast.Expr: _Walk.expression_statement,
    ast.For: _Walk.for_,
    ast.FunctionDef: _Walk.def_,
    ast.If: _Walk.if_,
    ast.Import: _Walk.import_,
    ast.ImportFrom: _Walk.import_from,
    ast.Match: _Walk.match,
    ast.Return: _Walk.return_,
    ast.Try: _Walk.try_,
    ast.TryStar: _Walk.try_,
    ast.While: _Walk.while_,
    ast.With: _Walk.with_,
}
