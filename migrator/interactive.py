"""Ask for each site: show what changes there, take or leave it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import click

from inspector.errors import UsageError
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
    results = tuple(
        _choose_in(result, done.again, answers, question) if result.changed else result
        for result in done.results
    )
    return replace(done, results=results)


def _choose_in(
    result: Result,
    again: Callable[[str, frozenset[Finding]], Result],
    answers: _Answers,
    ask: Callable[[str], str],
) -> Result:
    chosen = [o for o in result.outcomes if o.rewritten and o.role != "along"]
    sites = [o.finding for o in chosen if o.finding.kind != "import"]
    sites = sites or [o.finding for o in chosen]
    rest = False
    edit = False
    for number, site in enumerate(sites):
        if answers.everything or rest:
            break
        if answers.stopped or edit:
            answers.declined.update(sites[number:])
            break
        _show(result.path, again(result.path, frozenset({*sites} - {site})), site)
        key = _answer(f"Change {result.path}:{site.span.line}?", ask)
        answers.everything = key == "a"
        answers.stopped = key == "q"
        rest, edit = key == "r", key == "e"
        if key in "nqe":
            answers.declined.add(site)
    result = again(result.path, frozenset(answers.declined))
    return _edited(result) if edit else result


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
    return str(click.prompt(question, prompt_suffix="", default="n", show_default=False))


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
