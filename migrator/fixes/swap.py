"""Stage bridge for ``eventlet.debug``: swap the import, keep the call.

``bridge.debug`` has every name of ``eventlet.debug`` and works in any context. So a use
follows unless the stage refuses it; where a refused use holds on to a name that others
share, the others are spelled out as ``bridge.debug.x`` and the old import stays for it.
"""

from __future__ import annotations

import ast
from functools import partial
from typing import TYPE_CHECKING

from migrator.fixes import COMMENT_LOST, Change, File, Inherited, Left, NeedsReview, root_name
from migrator.statements import runs_before

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from migrator.names import Use
    from migrator.scopes import Imported

MODULE = "eventlet.debug"
NAMES = frozenset(
    (
        "Spew",
        "format_asyncio_info",
        "format_hub_listeners",
        "format_hub_timers",
        "format_threads_info",
        "hub_blocking_detection",
        "hub_exceptions",
        "hub_listener_stacks",
        "hub_prevent_multiple_readers",
        "hub_timer_stacks",
        "spew",
        "tpool_exceptions",
        "unspew",
    )
)
_NO_IMPORT = "the module is reached through something other than an import"
_REFUSED = "hub_prevent_multiple_readers"  # unless it says True


def fix(use: Use, file: File) -> Change:
    """Swap one use, or raise Left."""
    _require_follows(use, file)
    name = _name_of(use)
    imports = file.imports_of(name)
    if not imports and _origins(name, file):
        file.require_certain(name)
        return Change()  # `hook = debug.spew` changed, or `_require_follows` said no
    direct = [i for i in imports if i.target == MODULE or i.target.startswith(f"{MODULE}.")]
    if direct and not any(i.target == "eventlet" for i in imports) and _all_follow(name, file):
        return Change(moved={i.alias: moved(i, file) for i in direct})
    file.require_certain(name)
    if direct:
        path = direct[0].target[len(MODULE) :]
        return _spell_out(use, name, f"{file.bridge}.debug{path}", direct, file)
    owner = _module_node(use)
    if imports and not any(i.module.startswith("eventlet") for i in imports):
        raise Inherited(f"the name comes from {imports[0].module}: it follows what that imports")
    if not imports or owner is None:
        raise Left(_NO_IMPORT)
    for other in file.uses:
        if _asks(other) and other is not use and not follows(other, file):
            line = getattr(other.node, "lineno", 0)
            raise Left(f"line {line} asks whether the module is there, and has to stay")
    text = file.bridge if _asks(use) else f"{file.bridge}.debug"
    return _spell_out(use, owner, text, imports, file)


def follows(use: Use, file: File) -> bool:
    """Tell whether the use may take its name from ``bridge.debug``."""
    try:
        _require_follows(use, file)
    except Left:
        return False
    return True


def _asks(use: Use) -> bool:
    """``hasattr(eventlet, "debug")`` and ``getattr``: the package is asked for the module."""
    return use.api == MODULE and use.kind != "import" and isinstance(use.node, ast.Call)


def _has_name(use: Use) -> bool:
    """``hasattr(debug, "spew")``: the module is asked for a name, and nothing else is done."""
    return isinstance(use.node, ast.Call) and getattr(use.node.func, "id", "") == "hasattr"


def is_re_export(one: Imported) -> bool:
    """Tell whether an import gives other modules a name that the bridge has as well."""
    function = one.target[len(MODULE) + 1 :]
    return one.target == MODULE or (
        one.target.startswith(f"{MODULE}.") and function in NAMES and function != _REFUSED
    )


def moved(one: Imported, file: File) -> str:
    """The module that the import names instead."""
    statement = one.statement
    old = one.alias.name if isinstance(statement, ast.Import) else statement.module or ""
    return file.bridge + old[len("eventlet") :]


def _name_of(use: Use) -> ast.Name:
    node = use.node
    if isinstance(node, ast.Call) and node.args:
        node = node.args[0]  # getattr(debug, "spew")
    name = root_name(node)
    if name is None and use.kind in ("import", "string"):
        raise Left("the module is reached, or imported, by a text that names it")
    if name is None:
        raise Left(_NO_IMPORT)
    return name


def _require_follows(use: Use, file: File, seen: frozenset[Use] = frozenset()) -> None:
    """Raise Left unless the use, what it has its value from and what that is for can follow."""
    if use in seen:
        return
    _require_below(use, file)
    for origin in _origins(_name_of(use), file):
        if origin.kind == "import":
            raise Left("the module is imported at run time, by a text that names it")
        _require_follows(origin, file, seen | {use})


def _require_below(use: Use, file: File, seen: frozenset[Use] = frozenset()) -> None:
    """Raise Left unless the use can follow, and with it all that gets its value from it.

    ``seen`` are those asked for already: `a = b` and `b = a` lead back to each other.
    """
    if use in seen:
        return
    advice = file.advice[use]
    if advice.applicability == "manual":
        raise Left(advice.reason or "no rewrite is known")
    _require_not_looked_up(file)
    named = use.kind == "string" and not _has_name(use) and not file.comes_through(use)
    if named and not file.unsafe:
        raise NeedsReview("it is named by text, as tests do; pass --unsafe to rewrite it")
    _name_of(use)
    if use.api == MODULE:
        _require_module_follows(use, file, seen | {use})
    elif use.api[len(MODULE) + 1 :].startswith("__"):
        raise Left("the module is asked about itself")
    elif use.api[len(MODULE) + 1 :] not in NAMES:
        raise Left(f"{file.bridge}.debug has no such name")
    if use.kind == "store":
        raise Left("the name is replaced at run time")


