"""What has to change in one run: a call in one file and the mock of it in another.

A test that patches ``eventlet.debug.x`` says nothing any more once the code under test
calls ``bridge.debug.x``. So both change, or both stay; this decides which.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from migrator.fixes.backdoor import SERVER, SPAWNERS
from migrator.fixes.mocks import covers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from migrator.findings import Finding
    from migrator.rewrite import Options, Outcome, Result


@dataclass(frozen=True, slots=True)
class Together:
    """``follow``: APIs whose mocks change along. ``held``: API -> why its calls must stay."""

    follow: frozenset[str] = frozenset()
    held: Mapping[str, str] = field(default_factory=dict)
    renamed: frozenset[Finding] = frozenset()


def decide(results: Sequence[Result], options: Options) -> Together:
    """Decide from a first rewrite, in which no mock was touched and nothing was held."""
    targets: dict[str, list[Outcome]] = {}
    calls: dict[str, list[Outcome]] = {}
    for outcome in (outcome for result in results for outcome in result.outcomes):
        if outcome.role in ("target", "part"):
            targets.setdefault(outcome.finding.api, []).append(outcome)
        elif outcome.role == "use" and outcome.finding.kind in ("call", "reference"):
            calls.setdefault(outcome.finding.api, []).append(outcome)
    follow, held = set(), {}
    for target, outcomes in targets.items():
        covered = [o for api, found in calls.items() if covers(target, api) for o in found]
        if not any(outcome.rewritten for outcome in covered):
            continue
        problem = _problem(covered, outcomes, options)
        if problem is None:
            follow.add(target)
            continue
        place = outcomes[0].finding
        for outcome in covered:
            held[outcome.finding.api] = (
                f"{place.path}:{place.span.line} replaces it by name in a test, and {problem}"
            )
    renamed, backdoors = _mocked_starts(results, options)
    return Together(frozenset(follow), {**held, **backdoors}, renamed)


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
        outcome.finding
        for outcome in outcomes
        if outcome.role == "target" and outcome.finding.api in SPAWNERS and outcome.calls & started
    ]
    if not mocks or (options.unsafe and options.stage == "bridge"):
        return frozenset(mocks), {}
    place = mocks[0]
    reason = (
        f"{place.path}:{place.span.line} replaces {place.api}, which starts it, in a test, and "
        + (
            "rewriting that needs --unsafe"
            if options.stage == "bridge"
            else "nothing takes its place"
        )
    )
    return frozenset(), {SERVER: reason}


def _problem(calls: Iterable[Outcome], targets: Iterable[Outcome], options: Options) -> str | None:
    """Why the mocks cannot follow; None when they can."""
    if options.stage != "bridge":
        return "nothing takes its place that the mock could stand for"
    if any(not outcome.rewritten for outcome in calls):
        return "not every call of it can be rewritten"
    if any(outcome.role == "part" for outcome in targets):
        return "the text that names it cannot be rewritten"
    if not options.unsafe:
        return "rewriting that needs --unsafe"
    return None
