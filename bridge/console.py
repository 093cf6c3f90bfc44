"""What a program calls to be reached by ``migrate console PID``: `expose`.

On CPython 3.14 and later the console needs nothing of this; there `expose` says which
names it offers. On older versions it also installs a signal handler, the only way in:
nothing listens, no thread runs and no file exists until somebody with this user's rights
(or root) opens a console, which makes a private folder and sends the signal.
"""

from __future__ import annotations

import os
import signal as signals
import sys
import types
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import console_server

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

__all__ = ["SIGNAL", "expose"]

SIGNAL = int(signals.SIGRTMIN) + 11  # one that hardly any program uses
FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - `console_server.start` checks


def expose(
    locals: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None = None,  # noqa: A002 - as in eventlet.backdoor
    *,
    signal: int | None = None,
) -> None:
    """Offer a namespace to ``migrate console``; replaces ``eventlet.backdoor``'s server.

    ``locals`` holds the names at the prompt, or is called for them each time a console
    opens, where the console's code runs; what is assigned there does not come back. Calling
    again replaces the offer.

    ``signal`` (default `SIGNAL`) is the number that asks for a console before 3.14. Raises
    ValueError there outside of the main thread, where Python allows no handler.
    """
    offer: Any = sys.modules.get(console_server.OFFER)
    if offer is None:
        offer = types.ModuleType(console_server.OFFER)
    if sys.version_info < (3, 14):
        offer.signal = SIGNAL if signal is None else signal
        signals.signal(offer.signal, _on_request)
    offer.offered = locals
    sys.modules[console_server.OFFER] = offer


def _on_request(_number: int, frame: FrameType | None) -> None:
    """Open a session in each folder that waits for this process; there is hardly ever two.

    Whatever fails here is not the program's: this runs in the midst of its code.
    """
    pattern = f"migrate-console-{os.getpid()}-*"
    with suppress(Exception):
        for base in FOLDERS:
            for folder in map(str, Path(base).glob(pattern)):
                try:
                    console_server.start(folder, frame)
                except OSError:
                    continue  # of another user, or gone again: none of our business
                except Exception as error:  # noqa: BLE001
                    console_server.complain(folder, error)
