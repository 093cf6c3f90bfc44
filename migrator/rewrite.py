"""Findings -> edits -> bytes, for one file. Pure: nothing is opened or written here.

What a rewrite promises is checked here as well: libcst reproduces the file byte for byte
(the guard against source that tools read differently), the result compiles, and rewriting
it again changes nothing. libcst is imported for files that change, never before.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING

from migrator import names, rules, scan, suppressions
from migrator.conflicts import (
    WAITS,
    bind_nothing_too_late,
    keep_units_together,
    let_the_inner_go_first,
)
from migrator.edits import Edit, Source
from migrator.findings import Advice, Finding, Span, Unread
from migrator.fixes import (
    COMMENT_LOST,
    Change,
    File,
    Inherited,
    Left,
    NeedsReview,
    mocks,
    root_name,
    swap,
)
from migrator.imports import ImportPlan
from migrator.scopes import Bindings
from migrator.served import mentioned, names_gone, plan_imports
from migrator.statements import complete, edit_statements, loses_comment
from migrator.together import Together

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from migrator.findings import Applicability, Stage
    from migrator.fixes.mocks import Role
    from migrator.names import Exports, Use

_PASSES = 10  # a site inside another one waits for the next pass
# Means nothing to Python in front of a statement; libcst puts it elsewhere.
_PAGE = re.compile(rb"^\f+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Options:
    """What to rewrite. ``codes``: only these rules; ``bridge``: the module to import."""

    stage: Stage = "bridge"
    unsafe: bool = False
    bridge: str = "bridge"
    codes: frozenset[str] | None = None
    declined: frozenset[Finding] = frozenset()  # by the user, one by one


@dataclass(frozen=True, slots=True)
class Module:
    """What other files of the code base mean for this one."""

    name: str
    package: bool = False
    visible: Callable[[frozenset[str]], Exports] | None = None  # the project's re-exports
    imported: Collection[str] = ()  # its names that other files import
    moves: bool = False  # whoever takes a name of Eventlet's from here can follow
    together: Together = field(default_factory=Together)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One finding and what became of it; ``reason`` when it was left."""

    finding: Finding
    rewritten: bool
    reason: str | None = None
    role: Role = "use"
    applicability: Applicability | None = None  # of this very use; None: as the rule says
    review: str | None = None  # what to look at, where it was unsafe and rewritten
    function: str = ""  # the function around it
    calls: frozenset[str] = frozenset()  # what that function calls, for a mock's target
    inherited: bool = False  # left to what another module of the project imports
    through: str = ""  # what that is: the module, or its name

    def gone_along(self) -> Outcome:
        """The same use, gone with another one or with what it had its value from."""
        return replace(self, rewritten=True, reason=None, role="along")


@dataclass(frozen=True, slots=True)
class Result:
    """One file before and after (the same bytes when nothing changes)."""

    path: str
    old: bytes
    new: bytes
    outcomes: tuple[Outcome, ...]

    @property
    def changed(self) -> bool:
        """Tell whether there is anything to write."""
        return self.old != self.new


def rewrite(data: bytes, path: str, module: Module, options: Options) -> Result | Unread:
    """Rewrite what ``options`` allow in a file's ``data``."""
    outcomes: list[Outcome] = []
    declined = frozenset(finding for finding in options.declined if finding.path == path)
    new = data
    for _ in range(_PASSES):
        step = _pass(new, path, module, replace(options, declined=declined))
        if isinstance(step, Unread):
            if new is data:
                return step
            return _refused(data, path, outcomes, f"the result is no Python: {step.reason}")
        after, found, declined = step
        outcomes = found if new is data else _merged(outcomes, found)
        if after == new:
            break
        new = after
    if new != data:
        problem = _cannot_reproduce(data) or _does_not_compile(data, new)
        if problem:
            return _refused(data, path, outcomes, problem)
    return Result(path, data, new, tuple(outcomes))


