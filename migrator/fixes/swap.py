"""Stage bridge for ``eventlet.debug``: swap the import, keep the call.

``bridge.debug`` has every name of ``eventlet.debug`` and works in any context. So a use
follows unless the stage refuses it; where a refused use holds on to a name that others
share, the others are spelled out as ``bridge.debug.x`` and the old import stays for it.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from migrator.fixes import COMMENT_LOST, Change, File, Left, NeedsReview, root_name

if TYPE_CHECKING:
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


def fix(use: Use, file: File) -> Change:
    """Swap one use, or raise Left."""
    name = _name_of(use)
    _require_follows(use, file)
    imports = file.imports_of(name)
    if not imports and _assigned_from(name, file) is not None:
        return Change()  # `hook = debug.spew` changed, or `_require_follows` said no
    direct = [i for i in imports if i.target == MODULE or i.target.startswith(f"{MODULE}.")]
    if direct:
        if len(direct) == len(imports) and _all_follow(name, file):
            return Change(moved={i.alias: _moved(i, file) for i in direct})
        path = direct[0].target[len(MODULE) :]
        return _spell_out(use, name, f"{file.bridge}.debug{path}", direct[0], file)
    owner = _module_node(use)
    if imports and not any(i.module.startswith("eventlet") for i in imports):
        raise Left(f"the name comes from {imports[0].module}: it follows what that imports")
    if not imports or owner is None:
        raise Left("the module is reached through something other than an import")
    nearest = next((i for i in imports if i.module == MODULE), imports[-1])
    return _spell_out(use, owner, f"{file.bridge}.debug", nearest, file)


def follows(use: Use, file: File) -> bool:
    """Tell whether the use may take its name from ``bridge.debug``."""
    try:
        _require_follows(use, file)
    except Left:
        return False
    return True


def _moved(one: Imported, file: File) -> str:
    """The module that the import names instead."""
    statement = one.statement
    old = one.alias.name if isinstance(statement, ast.Import) else statement.module or ""
    return file.bridge + old[len("eventlet") :]


def _name_of(use: Use) -> ast.Name:
    node = use.node
    if isinstance(node, ast.Call) and node.args:
        node = node.args[0]  # getattr(debug, "spew")
    name = root_name(node)
    if name is None:
        raise Left("the module is reached, or imported, by a text that names it")
    return name


def _require_follows(use: Use, file: File) -> None:
    advice = file.advice[use]
    if advice.applicability == "manual":
        raise Left(advice.reason or "no rewrite is known")
    if use.kind == "string" and not file.unsafe:
        raise NeedsReview("it is named by text, as tests do; pass --unsafe to rewrite it")
    name = _name_of(use)
    origin = _assigned_from(name, file)
    if origin is not None and origin.kind == "import":
        raise Left("the module is imported at run time, by a text that names it")
    if origin is not None:
        _require_follows(origin, file)
    if use.api == MODULE:
        _require_module_follows(use, file)
    elif use.api[len(MODULE) + 1 :] not in NAMES:
        raise Left(f"{file.bridge}.debug has no such name")
    if use.kind == "store":
        raise Left("the name is replaced at run time")


def _require_module_follows(use: Use, file: File) -> None:
    """The module as a value: given a name, tested for being there, or asked for a name."""
    assert isinstance(use.node, ast.expr)
    parent = file.source.parents[use.node]
    named = [u for u in file.uses if u.node is parent and u.api.startswith(f"{MODULE}.")]
    target = _target_of(parent)
    if target is not None and file.scope(target).binders.get(target.id) == [target]:
        if not _all_follow(target, file, but=use):
            raise Left(f"not every use of {target.id} can follow")
    elif not named and not _is_tested(use.node, parent):
        raise Left("the module itself is used as a value")
    for other in named:
        _require_follows(other, file)


def _target_of(assignment: ast.AST) -> ast.Name | None:
    """The one name that an assignment binds."""
    targets: list[ast.expr] = []
    if isinstance(assignment, ast.Assign):
        targets = assignment.targets
    elif isinstance(assignment, (ast.AnnAssign, ast.NamedExpr)):
        targets = [assignment.target]
    return targets[0] if len(targets) == 1 and isinstance(targets[0], ast.Name) else None


def _assigned_from(name: ast.Name, file: File) -> Use | None:
    """The use whose value the name was given: ``eventlet.debug`` of ``d = eventlet.debug``."""
    owner = file.scope(name).owner(name.id)
    binders = owner.binders[name.id] if owner is not None else []
    if len(binders) != 1 or not isinstance(binders[0], ast.Name):
        return None
    assignment = file.source.parents[binders[0]]
    if _target_of(assignment) is not binders[0]:
        return None
    value = getattr(assignment, "value", None)
    return next((use for use in file.uses if use.node is value), None)


def _is_tested(node: ast.expr, parent: ast.AST) -> bool:
    """Only whether the module is there matters: ``if debug``, ``debug is not None``."""
    if isinstance(parent, (ast.If, ast.While, ast.IfExp, ast.Assert)):
        return parent.test is node
    if isinstance(parent, ast.Compare):
        return all(isinstance(operator, (ast.Is, ast.IsNot)) for operator in parent.ops)
    return isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)


def _all_follow(name: ast.Name, file: File, but: Use | None = None) -> bool:
    """Tell whether every read of the name's binding can follow."""
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
    return all(
        read in by_root and all(use is but or follows(use, file) for use in by_root[read])
        for read in reads
    )


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


def _spell_out(use: Use, node: ast.expr, text: str, beside: Imported, file: File) -> Change:
    file.require_free(file.bridge, use.node, file.bridge)
    if file.source.comments(*file.source.span(node)):
        raise Left(COMMENT_LOST)
    return Change(nodes={node: text}, added=[(f"{file.bridge}.debug", beside.statement)])
