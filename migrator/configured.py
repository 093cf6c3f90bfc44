"""Libraries told to run on Eventlet, options, variables and tests for it, in Python code."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from migrator.chosen import (
    CHOICE,
    EXTRA,
    REQUIREMENT,
    SETTING,
    TESTS,
    bundled,
    command_lines,
)
from migrator.names import Use
from migrator.strings import dotted_literal, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

WORDS = ("eventlet", "EVENTLET", "greenlet")  # a statement without needs no look
_FLAGS = frozenset({"-k", "-P", "--worker-class", "--pool", "--async-mode"})
_REQUIRES = frozenset(
    {"install_requires", "tests_require", "extras_require", "setup_requires", "requires"}
)
_ENVIRONMENT = frozenset(
    {"environ", "getenv", "putenv", "unsetenv", "setenv", "delenv", "get", "setdefault", "pop"}
)
_VARIABLE = re.compile(r"[A-Z0-9_]*EVENTLET_[A-Z0-9_]+")
# Lists of requirements that setup() is given by name.
_LISTS = re.compile(
    r"(?:.*_)?(?:requires?|requirements|reqs|deps|dependencies|extras)", re.IGNORECASE
)
_CLASSES = re.compile(CHOICE)
_INSTALLED = (
    *("find_spec", "find_loader", "version", "distribution", "get_distribution"),
    *("collect_all", "collect_submodules", "collect_data_files", "copy_metadata"),  # PyInstaller
)
_OPTION = re.compile(r"eventlet_\w+|\w+_eventlet(?:_\w+)?")
_OPTIONS = ("add_argument", "add_option", "option")
# What is given a setting's name and, behind it, its value or default.
_GIVERS = _ENVIRONMENT | {"config", "set", "set_default", "set_override", "setattr"}
_RPC_SERVERS = frozenset({"get_rpc_server", "get_notification_listener"})


def find(nodes: Iterable[ast.AST]) -> Iterator[Use]:
    """Uses of kind "config" and "dependency" among a module's nodes, outer ones first."""
    said: set[int] = set()  # what a setting is given may be another's default
    for use in _find(nodes):
        if not use.api.startswith("config:") or id(use.node) not in said:
            said.add(id(use.node))
            yield use


def _find(nodes: Iterable[ast.AST]) -> Iterator[Use]:
    bare: set[int] = set()  # docstrings and other bare strings are text
    for node in nodes:
        look = _LOOKS.get(node.__class__)
        if look:
            yield from look(node)
        elif isinstance(node, ast.Expr):
            bare.add(id(node.value))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in bare and any(command_lines(node.value)):
                yield Use("config:command line", "config", node)
            for name, _, _ in bundled(node.value):
                yield Use(name, "string", node)


def _assign(node: ast.Assign) -> Iterator[Use]:
    for target in node.targets:
        yield from _setting(_name(target), node.value)
        if isinstance(target, ast.Name) and _LISTS.fullmatch(target.id):
            yield from _requirements(node.value)
        if _name(target) == "hiddenimports":
            yield from _modules(node.value)


def _annotated(node: ast.AnnAssign) -> Iterator[Use]:
    if node.value:
        yield from _setting(_name(node.target), node.value)


def _keyword(node: ast.keyword) -> Iterator[Use]:
    yield from _setting(node.arg or "", node.value)
    if _VARIABLE.fullmatch(node.arg or ""):  # dict(os.environ, EVENTLET_HUB="poll")
        yield Use(f"environment:{node.arg}", "config", node)
    if node.arg in _REQUIRES:
        yield from _requirements(node.value)
    if node.arg == "hiddenimports":
        yield from _modules(node.value)


def _dict(node: ast.Dict) -> Iterator[Use]:
    for key, value in zip(node.keys, node.values, strict=True):
        yield from _setting(text_of(key), value)
        if key is not None and _VARIABLE.fullmatch(text_of(key)):
            yield Use(f"environment:{text_of(key)}", "config", key)


def _compare(node: ast.Compare) -> Iterator[Use]:
    for side in node.comparators:
        yield from _setting(_name(node.left), side)
        yield from _environment(_name(side), node.left)  # "EVENTLET_HUB" in os.environ
        if _is_modules(side):
            yield from _module(node.left)


