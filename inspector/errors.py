"""What goes wrong on the way, with the exit status that scripts rely on.

One base class for the whole project lives here, in the lowest package, so that every
layer can raise it and the command line catches it in one place.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import ClassVar


class MigrateError(Exception):
    """Something the user can act on: a message, a cure, an exit status.

    ``message`` is one line that names the thing; ``hint`` is one line (or more) that
    names the cure. Neither may hold raw text of a target: escape it first.
    """

    exit_status: ClassVar[int] = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(MigrateError):
    """Wrong arguments or configuration."""

    exit_status = 2


class NoSuchProcess(MigrateError):  # noqa: N818 - named as in psutil
    """The process is not there, or ended while it was read."""

    exit_status = 4


class NotAllowed(MigrateError):  # noqa: N818 - names the condition
    """The kernel does not let us read the process."""

    exit_status = 5


class NotPython(MigrateError):  # noqa: N818 - names the condition
    """The process runs, but it is not CPython."""

    exit_status = 6


class UnsupportedPython(MigrateError):  # noqa: N818 - names the condition
    """A Python whose version or build we cannot read, or whose memory makes no sense."""

    exit_status = 7


def meant(name: str, known: Iterable[str]) -> str:
    """A hint for a name that is not known."""
    from difflib import get_close_matches

    known = list(known)
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(known)}"


class Unready(UnsupportedPython):
    """Its memory makes no sense, as when it starts or ends: it may do so in a moment."""
