"""What becomes of each use of the debug and backdoor APIs: one module a family of rules.

A fix looks at one use in its file and returns a `Change`, or raises `Left` with the reason
why the use stays as it is. Nothing is edited here; `migrator.rewrite` collects the changes.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from migrator.statements import runs_before

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from migrator.edits import Source
    from migrator.findings import Advice, Applicability, Finding, Stage
    from migrator.names import Use
    from migrator.scopes import Bindings, Imported, Scope

# Expressions that brackets of their own hold together over several lines.
_CLOSED = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
# Those that need parentheses in some places.
_LOOSE = (ast.NamedExpr, ast.Yield, ast.YieldFrom)
COMMENT_LOST = "a comment would be lost"


class Left(Exception):  # noqa: N818 - the use is left, which is no error
    """The use stays; the message is the reason that the user reads."""


class NeedsReview(Left):
    """The use stays unless the user asks for unsafe changes."""


class Inherited(Left):
    """The use has its name from another module of the project, and is what that imports."""


@dataclass(frozen=True, slots=True)
class Change:
    """One use rewritten: parts of the text replaced, statements replaced ("()": deleted).

    ``moved`` are imports that bring the same name from another module; ``added`` are
    modules to import beside the statement given; ``standard`` are imported at the top.
    """

    nodes: Mapping[ast.expr, str] = field(default_factory=dict)
    statements: Mapping[ast.stmt, Sequence[str]] = field(default_factory=dict)
    moved: Mapping[ast.alias, str] = field(default_factory=dict)
    added: Sequence[tuple[str, ast.stmt]] = ()
    standard: Sequence[str] = ()
    applicability: Applicability = "safe"
    reason: str | None = None  # why it is not safe


@dataclass(frozen=True, slots=True)
class File:
    """One file with everything that fixes ask about it."""

    source: Source
    scopes: Bindings
    uses: Sequence[Use]
    advice: Mapping[Use, Advice]
    stage: Stage
    unsafe: bool = False
    bridge: str = "bridge"  # the module that rewritten code imports instead
    follow: frozenset[str] = frozenset()  # APIs whose mocks change along in this run
    renamed: frozenset[Finding] = frozenset()  # mocks of what started a backdoor
    mentioned: Collection[str] = ()  # names that text refers to
    imported: Collection[str] = ()  # names of the module that other files import
    moves: bool = False  # what the module imports for others only comes from the bridge

    def statement(self, node: ast.AST) -> ast.stmt:
        """The innermost statement around ``node``."""
        while not isinstance(node, ast.stmt):
            node = self.source.parents[node]
        return node

    def scope(self, node: ast.AST) -> Scope:
        """The scope in which ``node`` is evaluated."""
        return self.scopes.scope_of[node]

    def imports_of(self, name: ast.Name) -> list[Imported]:
        """The imports that a read of ``name`` may see."""
        owner = self.scope(name).owner(name.id)
        if owner is None:  # a builtin, or what a star import brought
            return [i for i in self.scopes.imports if i.name == "*"]
        return [i for i in self.scopes.imports if i.scope is owner and i.name == name.id]

    def comes_through(self, use: Use) -> str:
        """What the use has its name from, if that is another module of the project."""
        node = use.node.args[0] if isinstance(use.node, ast.Call) and use.node.args else use.node
        name = root_name(node)
        imports = self.imports_of(name) if name is not None else []
        ours = not imports or any(i.module.startswith("eventlet") for i in imports)
        return "" if ours else imports[0].target

    def lacks(self, module: str, node: ast.AST) -> bool:
        """Tell whether ``module`` may not be imported yet, by its own name, at ``node``."""
        owner = self.scope(node).owner(module)
        if owner is not None and owner is not self.scopes.module:
            return False  # `require_free` saw that an import of the function's own runs before
        before = self.statement(node).lineno if self.scope(node) is self.scopes.module else None
        return not any(
            i.name == i.module == module
            and i.statement in self.source.tree.body
            and (before is None or i.statement.lineno < before)
            for i in self.scopes.imports
        )

    def require_certain(self, node: ast.AST) -> None:
        """Raise Left unless what ``node`` starts with can be nothing but Eventlet's here.

        Names are followed through every branch: in one that did not run, the name may hold
        something else. None is no such thing: it stands for an import that failed.
        """
        ours = {id(use.node) for use in self.uses}
        start = first_part(node)
        if isinstance(start, ast.Call) and start is not node and id(start) not in ours:
            raise Left("what it is reached through is called here, which may do more")
        name = root_name(node)
        owner = self.scope(name).owner(name.id) if name is not None else None
        if name is None or owner is None:
            return
        binders = owner.binders[name.id]
        parents = self.source.parents
        made = getattr(parents[binders[0]], "value", None)
        is_made = isinstance(made, ast.Call) and id(made) not in ours
        if isinstance(binders[0], ast.arg) or is_made:
            raise Left(f"it is reached through {name.id}, which may hold something else")
        if len(binders) == 1:
            return
        for binder in binders:
            value = getattr(parents[binder], "value", None)
            if id(binder) in ours or id(value) in ours or isinstance(parents[binder], ast.Delete):
                continue
            if isinstance(value, ast.Constant) and not value.value:
                continue
            line = getattr(binder, "lineno", 0)
            raise Left(f"{name.id} may hold something else: line {line} binds it as well")

    def require_free(self, name: str, node: ast.AST, module: str) -> None:
        """Raise Left unless ``name`` is unbound around ``node``, or is ``module`` already."""
        owner = self.scope(node).owner(name)
        if owner is None:
            return
        imports = [i for i in self.scopes.imports if i.alias in owner.binders[name]]
        if len(imports) < len(owner.binders[name]) or any(
            i.module.partition(".")[0] != module for i in imports
        ):
            raise Left(f"the name {name} means something else here")
        if owner is not self.scopes.module and not any(
            runs_before(i.statement, node, self.source.parents) for i in imports
        ):
            raise Left(f"the name {name} is bound in this function, but later")


def root_name(node: ast.AST) -> ast.Name | None:
    """``a`` of ``a.b.c``; None when the expression does not start with a name."""
    start = first_part(node)
    return start if isinstance(start, ast.Name) else None


def first_part(node: ast.AST) -> ast.AST:
    """``a(b)`` of ``a(b).c.d``."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node