def _several(node: ast.List | ast.Set | ast.Tuple) -> Iterator[Use]:
    yield from _command_line(node.elts)
    if any((dotted_literal(one) or "").startswith("eventlet.") for one in node.elts):
        yield from _modules(node)


def _subscript(node: ast.Subscript) -> Iterator[Use]:
    yield from _environment(_name(node.value), node.slice)
    yield from _option(node.value, node.slice)
    if _is_modules(node.value):
        yield from _module(node.slice)


def _setting(key: str, value: ast.expr) -> Iterator[Use]:
    if SETTING.fullmatch(key):
        for one in _choices(value):
            if any(_CLASSES.fullmatch(part.strip()) for part in text_of(one).split(",")):
                yield Use(f"config:{key.lower()}=eventlet", "config", one)


def _choices(value: ast.expr) -> list[ast.expr]:
    """The constants that a setting may have: ``x or "eventlet"``, ``getenv("X", "eventlet")``."""
    if isinstance(value, ast.IfExp):
        return [value.body, value.orelse]
    if isinstance(value, ast.BoolOp):
        return value.values
    if isinstance(value, (ast.List, ast.Set, ast.Tuple)):
        return value.elts
    if isinstance(value, ast.Call) and _name(value.func) in ("getenv", "get"):
        return [*value.args[1:], *(one.value for one in value.keywords)]
    return [value]


def _defaults(node: ast.arguments) -> Iterator[Use]:
    places = [*node.posonlyargs, *node.args]
    for argument, default in zip(reversed(places), reversed(node.defaults), strict=False):
        yield from _setting(argument.arg, default)
    for argument, value in zip(node.kwonlyargs, node.kw_defaults, strict=True):
        if value is not None:
            yield from _setting(argument.arg, value)


def _command_line(elements: list[ast.expr]) -> Iterator[Use]:
    """``["gunicorn", "-k", "eventlet"]``."""
    tests = any(TESTS.search(text_of(one)) for one in elements)
    for flag, value in pairwise(elements):
        is_flag = text_of(flag) in _FLAGS and not (tests and text_of(flag) == "-k")
        if is_flag and text_of(value) in ("eventlet", "egg:gunicorn#eventlet"):
            yield Use(f"config:{text_of(flag)} eventlet", "config", value)


def _environment(owner: str, key: ast.expr) -> Iterator[Use]:
    name = text_of(key)
    if owner in _ENVIRONMENT and name.isupper() and "EVENTLET" in name:
        yield Use(f"environment:{name}", "config", key)


def _call(node: ast.Call) -> Iterator[Use]:
    yield from _given(node)
    yield from _of_modules(node)


def _given(node: ast.Call) -> Iterator[Use]:
    name = _name(node.func)
    yield from _command_line(node.args)  # session.run("celery", "-P", "eventlet")
    if isinstance(node.func, ast.Attribute):  # conf.get("eventlet_debug")
        for one in node.args[:2]:
            yield from _option(node.func.value, one)
    if node.args:
        yield from _environment(name, node.args[0])
        if text_of(node.args[0]):
            yield from _setting(name, node.args[0])  # set_async_mode("eventlet")
        for one in node.args[1:2] if name == "getattr" else ():
            yield from _option(node.args[0], one)
        # oslo.config, optparse, argparse, click: an option by its names.
        options = [text_of(one) for one in node.args]
        options += [text_of(one.value) for one in node.keywords if one.arg == "dest"]
        is_option = "Opt" in name or name in _OPTIONS
        for one, option in zip(node.args, options, strict=False) if is_option else ():
            if "eventlet" in option.lower() and " " not in option:
                yield Use(f"option:{option.lstrip('-')}", "config", one)
        for keyword in node.keywords if is_option else ():
            if keyword.arg == "default":
                for option in options:
                    yield from _setting(option.lstrip("-").replace("-", "_"), keyword.value)
        for first, second in pairwise(node.args) if name in _GIVERS else ():
            yield from _setting(text_of(first), second)
        if name == "assertEqual" and len(node.args) > 1:
            yield from _setting(_name(node.args[0]), node.args[1])
            yield from _setting(_name(node.args[1]), node.args[0])
        if name in _RPC_SERVERS:
            for one in node.args[3:4]:
                yield from _setting("executor", one)
        if name == "install":  # nox: session.install("eventlet")
            for one in node.args:
                yield from _requirements(one)


