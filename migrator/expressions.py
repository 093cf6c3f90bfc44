"""Expressions: what they use, and what they evaluate to. No recursion into operands."""

from __future__ import annotations

import ast
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias

from migrator import api
from migrator.bindings import parameters
from migrator.mocked import (
    ENTERS,
    PATCHERS_OWN,
    REPLACERS,
    STARTS,
    replacement,
    unwrap,
    wrap,
)
from migrator.namespaces import Namespaces, Scope
from migrator.strings import (
    dotted_literal,
    eventlet_part,
    gives_submodule,
    imported,
    module_by_name,
    text_of,
    texts_in,
)
from migrator.uses import Use

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from migrator.findings import Kind
    from migrator.mocked import Replacement
    from migrator.segments import Segments
    from migrator.uses import Exports

Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda"
_Comprehension: TypeAlias = "ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp"

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_IN_PARENTHESES = (ast.BoolOp, ast.IfExp, ast.NamedExpr)  # not nested deeply
# Functions that import what their text names: importlib, oslo.utils, pytest, werkzeug and Django,
# pkgutil, and those that do so later.
IMPORTERS = frozenset(
    {
        *("__import__", "import_any", "import_class", "import_from_string", "import_module"),
        *("import_string", "importorskip", "lazy_callable", "lazy_import", "lazy_module"),
        *("LazyLoader", "optional_import", "resolve_name", "try_import"),
    }
)
_MAKERS = frozenset({"import_object", "import_object_ns"})  # oslo.utils: call what they import
_BY_NAME: dict[str, Kind] = {"getattr": "reference", "setattr": "store", "delattr": "store"}


