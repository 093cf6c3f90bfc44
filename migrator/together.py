"""What has to change in one run: a call in one file and the mock of it in another.

A test that patches ``eventlet.debug.x`` says nothing any more once the code under test
calls ``bridge.debug.x``. So both change, or both stay; this decides which.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from migrator.fixes.backdoor import SERVER, SPAWNERS
from migrator.fixes.mocks import SET, STAYS, covers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from migrator.findings import Finding
    from migrator.rewrite import Options, Outcome, Result

_TEXTS = ("text", "part")


@dataclass(frozen=True, slots=True)
class Together:
    """``follow``: APIs whose mocks change along. ``held``: API -> why its calls must stay."""

    follow: frozenset[str] = frozenset()
    held: Mapping[str, str] = field(default_factory=dict)
    renamed: frozenset[Finding] = frozenset()


def decide(results: Sequence[Result], options: Options) -> Together:
    """Decide from a first rewrite, in which no text was touched and nothing was held."""
    targets: dict[str, list[Outcome]] = {}
    calls: dict[str, list[Outcome]] = {}
    for outcome in (outcome for result in results for outcome in result.outcomes):
        if outcome.role in ("target", "text", "part", "path", "object"):
            targets.setdefault(outcome.finding.api, []).append(outcome)
        elif outcome.role == "use" and outcome.finding.kind in ("call", "reference"):
            calls.setdefault(outcome.finding.api, []).append(outcome)
    halved = _halved_modules(results)
    follow: dict[str, list[Outcome]] = {}
    held: dict[str, str] = {}
    for target, outcomes in targets.items():
        covered = [o for api, found in calls.items() if covers(target, api) for o in found]
        if not any(outcome.rewritten for outcome in covered):
            if replaced := [o for o in outcomes if o.role == "object"]:
                is_set = all(outcome.finding.kind == "store" for outcome in replaced)
                held[target] = SET if is_set else STAYS
            continue
        follow[target] = covered
        problem = _problem(target, covered, outcomes, options, halved)
        if problem:
            _hold(follow, held, target, outcomes[0], problem)
    # Two mocks may stand for one call, one of them for its whole module.
    while torn := [t for t, some in follow.items() if any(o.finding.api in held for o in some)]:
        _hold(follow, held, torn[0], targets[torn[0]][0], "another mock of it has to stay")
    renamed, backdoors = _mocked_starts(results, options)
    return Together(frozenset(follow), {**held, **backdoors}, renamed)


def _hold(
    follow: dict[str, list[Outcome]], held: dict[str, str], target: str, one: Outcome, why: str
) -> None:
    """Let what the target covers stay, and the target with it."""
    place = one.finding
    does = "names it by text" if one.role in _TEXTS else "replaces it by name in a test"
    reason = f"{place.path}:{place.span.line} {does}, and {why}"
    for api in (target, *(outcome.finding.api for outcome in follow.pop(target))):
        held.setdefault(api, reason)


def _halved_modules(results: Sequence[Result]) -> frozenset[str]:
    """Paths that import ``eventlet.debug`` still, beside the bridge."""
    return frozenset(
        outcome.finding.path
        for result in results
        if result.changed
        for outcome in result.outcomes
        if outcome.finding.kind == "import"
        and outcome.finding.api.startswith("eventlet.debug")
        and not outcome.rewritten
    )


def _mocked_starts(
    results: Sequence[Result], options: Options
) -> tuple[frozenset[Finding], dict[str, str]]:
    """Tests that replace ``eventlet.spawn`` and call a function that started a backdoor."""
    outcomes = [outcome for result in results for outcome in result.outcomes]
    started = {
        outcome.function
        for outcome in outcomes
        if outcome.rewritten and outcome.finding.api == SERVER and outcome.function
    }
    mocks = [
        outcome
        for outcome in outcomes
        if outcome.role in ("target", "text", "object")
        and outcome.finding.api in SPAWNERS
        and outcome.calls & started
    ]
    by_text = all(outcome.role != "object" for outcome in mocks)
    if not mocks or (by_text and options.unsafe and options.stage == "bridge"):
        return frozenset(outcome.finding for outcome in mocks), {}
    place = mocks[0].finding
    reason = (
        f"{place.path}:{place.span.line} replaces {place.api}, which starts it, in a test, and "
        + (
            "it cannot be rewritten"
            if not by_text
            else "rewriting that needs --unsafe"
            if options.stage == "bridge"
            else "nothing takes its place"
        )
    )
    return frozenset(), {SERVER: reason}


def _problem(
    target: str,
    calls: Iterable[Outcome],
    targets: Sequence[Outcome],
    options: Options,
    halved: frozenset[str],
) -> str | None:
    """Why the mocks cannot follow; None when they can."""
    if options.stage != "bridge" or not target.startswith("eventlet.debug"):
        named = all(outcome.role in _TEXTS for outcome in targets)
        does = "the text could name" if named else "the mock could stand for"
        return f"nothing takes its place that {does}"
    stuck = next((o.finding for o in calls if not o.rewritten and not o.inherited), None)
    if stuck is not None:
        return f"{stuck.path}:{stuck.span.line}, a call of it, cannot be rewritten"
    if any(outcome.role == "part" for outcome in targets):
        return "the text that names it cannot be rewritten"
    by_path = any(outcome.role == "path" for outcome in targets)
    if by_path and any(outcome.finding.path in halved for outcome in calls):
        return "the module that it names keeps Eventlet's as well"
    if all(outcome.role == "path" for outcome in targets):
        return None
    if not options.unsafe:
        return "rewriting that needs --unsafe"
    if any(outcome.role == "object" and not outcome.rewritten for outcome in targets):
        return "it cannot be rewritten"
    return None