def _module(node: ast.AST) -> Iterator[Use]:
    """The bare name of Eventlet, where it can only be that of the module."""
    if text_of(node) == "eventlet":
        yield Use("eventlet", "string", node)


def _modules(node: ast.expr) -> Iterator[Use]:
    """A list that can only be of names of modules."""
    for one in getattr(node, "elts", ()):
        yield from _module(one)


def _is_modules(node: ast.AST) -> bool:
    """``sys.modules``, or the text that mock takes for it."""
    return (isinstance(node, ast.Attribute) and node.attr == "modules") or (
        text_of(node) == "sys.modules"
    )


def _of_modules(node: ast.Call) -> Iterator[Use]:
    """``sys.modules.pop("eventlet")``, ``patch.dict(sys.modules, ..)``, ``find_spec(..)``."""
    function = node.func
    if _name(function) in _INSTALLED:
        found: list[ast.AST] = [*node.args[:1]]
    elif isinstance(function, ast.Attribute) and _is_modules(function.value):
        found = [*node.args[:1]]
    elif node.args and _is_modules(node.args[0]):
        found = [*node.args[1:2]]  # monkeypatch.setitem, delitem
        for given in node.args[1:]:
            found += [key for key in getattr(given, "keys", ()) if key is not None]
        for keyword in node.keywords:
            if keyword.arg == "eventlet":
                yield Use("eventlet", "string", keyword)
    else:
        return
    for one in found:
        yield from _module(one)


def _option_read(node: ast.Attribute) -> Iterator[Use]:
    """``CONF.eventlet_blocking_detection``: an attribute of something called a configuration.

    And oslo.service's ``BackendType.EVENTLET``.
    """
    if node.attr == "EVENTLET" and _name(node.value) == "BackendType":
        yield Use("config:backend=eventlet", "config", node)
    if isinstance(node.ctx, ast.Load) and _OPTION.fullmatch(node.attr):
        owner = node.value
        while isinstance(owner, ast.Attribute) and not _is_configuration(owner):
            owner = owner.value
        if _is_configuration(owner):
            yield Use(f"option:{node.attr}", "config", node)


def _option(owner: ast.expr, key: ast.expr) -> Iterator[Use]:
    """``conf["eventlet_debug"]``."""
    if _is_configuration(owner) and _OPTION.fullmatch(text_of(key)):
        yield Use(f"option:{text_of(key)}", "config", key)


def _is_configuration(node: ast.expr) -> bool:
    name = _name(node).lower()
    return any(word in name for word in ("conf", "option", "settings"))


def _requirements(value: ast.expr) -> Iterator[Use]:
    """Every constant of a list, or of the lists that are the values of a dictionary."""
    stack: list[ast.AST] = [value]
    while stack:
        node = stack.pop()
        match = REQUIREMENT.match(text_of(node)) or EXTRA.search(text_of(node))
        if match:
            yield Use(f"dependency:{match.group(1).lower()}", "dependency", node)
        stack += node.values if isinstance(node, ast.Dict) else ast.iter_child_nodes(node)


def _name(node: ast.AST) -> str:
    """The last part of a name, attribute or subscript's constant key."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript):
        return text_of(node.slice)
    return node.id if isinstance(node, ast.Name) else ""


_LOOKS: dict[type[ast.AST], Callable[[Any], Iterator[Use]]] = {
    ast.AnnAssign: _annotated,
    ast.Assign: _assign,
    ast.Attribute: _option_read,
    ast.Call: _call,
    ast.Compare: _compare,
    ast.Dict: _dict,
    ast.List: _several,
    ast.Set: _several,
    ast.Subscript: _subscript,
    ast.Tuple: _several,
    ast.arguments: _defaults,
    ast.keyword: _keyword,
}
