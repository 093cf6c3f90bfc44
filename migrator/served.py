"""Which imports still serve a purpose once the changes of a file are made."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from migrator.fixes import swap
from migrator.statements import block_of, runs_before

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from migrator.edits import Source
    from migrator.fixes import File
    from migrator.imports import ImportPlan
    from migrator.names import Use
    from migrator.scopes import Imported

FOR_OTHERS = "nothing here reads it, but other modules may rely on this import"
_DOCTEST = re.compile(r"^\s*(?:>>>|\.\.\.) (.*)$", re.MULTILINE)


def plan_imports(
    plan: ImportPlan,
    gone: Collection[ast.Name],
    file: File,
    reasons: dict[Use, str],
) -> None:
    """Drop the imports that the changes leave without a reader; note why others stay.

    ``gone`` are the reads that the changes take away.
    """
    for one in file.scopes.imports:
        if one.alias in plan.moved or not _is_ours(one, file):
            continue
        reads = file.scopes.reads(one.scope, one.name)
        if file.moves and not reads and swap.is_re_export(one):
            plan.moved[one.alias] = swap.moved(one, file)
            continue
        rest = [name for name in reads if name not in gone]
        if len(rest) == len(reads):
            continue  # nothing that it serves changed
        if one.name in file.mentioned or (
            one.scope is file.scopes.module and one.name in file.imported
        ):
            continue
        if not rest:
            plan.dropped.add(one.alias)
        elif isinstance(one.statement, ast.Import) and one.target != one.module:
            _drop_submodule(plan, one, rest, file)
    _swap_in_place(plan)
    for use in file.uses:
        if use.kind == "import" and isinstance(use.node, ast.alias):
            if use.node in plan.moved or use.node in plan.dropped or use.node in plan.shortened:
                continue
            reasons[use] = _why_kept(use, file, gone, reasons)


def _drop_submodule(plan: ImportPlan, one: Imported, rest: list[ast.Name], file: File) -> None:
    """``import eventlet.debug`` also binds ``eventlet``: keep that for those who read it."""
    if any(_reads_module(name, one.module, file) for name in rest):
        return
    others = [i for i in _same_name(one, file) if i is not one and i.alias not in plan.dropped]
    if any(_is_as_early(other.statement, one.statement, file) for other in others):
        plan.dropped.add(one.alias)
    else:
        plan.shortened[one.alias] = one.name


def _is_as_early(first: ast.stmt, second: ast.stmt, file: File) -> bool:
    """Tell whether ``first`` has run by the time that anything could miss ``second``."""
    parents = file.source.parents
    if runs_before(first, second, parents):
        return True
    block = block_of(second, parents)
    if first not in block:
        return False
    between = block[block.index(second) : block.index(first)]
    return all(isinstance(one, (ast.Import, ast.ImportFrom)) for one in between)


def _same_name(one: Imported, file: File) -> list[Imported]:
    """The imports that bind the name of ``one`` in its scope, that one included."""
    return [i for i in file.scopes.imports if i.scope is one.scope and i.name == one.name]


def _swap_in_place(plan: ImportPlan) -> None:
    """An import that goes and one that comes at the same place are one change."""
    for (module, statement), _ in list(plan.added.items()):
        for alias in getattr(statement, "names", []):
            if alias in plan.dropped and isinstance(statement, ast.Import) and not alias.asname:
                plan.dropped.discard(alias)
                plan.moved[alias] = module
                del plan.added[module, statement]
                break


def _why_kept(use: Use, file: File, gone: Collection[ast.Name], reasons: Mapping[Use, str]) -> str:
    """Why an import stays: the first use of it that does."""
    one = next((i for i in file.scopes.imports if i.alias is use.node), None)
    reads = file.scopes.reads(one.scope, one.name) if one is not None else []
    if one is not None and one.target != one.module and len(_same_name(one, file)) > 1:
        reads = [name for name in reads if _reads_module(name, one.module, file)]
    rest = {name for name in reads if name not in gone}
    if not rest and one is not None and not _is_ours(one, file):
        return "nothing here reads it any more, but importing a module of the project may do more"
    own = f"{use.api}." if "." in use.api else "no module"
    left = [item for item in reasons.items() if item[0].kind != "import"]
    # Its own module's uses say more than others of the name that it binds as well. Where none
    # reads it, some may reach the module by another name.
    for other, reason in sorted(left, key=lambda item: not item[0].api.startswith(own)):
        is_own = other.api.startswith(own) and not file.comes_through(other)
        if any(part in rest for part in ast.walk(other.node)) or (is_own and not rest):
            line = getattr(other.node, "lineno", 0)
            return f"line {line} still needs it ({reason})"
    if not rest:
        return "its name is used as text or by other modules" if reads else FOR_OTHERS
    first = min(name.lineno for name in rest)
    return f"line {first} still needs it"


def _is_ours(one: Imported, file: File) -> bool:
    """Tell whether it is Eventlet's, or in the last stage the bridge's."""
    root = one.module.lstrip(".").partition(".")[0]
    return root == "eventlet" or (root == file.bridge and file.stage == "asyncio")


def _reads_module(name: ast.Name, module: str, file: File) -> bool:
    """Tell whether the read of ``eventlet`` goes on to ``module`` (``eventlet.debug``)."""
    node: ast.AST = name
    path = name.id
    while isinstance(parent := file.source.parents[node], ast.Attribute):
        node, path = parent, f"{path}.{parent.attr}"
    return path == module or path.startswith(f"{module}.") or path == name.id


def names_gone(
    nodes: Mapping[ast.expr, str], statements: Mapping[ast.stmt, Sequence[str]]
) -> set[ast.Name]:
    """The reads that the changes take away."""
    gone: set[ast.Name] = set()
    parts: list[tuple[ast.AST, str]] = [*nodes.items()]
    parts += [(statement, "\n".join(lines)) for statement, lines in statements.items()]
    for part, text in parts:
        for name in ast.walk(part):
            # What an argument reads is read by the new text as well.
            if isinstance(name, ast.Name) and not re.search(rf"\b{name.id}\b", text):
                gone.add(name)
    return gone


def mentioned(source: Source) -> set[str]:
    """Names that text refers to: ``__all__``, doctests, annotations, ``globals()["x"]``."""
    found: set[str] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets) and node.value:
                found.update(_strings(ast.walk(node.value)))
        elif isinstance(node, ast.Call) and _is_all_method(node.func):
            found.update(_strings(part for a in node.args for part in ast.walk(a)))
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call):
            found.update(_strings([node.slice]))
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(annotation, ast.AST):
                for text in _strings(ast.walk(annotation)):
                    found.update(re.findall(r"\w+", text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ">>>" in node.value:
            for line in _DOCTEST.findall(node.value):
                found.update(re.findall(r"\w+", line))
    return found


def _is_all_method(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "__all__"
    )


def _strings(nodes: Iterable[ast.AST]) -> list[str]:
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
