"""The options that the commands on live processes share, and what they do with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from migrator.completion import PATHS
from migrator.durations import Duration
from migrator.live import (
    Look,
    Targets,
    note,
    note_if_empty,
    output_style,
    try_to_write,
    write,
    write_file,
)
from migrator.start import is_pid

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Look",
    "Targets",
    "choosing",
    "note",
    "note_if_empty",
    "options",
    "output_style",
    "try_to_write",
    "write",
    "write_file",
]

_F = TypeVar("_F", bound="Callable[..., Any]")


class _Pid(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """The number of a process."""

    name = "pid"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """``value`` as a number; a usage error that says how to search for a name."""
        text = str(value)
        if not is_pid(text):
            self.fail(f"{text!r} is no process number; --name REGEX searches", param, ctx)
        return int(text)


def choosing(command: _F) -> _F:
    """The arguments and options that say which processes, and how to read them."""
    for add in reversed(
        (
            click.argument("pids", metavar="PID...", nargs=-1, type=_Pid()),
            click.option(
                "--children", is_flag=True, help="Show the Python processes below PID as well."
            ),
            click.option(
                "--name",
                metavar="REGEX",
                help="Show the Python processes whose command line matches.",
            ),
            click.option(
                "--freeze",
                is_flag=True,
                help="Stop the process while it is read (tens of ms): an exact picture.",
            ),
        )
    ):
        command = add(command)
    return command


def options(command: _F) -> _F:
    """Those of `choosing`, and those of a view."""
    for add in reversed(
        (
            choosing,
            click.option(
                "--sample",
                metavar="DURATION",
                type=Duration(),
                help="Watch the process for so long, to say how long units are where they are.",
            ),
            click.option("--record", type=PATHS, help="Save what is read to FILE as well."),
            click.option("--replay", type=PATHS, help="Show what was recorded; no PID."),
            click.option(
                "--show-secrets",
                is_flag=True,
                help="Show values under names like password, token or key.",
            ),
            click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
            click.option("--wide", is_flag=True, help="Do not fit lines to the terminal."),
        )
    ):
        command = add(command)
    return command
