"""Strings in code that name an API: mock targets, dynamic imports, lists of modules."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST = 200  # a dotted name; anything longer is text


def dotted_literal(node: ast.AST, *, whole: bool | None = None) -> str | None:
    """The value of a string constant that reads as a dotted name, or None.

    ``whole`` True also takes a name that another is put behind ("eventlet.debug."), False
    what stands before the last dot of one that goes on (f"eventlet.debug.hub_{name}").
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
        if whole is not None:
            text = text.removesuffix(".") if whole else text.rpartition(".")[0]
        if len(text) < _LONGEST and text.replace(".", "_").isidentifier():
            parts = text.split(".")
            return text if all(parts) else None
    return None


def eventlet_part(name: str) -> str | None:
    """The part of a dotted name that is Eventlet's: "x.y.eventlet.sleep" -> "eventlet.sleep"."""
    parts = name.split(".")
    if "eventlet_backdoor" in parts:
        return name
    for place, part in enumerate(parts):
        if part == "eventlet":
            return ".".join(parts[place:])
    return None


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
