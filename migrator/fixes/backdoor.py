"""``eventlet.backdoor``: a console that needs no port, and in the end no code."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from migrator.fixes import Change, File, Left, argument, has_effect, root_name

if TYPE_CHECKING:
    from migrator.names import Use

SERVER = "eventlet.backdoor.backdoor_server"
SPAWNERS = frozenset(
    f"eventlet.{where}{name}" for where in ("", "greenthread.") for name in ("spawn", "spawn_n")
)
_KEPT = "the result is kept: nothing can be killed or waited for any more"
_BLOCKED = "the call blocked here for as long as the server ran"
_PORT_GOES = (
    "the port goes away; look from outside instead: python -m asyncio ps PID, "
    "migrate console PID or python -m pdb -p PID"
)


def fix(use: Use, file: File) -> Change:
    """Rewrite the start of one backdoor server, or raise Left."""
    if use.api != SERVER or use.kind not in ("call", "reference"):
        raise Left(file.advice[use].reason or "no rewrite is known")
    if _is_exposed(use):
        return _withdraw(use, file)
    start, sock, namespace = _start(use, file)
    statement = file.statement(start)
    kept = file.source.parents[start] is not statement or not isinstance(statement, ast.Expr)
    if kept and not isinstance(statement, ast.Assign):
        raise Left("the result is used")
    binding = _socket_binding(sock, file)
    gone = {binding: ()} if binding is not None else {}
    if file.stage == "asyncio":
        if kept or has_effect(namespace):
            raise Left("the result is used" if kept else "the namespace is computed")
        return Change(statements={statement: (), **gone}, applicability="unsafe", reason=_PORT_GOES)
    file.require_free(file.bridge, start, file.bridge)
    shared = f"locals={file.source.segment(namespace)}" if namespace is not None else ""
    reason = _KEPT if kept else _BLOCKED if start is use.call else None
    return Change(
        nodes={start: f"{file.bridge}.console.expose({shared})"},
        statements=gone,
        added=[(f"{file.bridge}.console", _import_of(use, file))],
        applicability="unsafe" if reason else "safe",
        reason=reason,
    )


def _is_exposed(use: Use) -> bool:
    """Tell whether it is what stage bridge wrote."""
    node = use.node
    return (node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")) == "expose"


def _withdraw(use: Use, file: File) -> Change:
    statement = file.source.parents[use.call] if use.call is not None else None
    if not isinstance(statement, ast.Expr) or use.call is None:
        raise Left("the result is used")
    if any(has_effect(keyword.value) for keyword in use.call.keywords):
        raise Left("the namespace is computed")
    return Change(statements={statement: ()}, applicability="unsafe", reason=_PORT_GOES)


def _start(use: Use, file: File) -> tuple[ast.Call, ast.expr | None, ast.expr | None]:
    """The call that starts the server, its socket and its namespace."""
    if use.call is not None:
        call = use.call
        return call, argument(call, "sock", 0), argument(call, "locals", 1)
    parent = file.source.parents[use.node]
    if not isinstance(parent, ast.Call) or use.node not in parent.args[:1]:
        raise Left("it is used as a value: rewrite what starts it")
    spawner = next((u.api for u in file.uses if u.call is parent), None)
    if spawner not in SPAWNERS:
        raise Left("it is started by something other than eventlet.spawn")
    return parent, argument(parent, "sock", 1), argument(parent, "locals", 2)


def _socket_binding(sock: ast.expr | None, file: File) -> ast.stmt | None:
    """The statement that made the listening socket, which goes along. None when inline.

    Raises Left when anything else may need the socket.
    """
    if isinstance(sock, ast.Call):
        return None
    if not isinstance(sock, ast.Name):
        raise Left("the listening socket comes from elsewhere")
    scope = file.scope(sock).owner(sock.id)
    binders = scope.binders[sock.id] if scope is not None else []
    statement = file.statement(binders[0]) if len(binders) == 1 else None
    if (
        scope is None
        or not isinstance(statement, ast.Assign)
        or len(statement.targets) != 1
        or not isinstance(statement.targets[0], ast.Name)
        or not isinstance(statement.value, ast.Call)
        or file.scopes.reads(scope, sock.id) != [sock]
    ):
        raise Left(f"{sock.id} is used elsewhere: nobody would answer on it any more")
    return statement


def _import_of(use: Use, file: File) -> ast.stmt:
    """The import beside which the new one goes."""
    name = root_name(use.node)
    imports = file.imports_of(name) if name is not None else []
    if not imports:
        raise Left("the server is reached through something other than an import")
    nearest = next((i for i in imports if i.module.startswith("eventlet.backdoor")), imports[-1])
    return nearest.statement
