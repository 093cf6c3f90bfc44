"""Strings in code that name an API: mock targets, dynamic imports, lists of modules."""

from __future__ import annotations

import ast

_LONGEST = 200  # a dotted name; anything longer is text


def dotted_literal(node: ast.AST) -> str | None:
    """The value of a string constant that reads as a dotted name, or None."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
        if len(text) < _LONGEST and text.replace(".", "_").isidentifier():
            parts = text.split(".")
            return text if all(parts) else None
    return None


def patch_target(node: ast.expr) -> str | None:
    """What a mock stands for: ``mock.patch("eventlet.debug")`` -> "eventlet.debug".

    For ``mock.patch("project.module.eventlet")`` the part from Eventlet on, since the
    mock takes the place of the name that the module imported.
    """
    if not isinstance(node, ast.Call) or not node.args or len(node.args) > 1 or node.keywords:
        return None  # with a replacement given, mock passes nothing on
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    target = dotted_literal(node.args[0]) if name == "patch" else None
    return eventlet_part(target) if target else None


def eventlet_part(name: str) -> str | None:
    """The part of a dotted name that is Eventlet's: "x.y.eventlet.sleep" -> "eventlet.sleep"."""
    parts = name.split(".")
    if "eventlet_backdoor" in parts:
        return name
    for place, part in enumerate(parts):
        if part == "eventlet":
            return ".".join(parts[place:])
    return None
