"""``migrate explain``: what a rule finds, why, and what takes its place."""

from __future__ import annotations

import click

from migrator import rules
from migrator.completion import RULES


@click.command()
@click.argument("names", nargs=-1, required=True, type=RULES, metavar="CODE...")
def command(names: tuple[str, ...]) -> None:
    """Explain rules by code (EVT103), name, family or API: the text of the documentation."""
    from migrator.commands.scan import codes_of
    from migrator.rule_pages import section

    owners = {name: rules.find(name) for name in names if "." in name}
    codes = {owner.code for owner in owners.values() if owner}
    codes |= codes_of(name for name in names if not owners.get(name))
    for number, code in enumerate(sorted(codes)):
        if number:
            click.echo()
        click.echo(section(rules.by_code()[code][1]).rstrip())
        click.echo(f"\n{rules.url(code)}")
