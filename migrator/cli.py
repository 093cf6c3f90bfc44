"""The root command. Every subcommand is imported only when it is called.

Exit statuses are promises (docs/exit-status.md); errors go to stderr, results to stdout.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

import click

from migrator import __version__
from migrator.start import INTERRUPTED, ReaderGone, guarded

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# name -> one-line help. The module is `migrator.commands.<name>`, its command `command`.
COMMANDS: dict[str, str] = {
    "ps": "list the tasks and green threads of a live process",
    "pstree": "draw who waits for whom in a live process",
    "check": "say what is wrong in a live process: deadlocks, blocked loops, leaks",
    "top": "watch a live process: both worlds, what is stuck, what grows",
    "doctor": "say why a process can or cannot be looked at, and what to do about it",
    "record": "record where a live process spends wall time, as a profile",
    "scan": "find every use of Eventlet in a code base, and say what to do",
    "status": "show what is left of Eventlet, by package and class, and the burn-down",
    "rules": "list the rules of scan and apply",
    "explain": "say what a rule finds, why, and what takes its place",
    "apply": "rewrite debugging and backdoors, or say why not",
    "console": "open a Python prompt inside a live process, without a port",
    "run": "start a program with birth records on",
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of the table, which is the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module now."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"migrator.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; one that is not there may have been mistyped."""
        if args[0] not in COMMANDS:
            from difflib import get_close_matches

            for name in get_close_matches(args[0], COMMANDS, n=1):
                ctx.fail(f"No such command {args[0]!r}. Did you mean {name!r}?")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the commands from the table above, which imports none of them."""
        from click.shell_completion import CompletionItem

        given = [
            CompletionItem(name, help=text)
            for name, text in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return given + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a closed pipe is not left to click, which calls it an error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise ReaderGone from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands from the names and lines above."""
        with formatter.section("Commands"):  # written from the table, imports nothing
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="migrate")
def root() -> None:
    """Get a service off Eventlet: find and rewrite its use, and see both worlds live."""


def run(arguments: list[str]) -> int:
    """Run one command by its options; returns the exit status."""
    return guarded(lambda: _run(arguments), arguments)


def _run(arguments: list[str]) -> object:
    if "_MIGRATE_COMPLETE" in os.environ:
        from migrator.completion import mend_fish

        mend_fish()
    try:
        return root.main(arguments, prog_name="migrate", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
