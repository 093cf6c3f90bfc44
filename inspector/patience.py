"""Look again at a process that starts, ends or replaces its program: it passes in a moment."""

from __future__ import annotations

import time

from inspector.errors import NotPython, Unready
from inspector.process import age, executable, parent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from inspector.snapshot import Snapshot

_YOUNG = 2.0  # seconds of age: Python starts in a tenth, on a busy machine in one
_PATIENCE = 1.0  # seconds for a process that is young
_LITTLE = 0.2  # seconds for one that may be ending, or has just called exec
_PAUSE = 0.02


def patiently(pid: int, look: Callable[[], Snapshot]) -> Snapshot:
    """What ``look`` gives or raises, once it is not a matter of a moment any more."""
    started = time.monotonic()
    while True:
        found: Snapshot | None = None
        failure: NotPython | Unready | None = None
        try:
            found = look()
        except Unready as error:
            failure = error
        except NotPython as error:
            if not _may_become_python(pid):
                raise
            failure = error
        if found and not found.completeness.notes:
            return found
        patience = _PATIENCE if age(pid) < _YOUNG else 0 if found else _LITTLE
        if time.monotonic() - started >= patience:
            if failure:
                raise failure
            assert found
            return found
        time.sleep(_PAUSE)


def _may_become_python(pid: int) -> bool:
    """Whether its program is Python by name, or still that of the process which forked it."""
    program = executable(pid)
    return program.rpartition("/")[2].startswith("python") or program == executable(parent(pid))
