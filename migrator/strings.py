"""Strings in code that name an API: mock targets, dynamic imports, lists of modules."""

from __future__ import annotations

import ast

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
