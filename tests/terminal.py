"""A real terminal for a test: a program in a pty, and what its screen shows."""

from __future__ import annotations

import os
import re
import sys
import time
from typing import TYPE_CHECKING, Any

import pexpect
import pyte
import pytest

from tests.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path


class Terminal:
    """``migrate`` in a terminal of ``columns`` by ``lines``; a context manager.

    ``command`` runs that instead.
    """

    def __init__(
        self,
        *arguments: str,
        command: list[str] | None = None,
        columns: int = 80,
        lines: int = 24,
        cwd: Path = ROOT,
        env: dict[str, str] | None = None,
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        program, *rest = command or [sys.executable, "-m", "migrator", *arguments]
        self.child: Any = pexpect.spawn(
            program,
            rest,
            dimensions=(lines, columns),
            cwd=str(cwd),
            env={
                **os.environ,
                "TERM": "xterm-256color",
                "LC_ALL": "C.UTF-8",
                "PYTHONPATH": str(ROOT),
                **(env or {}),
            },
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.child.close(force=True)

    @property
    def text(self) -> str:
        """What the screen shows now."""
        return "\n".join(self.screen.display)

    def send(self, keys: str) -> None:
        """Type."""
        self.child.send(keys)

    def shows(self, pattern: str, seconds: float = 30) -> re.Match[str]:
        """Wait until ``pattern`` is on the screen; fails when it does not come."""
        return self._until(pattern, seconds, there=True) or pytest.fail("unreachable")

    def hides(self, pattern: str, seconds: float = 30) -> None:
        """Wait until ``pattern`` is not on the screen any more."""
        self._until(pattern, seconds, there=False)

    def ends(self, seconds: float = 30) -> int:
        """Wait for the end of the program; its exit status, negative for a signal."""
        deadline = time.monotonic() + seconds
        while self._read():
            if time.monotonic() > deadline:
                pytest.fail(f"it did not end:\n{self.text}")
        self.child.wait()
        status = self.child.exitstatus
        return int(-self.child.signalstatus if status is None else status)

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size, as its user does."""
        self.screen.resize(lines, columns)
        self.child.setwinsize(lines, columns)

    def hang_up(self) -> None:
        """Close the terminal under the program."""
        self.child.ptyproc.fileobj.close()
        self.child.closed = self.child.ptyproc.closed = True

    def _until(self, pattern: str, seconds: float, *, there: bool) -> re.Match[str] | None:
        deadline = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.text)
            if bool(found) == there:
                return found
            if not self._read() or time.monotonic() > deadline:
                want = "shows no" if there else "still shows"
                pytest.fail(f"the screen {want} {pattern!r}:\n{self.text}")

    def _read(self) -> bool:
        """Take what has been written; False at the end of it."""
        try:
            data = self.child.read_nonblocking(65536, timeout=0.1)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += data
        self._stream.feed(data)
        return True