def _require_not_looked_up(file: File) -> None:
    """``sys.modules["eventlet.debug"]`` holds only as long as somebody imports the module."""
    for use in file.uses:
        if use.api == MODULE and isinstance(file.source.parents[use.node], ast.Subscript):
            line = getattr(use.node, "lineno", 0)
            raise Left(f"line {line} looks the module up by its name")


def _require_module_follows(use: Use, file: File, seen: frozenset[Use]) -> None:
    """The module as a value: given a name, tested for being there, or asked for a name."""
    assert isinstance(use.node, ast.expr)
    parent = file.source.parents[use.node]
    named = [u for u in file.uses if u.node is parent and u.api.startswith(f"{MODULE}.")]
    targets = _targets_of(parent)
    if not (targets or named or isinstance(use.node, ast.Call) or _is_tested(use.node, parent)):
        raise Left("the module itself is used as a value")
    for target in targets:
        file.require_certain(target)
        if not _all_follow(target, file, partial(_require_below, seen=seen)):
            raise Left(f"not every use of {target.id} can follow")
    for other in named:
        _require_below(other, file, seen)


def _targets_of(assignment: ast.AST) -> list[ast.Name]:
    """The names that an assignment binds to its value; none when it does more than that."""
    targets: list[ast.expr] = []
    if isinstance(assignment, ast.Assign):
        targets = assignment.targets
    elif isinstance(assignment, (ast.AnnAssign, ast.NamedExpr)):
        targets = [assignment.target]
    names = [target for target in targets if isinstance(target, ast.Name)]
    return names if len(names) == len(targets) else []


def _origins(name: ast.Name, file: File) -> list[Use]:
    """The uses whose value the name was given: ``eventlet.debug`` of ``d = eventlet.debug``."""
    owner = file.scope(name).owner(name.id)
    values = [
        getattr(file.source.parents[binder], "value", None)
        for binder in (owner.binders[name.id] if owner is not None else [])
        if binder in _targets_of(file.source.parents[binder])
    ]
    return [
        use
        for use in file.uses
        if any(use.node is value for value in values) and name is not root_name(use.node)
    ]


def _is_tested(node: ast.expr, parent: ast.AST) -> bool:
    """Only whether the module is there matters: ``if debug``, ``debug is not None``."""
    if isinstance(parent, (ast.If, ast.While, ast.IfExp, ast.Assert)):
        return parent.test is node
    if isinstance(parent, ast.Compare):
        return all(isinstance(operator, (ast.Is, ast.IsNot)) for operator in parent.ops)
    return isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)


def _all_follow(
    name: ast.Name, file: File, require: Callable[[Use, File], None] = _require_follows
) -> bool:
    """Tell whether every read of the name's binding can follow; `del` always can."""
    owner = file.scope(name).owner(name.id)
    by_root: dict[ast.Name, list[Use]] = {}
    for use in file.uses:
        if use.kind == "import" or not use.api.startswith(MODULE):
            continue
        node = use.node.args[0] if isinstance(use.node, ast.Call) and use.node.args else use.node
        root = root_name(node)
        if root is not None:
            by_root.setdefault(root, []).append(use)
    if owner is None:  # a star import: whatever else has no owner
        reads = [root for root in by_root if file.scope(root).owner(root.id) is None]
    else:
        reads = file.scopes.reads(owner, name.id)
    try:
        for read in reads:
            if isinstance(read.ctx, ast.Load):
                for use in by_root[read]:
                    require(use, file)
    except (KeyError, Left):
        return False
    return True


def _module_node(use: Use) -> ast.expr | None:
    """The part of the use that evaluates to ``eventlet.debug``."""
    node = use.node
    if isinstance(node, ast.Call) and node.args:
        return node.args[0]
    for _ in range(use.api.count(".") - MODULE.count(".")):
        if not isinstance(node, ast.Attribute):
            return None
        node = node.value
    return node if isinstance(node, ast.Attribute) else None


def _spell_out(
    use: Use, node: ast.expr, text: str, imports: Sequence[Imported], file: File
) -> Change:
    file.require_free(file.bridge, use.node, file.bridge)
    if file.source.comments(*file.source.span(node)):
        raise Left(COMMENT_LOST)
    module = f"{file.bridge}.debug"
    added = [(module, statement) for statement in beside(use, imports, module, file)]
    return Change(nodes={node: text}, added=added)


def beside(use: Use, imports: Sequence[Imported], module: str, file: File) -> list[ast.stmt]:
    """The imports beside which that of ``module`` goes, so that it runs whenever they did.

    One that always runs before the use is enough, the module's own rather than its
    package's, and the first of them: a function may be called before the last. Without
    such a one it goes beside each: any of them may be what ran.
    """
    for i in file.scopes.imports:
        plain = i.module == module and i.target == file.bridge
        if plain and runs_before(i.statement, use.node, file.source.parents):
            return []
    before = [i for i in imports if runs_before(i.statement, use.node, file.source.parents)]
    own = [i for i in before if i.module.count(".") or i.target != "eventlet"]
    return [i.statement for i in (own or before)[:1] or imports]