def _pass(
    data: bytes, path: str, module: Module, options: Options
) -> tuple[bytes, list[Outcome], frozenset[Finding]] | Unread:
    """The bytes after one pass, what became of each use, and where the declined ones are then."""
    parsed = scan.parse(data, path)
    if isinstance(parsed, Unread):
        return parsed
    tree, text = parsed
    exports: dict[str, Mapping[str, str]] = dict(_bridge_as_facade(options))
    found = names.resolve(tree, module.name, package=module.package, exports=exports)
    if module.visible:
        exports.update(module.visible(found.imports))
        found = names.resolve(tree, module.name, package=module.package, exports=exports)
    known = scan.findings_by_use(found.uses, text, path)
    ignored = suppressions.find(data)
    kept, _, _ = suppressions.apply(path, known.values(), ignored, _codes(options))
    shown = set(kept)
    pairs = [(use, finding) for use, finding in known.items() if finding in shown]
    source = Source(data, tree, text)
    try:
        scopes = Bindings(tree)
    except RecursionError:
        reason = "nested too deeply to tell what its names mean"
        return data, [Outcome(finding, False, reason) for _, finding in pairs], options.declined
    file = File(
        source=source,
        scopes=scopes,
        uses=found.uses,
        advice={
            **dict.fromkeys(found.uses, Advice("manual", None, "a comment says to ignore it")),
            **{use: _advice(finding, module, options) for use, finding in pairs},
        },
        stage=options.stage,
        unsafe=options.unsafe,
        bridge=options.bridge,
        follow=module.together.follow,
        renamed=module.together.renamed,
        mentioned=mentioned(source),
        imported=module.imported,
        moves=module.moves,
    )
    changes: dict[Use, Change] = {}
    reasons: dict[Use, str] = {}
    review: set[Use] = set()
    inherited: set[Use] = set()
    for use, finding in pairs:
        try:
            if use.kind != "import" or not isinstance(use.node, ast.alias):
                changes[use] = _change(use, finding, file)
        except Left as left:
            reasons[use] = str(left)
            if isinstance(left, NeedsReview):
                review.add(use)
            if isinstance(left, Inherited):
                inherited.add(use)
    if options.stage == "asyncio":  # the bridge's switches are the same as Eventlet's
        keep_units_together(changes, reasons)
    edits = _edits(changes, reasons, file)
    decided = {*changes, *reasons, *(use for use in known if use.kind == "import")}
    outcomes = [
        Outcome(
            finding,
            use not in reasons,
            reasons.get(use),
            mocks.role(use, file) if use in decided else "along",
            "unsafe" if use in review else changes[use].applicability if use in changes else None,
            changes[use].reason if use in changes else None,
            *mocks.surroundings(use, file),
            use in inherited,
            file.comes_through(use),
        )
        for use, finding in pairs
        if finding.code in _codes(options)
    ]
    declined = frozenset(_after(finding, source, edits) for finding in options.declined)
    return source.encode(source.apply(edits)), outcomes, declined


def _after(finding: Finding, source: Source, edits: Sequence[Edit]) -> Finding:
    """A finding that stays, where it is after the edits."""
    span = finding.span
    line, column = source.place_after(edits, span.line, span.column)
    end = source.place_after(edits, span.end_line, span.end_column)
    return finding._replace(span=Span(line, column, *end))


def _codes(options: Options) -> frozenset[str]:
    return frozenset(rules.by_code()) if options.codes is None else options.codes


def _advice(finding: Finding, module: Module, options: Options) -> Advice:
    """What the rule advises, unless this use has to stay whatever the rule says."""
    if options.codes is not None and finding.code not in options.codes:
        return Advice("manual", None, "its rule is not selected")
    if finding in options.declined:
        return Advice("manual", None, "declined")
    if finding.api in module.together.held and finding.kind != "import":
        return Advice("manual", None, module.together.held[finding.api])
    return finding.advice(options.stage)


def _change(use: Use, finding: Finding, file: File) -> Change:
    """What becomes of one use, where it may. Raises Left."""
    advice = file.advice[use]
    family, _ = rules.by_code()[finding.code]
    if finding in file.renamed:
        return mocks.fix_started(use, file)
    if family.fixes is None:
        raise Left(advice.reason or "apply rewrites debug and backdoor use only")
    if advice is not finding.advice(file.stage):
        raise Left(advice.reason or "it has to stay")
    role = mocks.role(use, file)
    if role in ("target", "text", "part"):
        change = mocks.fix_target(use, file)
    elif role == "path":
        raise Inherited("it names what a module of the project imports, and follows that")
    elif role == "mock":
        change = mocks.fix_mock(use, file)
    else:
        change = import_module(family.fixes).fix(use, file)
    if any(
        loses_comment(file.source, statement, deleted=not lines)
        for statement, lines in change.statements.items()
    ) or any(file.source.comments(*file.source.span(node)) for node in change.nodes):
        change = replace(change, applicability="unsafe", reason=change.reason or COMMENT_LOST)
    if change.applicability != "safe" and not file.unsafe:
        reason = change.reason or advice.reason or "it needs review"
        raise NeedsReview(f"{reason}; pass --unsafe to rewrite it all the same")
    return change


