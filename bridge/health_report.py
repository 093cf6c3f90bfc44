"""`bridge.health` reports as text, JSON, JUnit, GitHub annotations and Prometheus metrics."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bridge import redact, words
from bridge.escape import clean
from bridge.health import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.health import Finding, Report
    from bridge.style import Style

FORMAT = "eventlet-migrate/health"
FORMAT_VERSION = 1
_WORDS = {"deny": "error", "warn": "warning"}


def text(reports: Sequence[Report], style: Style) -> Iterator[str]:
    """Lines as jstack writes them: what was found, who, where, and what to do."""
    for index, report in enumerate(reports):
        if index:
            yield ""
        snapshot = report.graph.snapshot
        over = f" in {words.seconds(report.seconds)}" if report.looks > 1 else ""
        looks = f"{report.looks} look{'s' * (report.looks != 1)}{over}"
        command = style.text(redact.text(snapshot.command))
        head = f"process {snapshot.pid}: {command}  (Python {snapshot.python}, {looks})"
        yield style.paint(head, "head")
        for finding in report.findings:
            color = "alarm" if finding.level == "deny" else "state"
            yield ""
            title = style.paint(f"{_WORDS[finding.level]}[{finding.code}]", color)
            yield f"{title}: {style.text(finding.message)}"
            for line in finding.evidence:
                yield "  " + style.text(line)
            yield f"  hint: {finding.hint}"
        if report.findings:
            yield ""
        counts = Counter(_WORDS[finding.level] for finding in report.findings)
        total = ", ".join(
            f"{number} {word}{'s' * (number != 1)}" for word, number in counts.items()
        )
        if report.healthy and not report.all_read:
            found = f"{total or 'nothing'} found, but not everything could be read"
            yield f"not known to be healthy: {found}"
        else:
            yield f"{'healthy' if report.healthy else 'not healthy'}: {total or 'nothing found'}"


def document(reports: Sequence[Report], version: str, python: str) -> dict[str, Any]:
    """The JSON document; ``docs/schema/health.schema.json`` describes it."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "tool": {"version": version, "python": python},
        "healthy": all(report.healthy for report in reports),
        "processes": [_process(report) for report in reports],
    }


def _process(report: Report) -> dict[str, Any]:
    snapshot = report.graph.snapshot
    taken = datetime.fromtimestamp(snapshot.taken_at, UTC)
    facts = snapshot.completeness
    return {
        "pid": snapshot.pid,
        "command": clean(redact.text(snapshot.command)),
        "python": snapshot.python,
        "taken_at": taken.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "healthy": report.healthy,
        "looks": report.looks,
        "seconds": round(report.seconds, 3),
        "completeness": {
            "complete": facts.complete,
            "units_read": facts.units_read,
            "units_moving": facts.units_moving,
            "units_failed": facts.units_failed,
        },
        "findings": [_finding(finding) for finding in report.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    where = finding.where
    return {
        "code": finding.code,
        "level": finding.level,
        "message": clean(finding.message),
        "evidence": [clean(line) for line in finding.evidence],
        "hint": finding.hint,
        "seconds": None if finding.seconds is None else round(finding.seconds, 3),
        "where": where
        and {"function": clean(where.function), "file": clean(where.file), "line": where.line},
        "units": [
            {"id": unit.id, "kind": unit.kind, "name": clean(unit.name)} for unit in finding.units
        ],
    }


def github(reports: Sequence[Report]) -> Iterator[str]:
    """Workflow commands that GitHub shows beside the code."""
    for report in reports:
        for finding in report.findings:
            place = ""
            if finding.where is not None:
                place = f"file={_property(finding.where.file)},line={finding.where.line},"
            body = _data("\n".join((finding.message, *finding.evidence, f"hint: {finding.hint}")))
            yield f"::{_WORDS[finding.level]} {place}title=migrate check%3A {finding.code}::{body}"


def _data(raw: str) -> str:
    """A message with its lines kept and everything else that matters escaped."""
    lines = (clean(line).replace("%", "%25") for line in raw.split("\n"))
    return "%0A".join(lines)


def _property(raw: str) -> str:
    return clean(raw).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")


def junit(reports: Sequence[Report]) -> str:
    """One test case for each rule and process, failed by what is denied."""
    from xml.etree import ElementTree

    root = ElementTree.Element("testsuites", name="migrate check")
    for report in reports:
        denied = Counter(f.code for f in report.findings if f.level == "deny")
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=f"process {report.graph.snapshot.pid}",
            tests=str(len(RULES)),
            failures=str(len(denied)),
            errors="0",
            skipped="0",
            time=f"{report.seconds:.3f}",
        )
        for code, rule in RULES.items():
            case = ElementTree.SubElement(
                suite, "testcase", classname="migrate.check", name=f"{code}: {rule.summary}"
            )
            found = [finding for finding in report.findings if finding.code == code]
            body = "\n".join(_plain(finding) for finding in found)
            if code in denied:
                message = clean(found[0].message)
                ElementTree.SubElement(case, "failure", message=message, type=code).text = body
            elif found:
                ElementTree.SubElement(case, "system-out").text = body
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _plain(finding: Finding) -> str:
    lines = (finding.message, *finding.evidence, f"hint: {finding.hint}")
    return "\n".join(clean(line) for line in lines)


def prometheus(reports: Sequence[Report]) -> Iterator[str]:
    """Metrics in the Prometheus text format, for node_exporter's textfile collector."""
    yield "# HELP migrate_healthy Whether migrate check found nothing that is denied."
    yield "# TYPE migrate_healthy gauge"
    for report in reports:
        yield f'migrate_healthy{{pid="{report.graph.snapshot.pid}"}} {int(report.healthy)}'
    yield "# HELP migrate_findings Findings of migrate check by rule."
    yield "# TYPE migrate_findings gauge"
    for report in reports:
        counts = Counter(finding.code for finding in report.findings)
        for code in RULES:
            pid = report.graph.snapshot.pid
            yield f'migrate_findings{{pid="{pid}",code="{code}"}} {counts[code]}'
    yield "# HELP migrate_units Tasks and greenlets by kind and state."
    yield "# TYPE migrate_units gauge"
    for report in reports:
        snapshot = report.graph.snapshot
        units = Counter((unit.kind, unit.state) for unit in snapshot.units)
        for (kind, state), number in sorted(units.items()):
            labels = f'pid="{snapshot.pid}",kind="{kind}",state="{state}"'
            yield f"migrate_units{{{labels}}} {number}"
    yield "# HELP migrate_capture_seconds How long it took to read the process."
    yield "# TYPE migrate_capture_seconds gauge"
    for report in reports:
        snapshot = report.graph.snapshot
        seconds = snapshot.completeness.capture_ms / 1000
        yield f'migrate_capture_seconds{{pid="{snapshot.pid}"}} {seconds:.6f}'
