"""``eventlet.backdoor``: a console that needs no port, and in the end no code."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from migrator.fixes import (
    Change,
    File,
    Left,
    alone,
    argument,
    has_effect,
    require_fits,
    root_name,
)
from migrator.fixes.swap import beside

if TYPE_CHECKING:
    from migrator.names import Use
    from migrator.scopes import Imported

SERVER = "eventlet.backdoor.backdoor_server"
SPAWNERS = frozenset(
    f"eventlet.{where}{name}" for where in ("", "greenthread.") for name in ("spawn", "spawn_n")
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SOCKETS = frozenset({"eventlet.listen", "eventlet.convenience.listen", "eventlet.wrap_ssl"})
_KEPT = "the result is kept: nothing can be killed or waited for any more"
_BLOCKED = "the call blocked here for as long as the server ran"
_NAMESPACE = "the namespace is computed by a call, which may have an effect"
_COMPUTED = "a call computes the socket's arguments, and goes with it"
_PORT_GOES = (
    "the port goes away; look from outside instead: python -m asyncio ps PID, "
    "migrate console PID or python -m pdb -p PID"
)


def fix(use: Use, file: File) -> Change:
    """Rewrite the start of one backdoor server, or raise Left."""
    if use.api != SERVER or use.kind not in ("call", "reference"):
        name = use.api.rpartition(".")[2]
        raise Left(
            file.advice[use].reason
            or ("the module itself is used as a value" if name == "backdoor" else _has_no(name))
        )
    if _is_exposed(use):
        return _withdraw(use, file)
    file.require_certain(use.node)
    start, sock, namespace = _start(use, file)
    statement = file.statement(start)
    kept = not isinstance(statement, ast.Expr) or statement.value is not start
    if kept:
        _require_unread(start, statement, file)
    made, binding = _socket(sock, file)
    gone = {binding: ()} if binding is not None else {}
    if file.stage == "asyncio":
        if kept and not _is_local(statement, file):
            raise Left("the result is kept where other modules may read it")
        if has_effect(namespace):
            raise Left(_NAMESPACE)
        return Change(statements={statement: (), **gone}, applicability="unsafe", reason=_PORT_GOES)
    file.require_free(file.bridge, start, file.bridge)
    shared = f"locals={alone(namespace, file.source)}" if namespace is not None else ""
    reason = _KEPT if kept else _BLOCKED if start is use.call else None
    if _computes(made, file):
        reason = reason or _COMPUTED
    module = f"{file.bridge}.console"
    return Change(
        nodes={start: f"{module}.expose({shared})"},
        statements=gone,
        added=[(module, statement) for statement in _imports_of(use, module, file)],
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
    if any(map(has_effect, [*use.call.args, *(k.value for k in use.call.keywords)])):
        raise Left(_NAMESPACE)
    return Change(statements={statement: ()}, applicability="unsafe", reason=_PORT_GOES)


def _start(use: Use, file: File) -> tuple[ast.Call, ast.expr | None, ast.expr | None]:
    """The call that starts the server, its socket and its namespace."""
    if use.call is not None:
        call = use.call
        require_fits(call, "sock", "locals")
        return call, argument(call, "sock", 0), argument(call, "locals", 1)
    parent = file.source.parents[use.node]
    if not isinstance(parent, ast.Call) or use.node not in parent.args[:1]:
        raise Left("it is used as a value: rewrite what starts it")
    spawner = next((u.api for u in file.uses if u.call is parent), None)
    if spawner not in SPAWNERS:
        raise Left("it is started by something other than eventlet.spawn")
    file.require_certain(parent.func)
    require_fits(parent, "func", "sock", "locals")
    return parent, argument(parent, "sock", 1), argument(parent, "locals", 2)


def _require_unread(start: ast.Call, statement: ast.stmt, file: File) -> None:
    """Raise Left when anything may look at the green thread that the start returns."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    if not targets or getattr(statement, "value", None) is not start:
        raise Left("the result is used")
    for target in targets:
        if isinstance(target, ast.Name):
            owner = file.scope(target).owner(target.id)
            read: list[ast.expr] = [*file.scopes.reads(owner, target.id)] if owner else []
        elif isinstance(target, ast.Attribute):
            read = [
                node
                for node in ast.walk(file.source.tree)
                if isinstance(node, ast.Attribute)
                and node.attr == target.attr
                and not isinstance(node.ctx, ast.Store)
            ]
        else:
            raise Left("the result is used")
        if read:
            line = min(node.lineno for node in read)
            raise Left(f"the green thread is used (line {line}): none is started any more")


def _is_local(statement: ast.stmt, file: File) -> bool:
    """Tell whether the statement binds local names of a function only."""
    return isinstance(statement, ast.Assign) and all(
        isinstance(target, ast.Name)
        and (owner := file.scope(target).owner(target.id)) is not None
        and isinstance(owner.node, _FUNCTIONS)
        for target in statement.targets
    )


def _socket(sock: ast.expr | None, file: File) -> tuple[ast.Call, ast.stmt | None]:
    """The call that made the listening socket; its statement, which goes along.

    Raises Left when anything else may need the socket, or it is not known how it is made.
    """
    statement = None
    if isinstance(sock, ast.Name):
        statement = _binding_of(sock, file)
        sock = statement.value
    if isinstance(sock, ast.Attribute):
        raise Left(f"others may use the listening socket: {file.source.segment(sock)} is kept")
    if not isinstance(sock, ast.Call) or not _makes_socket(sock, file):
        raise Left("the listening socket is not made by eventlet.listen: what else it does "
                   "or is for cannot be told")  # fmt: skip
    return sock, statement


def _makes_socket(call: ast.expr, file: File) -> bool:
    return any(use.call is call and use.api in _SOCKETS for use in file.uses)


def _computes(made: ast.Call, file: File) -> bool:
    """Tell whether the arguments of the call that makes the socket do more than make one."""
    values = [*made.args, *(keyword.value for keyword in made.keywords)]
    return any(
        _computes(value, file)
        if isinstance(value, ast.Call) and _makes_socket(value, file)
        else has_effect(value)
        for value in values
    )


def _binding_of(sock: ast.Name, file: File) -> ast.Assign:
    """The assignment that serves nothing but this server."""
    scope = file.scope(sock).owner(sock.id)
    binders = scope.binders[sock.id] if scope is not None else []
    statement = file.statement(binders[0]) if len(binders) == 1 else None
    if (
        scope is None
        or not isinstance(statement, ast.Assign)
        or len(statement.targets) != 1
        or not isinstance(statement.targets[0], ast.Name)
    ):
        raise Left(f"it cannot be told where {sock.id} was made")
    if scope is file.scopes.module and sock.id in {*file.mentioned, *file.imported}:
        raise Left(f"{sock.id} is used as text or by other modules: nobody would answer on it")
    others = [read.lineno for read in file.scopes.reads(scope, sock.id) if read is not sock]
    if others:
        raise Left(
            f"{sock.id} is used elsewhere (line {min(others)}): nobody would answer on it any more"
        )
    return statement


def _imports_of(use: Use, module: str, file: File) -> list[ast.stmt]:
    """The imports beside which the new one goes."""
    name = root_name(use.node)
    imports = file.imports_of(name) if name is not None else []
    if not imports:
        raise Left("the server is reached through something other than an import")
    return beside(use, [i for i in imports if _brings(i)] or imports, module, file)


def _brings(one: Imported) -> bool:
    return one.module.startswith("eventlet.backdoor")


def _has_no(name: str) -> str:
    return f"nothing takes the place of {name}: remove it by hand"
