"""Tests that replace an API by name: they change with the production line, or both stay.

``mock.patch("eventlet.debug.x")`` becomes ``mock.patch("bridge.debug.x")`` in the run that
rewrites every call of ``x``. `migrator.together` decides for which APIs that holds.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Literal, TypeAlias

from migrator.fixes import Change, File, Left, root_name
from migrator.fixes.backdoor import SPAWNERS
from migrator.mocked import TEST_PREFIX, makes_mock, replacement
from migrator.strings import eventlet_part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrator.names import Use

Role: TypeAlias = Literal["use", "target", "text", "part", "path", "object", "mock", "along"]

_REPLACED = ("eventlet.debug.", "eventlet.backdoor.")
STAYS = "what it names is not rewritten everywhere: the mock stays with it"
SET = "the name is set in Eventlet's own module at run time"
_TEXT_STAYS = "what this text names is not rewritten everywhere: it stays with that"
_REVIEW = "a mock follows the line that it stands for: look whether it is called as before"


def role(use: Use, file: File) -> Role:
    """What the use has to do with mocks.

    "target": text by which a mock names the API; "text": other text that does, as in a list
    of targets; "part": text that names it inside another module; "path": it is replaced where
    a module of the project has it, which is named; "object": in the module itself, as by
    ``patch.object`` or an assignment; "mock": it goes through a mock, which was handed in or
    started; "use": nothing. (An outcome may also be "along": the use went with another one,
    or has its value from one.)
    """
    node = use.node
    if use.kind == "import":
        return "use"
    if use.kind == "string" and isinstance(node, ast.Constant):
        if node.value == use.api:
            return "target" if _replaces(node, file) else "text"
        return "part" if eventlet_part(str(node.value).removesuffix(".")) else "path"
    if isinstance(node, ast.keyword):  # patch.multiple follows the text, if it has one
        target = replacement(file.source.parents[node])
        return "mock" if target and isinstance(target.target, ast.Constant) else "object"
    replaced = use.kind in ("string", "store") and (
        use.api.startswith(_REPLACED) or use.api in SPAWNERS
    )
    if isinstance(node, ast.Call):
        replaced = replaced and replacement(node) is not None
    elif _is_mock(node, file):
        return "mock"
    if not replaced:
        return "use"
    return "path" if file.comes_through(use) else "object"


def fix_target(use: Use, file: File) -> Change:
    """Let the text name the bridge instead. Raises Left."""
    assert isinstance(use.node, ast.Constant)
    if use.api not in file.follow:
        raise Left(STAYS if _replaces(use.node, file) else _TEXT_STAYS)
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
    assert isinstance(use.node, ast.expr)
    text = file.source.segment(use.node)
    if text.count(use.api) != 1:
        raise Left("the text is put together from parts")
    return Change(
        nodes={use.node: text.replace(use.api, f"{file.bridge}.console.expose")},
        applicability="unsafe",
        reason=_REVIEW,
    )


def surroundings(use: Use, file: File) -> tuple[str, frozenset[str]]:
    """The name of the function around the use; for a target, what runs while it is replaced.

    That is what the test calls, or all that a class does for one of its ``setUp``.
    """
    around: list[ast.AST] = [use.node]
    while around[-1] in file.source.parents:
        around.append(file.source.parents[around[-1]])
    defined = [n for n in around if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    name = defined[0].name if defined else ""
    if use.kind not in ("string", "store"):
        return name, frozenset()
    whole = next((node for node in around if isinstance(node, ast.ClassDef)), file.source.tree)
    called = [
        part.func
        for part in ast.walk(defined[0] if name.startswith(TEST_PREFIX) else whole)
        if isinstance(part, ast.Call)
    ]
    return name, frozenset(
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


def _replaces(text: ast.Constant, file: File) -> bool:
    """Tell whether it is an argument of a call that puts a mock in the place of what it names."""
    around = file.source.parents[text]
    return (
        replacement(file.source.parents[around] if isinstance(around, ast.keyword) else around)
        is not None
    )


def _is_mock(node: ast.AST, file: File) -> bool:
    """Tell whether the name that ``node`` starts with is handed in by mock, or its result."""
    name = root_name(node)
    if name is None or file.imports_of(name):
        return False
    owner = file.scope(name).owner(name.id)
    binders = owner.binders[name.id] if owner is not None else []
    parents = file.source.parents
    above = parents[name]
    if isinstance(above, ast.Attribute) and _is_first_argument(binders, parents):
        return any(
            isinstance(other, ast.Assign)
            and makes_mock(other.value)
            and any(getattr(target, "attr", "") == above.attr for target in other.targets)
            for other in ast.walk(file.source.tree)
        )
    return any(
        (isinstance(binder, ast.arg) and not _has_default(binder, parents))
        or isinstance(parents[binder], ast.withitem)
        or makes_mock(getattr(parents[binder], "value", None))
        for binder in binders
    )


def _has_default(argument: ast.arg, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """Whether its function gives the argument a value itself: then mock does not."""
    arguments = parents[argument]
    assert isinstance(arguments, ast.arguments)
    if argument in arguments.kwonlyargs:
        return arguments.kw_defaults[arguments.kwonlyargs.index(argument)] is not None
    places = [*arguments.posonlyargs, *arguments.args]
    return argument in places[len(places) - len(arguments.defaults) :]


def _is_first_argument(binders: list[ast.AST], parents: Mapping[ast.AST, ast.AST]) -> bool:
    """``self`` of a method."""
    for binder in binders:
        arguments = parents.get(binder)
        function = parents.get(arguments) if arguments else None
        if (
            isinstance(arguments, ast.arguments)
            and [*arguments.posonlyargs, *arguments.args][:1] == [binder]
            and isinstance(parents.get(function) if function else None, ast.ClassDef)
        ):
            return True
    return False
