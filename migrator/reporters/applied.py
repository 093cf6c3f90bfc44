"""What ``migrate apply`` did or would do, in every format; each finding with its outcome."""

from __future__ import annotations

import os
import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from migrator import rules
from migrator.findings import Report
from migrator.reporters import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from migrator.apply import Plan
    from migrator.rewrite import Outcome, Result

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def colour() -> bool:
    """Tell whether the output is for the eyes: a terminal, and nobody asked for none."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def text(
    done: Plan, *, written: bool, check: bool, failed: Mapping[str, str]
) -> Iterator[str | bytes]:
    """Diffs (or the names of the files), what was left and why, one line of sums."""
    for result in done.changed:
        if check:
            yield f"would change {printable(result.path)}"
        elif not written:
            yield from diff(result)
        elif result.path not in failed:
            yield f"changed {printable(result.path)}"
    others = rewritten = left = 0
    for outcome in done.outcomes:
        finding = outcome.finding
        reason = _reason(outcome, failed)
        if reason is None:
            rewritten += 1
        elif rules.by_code()[finding.code][0].fixes is None:
            others += 1
        else:
            left += 1
            place = f"{printable(finding.path)}:{finding.span.line}:{finding.span.column}"
            yield f"{place} {finding.code} {finding.api} left: {reason}"
    verb = "rewritten" if written else "to rewrite"
    files = counted(len(done.changed) - len(failed), "file")
    sums = f"{counted(rewritten, 'finding')} {verb} in {files} for stage {done.stage}, {left} left"
    if others:
        sums += f"; {counted(others, 'other use')} of Eventlet: see `migrate scan`"
    yield f"{sums}."


def json(done: Plan, *, written: bool, failed: Mapping[str, str]) -> Iterator[str]:
    """The document of `migrate scan`, with outcomes and the files."""
    from json import dumps

    from migrator.reporters.json import document

    outcomes = list(done.outcomes)
    report = Report(tuple(o.finding for o in outcomes), done.unread, done.files)
    record = document(report, done.stage)
    for finding, outcome in zip(record["findings"], outcomes, strict=True):
        reason = _reason(outcome, failed)
        finding["outcome"] = "rewritten" if reason is None else "left"
        finding["applicability"] = _applicability(outcome, finding["applicability"])
        safe = finding["applicability"] == "safe"
        finding["reason"] = reason or (None if safe else outcome.review or finding["reason"])
    record["stage"] = done.stage
    record["files"] = [
        {
            "path": result.path,
            "changed": written and result.path not in failed,
            "reason": failed.get(result.path),
        }
        for result in done.changed
    ]
    yield dumps(record, indent=2)


def other(done: Plan, format_: str, *, failed: Mapping[str, str]) -> Iterator[str]:
    """A format of `migrate scan`: what is left, the reason in its message."""
    findings = []
    for outcome in done.outcomes:
        reason = _reason(outcome, failed)
        if reason is not None:
            message = f"{outcome.finding.message} (left: {reason})"
            findings.append(outcome.finding._replace(message=message))
    report = Report(tuple(findings), done.unread, done.files)
    yield from import_module(f"migrator.reporters.{format_}").render(report, done.stage)


def diff(result: Result) -> Iterator[bytes]:
    """Unified diff, the bytes of the file as they are: a patch. Coloured on a terminal."""
    for line in _unified(result):
        if not colour():
            shown = line
        elif line.startswith(("---", "+++")):
            shown = click.style(line, bold=True)
        else:
            shown = click.style(line, fg=_COLOURS.get(line[0]))
        yield shown.encode(errors="surrogateescape")


def _unified(result: Result) -> Iterator[str]:
    """Its lines; bytes that are no UTF-8 are surrogates."""
    import difflib

    # A patch knows one line end only, unlike str.splitlines().
    old, new = (
        re.findall(r"[^\n]*\n|[^\n]+", data.decode(errors="surrogateescape"))
        for data in (result.old, result.new)
    )
    name = _quoted(result.path)
    before = name if result.old else os.devnull
    for line in difflib.unified_diff(old, new, before, name):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _quoted(path: str) -> str:
    """A name as git writes it in a patch: in quotes where it needs them, a TAB behind blanks."""
    data = os.fsencode(path)
    if not re.search(rb'[\0-\x1f\x7f"\\]', data):
        return data.decode(errors="surrogateescape") + ("\t" if " " in path else "")
    plain = {ord("\n"): "\\n", ord("\t"): "\\t", ord('"'): '\\"', ord("\\"): "\\\\"}
    text = "".join(
        plain.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in data
    )
    return f'"{text}"'


def _applicability(outcome: Outcome, advised: str) -> str:
    """How far this very use can be rewritten, which may be less than its rule says."""
    if outcome.applicability:
        return outcome.applicability
    if outcome.rewritten:
        return "safe"
    return "manual" if advised == "safe" else advised


def _reason(outcome: Outcome, failed: Mapping[str, str]) -> str | None:
    """Why the finding is still there; None when it is not."""
    if outcome.rewritten:
        return failed.get(outcome.finding.path)
    return outcome.reason or "no rewrite is known"
