"""The rules as text: one source for `migrate explain`, `migrate rules` and docs/rules/.

python -m migrator.rule_pages docs/rules      writes the pages; a test compares them
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from migrator import rules
from migrator.findings import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.findings import Advice
    from migrator.rules import Family, Rule

_TITLES = {
    "bridge": "While both worlds run (`--to bridge`)",
    "asyncio": "In the end (`--to asyncio`)",
}


def section(rule: Rule) -> str:
    """One rule in Markdown, as it stands on its family's page."""
    return "\n".join(_section(rule))


def page(family: Family) -> str:
    """A family's page in Markdown."""
    parts = [f"# {family.title}\n\n{family.intro}\n"]
    parts.append(f"Select all of it with `--select {family.name}` or `--select {family.prefix}`.\n")
    parts += [section(rule) for rule in family.rules]
    return "\n".join(parts)


def index() -> str:
    """The list of all rules in Markdown."""
    lines = ["# Rules", ""]
    lines.append("`migrate explain CODE` prints what these pages say. Codes are never reused.")
    for family in rules.families():
        lines += ["", f"## [{family.title}]({family.name}.md) (`{family.name}`)", ""]
        lines += ["| Code | Name | What | bridge | asyncio |", "| --- | --- | --- | --- | --- |"]
        lines += [
            f"| [{rule.code}]({family.name}.md#{rule.code.lower()}) | {rule.name} "
            f"| {rule.summary} | {rule.bridge.applicability} | {rule.asyncio.applicability} |"
            for rule in family.rules
        ]
    return "\n".join(lines) + "\n"


def _section(rule: Rule) -> Iterator[str]:
    yield f"## {rule.code}"
    yield ""
    yield f"**{rule.name}**: {rule.summary}."
    yield ""
    yield "### Why"
    yield ""
    yield rule.why
    yield ""
    yield "### Instead"
    yield ""
    yield f"{rule.instead}."
    for stage in STAGES:
        yield ""
        yield f"### {_TITLES[stage]}"
        yield ""
        yield _advice(rule.bridge if stage == "bridge" else rule.asyncio)
    if rule.judge:
        yield ""
        yield "How a place uses it may change that: the finding says which holds there, and why."
    if rule.safety:
        yield ""
        yield "### Fix safety"
        yield ""
        yield rule.safety
    if rule.example:
        before, after = rule.example
        yield ""
        yield "### Example"
        yield ""
        yield f"```python\n{before}\n```"
        yield ""
        yield f"becomes\n\n```python\n{after}\n```"
    yield ""
    yield "### Found as"
    yield ""
    yield "\n".join(f"- `{api}`" for api in rule.apis)
    yield ""


def _advice(advice: Advice) -> str:
    text = f"{advice.applicability.capitalize()}"
    if advice.reason:
        text += f": {advice.reason}"
    if advice.replacement:
        text += f". Replacement: `{advice.replacement}`"
    elif advice.replacement == "":
        text += ". It is deleted"
    return f"{text}."


def write(folder: Path) -> None:
    """Write all pages."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "list.md").write_text(index(), encoding="utf-8")
    for family in rules.families():
        (folder / f"{family.name}.md").write_text(page(family), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
