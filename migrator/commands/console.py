"""``migrate console``: Python code inside a live process, without a port."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inspector.errors import UsageError

if TYPE_CHECKING:
    from migrator.prompt import Talk

_FAILED = 1
_HELLO = ("python", "world", "note")  # the process says so: it may say anything


@click.command(
    epilog="Exit status: 1 when the code raised an exception or ended with a status other than 0, "
    "or the process did not answer."
)
@click.argument("pid", type=click.IntRange(min=1))
@click.option("--exec", "code", metavar="CODE", help="Run CODE and end; its value is printed.")
@click.option(
    "--script",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="Run a file and end; - for standard input.",
)
@click.option("--yes", is_flag=True, help="Do not ask before running code in the process.")
def command(pid: int, code: str | None, script: str | None, yes: bool) -> int:
    """Open a Python prompt inside the process PID.

    This runs code in the process, in the thread of its event loop or hub, which waits
    meanwhile; `await` runs on its loop. The names are those of
    `bridge.console.expose(locals=...)`, and `ps()` and `pstree()`.

    Nobody else can connect: the socket is in a private folder of the process's user, is
    used once and is gone before the prompt appears. Before CPython 3.14 the process has to
    have called `bridge.console.expose()`.
    """
    if code is not None and script is not None:
        raise UsageError("--exec and --script exclude each other")
    interactive = code is None and script is None and sys.stdin.isatty()
    source = _source(code, script, interactive)

    from bridge.console_link import open_link
    from bridge.escape import clean
    from inspector import process
    from migrator.prompt import Left, Talk, confirm, converse

    about = process.look_up(pid)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("console runs code in the process", "say --yes to agree to that")
        if not confirm(pid, about.command):
            return 0
    with open_link(pid) as link:
        talk = Talk(link, pid)
        python, world, note = (clean(str(link.hello.get(key))) for key in _HELLO)
        if link.hello.get("note"):
            click.echo(f"migrate: {note}", err=True)
        if interactive:
            click.echo(
                f"Python {python} in process {pid}, in {world}. Ctrl-D leaves; the process goes on."
            )
            converse(talk)
            return 0
        try:
            return _run(talk, source)
        except Left as left:
            return _FAILED if left.failed else 0


def _source(code: str | None, script: str | None, interactive: bool) -> str:
    """The code to run at once: "" for a prompt. Raises UsageError for an unreadable file."""
    if interactive:
        return ""
    try:
        if code is not None:
            return os.fsencode(code).decode()  # as it was typed, whatever the locale
        data = sys.stdin.buffer.read() if script in (None, "-") else Path(str(script)).read_bytes()
        return data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the code to run: {error}") from error


def _run(talk: Talk, source: str) -> int:
    return 0 if talk.run(source, one=False) == "done" else _FAILED
