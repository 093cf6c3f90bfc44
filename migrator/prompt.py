"""The prompt of `migrate console`: lines, history, completion, Ctrl-C and Ctrl-D."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from bridge import redact, style
from bridge.escape import clean
from inspector.errors import MigrateError, NoSuchProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.console_link import Link

_PATIENCE = 2  # Ctrl-C this often, unanswered, leaves the console
_COMPLETE_WITHIN = 1.0  # seconds
_HISTORY = 1000  # lines


class Left(Exception):  # noqa: N818 - names the event
    """The code has called ``exit()``."""

    def __init__(self, failed: bool) -> None:
        self.failed = failed  # it gave a status other than 0


class Talk:
    """Runs code over a link and writes what comes back as it comes."""

    def __init__(self, link: Link, pid: int) -> None:
        self._link = link
        self._pid = pid

    def run(self, source: str, *, one: bool) -> str:
        """Run it: "done", "failed", or "more" for a statement that is not finished.

        Raises Left, NoSuchProcess, and KeyboardInterrupt when the code does not mind
        being interrupted.
        """
        sent = False
        asked = 0
        while True:
            try:
                if not sent:
                    with _no_interrupts():  # it is sent once, and we know whether it was
                        self._link.send(op="run", source=source, one=one)
                        sent = True
                message = self._link.receive()
                if message.get("op") not in ("more", "done"):
                    self._write(message)
                    continue
            except KeyboardInterrupt:
                if not sent:
                    click.echo("\nKeyboardInterrupt")
                    return "failed"
                asked += 1
                if asked > _PATIENCE:
                    raise
                self._link.send(op="interrupt")
                continue
            return "more" if message["op"] == "more" else _finish(message)

    def drain(self) -> None:
        """Write what has come in meanwhile, of tasks that go on by themselves."""
        with contextlib.suppress(TimeoutError):
            while True:
                self._write(self._link.receive(0.0))

    def complete(self, text: str) -> list[str]:
        """How ``text`` may go on; nothing when the target does not say in time."""
        self._link.send(op="complete", text=text)
        with contextlib.suppress(TimeoutError):
            while True:
                message = self._link.receive(_COMPLETE_WITHIN)
                if message.get("op") == "completions":
                    return [str(name) for name in message.get("names", ())]
                self._write(message)
        return []

    def _write(self, message: dict[str, Any]) -> None:
        if message.get("op") == "out":
            click.echo(_readable(str(message.get("text", "")), sys.stdout), nl=False)
        elif message.get("op") == "note":
            click.echo(f"migrate: {_readable(str(message.get('text')), sys.stderr)}", err=True)
        elif message.get("op") == "view":
            self._view(str(message.get("name")))

    def _view(self, name: str) -> None:
        from bridge import graph, table, tree
        from inspector import capture

        try:
            one = graph.build(capture.take(self._pid))
        except MigrateError as error:
            click.echo(f"migrate: {error.message}", err=True)
            return
        plain = style.of(sys.stdout)._replace(color=False, width=None)
        lines = (
            tree.lines(one, style=plain)
            if name == "pstree"
            else table.lines(one, table.order(one), table.DEFAULT, plain)
        )
        for line in lines:
            click.echo(line)


def _finish(message: dict[str, Any]) -> str:
    error = message.get("error")
    if error is not None:
        click.echo(_readable(str(error), sys.stderr), nl=False, err=True)
    if message.get("leaving"):
        raise Left(bool(message.get("failed")))
    return "done" if error is None else "failed"


def _readable(text: str, stream: TextIO) -> str:
    """The text with its lines and tabs, and nothing else that the stream cannot take."""
    safe = style.of(stream).text
    return "\n".join("\t".join(map(safe, line.split("\t"))) for line in text.split("\n"))


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """Let a Ctrl-C wait until the block is done."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def converse(talk: Talk) -> None:
    """Read and run until Ctrl-D, ``exit()`` or the end of the process."""
    with _line_editing(talk):
        source = ""
        while True:
            try:
                talk.drain()
                line = input("... " if source else ">>> ")
            except EOFError:
                click.echo()
                return
            except KeyboardInterrupt:
                click.echo("\nKeyboardInterrupt")
                source = ""
                continue
            source = f"{source}\n{line}" if source else line
            if not source.strip():
                source = ""
                continue
            try:
                if talk.run(source, one=True) == "more":
                    continue
            except Left:
                return
            except KeyboardInterrupt:
                click.echo("migrate: the code goes on without us", err=True)
                return
            source = ""


@contextlib.contextmanager
def _line_editing(talk: Talk) -> Iterator[None]:
    """History and completion, where Python has readline."""
    try:
        import readline
    except ImportError:
        yield
        return
    history = _history_file()
    with contextlib.suppress(OSError):
        readline.read_history_file(history)
    readline.set_history_length(_HISTORY)
    names: list[str] = []

    def complete(text: str, state: int) -> str | None:
        nonlocal names
        if state == 0:
            if not text.strip():
                return "    "
            with contextlib.suppress(NoSuchProcess):
                names = talk.complete(text)
        return names[state] if state < len(names) else None

    readline.set_completer(complete)
    readline.set_completer_delims(" \t\n`~!@#$%^&*()-=+[{]}\\|;:'\",<>/?")
    readline.parse_and_bind("tab: complete")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            history.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # What is typed at a prompt may be secret.
            os.close(os.open(history, os.O_CREAT | os.O_WRONLY, 0o600))
            readline.write_history_file(history)


def _history_file() -> Path:
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "eventlet-migrate" / "console_history"


def confirm(pid: int, command: str) -> bool:
    """Ask whether to run code in the process; asked on the terminal, once."""
    click.echo(
        f"This runs Python code inside process {pid} ({clean(redact.text(command))[:200]}),\n"
        "with all its rights. It can change or break what the process does.",
        err=True,
    )
    sys.stderr.flush()
    return click.confirm("Go on?", default=False, err=True)
