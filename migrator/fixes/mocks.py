"""Tests that replace an API by name: they change with the production line, or both stay.

``mock.patch("eventlet.debug.x")`` becomes ``mock.patch("bridge.debug.x")`` in the run that
rewrites every call of ``x``. `migrator.together` decides for which APIs that holds.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Literal, TypeAlias

from migrator.fixes import Change, File, Left, root_name

if TYPE_CHECKING:
    from migrator.names import Use

Role: TypeAlias = Literal["use", "target", "part", "mock"]

_REVIEW = "a mock follows the line that it stands for: look whether it is called as before"


def role(use: Use, file: File) -> Role:
    """What the use has to do with mocks.

    "target": text that names the API; "part": text that names it inside another module;
    "mock": it goes through a mock, an argument or ``with patch(..) as x``; "use": nothing.
    """
    if use.kind == "import":
        return "use"
    if use.kind == "string" and isinstance(use.node, ast.Constant):
        return "target" if use.node.value == use.api else "part"
    name = root_name(use.node.func if isinstance(use.node, ast.Call) else use.node)
    if name is not None and not file.imports_of(name) and _is_handed_in(name, file):
        return "mock"
    return "use"


def fix_target(use: Use, file: File) -> Change:
    """Let the text name the bridge instead. Raises Left."""
    assert isinstance(use.node, ast.Constant)
    if use.api not in file.follow:
        raise Left("what it names is not rewritten everywhere: the mock stays with it")
    text = file.source.segment(use.node)
    old = "eventlet.debug"
    if text.count(old) != 1:
        raise Left("the text is put together from parts")
    return Change(
        nodes={use.node: text.replace(old, f"{file.bridge}.debug")},
        applicability="unsafe",
        reason=_REVIEW,
    )


def fix_started(use: Use, file: File) -> Change:
    """A mock of ``eventlet.spawn`` stood for the start of a backdoor; that is exposed now."""
    assert isinstance(use.node, ast.Constant)
    text = file.source.segment(use.node)
    if text.count(use.api) != 1:
        raise Left("the text is put together from parts")
    return Change(
        nodes={use.node: text.replace(use.api, f"{file.bridge}.console.expose")},
        applicability="unsafe",
        reason=_REVIEW,
    )


def surroundings(use: Use, file: File) -> tuple[str, frozenset[str]]:
    """The name of the function around the use; for a target, what that function calls."""
    node: ast.AST = use.node
    while not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        if node not in file.source.parents:
            return "", frozenset()
        node = file.source.parents[node]
    if use.kind != "string":
        return node.name, frozenset()
    called = [part.func for part in ast.walk(node) if isinstance(part, ast.Call)]
    return node.name, frozenset(
        function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        for function in called
    )


def fix_mock(use: Use, file: File) -> Change:
    """What is asked of a mock follows its target without a change. Raises Left."""
    if any(u.kind == "string" and covers(u.api, use.api) for u in file.uses) and any(
        covers(target, use.api) for target in file.follow
    ):
        return Change(applicability="unsafe", reason=_REVIEW)
    raise Left("it is asked of a mock, which stays with the line that it stands for")


def covers(target: str, api: str) -> bool:
    """Tell whether a mock of ``target`` replaces ``api``."""
    return api == target or api.startswith(f"{target}.")


def _is_handed_in(name: ast.Name, file: File) -> bool:
    owner = file.scope(name).owner(name.id)
    return owner is not None and any(
        isinstance(binder, ast.arg)
        or (isinstance(binder, ast.Name) and isinstance(file.source.parents[binder], ast.withitem))
        for binder in owner.binders[name.id]
    )
