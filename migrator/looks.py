"""Look at one process again and again: one process, though its PID may be used again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector import process
from inspector.errors import NoSuchProcess

if TYPE_CHECKING:
    from inspector.capture import Options
    from inspector.snapshot import Snapshot


class Looks:
    """Takes snapshots of the process that has ``pid`` now.

    Raises NoSuchProcess, NotAllowed and NotPython.
    """

    def __init__(self, pid: int, options: Options | None = None) -> None:
        self._process = process.look_up(pid)
        self._options = options

    def take(self) -> Snapshot:
        """One more look. Raises NoSuchProcess when the process has ended, and as `capture.take`."""
        from inspector import capture

        pid = self._process.pid
        if not process.is_same(self._process):
            raise NoSuchProcess(f"process {pid} has ended")
        return capture.take(pid, self._options)


def pause(interval: float, took: float) -> float:
    """Seconds to wait after a look that ``took`` so long, for one each ``interval`` seconds.

    As many seconds without looking as with: looking costs the process, if little.
    """
    return max(interval - took, took)
