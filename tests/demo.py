"""``make demo``: the road in one go, on the samples. Prints each command and its output.

Scans the samples, shows what ``apply`` would change in the Eventlet service, starts the
hybrid service on CPython 3.14 and looks into it with ``ps`` and ``pstree``. Ends what it
started, also when it is interrupted or told to end.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

import pytest

from tests.interpreters import NoInterpreter, environment, find
from tests.programs import ROOT, running

if TYPE_CHECKING:
    from types import FrameType

VERSION = "3.14"
REQUIREMENTS = ("greenlet", "eventlet")
WITHIN_SECONDS = 60


def show(*arguments: str) -> None:
    """Run one ``migrate`` command on the samples. 0 and 1 (findings) are both answers."""
    print(f"\n$ migrate {' '.join(arguments)}", flush=True)
    command = [sys.executable, "-m", "migrator", *arguments]
    status = subprocess.run(command, cwd=ROOT, check=False, timeout=WITHIN_SECONDS).returncode
    if status not in (0, 1):
        raise SystemExit(f"demo: the command ended with status {status}")


def demo() -> None:
    """The whole of it."""
    show("scan", "--no-cache", "samples")
    show("apply", "--to", "bridge", "samples/eventlet_service/diagnostics.py")
    python = environment(VERSION, REQUIREMENTS)
    print(f"\n{find(VERSION).how}\n$ python{VERSION} samples/hybrid_service.py &", flush=True)
    with running(python, "samples/hybrid_service.py", seconds=WITHIN_SECONDS) as service:
        print(service.lines[-1], flush=True)
        show("ps", str(service.pid))
        show("pstree", "--hide-library", str(service.pid))
    print("\nThe service is stopped again.")


def main() -> None:
    """Exit 0 when all of it could be shown."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    # As Ctrl-C does already: unwind, so that the service ends before we do.
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)
    try:
        demo()
    except (NoInterpreter, pytest.fail.Exception, subprocess.TimeoutExpired) as error:
        raise SystemExit(f"demo: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT) from None


if __name__ == "__main__":
    main()
