"""What the walk over a module yields: uses of Eventlet's APIs, by their resolved names."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from inspector.record import Record

if TYPE_CHECKING:
    import ast
    from collections.abc import Mapping

    from migrator.findings import Kind

# Module -> what its public names hold: the project's own re-exports (migrator.facades).
Exports: TypeAlias = "Mapping[str, Mapping[str, str]]"


class Use(Record):
    """One use of an Eventlet API.

    ``node`` spans what names it; ``call`` is the call it is the function of, if it is
    one. ``in_async``: the code runs inside ``async def``. ``statement``: the call is a
    statement of its own, so nobody looks at its result.
    """

    api: str
    kind: Kind
    node: ast.AST
    call: ast.Call | None = None
    in_async: bool = False
    statement: bool = False


class Names(Record):
    """What one module uses, what its own names hold for others, and what it imports.

    ``imports`` are dotted names: modules, and modules with the name taken from them.
    """

    uses: tuple[Use, ...]
    exports: Mapping[str, str]
    imports: frozenset[str]
