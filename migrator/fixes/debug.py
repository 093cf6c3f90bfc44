"""Stage asyncio for ``eventlet.debug``: the standard library only."""

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
    on_one_line,
    require_fits,
    swap,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrator.names import Use

_LOST_IN_SYNC = (
    "no loop can run here; PYTHONASYNCIODEBUG works for loops made later, but its threshold "
    "is 0.1 s and child processes inherit it"
)
_NO_EQUIVALENT = (
    "asyncio shows its tasks (Python 3.14); listeners and timers have no public equivalent"
)
# The hub's private state -> the public function that sets it, or shows it as text.
_SETS = {
    "debug_exceptions": "hub_exceptions",
    "set_timer_exceptions": "hub_exceptions",
    "debug_blocking": "hub_blocking_detection",
    "debug_blocking_resolution": "hub_blocking_detection",
    "set_debug_listeners": "hub_listener_stacks",
    "g_prevent_multiple_readers": "hub_prevent_multiple_readers",
}
_SHOWS = {
    **dict.fromkeys(("get_readers", "get_writers", "listeners", "readers", "writers"), "listeners"),
    **dict.fromkeys(("get_timers_count", "timers", "next_timers"), "timers"),
}


def fix(use: Use, file: File) -> Change:
    """Rewrite one use of ``eventlet.debug``, or raise Left."""
    if file.stage == "bridge":
        if use.api.startswith("eventlet.hubs."):
            raise Left(_instead_of(use, file))
        return swap.fix(use, file)
    if use.api == swap.MODULE:
        raise Left(_why_module_stays(use))
    function = use.api.rpartition(".")[2]
    if use.api.rpartition(".")[0] != swap.MODULE or function not in _FIXES:
        raise Left(file.advice[use].reason or "nothing takes its place: remove it by hand")
    if use.call is None or use.kind != "call":
        raise Left(file.advice[use].reason or "it is used as a value, not called")
    file.require_certain(use.node)
    if function == "hub_blocking_detection":
        require_fits(use.call, "state", "resolution")
    elif function.startswith("format_") or function == "unspew":
        require_fits(use.call)
    else:
        require_fits(use.call, "state")
    return _FIXES[function](use, use.call, file)


def _instead_of(use: Use, file: File) -> str:
    """What to use instead of the hub's private state."""
    name = use.api.rpartition(".")[2]
    if name in _SHOWS:
        return f"private state of the hub: {file.bridge}.debug.format_hub_{_SHOWS[name]} shows it"
    if name not in _SETS:
        return file.advice[use].reason or "private state of the hub"
    function = f"{file.bridge}.debug.{_SETS[name]}"
    if use.kind == "reference":
        return f"private state of the hub: {function} sets it, and nothing public tells it"
    return f"private state of the hub: call {function} instead, which sets it"


def _why_module_stays(use: Use) -> str:
    if use.kind == "import":
        return "the module is imported at run time, by a text that names it: remove it by hand"
    if use.kind == "string":
        return "it is named by text: remove that by hand"
    return "the module is used as a value: nothing takes its place, remove it by hand"


def _loop_debug(use: Use, call: ast.Call, file: File) -> Change:
    statement = _alone(call, file)
    state, resolution = argument(call, "state", 0), argument(call, "resolution", 1)
    debug = alone(state, file.source) if state is not None else "False"
    lines = [f"asyncio.get_running_loop().set_debug({debug})"]
    if use.api.endswith("hub_blocking_detection"):
        seconds = alone(resolution, file.source) if resolution is not None else "1"
        loop, made = "asyncio.get_running_loop()", []
        if not isinstance(file.scope(call).node, ast.ClassDef):  # there, a name is an attribute
            name = _unused(["loop", "running_loop", "debugged_loop"], call, file)
            loop, made = name, [f"{name} = {loop}"]
        set_both = [f"{loop}.set_debug({debug})", f"{loop}.slow_callback_duration = {seconds}"]
        if state and resolution and _place(resolution) < _place(state):
            set_both.reverse()  # what arguments do happens in the order of the source
        lines = made + set_both
    if use.in_async:
        file.require_free("asyncio", call, "asyncio")
        return Change(statements={statement: lines}, standard=["asyncio"])
    paste = on_one_line("; ".join(lines))
    if has_effect(resolution):
        raise Left(
            f"no loop can run here, and the resolution is computed; once the loop runs: {paste}"
        )
    file.require_free("os", call, "os")
    value = f'"1" if {_operand(state, debug)} else ""'
    if isinstance(state, ast.Constant) or state is None:
        value = '"1"' if state is not None and state.value else '""'
    line = f'os.environ["PYTHONASYNCIODEBUG"] = {value}'
    return Change(
        statements={statement: [line]},
        standard=["os"],
        applicability="unsafe",
        reason=f"{_LOST_IN_SYNC}. Better, once the loop runs: {paste}",
    )


