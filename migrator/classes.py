"""Classes of the project whose attributes hold Eventlet, and functions that return it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from migrator import api
from migrator.bindings import parameters
from migrator.expressions import Expressions
from migrator.mocked import TEST_PREFIX, unwrap
from migrator.providers import is_fixture, is_property

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from migrator.namespaces import Scope


class Classes(Expressions):
    """Knows what ``self.x``, ``Class.x`` and ``instance.x`` hold."""

    def class_name(self, node: ast.ClassDef) -> str:
        """A dotted name for a class; one inside another scope has none that others could use."""
        if self.scope is self.root:
            return f"{self.name}.{node.name}"
        above = self.scope.owner if isinstance(self.scope.node, ast.ClassDef) else self.name
        return f"{above}.{node.name}:{node.lineno}"

    def inherited(self, node: ast.ClassDef, bases: Sequence[str | None]) -> dict[str, str]:
        """What a class has from these, and gives nothing else itself."""
        found: dict[str, str] = {}
        for base in reversed(bases):
            found.update(self.attributes_of(base) if base else {})
        if found:
            nodes = self.source.nodes(node, found) if self.source else ast.walk(node)
            for name in list(_given(nodes)):
                found.pop(name, None)
        self.words.update((name.removesuffix("()"), None) for name in found)
        return found

    def keep_attributes(self, scope: Scope, inherited: dict[str, str]) -> None:
        """Note what the attributes of a class hold whose body has been walked."""
        for name in scope.hidden:  # what is inherited is something else here
            inherited.pop(name, None)
            inherited.pop(f"{name}()", None)
        assert scope.attributes is not None
        scope.attributes.clear()
        scope.attributes.update({**inherited, **self.seeds.get(scope.node, {}), **scope.held})
        self.classes[scope.owner] = scope.attributes

    def attributes_for_others(self, name: str, value: str) -> Iterator[tuple[str, str]]:
        """What other modules find in the class ``value``, which is called ``name`` here.

        Classes are taken from the module that defines them, or its package.
        """
        if value != f"{self.name}.{name}" and not self.package:
            return
        for attribute, held in self.attributes_of(value).items():
            is_constant = held.rpartition(".")[2].isupper()  # leads nowhere
            if not is_constant and api.is_eventlet(unwrap(held) or held):
                yield f"{name}.{attribute}", held

    def attribute(self, node: ast.Attribute, value: str | None) -> None:
        """``self.x = <Eventlet>`` holds for every method of the class."""
        scope = self.scope
        if not (isinstance(node.value, ast.Name) and node.value.id == scope.me and scope.me):
            return
        if value is None:
            self.mixed.setdefault(scope.owner, set()).add(node.attr)
            return
        assert scope.attributes is not None
        scope.attributes[node.attr] = value
        self.remember_in_class(_class_of(scope), node.attr, value)

    def remember_in_class(self, node: ast.ClassDef | None, name: str, value: str) -> None:
        """As `remember`; the code before it may name the class as well."""
        if node is not None:
            self.words[node.name] = None
        self.remember(node, name, value)

    def give(self, value: str, names: Iterable[str]) -> None:
        """The function that is walked returns Eventlet; ``names`` are as in `asked_names`."""
        function, above = self.scope.node, self.scope.parent
        if not isinstance(function, ast.FunctionDef) or above is None or value.endswith("()"):
            return
        if isinstance(above.node, ast.ClassDef):
            name = function.name if is_property(function) else f"{function.name}()"
            self.remember_in_class(above.node, name, value)
        elif above is self.root:
            self.remember("given", f"{function.name}()", value)
            for name in names:
                self.remember("given", name, value)

    def hand(self, value: str | None) -> None:
        """The function that is walked yields or returns something: a fixture, to tests."""
        function = self.scope.node
        if value and isinstance(function, ast.FunctionDef) and is_fixture(function):
            self.remember("fixtures", function.name, value)

    def mocks(self, arguments: ast.arguments, handed: Sequence[tuple[str, str]]) -> dict[str, str]:
        """What the parameters are given of what decorators hand over: by name, or in order."""
        places = [one.arg for one in [*arguments.posonlyargs, *arguments.args]]
        if isinstance(self.scope.node, ast.ClassDef):
            del places[:1]
        mocks = {name: value for name, value in handed if name}
        mocks.update(zip(places, [value for name, value in handed if not name], strict=False))
        return {name: value for name, value in mocks.items() if value}

    def fixtures(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, str]:
        """What fixtures of this module give the function's parameters."""
        known = self.seeds.get("fixtures", {})
        if not known or not (node.name.startswith(TEST_PREFIX) or is_fixture(node)):
            return {}  # what else has such a parameter is called with other things
        return {one.arg: known[one.arg] for one in parameters(node.args) if one.arg in known}


def _given(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The attributes that are given a value among nodes: ``self.x = ...``."""
    for one in nodes:
        if isinstance(one, (ast.Assign, ast.AnnAssign)) and one.value and not is_none(one.value):
            targets = one.targets if isinstance(one, ast.Assign) else [one.target]
            yield from (target.attr for target in targets if isinstance(target, ast.Attribute))


def is_none(node: ast.expr | None) -> bool:
    """Whether it is ``None``, which stands for something that comes later."""
    return isinstance(node, ast.Constant) and node.value is None


def _class_of(scope: Scope) -> ast.ClassDef | None:
    above = scope.parent
    while above is not None:
        if isinstance(above.node, ast.ClassDef):
            return above.node
        above = above.parent
    return None
