"""Ask for each site: show what changes there, take or leave it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import click

from inspector.errors import UsageError
from migrator.fixes.mocks import covers
from migrator.reporters.applied import diff

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrator.apply import Plan
    from migrator.findings import Finding
    from migrator.rewrite import Result

_HELP = """\
y  take this change
n  leave it
a  take this and all that follow, in every file
r  take this and the rest of this file
e  take what is chosen so far in this file, then edit it
q  leave this and all that follow; write what was taken
?  show this
"""
_KEYS = "ynareq?"


@dataclass(slots=True)
class _Answers:
    everything: bool = False
    stopped: bool = False
    declined: set[Finding] = field(default_factory=set)


def choose(done: Plan, ask: Callable[[str], str] | None = None) -> Plan:
    """The plan with only what the user took. Raises UsageError without a terminal."""
    if ask is None and not sys.stdin.isatty():
        raise UsageError("--interactive needs a terminal", "pass --write to take everything")
    question: Callable[[str], str] = _ask if ask is None else ask
    answers = _Answers()
    edited: dict[str, Result] = {}
    for result in done.results:
        if result.changed and _choose_in(result, done, answers, question):
            chosen = done.again(result.path, frozenset(answers.declined))
            edited[result.path] = _edited(chosen)
    declined = frozenset(answers.declined)
    return replace(
        done,
        results=tuple(
            edited.get(one.path) or (done.again(one.path, declined) if one.changed else one)
            for one in done.results
        ),
    )


def _choose_in(result: Result, done: Plan, answers: _Answers, ask: Callable[[str], str]) -> bool:
    """Ask for the sites of one file; returns whether it is to be edited then."""
    chosen = [o for o in result.outcomes if o.rewritten and o.role != "along"]
    sites = [o.finding for o in chosen if o.finding.kind != "import"]
    sites = sites or [o.finding for o in chosen]
    rest = False
    for number, site in enumerate(sites):
        if answers.everything or rest:
            break
        if answers.stopped:
            answers.declined.update(sites[number:])
            break
        if site in answers.declined:
            continue
        _show(result.path, done.again(result.path, frozenset({*sites} - {site})), site)
        key = _answer(f"Change {result.path}:{site.span.line}?", ask)
        answers.everything = key == "a"
        answers.stopped = key == "q"
        rest = key == "r"
        if key in "nqe":
            answers.declined.update({site, *_partners(site, done)})
        if key == "e":
            answers.declined.update(sites[number:])
            return True
    return False


def _partners(declined: Finding, done: Plan) -> set[Finding]:
    """What stays with it: a mock and the lines that it stands for change together."""
    outcomes = [outcome for outcome in done.outcomes if outcome.rewritten]
    targets = {o.finding.api for o in outcomes if o.role in ("target", "text")}
    torn = [target for target in targets if covers(target, declined.api)]
    return {o.finding for o in outcomes if any(covers(api, o.finding.api) for api in torn)}


def _show(path: str, alone: Result, site: Finding) -> None:
    if not alone.changed:
        click.echo(f"{path}:{site.span.line} {site.api}: goes with other changes of this file")
    for line in diff(alone):
        click.echo(line, nl=False)


def _answer(question: str, ask: Callable[[str], str]) -> str:
    while True:
        key = ask(f"{question} [y,n,a,r,e,q,?] ").strip().lower()[:1]
        if key == "?" or key not in _KEYS or not key:
            click.echo(_HELP, nl=False)
        else:
            return key


def _ask(question: str) -> str:
    try:
        return str(click.prompt(question, prompt_suffix="", default="n", show_default=False))
    except click.Abort:
        click.echo()  # what comes next starts its own line
        raise


def _edited(result: Result) -> Result:
    try:
        text = click.edit(result.new.decode(errors="surrogateescape"), extension=".py")
    except click.ClickException as error:
        raise UsageError(
            f"{error.message}; nothing was written", "set EDITOR to one that works here"
        ) from error
    if text is None:
        return result
    return replace(result, new=text.encode(errors="surrogateescape"))
