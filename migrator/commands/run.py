"""``migrate run``: start a program with birth records on, without a change to it."""

from __future__ import annotations

import os
from pathlib import Path

import click

from inspector.errors import UsageError


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED)
def command(program: tuple[str, ...]) -> None:
    """Start PROGRAM so that `ps` and `pstree` know when and where each unit was spawned.

    Every Python that PROGRAM starts records the birth of its tasks and green threads.
    The program keeps this process's PID. `EVENTLET_MIGRATE_TRACK=0` turns the records off.

    Example: migrate run -- python app.py
    """
    import bridge

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
