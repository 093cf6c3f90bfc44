"""The root command. Every subcommand is imported only when it is called.

Exit statuses are promises (docs/exit-status.md); errors go to stderr, results to stdout.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import NoReturn

import click

from inspector.errors import MigrateError
from migrator import __version__

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

INTERNAL_ERROR = 70
INTERRUPTED = 130


class _ReaderGone(Exception):  # noqa: N818 - not an error: head has seen enough
    """Nobody reads what we write any more."""


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

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a closed pipe is not left to click, which calls it an error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _ReaderGone from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands from the names and lines above."""
        with formatter.section("Commands"):  # written from the table, imports nothing
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="migrate")
def root() -> None:
    """Get a service off Eventlet: find and rewrite its use, and see both worlds live."""


def main() -> NoReturn:
    """Run the command line and exit with a documented status; no traceback gets out."""
    # Units come by the ten thousand and live to the end: looking for garbage among them again
    # and again would cost a quarter of what showing them does.
    gc.set_threshold(200_000, 50, 1000)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; returns the exit status."""
    try:
        status = root.main(arguments, prog_name="migrate", standalone_mode=False)
        sys.stdout.flush()
    except MigrateError as error:
        _complain(error.message, error.hint)
        return error.exit_status
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except (_ReaderGone, BrokenPipeError):
        # Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the last line of defence
        _complain(f"internal error: {error!r}", _report(arguments))
        return INTERNAL_ERROR
    return status if isinstance(status, int) else 0


def _complain(message: str, hint: str) -> None:
    click.echo(f"migrate: error: {message}", err=True)
    for line in hint.splitlines():
        click.echo(f"  {line}", err=True)


def _report(arguments: list[str]) -> str:
    """Save the traceback for a bug report; returns the line that says where."""
    import tempfile
    import traceback

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="migrate-crash-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(f"migrate {__version__}, Python {sys.version}\n{arguments!r}\n\n")
            traceback.print_exc(file=file)
    except OSError as error:
        return f"no report could be written: {error}"
    return f"please report it with {file.name}"
