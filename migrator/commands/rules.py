"""``migrate rules``: the list of everything that is found."""

from __future__ import annotations

import json

import click

from migrator import rules
from migrator.completion import RULES


@click.command()
@click.argument("families", nargs=-1, type=RULES, metavar="[RULE]...")
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text")
def command(families: tuple[str, ...], format_: str) -> None:
    """List the rules: all, or those of families, prefixes (EVT1) or codes."""
    from migrator.commands.scan import codes_of

    chosen = sorted(codes_of(families or ("all",)))
    records = [_record(code) for code in chosen]
    if format_ == "json":
        click.echo(json.dumps(records, indent=2))
        return
    family = ""
    width = max(len(str(record["name"])) for record in records)
    for record in records:
        if record["family"] != family:
            family = str(record["family"])
            click.echo(f"{family}: {rules.by_code()[str(record['code'])][0].title}")
        click.echo(f"  {record['code']}  {record['name']:<{width}}  {record['summary']}")


def _record(code: str) -> dict[str, object]:
    family, rule = rules.by_code()[code]
    return {
        "code": code,
        "name": rule.name,
        "family": family.name,
        "summary": rule.summary,
        "instead": rule.instead,
        "applicability": {
            "bridge": rule.bridge.applicability,
            "asyncio": rule.asyncio.applicability,
        },
        "apis": list(rule.apis),
        "url": rules.url(code),
    }