def _edits(
    changes: dict[Use, Change],
    reasons: dict[Use, str],
    file: File,
) -> list[Edit]:
    """All edits of one pass. Notes in ``reasons`` what has to wait or stay."""
    source = file.source
    let_the_inner_go_first(changes, reasons, source)
    bind_nothing_too_late(changes, reasons, file)
    plan = ImportPlan(source)
    statements: dict[ast.stmt, Sequence[str]] = {}
    nodes: dict[ast.expr, str] = {}
    for use, change in changes.items():
        statements.update(change.statements)
        nodes.update(change.nodes)
        plan.moved.update(change.moved)
        plan.added.update(dict.fromkeys(change.added))
        plan.standard.update(name for name in change.standard if file.lacks(name, use.node))
    statements = complete(source, statements)
    gone = names_gone(nodes, statements)
    for use in [use for use in reasons if root_name(use.node) in gone]:
        del reasons[use]  # it stands in what goes, as `eventlet.listen(..)` in a backdoor's start
    plan_imports(plan, gone, file, reasons)
    edits, whole = plan.edits()
    statements = complete(source, {**statements, **whole})
    edits += [Edit(*source.span(node), text) for node, text in nodes.items()]
    replaced = [source.span(statement) for statement in statements]
    edits = [
        edit
        for edit in edits
        if not any(first <= edit.start and edit.end <= last for first, last in replaced)
        or edit.start == edit.end
    ]
    places = {edit.start for edit in edits if edit.start == edit.end}
    return edits + edit_statements(source, statements, places)


def _merged(before: list[Outcome], after: list[Outcome]) -> list[Outcome]:
    """Outcomes for the findings of the first pass, given those of the next one."""
    later: dict[tuple[str, str, str], list[Outcome]] = {}
    for outcome in after:
        later.setdefault(_key(outcome), []).append(outcome)
    merged = []
    for outcome in before:
        queue = later.get(_key(outcome), [])
        now = queue.pop(0) if queue and not outcome.rewritten else outcome
        if now.rewritten or outcome.reason == WAITS:
            merged.append(replace(now, finding=outcome.finding))
        elif _key(outcome) not in later:  # it got its value from what was rewritten
            merged.append(outcome.gone_along())
        else:
            merged.append(outcome)  # its reason names lines of the file as the user has it
    return merged


def _key(outcome: Outcome) -> tuple[str, str, str]:
    return (outcome.finding.code, outcome.finding.api, outcome.finding.kind)


def _refused(data: bytes, path: str, outcomes: Sequence[Outcome], problem: str) -> Result:
    left = tuple(
        Outcome(outcome.finding, False, problem if outcome.rewritten else outcome.reason)
        for outcome in outcomes
    )
    return Result(path, data, data, left)


def _bridge_as_facade(options: Options) -> dict[str, dict[str, str]]:
    """Stage asyncio also removes what stage bridge wrote: to it, a facade of Eventlet."""
    if options.stage != "asyncio":
        return {}
    bridge = options.bridge
    return {
        bridge: {"debug": swap.MODULE, "console": f"{bridge}.console"},
        f"{bridge}.debug": {name: f"{swap.MODULE}.{name}" for name in swap.NAMES},
        f"{bridge}.console": {"expose": "eventlet.backdoor.backdoor_server"},
    }


def _does_not_compile(old: bytes, new: bytes) -> str | None:
    """What the compiler says of the result, if it had nothing to say before.

    It knows more than the parser: where ``from __future__`` and ``import *`` may stand.
    """
    for data in (old, new):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(data, "<rewritten>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError) as error:
            return None if data is old else f"the result would not compile: {error}"
    return None


def _cannot_reproduce(data: bytes) -> str | None:
    """Why a file is not touched although it parses; None when all is well."""
    import libcst

    data = _PAGE.sub(b"", data)
    try:
        same = libcst.parse_module(data).bytes == data
    except Exception as error:  # noqa: BLE001 - it raises three kinds, and panics of its own
        return f"libcst cannot read this file: {type(error).__name__}"
    return None if same else "libcst cannot reproduce this file byte for byte"