def _hub_exceptions(use: Use, call: ast.Call, file: File) -> Change:
    state = argument(call, "state", 0)
    if state is not None and not isinstance(state, ast.Constant):
        text = on_one_line(alone(state, file.source))
        raise Left(
            "the state is not a constant: once the loop runs, call "
            f"loop.set_exception_handler(None if {text} else quiet)"
        )
    return Change(
        statements={_alone(call, file): ()},
        applicability="unsafe",
        reason=file.advice[use].reason,
    )


def _prevent_multiple_readers(use: Use, call: ast.Call, file: File) -> Change:
    state = argument(call, "state", 0)
    if state is not None and not (isinstance(state, ast.Constant) and state.value):
        raise Left(file.advice[use].reason or "asyncio has one reader per descriptor")
    return Change(statements={_alone(call, file): ()})


def _tpool_exceptions(_: Use, call: ast.Call, file: File) -> Change:
    if has_effect(argument(call, "state", 0)):
        raise Left("evaluating the argument may have an effect")
    return Change(statements={_alone(call, file): ()})


def _unspew(_: Use, call: ast.Call, file: File) -> Change:
    file.require_free("sys", call, "sys")
    return Change(nodes={call: "sys.settrace(None)"}, standard=["sys"])


def _format_tasks(use: Use, call: ast.Call, file: File) -> Change:
    if not use.in_async:
        raise Left("no loop can run here: asyncio.all_tasks() needs one; from outside: migrate ps")
    file.require_free("asyncio", call, "asyncio")
    return Change(
        nodes={call: '"\\n".join(map(asyncio.format_call_graph, asyncio.all_tasks()))'},
        standard=["asyncio"],
        applicability="unsafe",
        reason=_NO_EQUIVALENT,
    )


def _alone(call: ast.Call, file: File) -> ast.stmt:
    """The call's statement. Raises Left when anything looks at the call's result."""
    statement = file.source.parents[call]
    if not isinstance(statement, ast.Expr):
        raise Left("the result is used")
    return statement


def _place(node: ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _unused(names: list[str], node: ast.AST, file: File) -> str:
    scope = file.scope(node)
    for name in names:
        if file.scopes.is_free(name, scope):
            return name
    raise Left(f"the names {', '.join(names)} are taken here")


def _operand(state: ast.expr | None, text: str) -> str:
    """The condition of a conditional expression, in parentheses where it needs them."""
    plain = isinstance(state, (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Compare))
    return text if plain else f"({text})"


_FIXES: dict[str, Callable[[Use, ast.Call, File], Change]] = {
    "hub_blocking_detection": _loop_debug,
    "hub_listener_stacks": _loop_debug,
    "hub_timer_stacks": _loop_debug,
    "hub_exceptions": _hub_exceptions,
    "hub_prevent_multiple_readers": _prevent_multiple_readers,
    "tpool_exceptions": _tpool_exceptions,
    "unspew": _unspew,
    "format_asyncio_info": _format_tasks,
    "format_threads_info": _format_tasks,
    "format_hub_listeners": _format_tasks,
    "format_hub_timers": _format_tasks,
}
