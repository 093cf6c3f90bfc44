"""``migrate doctor``: why a process can or cannot be looked at, and what to do about it."""

from __future__ import annotations

import sys

import click

from bridge import style
from migrator import __version__
from migrator.commands import _live


@click.command(
    epilog="Exit status: that which `migrate ps PID` would end with for what it finds; 0 when "
    "all is well, notes included."
)
@click.argument("pid", type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(pid: int, as_json: bool) -> int:
    """Check everything that can stand between you and a picture of process PID.

    Each check says what it found; what is wrong or worth knowing comes with its cure.
    """
    from bridge import doctor

    output = style.of(sys.stdout)
    diagnosis = doctor.examine(pid, output)
    if as_json:
        import json

        _live.write([json.dumps(doctor.document(diagnosis, __version__), indent=1)])
    else:
        _live.write(doctor.lines(diagnosis, output))
    return diagnosis.exit_status
