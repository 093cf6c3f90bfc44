"""Names and what they hold, by Python's rules of scope."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from migrator import api
from migrator.bindings import Bound, bound_names
from migrator.segments import following, holds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from migrator.segments import Segments
    from migrator.uses import Exports

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Scope:
    """One namespace. ``held`` maps a name to the dotted name that it holds."""

    __slots__ = (
        "attributes",
        "handed",
        "held",
        "hidden",
        "in_async",
        "me",
        "node",
        "owner",
        "parent",
    )

    def __init__(self, node: ast.AST, parent: Scope | None, *, in_async: bool = False) -> None:
        self.node = node
        self.parent = parent
        self.in_async = in_async
        self.held: dict[str, str] = {}
        self.hidden: set[str] = set()  # names that a class body gave something unknown
        self.me = ""  # the name of a method's first parameter
        self.attributes: dict[str, str] | None = None  # what `self.x` holds, by class
        self.owner = ""  # the dotted name of that class
        self.handed: list[tuple[str, str]] = []  # what a class decorator hands its tests


class Namespaces:
    """The scopes of one module while it is walked.

    ``seeds`` are bindings that an earlier walk found too late for the code before them;
    ``late`` are those of this walk.
    """

    def __init__(
        self,
        module: str,
        package: bool,
        exports: Exports,
        seeds: Mapping[object, Mapping[str, str]],
        source: Segments | None,
        words: Iterable[str],
    ) -> None:
        self.source = source
        self.binds_in_values = source is None or ":=" in source.text
        # What a statement has to hold to matter: a way to Eventlet, or a name that leads
        # there. A dictionary, since the order tells which of them are newer than a skip.
        self.words = dict.fromkeys(("import", "eventlet", "greenlet", api.BACKDOOR_MODULE))
        self.words.update(dict.fromkeys(words))
        self.skipped: dict[int, list[ast.stmt]] = {}  # by how many words were known then
        self._skipped: list[ast.stmt] = []  # those of now
        self._places: list[int] = []  # of the first words, so many
        self._placed = 0
        self.name = module
        self.package = package
        self.known = exports
        self.seeds = seeds
        self.late: dict[object, dict[str, str]] = {}
        self.root = self.scope = Scope(ast.Module(body=[], type_ignores=[]), None)
        self.classes: dict[str, dict[str, str]] = {}  # by dotted name: what their attributes hold
        self.mixed: dict[str, set[str]] = {}  # those that are given other things, too
        self.bounds: dict[ast.AST, Bound] = {}
        known_roots = {name.partition(".")[0] for name in exports}
        self.roots = {"eventlet", "greenlet", *api.LIBRARY_ROOTS, *known_roots}
        self.own_roots = {module.partition(".")[0], *known_roots}  # of `known` and `classes`

    def hold(self, name: str, value: str | None) -> None:
        """Bind ``name`` in the current scope (or where it is declared to live)."""
        scope = self.scope
        if scope.node.__class__ in _FUNCTIONS and value:
            bound = self.bound(scope)
            if name in bound.declared_global:
                self.remember("module", name, value)
            elif name in bound.declared_nonlocal and scope.parent:
                self.remember(scope.parent.node, name, value)
        if value:
            scope.held[name] = value
            scope.hidden.discard(name)
            self.words[name] = None
        else:
            scope.held.pop(name, None)
            scope.hidden.add(name)

    def mattering(self, statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
        """Those that hold a word that matters by the time they are reached."""
        source = self.source
        if source is None:
            yield from statements
            return
        clear = 0  # no word stands before this place
        for statement in statements:
            if source.end(statement) > clear:
                if self._placed < len(self.words):
                    self._place(source)
                start, end = source.span(statement)
                clear = following(self._places, start)
                if clear < end:
                    clear = 0  # its walk may bring new words
                    yield statement
                    continue
            self._skipped.append(statement)

    def passed_over(self, statements: list[ast.stmt]) -> bool:
        """Whether it is known at once that none of them matters."""
        source = self.source
        if source is None or self._placed < len(self.words):
            return False
        start = source.span(statements[0])[0]
        if following(self._places, start) < source.end(statements[-1]):
            return False
        self._skipped += statements
        return True

    def _place(self, source: Segments) -> None:
        """Find where the words stand that are new."""
        self._places += source.names(list(self.words)[self._placed :])
        self._places.sort()
        self._placed = len(self.words)
        self._skipped = self.skipped.setdefault(self._placed, [])

    @property
    def skipped_too_early(self) -> bool:
        """Whether a name became known that a skipped statement holds.

        Functions run later than they are defined; a name may be imported below them.
        """
        words = list(self.words)
        source = self.source
        return source is not None and any(
            holds(newer, *source.span(statement))
            for known, statements in self.skipped.items()
            if (newer := source.names(words[known:]))
            for statement in statements
        )

    def remember(self, place: object, name: str, value: str) -> None:
        """Keep a binding for the next walk, since code before it may need it."""
        self.words[name.removesuffix("()")] = None
        self.late.setdefault(place, {})[name] = value

    def lookup(self, name: str) -> str | None:
        """Return what a name holds in the current scope, by Python's rules."""
        if name not in self.words:
            return None  # nearly all names: whatever any scope holds is one of the words
        scope: Scope | None = self.scope
        first = True
        while scope is not None:
            # A class body's names are seen in that body only.
            if first or not isinstance(scope.node, ast.ClassDef):
                value = scope.held.get(name) or self.bound_later(name, scope)
                if value is not None:
                    return value
                if scope.parent is not None and self.visible_above(name, scope) is False:
                    return None
            first = False
            scope = scope.parent
        return None

    def bound_later(self, name: str, scope: Scope) -> str | None:
        """What a function that says ``global`` or ``nonlocal`` gives the name when it is called."""
        if name in scope.hidden or isinstance(scope.node, ast.ClassDef):
            return None
        return self.seeds.get("module" if scope is self.root else scope.node, {}).get(name)

    def bound(self, scope: Scope) -> Bound:
        """The names that a scope binds itself, found on demand."""
        found = self.bounds.get(scope.node)
        if found is None:
            found = bound_names(scope.node, in_values=self.binds_in_values)
            self.bounds[scope.node] = found
        return found

    def visible_above(self, name: str, scope: Scope) -> bool:
        """Is the name free in ``scope``? Costs a walk, so only when it matters."""
        above = scope.parent
        while above is not None and name not in above.held:
            above = above.parent
        if above is None or isinstance(scope.node, ast.ClassDef):
            return name not in scope.hidden
        return name not in self.bound(scope).local

    def is_missing_import(self, name: str, link: ast.expr) -> bool:
        """Whether ``eventlet.sleep`` stands in a module that never binds the name.

        Others put it there, or the import has been forgotten.
        """
        if name != "eventlet" or not isinstance(link, ast.Attribute):
            return False
        scope: Scope | None = self.scope
        while scope is not None:
            if name in self.bound(scope).local:
                return False
            scope = scope.parent
        return api.is_public(link.attr)

    def inside(self, scope: Scope) -> Scope:
        """Enter a scope; returns the one to go back to."""
        outer, self.scope = self.scope, scope
        return outer

    def through(self, name: str) -> str:
        """Follow a project's own re-exports, and attributes of its classes, to what they hold."""
        if name.partition(".")[0] not in self.own_roots:
            return name
        for _ in range(8):  # longer chains of facades are cycles
            place = name
            while True:
                place, _, attribute = place.rpartition(".")
                if not place:
                    return name
                held = self.held_by(place, attribute)
                if held and held != name:
                    name = held + name[len(place) + len(attribute) + 1 :]
                    break
        return name

    def held_by(self, place: str, attribute: str) -> str | None:
        """What an attribute of a module or class of the project holds."""
        held = None
        if place in self.known:
            held = self.known[place].get(attribute)
        if not held and place in self.classes:
            held = self.attributes_of(place).get(attribute)
        if not held:
            module, _, owner = place.rpartition(".")
            held = self.known[module].get(f"{owner}.{attribute}") if module in self.known else None
        return held

    def attributes_of(self, name: str) -> Mapping[str, str]:
        """What a class's attributes hold for others; "f()" is what a method returns.

        Not those that are sometimes given something else.
        """
        if api.is_eventlet(name):
            return {}  # that class has a rule itself
        own = self.classes.get(name)
        if own is not None:
            mixed = self.mixed.get(name, ())
            return {attribute: it for attribute, it in own.items() if attribute not in mixed}
        module, _, owner = name.rpartition(".")
        start = f"{owner}."
        return {
            attribute.removeprefix(start): value
            for attribute, value in self.known.get(module, {}).items()
            if attribute.startswith(start)
        }

    def given(self, function: str) -> str | None:
        """What a function of the project that gives Eventlet returns."""
        module, _, name = function.rpartition(".")
        own = self.seeds.get("given", {}) if module == self.name else {}
        given = own.get(f"{name}()") or self.through(f"{function}()")
        known = given != f"{function}()" and api.is_eventlet(given)
        return given if known else None

    def leads_on(self, name: str) -> bool:
        """Whether some module that re-exports Eventlet lies below the name."""
        return any(known.startswith(f"{name}.") for known in self.known)
