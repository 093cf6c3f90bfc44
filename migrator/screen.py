"""A terminal used as a whole: keys in, lines out, and as it was before in the end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import tty
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleDimensions, Group
from rich.live import Live
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from bridge.board import Line

# What the terminals in use send; ECMA-48 cursor keys, in both keypad modes, and VT220's.
_SEQUENCES = {
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1bOA": "up",
    "\x1bOB": "down",
    "\x1b[5~": "pageup",
    "\x1b[6~": "pagedown",
    "\x1b[H": "home",
    "\x1bOH": "home",
    "\x1b[1~": "home",
    "\x1b[7~": "home",
    "\x1b[F": "end",
    "\x1bOF": "end",
    "\x1b[4~": "end",
    "\x1b[8~": "end",
}
_SINGLE = {"\r": "enter", "\n": "enter", "\x7f": "backspace", "\b": "backspace"}
_ESCAPE_WITHIN = 0.05  # seconds in which the rest of a key's sequence arrives
_COLORS = {
    "": "",
    "head": "bold",
    "faint": "dim",
    "alarm": "bold red",
    "state": "yellow",
    "task": "cyan",
    "green": "green",
}


class Screen:
    """The terminal of stdin and stdout while it is ours; a context manager.

    It is given back on every way out, for the time of Ctrl-Z as well. When it is closed
    whatever is called raises KeyboardInterrupt. Other threads call `wake` to have `wait`
    return.
    """

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False)
        self._input = sys.stdin.fileno()
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        self._suspended = False
        self._pending = b""

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, in cells, of the terminal as it is now."""
        # COLUMNS and LINES, which rich believes first, tell what it was like once.
        with _hang_up():
            columns, lines = os.get_terminal_size(sys.stdout.fileno())
        self._console.size = ConsoleDimensions(columns or 80, lines or 24)
        return self._console.size

    def __enter__(self) -> Screen:
        self._settings = termios.tcgetattr(self._input)
        signal.signal(signal.SIGWINCH, lambda *_: self.wake())
        signal.signal(signal.SIGTSTP, self._ask_to_suspend)
        self._take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._give_back()
        except OSError:
            # It was closed: nobody is there to be told, neither now nor at exit.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.dup2(nowhere, sys.stderr.fileno())
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)

    def show(self, lines: Sequence[Line]) -> None:
        """Show the lines, which are as many and as wide as `size` has said."""
        texts = [
            Text(
                line.text,
                f"{_COLORS[line.color]}{' reverse' if line.selected else ''}".strip(),
                no_wrap=True,
                overflow="crop",
                end="\n" if place < len(lines) - 1 else "",
            )
            for place, line in enumerate(lines)
        ]
        with _hang_up():
            self._live.update(Group(*texts), refresh=True)

    def wake(self) -> None:
        """Have `wait` return soon, with or without keys. May be called from any thread."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._waker, b".")

    def wait(self) -> list[str]:
        """Wait for keys, or for `wake`."""
        timeout = _ESCAPE_WITHIN if self._pending else None
        ready, _, _ = select.select([self._input, self._woken], [], [], timeout)
        if self._woken in ready:
            os.read(self._woken, 4096)
        if self._suspended:
            self._suspend()
        if self._input in ready:
            with _hang_up():
                data = os.read(self._input, 4096)
                if not data:
                    raise OSError
            self._pending += data
        found, self._pending = split_keys(self._pending, last=not ready)
        return found

    def _take(self) -> None:
        tty.setcbreak(self._input)
        self._live = Live(
            console=self._console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def _give_back(self) -> None:
        """Raises OSError when the terminal is closed."""
        try:
            termios.tcsetattr(self._input, termios.TCSADRAIN, self._settings)
        except termios.error as error:
            raise OSError(*error.args) from None
        finally:
            self._live.stop()

    def _ask_to_suspend(self, *_: object) -> None:
        self._suspended = True
        self.wake()

    def _suspend(self) -> None:
        self._suspended = False
        with _hang_up():
            self._give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # goes on here after SIGCONT
        signal.signal(signal.SIGTSTP, self._ask_to_suspend)
        self._take()


@contextlib.contextmanager
def _hang_up() -> Iterator[None]:
    """A terminal that fails is closed, which is as good as Ctrl-C."""
    try:
        yield
    except OSError:
        raise KeyboardInterrupt from None


def split_keys(data: bytes, *, last: bool) -> tuple[list[str], bytes]:
    """Keys by name or character, and the bytes of one that has not arrived whole.

    ``last`` says that nothing more will come: an escape is then the key of that name.
    """
    text = data.decode("utf-8", "surrogateescape")
    found: list[str] = []
    while text:
        if text[0] != "\x1b":
            key, text = text[0], text[1:]
            if key >= "\udc80" and not last and len(text) < 3:  # part of a character
                return found, (key + text).encode("utf-8", "surrogateescape")
            found.append(_SINGLE.get(key, key))
            continue
        sequence = next((known for known in _SEQUENCES if text.startswith(known)), "")
        if sequence:
            found.append(_SEQUENCES[sequence])
            text = text[len(sequence) :]
        elif not last and any(known.startswith(text) for known in _SEQUENCES):
            return found, text.encode("utf-8", "surrogateescape")
        elif len(text) == 1:
            found.append("escape")
            text = ""
        else:
            text = _skip_sequence(text)
    return found, b""


def _skip_sequence(text: str) -> str:
    """What follows an escape sequence that is no key of ours (ECMA-48: up to a final byte)."""
    if text[1] not in "[O":
        return text[2:]  # Alt and a key
    for place, character in enumerate(text[2:], 2):
        if "@" <= character <= "~":
            return text[place + 1 :]
    return ""