class Expressions(Namespaces):
    """Walks expressions; ``uses`` grows, bodies of functions wait in ``pending``."""

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
        self.uses: list[Use] = []
        self.imports: set[str] = set()
        self.importers: set[str] = set()  # other names of import_module and kin
        self.pending: deque[tuple[Function, Scope, Mapping[str, str]]] = deque()
        self.named: set[int] = set()  # literals that were understood as part of a call
        self.listed: list[str] = []  # in __all__
        self.answers: Mapping[ast.AST, list[str]] = {}  # as in `providers.asked_names`

    def peek(self, node: ast.expr) -> str | None:
        """What an expression that was walked already evaluates to."""
        if isinstance(node, (ast.Tuple, ast.List, ast.Constant, ast.Lambda)):
            return None
        uses = len(self.uses)
        value = self.expression(node)
        del self.uses[uses:]
        return value

    def expression(self, node: ast.expr, *, statement: bool = False) -> str | None:
        """Walk an expression; returns the dotted name that it evaluates to, if known."""
        result: str | None = None
        stack: list[Any] = [node]
        values: list[ast.expr] = [node]  # the parts whose value the whole may have
        while stack:
            one = stack.pop()
            kind = one.__class__
            if kind is ast.Name and one.id not in self.words:
                continue
            if kind is ast.Attribute or kind is ast.Call or kind is ast.Name:
                value = self.chain(one, stack, statement=statement and one is node)
                if value and result is None and one in values:
                    result = value
            elif kind is ast.Constant:
                self.constant(one)
            elif kind is ast.NamedExpr:
                value = self.expression(one.value)
                self.hold(one.target.id, value)
                result = value if one in values else result
            elif kind is ast.Lambda:
                self.signature(one.args)
                self.pending.append((one, self.scope, self.defaults(one.args)))
            elif kind in _COMPREHENSIONS:
                self.comprehension(one)
            elif kind is ast.JoinedStr:
                stack += [part for part in one.values if isinstance(part, ast.FormattedValue)]
                for first in one.values[:1]:
                    self.constant(first, whole=len(one.values) == 1)
            else:
                if one in values:
                    if kind is ast.IfExp:
                        values += [one.body, one.orelse]
                    elif kind is ast.BoolOp:
                        values += one.values
                    elif kind is ast.Await:
                        statement = False
                    elif kind is ast.Subscript:
                        result = result or self.by_name(one)
                below: list[ast.expr] = []
                for field in one.__dict__.values():
                    if field.__class__ is list:
                        below += [item for item in field if isinstance(item, ast.expr)]
                    elif isinstance(field, ast.expr):
                        below.append(field)
                stack += reversed(below)
        return result

    def comprehension(self, node: _Comprehension) -> None:
        """Walk a comprehension in a scope of its own."""
        self.expression(node.generators[0].iter)
        scope = Scope(node, self.scope, in_async=self.scope.in_async)
        scope.me, scope.attributes = self.scope.me, self.scope.attributes
        scope.owner = self.scope.owner
        outer = self.inside(scope)
        for number, generator in enumerate(node.generators):
            if number:
                self.expression(generator.iter)
            for condition in generator.ifs:
                self.expression(condition)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self.expression(part)
        self.scope = outer

    def chain(self, node: ast.expr, stack: list[Any], *, statement: bool) -> str | None:
        """Resolve ``a.b(c).d``, note what it uses, leave arguments on the stack."""
        links: list[Any] = []
        base: Any = node
        while True:
            kind = base.__class__
            if kind is not ast.Attribute and kind is not ast.Call:
                break
            links.append(base)
            base = base.value if kind is ast.Attribute else base.func
        value: str | None = None
        found: Use | None = None  # reported when the chain leaves what is known
        at: ast.expr = base
        tail = ""
        if kind is ast.Name:
            tail = base.id
            value = self.lookup(tail)
            if value is None and links and self.is_missing_import(tail, links[-1]):
                value = "eventlet"
            elif value and isinstance(base.ctx, ast.Load):
                found = self.use(value, "reference", base)
        elif kind in _IN_PARENTHESES:
            value = self.expression(base)
        else:
            value = self.by_name(base)
            stack.append(base)
        for link in reversed(links):
            if link.__class__ is ast.Attribute:
                mocked = unwrap(value) if value else None
                if mocked and link.attr in STARTS:
                    tail, at = link.attr, link
                    continue
                if mocked:
                    self.uses += [found] if found else []
                    asked = link.attr not in PATCHERS_OWN
                    found = self.use(mocked, "reference", at) if asked else None
                    value = mocked if asked else None
                if value is None:
                    grown = value = self.own_attribute(link) if link.value is base else None
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
            if tail == "cast" and link.args and text_of(link.args[0]):
                self.annotation(link.args[0])
            if value and at is link.func and unwrap(value):
                value, at = value if tail in STARTS else None, link
            elif at is link.func and value and (api.is_eventlet(value) or self.result_of(value)):
                is_statement = statement and link is node
                found = self.use(value, "call", link.func, link, statement=is_statement)
                tracked = self.result_of(value)
                if found and tracked and value not in api.HUBS:
                    self.uses.append(found)
                    found = None
                value, at = tracked, link
                if value and not found:
                    found = self.use(value, "reference", link)
            else:
                value = None
                named = self.named_by_string(link, tail)
                if named:
                    if found:
                        self.uses.append(found)
                    name, kind, value = named
                    found = self.use(name, kind, link)
                    at = link
                else:
                    value, at = self.by_name(link), link
                if tail in REPLACERS or tail in ENTERS:
                    value, at = self.mocked(link, tail), link
            tail = ""
        if found:
            self.uses.append(found)
        return value

    def own_attribute(self, link: ast.Attribute) -> str | None:
        """What ``self.x`` holds; the dotted name of ``self.f``, if it returns Eventlet."""
        scope, owner = self.scope, link.value
        if not isinstance(link.ctx, ast.Load) or not isinstance(owner, ast.Name):
            return None
        if owner.id != scope.me or not scope.attributes:
            return None
        if f"{link.attr}()" in scope.attributes:
            return f"{scope.owner}.{link.attr}"
        return scope.attributes.get(link.attr)

    def result_of(self, function: str) -> str | None:
        """What a call gives, as far as its attributes are worth a finding."""
        if function in api.TRACKED_RESULTS:
            return f"{function}()"
        # An instance has what its class has.
        return self.given(function) or (function if self.attributes_of(function) else None)

    @staticmethod
    def by_name(node: ast.AST) -> str | None:
        """Eventlet's module that is taken out of ``sys.modules``."""
        name = module_by_name(node)
        return name if name and api.is_eventlet(name) else None

    def grow(self, value: str, attribute: str) -> str | None:
        """``value.attribute`` where that is still part of an API's name."""
        if value.endswith("()") or api.is_module(value):
            return self.through(f"{value}.{attribute}")
        return None

    def named_by_string(self, call: ast.Call, tail: str) -> tuple[str, Kind, str | None] | None:
        """``import_module("eventlet.debug")``, ``getattr(eventlet.debug, "x")`` and kin.

        Returns the API, its kind and what the call evaluates to.
        """
        if tail in IMPORTERS or tail in _MAKERS or tail in self.importers:
            for text, module in imported(call):
                if api.is_eventlet(module):
                    self.named.add(id(text))
                    if tail in _MAKERS:
                        return module, "import", None
                    whole = tail != "__import__" or gives_submodule(call)
                    return module, "import", module if whole else module.partition(".")[0]
        if tail == "patch" and call.args:
            name = dotted_literal(call.args[0])
            if name and name.endswith(".eventlet"):
                self.named.add(id(call.args[0]))
                return "eventlet", "string", None
        if len(call.args) >= 2 and not tail.startswith("assert"):
            attribute = dotted_literal(call.args[1])
            if attribute and attribute.isidentifier():
                owner = self.peek(call.args[0])
                if owner and (api.is_module(owner) or owner.endswith("()")):
                    name = self.through(f"{owner}.{attribute}")
                    if api.is_eventlet(name):
                        self.named.add(id(call.args[1]))
                        kind = _BY_NAME.get(tail, "string")
                        return name, kind, name if tail == "getattr" else None
        return None

    def mocked(self, call: ast.Call, tail: str) -> str | None:
        """What a call that replaces an API, or starts to, evaluates to; notes its names."""
        if tail in ENTERS:
            value = self.peek(call.args[0]) if call.args else None
            return value if unwrap(value) else None
        found = replacement(call)
        if found is None:
            return None
        name = self.owner_of(found)
        if not name or unwrap(name):
            return None
        text = dotted_literal(found.target)
        if text and eventlet_part(text) is None:
            self.imports.add(text)
            if api.is_eventlet(name):
                self.emit(_trim(name), "string", found.target)
        elif text and name == "eventlet" != text and not (tail == "patch" and call.args):
            self.emit(name, "string", found.target)
        for keyword in found.several if api.is_module(name) else ():
            part = self.through(f"{name}.{keyword.arg}")
            if api.is_eventlet(part):
                self.emit(part, "string", keyword)
        if found.attribute is not None:
            attribute = dotted_literal(found.attribute)
            if not attribute or not api.is_module(name):
                return None
            name = self.through(f"{name}.{attribute}")
            if found.attribute not in call.args and api.is_eventlet(name):
                self.named.add(id(found.attribute))
                self.emit(name, _BY_NAME.get(tail, "string"), call)
        return wrap(name) if found.hands_over and api.is_eventlet(name) else None

    def owner_of(self, found: Replacement) -> str | None:
        """What a replacement is made in: by its own name, or by the project's module."""
        text = dotted_literal(found.target)
        if text is None:
            return self.peek(found.target)
        return eventlet_part(text) or self.through(text)

    def constant(self, node: ast.AST, *, whole: bool = True) -> None:
        """A string that is nothing but the dotted name of an Eventlet API, or its start."""
        text = text_of(node)
        if not ("." in text or ":" in text) or id(node) in self.named:
            return  # most are
        name = dotted_literal(node, whole=whole)
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
        """Make a use of a name, unless it is not one of Eventlet's."""
        if name.endswith("()") or not api.is_eventlet(name):
            return None  # a hub that is passed on is no use of its API
        return Use(name, kind, node, call, self.scope.in_async, statement)

    def emit(self, name: str, kind: Kind, node: ast.AST) -> None:
        """Note a use of a name that is known to be Eventlet's."""
        self.uses.append(Use(name, kind, node, None, self.scope.in_async))

    def defaults(self, arguments: ast.arguments) -> dict[str, str]:
        """What the parameters hold that a caller leaves out; they were walked already."""
        if not (arguments.defaults or arguments.kw_defaults):
            return {}
        places = [*arguments.posonlyargs, *arguments.args]
        pairs = [
            *zip(reversed(places), reversed(arguments.defaults), strict=False),
            *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
        ]
        held = {one.arg: self.peek(default) for one, default in pairs if default}
        return {name: value for name, value in held.items() if value}

    def signature(self, arguments: ast.arguments) -> None:
        """Walk what a function's signature evaluates where it is defined."""
        for default in [*arguments.defaults, *arguments.kw_defaults]:
            if default is not None:
                self.expression(default)
        for one in parameters(arguments):
            if one.annotation:
                self.annotation(one.annotation)

    def type_parameters(self, node: ast.AST) -> None:
        """Walk the bounds and defaults of ``def f[T: bound = default]``, from Python 3.12 on."""
        for parameter in getattr(node, "type_params", ()):
            for part in ast.iter_child_nodes(parameter):
                if isinstance(part, ast.expr):
                    self.annotation(part)

    def annotation(self, node: ast.expr) -> None:
        """Walk an annotation; a text is code that names the type."""
        text = text_of(node)
        if any(word in text for word in self.words):
            with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                before = len(self.uses)
                self.expression(ast.parse(text, mode="eval").body)
                found = dict.fromkeys(use.api for use in self.uses[before:])
                del self.uses[before:]
                for api_name in found:
                    self.emit(api_name, "string", node)
                return
        parts = [] if text else list(texts_in(node))
        self.named.update(map(id, parts))
        self.expression(node)
        for part in parts:
            self.annotation(part)


def _trim(name: str) -> str:
    """The part of a dotted name up to its API: mocks name what hangs on it, too."""
    parts = name.removesuffix(".__dict__").split(".")
    for end in range(1, len(parts)):
        if not api.is_module(".".join(parts[:end])):
            return ".".join(parts[:end])
    return ".".join(parts)


def _context_kind(node: ast.Attribute) -> Kind:
    return "reference" if isinstance(node.ctx, ast.Load) else "store"