def argument(call: ast.Call, name: str, place: int) -> ast.expr | None:
    """The argument that fills a parameter; None when it is not given.

    Raises Left when star arguments hide it.
    """
    if any(isinstance(one, ast.Starred) for one in call.args) or any(
        keyword.arg is None for keyword in call.keywords
    ):
        raise Left("the arguments cannot be told from the source")
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[place] if len(call.args) > place else None


def require_fits(call: ast.Call, *names: str) -> None:
    """Raise Left when a call has arguments beside those for parameters of these names.

    It fails as it is; what its arguments do would go with it.
    """
    given = [*names[: len(call.args)], *(keyword.arg for keyword in call.keywords)]
    if len(call.args) > len(names) or len({*given}) < len(given) or not {*given} <= {*names, None}:
        raise Left("its arguments do not fit: the call fails as it is")


def alone(node: ast.expr, source: Source) -> str:
    """Its text so that it can stand anywhere: in parentheses where their lack could tell."""
    text = source.segment(node)
    first = getattr(node, "func", getattr(node, "value", node))
    closed = isinstance(node, _CLOSED) or (
        isinstance(node, (ast.Call, ast.Subscript)) and first.lineno == first.end_lineno
    )
    fits = closed or node.lineno == node.end_lineno
    return text if fits and not isinstance(node, _LOOSE) else f"({text})"


def on_one_line(text: str) -> str:
    """An argument's text as it can be told in a reason."""
    return " ".join(text.split())


def has_effect(node: ast.expr | None) -> bool:
    """Tell whether evaluating it may do something. Reading names and attributes does not."""
    return node is not None and any(
        isinstance(part, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr))
        or (isinstance(part, ast.Call) and not _is_namespace(part))
        for part in ast.walk(node)
    )


def _is_namespace(call: ast.Call) -> bool:
    """``locals()`` and ``globals()``, which backdoors are often given."""
    return getattr(call.func, "id", "") in ("locals", "globals") and not call.args
