"""Mocks in an API's place: which calls put one there, and who is handed it.

unittest.mock, pytest-mock, pytest's monkeypatch and the fixtures library, by the names of
their functions. While a module is walked, a patcher and the mock that it starts are one
value, "mock:eventlet/debug": no dot in it, so nothing takes it for Eventlet's own name.
"""

from __future__ import annotations

import ast

from inspector.record import Record
from migrator.strings import dotted_literal

_MARK = "mock:"
# Replaces what a text names; the mock's own value comes at this place, if it is given.
_BY_TEXT = {"patch": 1, "MockPatch": 1, "MonkeyPatch": 1, "stub_out": 1}
_BY_TEXT_OR_OBJECT = frozenset({"setattr", "delattr", "multiple"})
# Replaces an attribute of an object; the same.
_OF_OBJECT = {"object": 2, "MockPatchObject": 2, "patchobject": 2, "patch_object": 2}
_SPIES = frozenset({"spy", "stub"})
_OPTIONS = frozenset({"target", "spec", "create", "spec_set", "autospec", "new_callable", "unsafe"})
REPLACERS = frozenset({*_BY_TEXT, *_OF_OBJECT, *_BY_TEXT_OR_OBJECT, *_SPIES})
_NAMES = ("attribute", "name")  # what patch.object and setattr call their second parameter

# What gives the mock that a patcher makes: patch(..).start(), useFixture(..).mock.
STARTS = frozenset({"start", "__enter__", "mock"})
# What takes a patcher and gives the mock, or the fixture that has it.
ENTERS = frozenset(
    {"enterContext", "enterClassContext", "enter_context", "enter_async_context", "useFixture"}
)
# What else a patcher has; none of it is asked of a mock.
PATCHERS_OWN = frozenset({"stop", "__exit__", "new", "target", "attribute", "temp_original"})
TEST_PREFIX = "test"  # a class decorator patches the methods of this name


class Replacement(Record):
    """One call that replaces an API.

    ``target`` is a text that names it, or with ``attribute`` (a text) or ``several`` the
    object that holds it. ``hands_over``: a mock is made and handed on.
    """

    target: ast.expr
    attribute: ast.expr | None = None
    several: tuple[ast.keyword, ...] = ()
    hands_over: bool = False


def wrap(api: str) -> str:
    """The value of a mock in the place of ``api``."""
    return _MARK + api.replace(".", "/")


def unwrap(value: str | None) -> str | None:
    """The API in whose place a mock stands; None when the value is no mock."""
    if value is None or not value.startswith(_MARK):
        return None
    return value[len(_MARK) :].replace("/", ".")


def replacement(call: ast.AST | None) -> Replacement | None:
    """What a call replaces; None when it is of another kind."""
    if not isinstance(call, ast.Call):
        return None
    tail, owner = _tails(call.func)
    target = _argument(call, 0, "target")
    if target is None or tail not in REPLACERS or (tail == "multiple" and owner != "patch"):
        return None
    if tail == "multiple":
        several = tuple(one for one in call.keywords if one.arg and one.arg not in _OPTIONS)
        return Replacement(target, several=several)
    if tail in _OF_OBJECT:
        attribute = _argument(call, 1, *_NAMES)
        if attribute is None or (tail == "object" and owner != "patch"):
            return None
        return Replacement(target, attribute, hands_over=not _has(call, _OF_OBJECT[tail], "new"))
    if tail in _BY_TEXT:
        return Replacement(target, hands_over=not _has(call, _BY_TEXT[tail], "new"))
    if dotted_literal(target):
        return Replacement(target)
    attribute = _argument(call, 1, *_NAMES)
    return Replacement(target, attribute) if attribute is not None else None


def makes_mock(node: ast.expr | None) -> bool:
    """Whether an expression evaluates to a mock or a patcher, by the look of it."""
    if isinstance(node, ast.Attribute):
        return node.attr in STARTS
    tail = _tails(node.func)[0] if isinstance(node, ast.Call) else ""
    return tail in STARTS or tail in ENTERS or replacement(node) is not None


def is_default(keyword: ast.keyword) -> bool:
    """Whether ``patch.multiple`` makes the mock itself, and hands it on by its name."""
    return _tails(keyword.value)[0] == "DEFAULT"


def _tails(node: ast.expr) -> tuple[str, str]:
    """The last part of a dotted name, and the one before it."""
    if isinstance(node, ast.Attribute):
        return node.attr, _tails(node.value)[0]
    return (node.id, "") if isinstance(node, ast.Name) else ("", "")


def _argument(call: ast.Call, place: int, *names: str) -> ast.expr | None:
    if len(call.args) > place:
        return call.args[place]
    return next((one.value for one in call.keywords if one.arg in names), None)


def _has(call: ast.Call, place: int, name: str) -> bool:
    return _argument(call, place, name) is not None
