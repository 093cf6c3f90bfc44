"""Where ``migrate`` starts: runs a command and turns whatever ends it into an exit status.

``migrate ps PID`` and ``migrate pstree PID``, as people type them while something is stuck,
run without click, which takes longer to load than a small process takes to be looked at.
"""

from __future__ import annotations

import errno
import gc
import os
import sys

from inspector.errors import MigrateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

USAGE = 2
INTERNAL_ERROR = 70
INTERRUPTED = 130

# A full disk, a terminal that is gone, a stdout that is open for reading.
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


class ReaderGone(Exception):  # noqa: N818 - not an error: head has seen enough
    """Nobody reads what we write any more."""


def main() -> NoReturn:
    """Run the command line and exit with a documented status; no traceback gets out."""
    # Units come by the ten thousand and live to the end: looking for garbage among them again
    # and again would cost a quarter of what showing them does.
    gc.set_threshold(200_000, 50, 1000)
    _open_streams()
    arguments = sys.argv[1:]
    if _plain_view(arguments):
        gc.disable()  # one look and the end
    status = run(arguments)
    if _plain_view(arguments):
        # Taking them apart one by one would cost a tenth; nothing waits for an orderly end here.
        try:
            sys.stdout.flush()
            os._exit(status)
        except OSError:
            pass  # as `guarded` has said; the usual end deals with the rest
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run one command; returns the exit status."""
    if _plain_view(arguments):
        view, pid = arguments
        return guarded(lambda: _show(view, int(pid)), arguments)
    return guarded(lambda: _by_options(arguments), arguments)


def _plain_view(arguments: list[str]) -> bool:
    """Whether they are ``ps PID`` or ``pstree PID`` and nothing else."""
    return len(arguments) == 2 and arguments[0] in ("ps", "pstree") and is_pid(arguments[1])


def is_pid(text: str) -> bool:
    """Whether ``text`` can be the number of a process."""
    return text.isdecimal() and text.isascii() and len(text) < 20 and int(text) > 0


def guarded(work: Callable[[], object], arguments: list[str]) -> int:
    """Do ``work``, whose result may be an exit status; every way to end has a status."""
    status: object = 0
    try:
        status = work()
        sys.stdout.flush()
    except MigrateError as error:
        _complain(error.message, error.hint)
        return error.exit_status
    except KeyboardInterrupt:
        return INTERRUPTED
    except (ReaderGone, BrokenPipeError):
        _drop_output()
    except Exception as error:  # noqa: BLE001 - the last line of defence
        if isinstance(error, FileNotFoundError) and _is_nowhere():
            _complain("the current folder does not exist any more", "go to one that does")
            return USAGE
        if isinstance(error, OSError) and error.errno in _UNWRITABLE:
            _complain(f"cannot write: {error.strerror}", "")
            _drop_output()
            return USAGE
        _complain(f"internal error: {error!r}", _report(arguments))
        return INTERNAL_ERROR
    return status if isinstance(status, int) else 0


def _by_options(arguments: list[str]) -> int:
    from migrator import cli  # Ctrl-C may come while it is loaded, too

    return cli.run(arguments)


def _show(view: str, pid: int) -> int:
    from migrator import live, views

    if view == "ps":
        return views.show_table(live.Targets((pid,), args=False), views.Listing())
    from bridge import tree

    return views.show_tree(live.Targets((pid,)), tree.Options())


def _open_streams() -> None:
    """Open on nothing what the caller has closed (``>&-``): the status still tells.

    What the caller's encoding lacks is written as an escape.
    """
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123
        elif name == "stdout":
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Send what is still to be written nowhere, or Python complains again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(message: str, hint: str) -> None:
    lines = [f"migrate: error: {message}", *(f"  {line}" for line in hint.splitlines())]
    try:
        sys.stderr.write("\n".join(lines) + "\n")
    except OSError:
        pass  # the status says it as well


def _is_nowhere() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - pathlib is not loaded for ps
    except FileNotFoundError:
        return True
    return False


def _report(arguments: list[str]) -> str:
    """Save the traceback for a bug report; returns the line that says where."""
    import tempfile
    import traceback

    from migrator import __version__

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="migrate-crash-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(f"migrate {__version__}, Python {sys.version}\n{arguments!r}\n\n")
            traceback.print_exc(file=file)
    except OSError as error:
        return f"no report could be written: {error}"
    return f"please report it with {file.name}"
