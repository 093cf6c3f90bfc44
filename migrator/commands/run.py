"""``migrate run``: start a program with birth records on, without a change to it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from bridge.escape import clean
from inspector.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_PYTHON = re.compile(r"python[0-9.]*")
# Options of Python: those that take no value, may be one that does, and its value.
_FLAGS = re.compile(r"-([bBdEhiIOPqsSuvVx]*)([cmWX]?)(.*)", re.DOTALL)


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED)
def command(program: tuple[str, ...]) -> None:
    """Start PROGRAM so that `ps` and `pstree` know when and where each unit was spawned.

    Every Python that PROGRAM starts records the birth of its tasks and green threads.
    The program keeps this process's PID. `EVENTLET_MIGRATE_TRACK=0` turns the records off.

    Example: migrate run -- python app.py
    """
    import bridge
    from migrator.live import note

    if deaf := _deaf(program):
        note(
            f"{clean(program[0])} {deaf} loads no sitecustomize: births will not be recorded; "
            "bridge.tracking.install() in the program records them"
        )
    environment = dict(os.environ)
    environment.setdefault("EVENTLET_MIGRATE_TRACK", "1")
    folder = str(Path(bridge.__file__).parent / "startup")
    others = environment.get("PYTHONPATH", "")
    environment["PYTHONPATH"] = f"{folder}{os.pathsep}{others}" if others else folder
    try:
        os.execvpe(program[0], program, environment)  # noqa: S606 - no shell on purpose
    except OSError as error:
        raise UsageError(
            f"cannot start {program[0]}: {error.strerror}",
            "give the program and its arguments after --: migrate run -- python app.py",
        ) from error


def _deaf(program: Sequence[str]) -> str:
    """The option by which a Python on the command line keeps us out, "" when there is none."""
    if not _PYTHON.fullmatch(Path(program[0]).name):
        return ""
    arguments = iter(program[1:])
    for argument in arguments:
        option = _FLAGS.fullmatch(argument)
        if option is None:
            return ""
        flags, takes, value = option.groups()
        if found := next((letter for letter in flags if letter in "IES"), ""):
            return f"-{found}"
        if takes in ("c", "m") or not (flags or takes):
            return ""
        if takes and not value:
            next(arguments, "")
    return ""
