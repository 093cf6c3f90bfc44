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
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from migrator import api
from migrator.bindings import Bound, bound_names, parameters
from migrator.strings import dotted_literal, eventlet_part, patch_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from migrator.findings import Kind
    from migrator.segments import Segments

# Module -> what its public names hold: the project's own re-exports (migrator.facades).
Exports: TypeAlias = "Mapping[str, Mapping[str, str]]"
_Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda"
_Comprehension: TypeAlias = "ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp"

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_IMPORTERS = frozenset({"import_module", "try_import", "__import__", "importorskip"})
_BY_NAME: dict[str, Kind] = {"getattr": "reference", "setattr": "store", "delattr": "store"}
_PASSES = 3  # late bindings that lead to late bindings; more is contrived


@dataclass(frozen=True, slots=True)
class Use:
    """One use of an Eventlet API.

    ``node`` spans what names it; ``call`` is the call it is the function of, if it is
    one. ``in_async``: the code runs inside ``async def``. ``statement``: the call is a
    statement of its own, so nobody looks at its result.
    """

    api: str
    kind: Kind
    node: ast.AST
    call: ast.Call | None = None
    in_async: bool = False
    statement: bool = False


@dataclass(frozen=True, slots=True)
class Names:
    """What one module uses, what its own names hold for others, and what it imports.

    ``imports`` are dotted names: modules, and modules with the name taken from them.
    """

    uses: tuple[Use, ...]
    exports: Mapping[str, str]
    imports: frozenset[str]


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
    walk = _Walk(module, package, exports or {}, {}, source)
    walk.module(tree)
    for _ in range(_PASSES):
        # `self.hub = get_hub()` and `global debug` reach code that was walked earlier.
        if walk.late == walk.seeds:
            break
        walk = _Walk(module, package, exports or {}, walk.late, source)
        walk.module(tree)
    return Names(tuple(walk.uses), walk.exports(), frozenset(walk.imports))


class _Scope:
    """One namespace. ``held`` maps a name to the dotted name that it holds."""

    __slots__ = ("_bound", "attributes", "held", "in_async", "me", "node", "parent")

    def __init__(self, node: ast.AST, parent: _Scope | None, *, in_async: bool = False) -> None:
        self.node = node
        self.parent = parent
        self.in_async = in_async
        self.held: dict[str, str] = {}
        self.me = ""  # the name of a method's first parameter
        self.attributes: dict[str, str] | None = None  # what `self.x` holds, by class
        self._bound: Bound | None = None

    @property
    def bound(self) -> Bound:
        if self._bound is None:
            self._bound = bound_names(self.node)
        return self._bound


