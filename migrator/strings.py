"""Strings in code that name an API: mock targets, dynamic imports, lists of modules."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from migrator import api

if TYPE_CHECKING:
    from collections.abc import Iterator

_GREENLETS = [[name] for name in api.STAR["greenlet"].split()]
_LONGEST = 200  # a dotted name; anything longer is text


def dotted_literal(node: ast.AST, *, whole: bool | None = None) -> str | None:
    """The value of a string constant that reads as a dotted name, or None.

    ``whole`` True also takes a name that another is put behind ("eventlet.debug."), False
    what stands before the last dot of one that goes on (f"eventlet.debug.hub_{name}").
    An entry point's "module:attribute" is the same name as "module.attribute".
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
        if ":" in text:
            text = entry_point(text)
        if whole is not None:
            text = text.removesuffix(".") if whole else text.rpartition(".")[0]
        if len(text) < _LONGEST and text.replace(".", "_").isidentifier():
            parts = text.split(".")
            return text if all(parts) else None
    return None


def entry_point(text: str) -> str:
    """``"eventlet.debug:spew"`` as a dotted name; other texts with a colon as they are."""
    module, _, attribute = text.partition(":")
    name = f"{module}.{attribute}"
    # "eventlet:queue" is rather a key than a name.
    return name if api.is_library(name) or module.startswith("eventlet.") else text


def eventlet_part(name: str) -> str | None:
    """The part of a dotted name that is Eventlet's: "x.y.eventlet.sleep" -> "eventlet.sleep"."""
    parts = name.split(".")
    if api.BACKDOOR_MODULE in parts or (parts[0] == "greenlet" and parts[1:2] in _GREENLETS):
        return name
    for place, part in enumerate(parts):
        if part in api.LIBRARY_ROOTS and api.is_library(".".join(parts[place:])):
            return ".".join(parts[place:])
        if part == "eventlet" and (len(parts) == place + 1 or api.is_public(parts[place + 1])):
            return ".".join(parts[place:])
    return None  # "eventlet.net" is a host, "project.eventlet.service" is the project's own


def text_of(node: ast.AST | None) -> str:
    """The value of a string constant; "" for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def texts_in(annotation: ast.expr) -> Iterator[ast.expr]:
    """The types that are named by text in it: ``Optional["A"]``; a ``Literal`` has none."""
    stack = [annotation]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Subscript):
            name = getattr(node.value, "attr", getattr(node.value, "id", ""))
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            if name != "Literal":
                stack += parts[:1] if name == "Annotated" else parts
        elif isinstance(node, ast.BinOp):
            stack += [node.left, node.right]
        elif isinstance(node, ast.List):
            stack += node.elts
        elif text_of(node):
            yield node


def module_by_name(node: ast.AST) -> str | None:
    """The dotted name in ``sys.modules["eventlet.debug"]`` and ``sys.modules.get(..)``."""
    if isinstance(node, ast.Subscript):
        table: ast.AST = node.value
        name = text_of(node.slice)
    elif isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Attribute):
        table, name = node.func.value, text_of(node.args[0])
    else:
        return None
    return name if isinstance(table, ast.Attribute) and table.attr == "modules" else None


def gives_submodule(call: ast.Call) -> bool:
    """Whether ``__import__`` is asked for names, and so gives "a.b" and not "a"."""
    asked = [one.value for one in call.keywords if one.arg == "fromlist"] or call.args[3:4]
    return any(bool(getattr(one, "elts", ())) for one in asked)


def imported(call: ast.Call) -> Iterator[tuple[ast.expr, str]]:
    """The texts of an import function's call, and the modules that they name.

    ``import_module(".debug", "eventlet")``; ``import_any("a", "b")`` has several.
    """
    package = [one.value for one in call.keywords if one.arg == "package"] or call.args[1:2]
    texts = call.args or [one.value for one in call.keywords if one.arg == "name"]
    for text in texts:
        value = text.value if isinstance(text, ast.Constant) else None
        if isinstance(value, str) and value.startswith(".") and package:
            relative = dotted_literal(ast.Constant(value[1:]))
            above = dotted_literal(package[0])
            if relative and above:
                yield text, f"{above}.{relative}"
        elif name := dotted_literal(text):
            yield text, name
