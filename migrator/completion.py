"""What the shell offers on TAB where click itself cannot know: rules, and paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.shell_completion import CompletionItem


class RuleNames(click.types.StringParamType):
    """Codes and families; several are separated by commas, and the last is completed."""

    name = "rules"

    def __init__(self, *others: tuple[str, str]) -> None:
        """``others`` are what else may be said here, each with what it means."""
        self.others = others

    def shell_complete(self, *context: Any) -> list[CompletionItem]:
        """Offer families first, then codes, with what they are about; before them ``others``."""
        from click.shell_completion import CompletionItem

        before, comma, last = context[-1].rpartition(",")
        return [
            CompletionItem(before + comma + name, help=about)
            for name, about in (*self.others, *_names())
            if name.lower().startswith(last.lower())
        ]


class Paths(click.types.StringParamType):
    """A path that need not be there: `-`, a glob and a file to write are ones, too."""

    name = "file"

    def shell_complete(self, *context: Any) -> list[CompletionItem]:
        """Leave it to the shell."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(context[-1], type="file")]


RULES, PATHS = RuleNames(), Paths()
FAILING = RuleNames(("any", "every finding, as without this"), ("none", "no finding at all"))


def mend_fish() -> None:
    """Let values and help hold commas in fish, where click cuts at the first."""
    from click.shell_completion import FishComplete, add_completion_class

    class Fish(FishComplete):
        source_template = FishComplete.source_template.replace(
            'string split ","', 'string split --max 1 ","'
        )

    add_completion_class(Fish)


def _names() -> Iterator[tuple[str, str]]:
    from migrator import rules

    for family in rules.families():
        yield family.name, family.title
    for code, (_, rule) in rules.by_code().items():
        yield code, rule.summary