class _Walk:
    def __init__(
        self,
        module: str,
        package: bool,
        exports: Exports,
        seeds: Mapping[object, Mapping[str, str]],
        source: Segments | None,
    ) -> None:
        self.source = source
        # What a statement has to hold to matter: a way to Eventlet, or a name that leads there.
        self.words = {"import", "eventlet", "greenlet", api.BACKDOOR_MODULE}
        for names in seeds.values():
            self.words.update(names)
        self.name = module
        self.package = package
        self.known = exports
        self.seeds = seeds
        self.late: dict[object, dict[str, str]] = {}
        self.uses: list[Use] = []
        self.imports: set[str] = set()
        self.pending: deque[tuple[_Function, _Scope, Sequence[str]]] = deque()
        self.named: set[int] = set()  # literals that were understood as part of a call
        self.root = self.scope = _Scope(ast.Module(body=[], type_ignores=[]), None)
        self.roots = {"eventlet", "greenlet"} | {name.partition(".")[0] for name in exports}

    def module(self, tree: ast.Module) -> None:
        self.root.node = tree
        self.body(tree.body)
        self.root.held = {**self.seeds.get("module", {}), **self.root.held}
        while self.pending:
            self.function(*self.pending.popleft())

    def exports(self) -> dict[str, str]:
        return {name: value for name, value in self.root.held.items() if api.is_eventlet(value)}

    # Scopes

    def hold(self, name: str, value: str | None) -> None:
        """Bind ``name`` in the current scope (or where it is declared to live)."""
        scope = self.scope
        if scope.node.__class__ in _FUNCTIONS and value:
            if name in scope.bound.declared_global:
                self.remember("module", name, value)
            elif name in scope.bound.declared_nonlocal and scope.parent:
                self.remember(scope.parent.node, name, value)
        if value:
            scope.held[name] = value
            self.words.add(name)
        else:
            scope.held.pop(name, None)

    def remember(self, place: object, name: str, value: str) -> None:
        self.words.add(name)
        self.late.setdefault(place, {})[name] = value

    def lookup(self, name: str) -> str | None:
        scope: _Scope | None = self.scope
        first = True
        while scope is not None:
            # A class body's names are seen in that body only.
            if first or not isinstance(scope.node, ast.ClassDef):
                value = scope.held.get(name)
                if value is not None:
                    return value
                if scope.parent is not None and self.visible_above(name, scope) is False:
                    return None
            first = False
            scope = scope.parent
        return None

    @staticmethod
    def visible_above(name: str, scope: _Scope) -> bool:
        """Is the name free in ``scope``? Costs a walk, so only when it matters."""
        above = scope.parent
        while above is not None and name not in above.held:
            above = above.parent
        if above is None or isinstance(scope.node, ast.ClassDef):
            return True
        return name not in scope.bound.local

    def inside(self, scope: _Scope) -> _Scope:
        outer, self.scope = self.scope, scope
        return outer

    # Statements

    def body(self, statements: Iterable[ast.stmt]) -> None:
        for statement in statements:
            if self.source and not self.source.holds(statement, self.words):
                continue
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

    def branches(self, *bodies: Sequence[ast.AST]) -> None:
        """Walk alternatives from the same state; any of them may have happened."""
        before = self.scope.held
        after: dict[str, str] = {}
        for alternative in bodies:
            self.scope.held = dict(before)
            for node in alternative:
                if isinstance(node, ast.stmt):
                    self.body([node])
                else:
                    self.child(node)
            after = {**self.scope.held, **after}
        self.scope.held = after

    def if_(self, node: ast.If) -> None:
        self.expression(node.test)
        self.branches(node.body, node.orelse)

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
            self.expression(item.context_expr)
            if item.optional_vars is not None:
                self.target(item.optional_vars, patch_target(item.context_expr))
        self.body(node.body)

    def assign(self, node: ast.Assign) -> None:
        value = self.expression(node.value)
        for target in node.targets:
            if (
                isinstance(target, (ast.Tuple, ast.List))
                and isinstance(node.value, (ast.Tuple, ast.List))
                and len(target.elts) == len(node.value.elts)
            ):
                for one, source in zip(target.elts, node.value.elts, strict=True):
                    self.target(one, self.peek(source))
            else:
                self.target(target, value)

    def annotated(self, node: ast.AnnAssign) -> None:
        self.expression(node.annotation)
        if node.value is not None:
            self.target(node.target, self.expression(node.value))
        else:
            self.target(node.target, None)

    def augmented(self, node: ast.AugAssign) -> None:
        self.expression(node.value)
        self.target(node.target, None)

    def target(self, node: ast.expr, value: str | None) -> None:
        """Bind an assignment's target; attributes and items are uses themselves."""
        stack = [node]
        while stack:
            one = stack.pop()
            if isinstance(one, ast.Name):
                self.hold(one.id, value if one is node else None)
            elif isinstance(one, (ast.Tuple, ast.List)):
                stack += one.elts
            elif isinstance(one, ast.Starred):
                stack.append(one.value)
            else:
                self.expression(one)
                if isinstance(one, ast.Attribute) and one is node and value:
                    self.attribute(one, value)

    def attribute(self, node: ast.Attribute, value: str) -> None:
        """``self.x = <Eventlet>`` holds for every method of the class."""
        scope = self.scope
        if isinstance(node.value, ast.Name) and node.value.id == scope.me and scope.me:
            assert scope.attributes is not None
            scope.attributes[node.attr] = value
            self.remember(self.class_key(scope), node.attr, value)

    @staticmethod
    def class_key(scope: _Scope) -> object:
        above = scope.parent
        while above is not None and not isinstance(above.node, ast.ClassDef):
            above = above.parent
        return above.node if above else None

    def delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self.target(target, None)

    def expression_statement(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return  # a docstring or a bare literal says nothing
        self.expression(node.value, statement=True)

    def class_(self, node: ast.ClassDef) -> None:
        for expression in [*node.decorator_list, *node.bases]:
            self.expression(expression)
        for keyword in node.keywords:
            self.expression(keyword.value)
        scope = _Scope(node, self.scope, in_async=self.scope.in_async)
        scope.attributes = dict(self.seeds.get(node, {}))
        outer = self.inside(scope)
        self.body(node.body)
        self.scope = outer
        scope.attributes.update(scope.held)
        self.hold(node.name, None)

    def def_(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for expression in node.decorator_list:
            self.expression(expression)
        self.signature(node.args)
        if node.returns:
            self.expression(node.returns)
        patched = [patch_target(decorator) or "" for decorator in reversed(node.decorator_list)]
        self.pending.append((node, self.scope, [name for name in patched if name]))
        self.hold(node.name, None)

    def signature(self, arguments: ast.arguments) -> None:
        for default in [*arguments.defaults, *arguments.kw_defaults]:
            if default is not None:
                self.expression(default)
        for one in parameters(arguments):
            if one.annotation:
                self.expression(one.annotation)

    def function(self, node: _Function, parent: _Scope, patched: Sequence[str]) -> None:
        """Walk a body whose walk was put off. ``patched``: what mock puts in its arguments."""
        is_async = isinstance(node, ast.AsyncFunctionDef)
        scope = _Scope(node, parent, in_async=is_async)
        arguments = [one.arg for one in [*node.args.posonlyargs, *node.args.args]]
        if isinstance(parent.node, ast.ClassDef) and arguments:
            scope.me = arguments.pop(0)
            scope.attributes = parent.attributes
        elif parent.me:
            scope.me, scope.attributes = parent.me, parent.attributes
        scope.held.update(self.seeds.get(node, {}))
        scope.held.update(zip(arguments, patched, strict=False))
        self.words.update(scope.held)
        self.inside(scope)
        if isinstance(node, ast.Lambda):
            self.expression(node.body)
        else:
            self.body(node.body)
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
        module = self.absolute(node)
        for alias in node.names:
            self.imports.add(f"{module}.{alias.name}")
            if alias.name == "*":
                self.star(module, alias)
                continue
            name = self.through(f"{module}.{alias.name}")
            known = api.is_eventlet(name)
            if known:
                self.emit(name, "import", alias)
            interesting = known or name in self.known or self.leads_on(name)
            self.hold(alias.asname or alias.name, name if interesting else None)

    def star(self, module: str, alias: ast.alias) -> None:
        if api.is_eventlet(module):
            self.emit(module, "import", alias)
            for name in api.STAR.get(module, "").split():
                self.hold(name, f"{module}.{name}")
        for name, value in self.known.get(module, {}).items():
            if not name.startswith("_"):
                self.hold(name, value)

    def absolute(self, node: ast.ImportFrom) -> str:
        """The module an import-from names; "" when it climbs out of what we know."""
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        climb = node.level - 1 if self.package else node.level
        parts = parts[: len(parts) - climb] if climb else parts
        # Above what we know is some package, but never Eventlet's top.
        return ".".join([*(parts or [""]), *([node.module] if node.module else [])])

    def through(self, name: str) -> str:
        """Follow a project's own re-exports to what they hold."""
        for _ in range(8):  # longer chains of facades are cycles
            module, _, attribute = name.rpartition(".")
            rest = ""
            while module:
                held = self.known.get(module, {}).get(attribute)
                if held and held != name:
                    name = held + rest
                    break
                rest = f".{attribute}{rest}"
                module, _, attribute = module.rpartition(".")
            else:
                return name
        return name

    def leads_on(self, name: str) -> bool:
        return any(known.startswith(f"{name}.") for known in self.known)

    # Expressions

    def peek(self, node: ast.expr) -> str | None:
        """What an expression that was walked already evaluates to."""
        uses = len(self.uses)
        value = self.expression(node)
        del self.uses[uses:]
        return value

    def expression(self, node: ast.expr, *, statement: bool = False) -> str | None:
        """Walk an expression; returns the dotted name that it evaluates to, if known."""
        result: str | None = None
        stack: list[ast.AST] = [node]
        values: list[ast.expr] = [node]  # the parts whose value the whole may have
        while stack:
            one = stack.pop()
            kind = one.__class__
            if kind is ast.Attribute or kind is ast.Call or kind is ast.Name:
                assert isinstance(one, ast.expr)
                value = self.chain(one, stack, statement=statement and one is node)
                if value and result is None and one in values:
                    result = value
            elif kind is ast.Constant:
                self.constant(one)
            elif isinstance(one, ast.NamedExpr):
                value = self.expression(one.value)
                self.hold(one.target.id, value)
                result = value if one in values else result
            elif isinstance(one, ast.Lambda):
                self.signature(one.args)
                self.pending.append((one, self.scope, ()))
            elif isinstance(one, _COMPREHENSIONS):
                self.comprehension(one)
            elif kind is ast.JoinedStr:
                assert isinstance(one, ast.JoinedStr)
                stack += [part for part in one.values if isinstance(part, ast.FormattedValue)]
            else:
                if one in values:
                    if isinstance(one, ast.IfExp):
                        values += [one.body, one.orelse]
                    elif isinstance(one, ast.BoolOp):
                        values += one.values
                    elif isinstance(one, ast.Await):
                        statement = False
                below: list[ast.AST] = []
                for field in one.__dict__.values():
                    if isinstance(field, list):
                        below += [item for item in field if isinstance(item, ast.AST)]
                    elif isinstance(field, ast.AST):
                        below.append(field)
                stack += reversed(below)
        return result

    def comprehension(self, node: _Comprehension) -> None:
        self.expression(node.generators[0].iter)
        scope = _Scope(node, self.scope, in_async=self.scope.in_async)
        scope.me, scope.attributes = self.scope.me, self.scope.attributes
        outer = self.inside(scope)
        for number, generator in enumerate(node.generators):
            if number:
                self.expression(generator.iter)
            for condition in generator.ifs:
                self.expression(condition)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self.expression(part)
        self.scope = outer

    def chain(self, node: ast.expr, stack: list[ast.AST], *, statement: bool) -> str | None:
        """Resolve ``a.b(c).d``, note what it uses, leave arguments on the stack."""
        links: list[ast.Attribute | ast.Call] = []
        base: ast.expr = node
        while isinstance(base, (ast.Attribute, ast.Call)):
            links.append(base)
            base = base.value if isinstance(base, ast.Attribute) else base.func
        value: str | None = None
        found: Use | None = None  # reported when the chain leaves what is known
        at: ast.expr = base
        if isinstance(base, ast.Name):
            value = self.lookup(base.id)
            if value and isinstance(base.ctx, ast.Load):
                found = self.use(value, "reference", base)
        else:
            stack.append(base)
        tail = base.id if isinstance(base, ast.Name) else ""
        for link in reversed(links):
            if isinstance(link, ast.Attribute):
                if value is None:
                    value = self.own_attribute(link)
                    grown = value
                else:
                    grown = self.grow(value, link.attr)
                tail = link.attr
                if grown is not None:
                    value, at = grown, link
                    found = self.use(value, _context_kind(link), link)
                elif value is not None:
                    value = None  # an attribute of something that is no module: not our name
                continue
            stack += [keyword.value for keyword in reversed(link.keywords)]
            stack += reversed(link.args)
            if value is not None and at is link.func:
                is_statement = statement and link is node
                found = self.use(value, "call", link.func, link, statement=is_statement)
                value = f"{value}()" if value in api.TRACKED_RESULTS else None
                at = link
            else:
                value = None
                named = self.named_by_string(link, tail)
                if named:
                    if found:
                        self.uses.append(found)
                    name, kind, value = named
                    found = self.use(name, kind, link)
                    at = link
            tail = ""
        if found:
            self.uses.append(found)
        return value

    def own_attribute(self, link: ast.Attribute) -> str | None:
        """What ``self.x`` holds."""
        scope = self.scope
        if (
            isinstance(link.ctx, ast.Load)
            and scope.attributes
            and isinstance(link.value, ast.Name)
            and link.value.id == scope.me
            and link.value.id not in scope.held
        ):
            return scope.attributes.get(link.attr)
        return None

    def grow(self, value: str, attribute: str) -> str | None:
        """``value.attribute`` where that is still part of an API's name."""
        if value.endswith("()") or api.is_module(value):
            return self.through(f"{value}.{attribute}")
        return None

    def named_by_string(self, call: ast.Call, tail: str) -> tuple[str, Kind, str | None] | None:
        """``import_module("eventlet.debug")``, ``getattr(eventlet.debug, "x")`` and kin.

        Returns the API, its kind and what the call evaluates to.
        """
        if tail in _IMPORTERS and call.args:
            name = dotted_literal(call.args[0])
            if name and api.is_eventlet(name):
                self.named.add(id(call.args[0]))
                return name, "import", name.partition(".")[0] if tail == "__import__" else name
        if tail == "patch" and call.args:
            name = dotted_literal(call.args[0])
            if name and name.endswith(".eventlet"):
                self.named.add(id(call.args[0]))
                return "eventlet", "string", None
        if len(call.args) >= 2:
            attribute = dotted_literal(call.args[1])
            if attribute and attribute.isidentifier():
                owner = self.peek(call.args[0])
                if owner and (api.is_module(owner) or owner.endswith("()")):
                    name = f"{owner}.{attribute}"
                    if api.is_eventlet(name):
                        self.named.add(id(call.args[1]))
                        kind = _BY_NAME.get(tail, "string")
                        return name, kind, name if tail == "getattr" else None
        return None

    def constant(self, node: ast.AST) -> None:
        """A string that is nothing but the dotted name of an Eventlet API."""
        name = None if id(node) in self.named else dotted_literal(node)
        part = eventlet_part(name) if name and "." in name else None
        if part and "." in part:
            self.emit(_trim(part), "string", node)

    def use(
        self,
        name: str,
        kind: Kind,
        node: ast.AST,
        call: ast.Call | None = None,
        *,
        statement: bool = False,
    ) -> Use | None:
        if name.endswith("()") or not api.is_eventlet(name):
            return None  # a hub that is passed on is no use of its API
        return Use(name, kind, node, call, self.scope.in_async, statement)

    def emit(self, name: str, kind: Kind, node: ast.AST) -> None:
        self.uses.append(Use(name, kind, node, None, self.scope.in_async))


def _trim(name: str) -> str:
    """The part of a dotted name up to its API: mocks name what hangs on it, too."""
    parts = name.split(".")
    for end in range(1, len(parts)):
        if not api.is_module(".".join(parts[:end])):
            return ".".join(parts[:end])
    return name


def _context_kind(node: ast.Attribute) -> Kind:
    return "reference" if isinstance(node.ctx, ast.Load) else "store"


_STATEMENTS: dict[type[ast.AST], Callable[[_Walk, Any], None]] = {
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
    ast.Try: _Walk.try_,
    ast.TryStar: _Walk.try_,
    ast.While: _Walk.while_,
    ast.With: _Walk.with_,
}
