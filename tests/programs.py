"""Start the programs that get inspected, know when they are ready, and always end them.

A program prints one line to say that it can be looked at: ``ready``, then ``key=value``
words, ``pid`` at least (``ready pid=4711 port=40001``). Workers it forks are its own
process group and end with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.interpreters import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent

# Decorates a test that takes ``version`` and has to hold on every supported target.
every_target = pytest.mark.parametrize("version", TARGETS)


class Program:
    """A running program: ``pid``, the ``ready`` line's words, and what it has printed."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self.process = process
        self.lines: list[str] = []
        self.ready: dict[str, str] = {}
        self._errors = errors
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process to inspect: what the ready line names, else the one started."""
        return int(self.ready.get("pid", self.process.pid))

    @property
    def port(self) -> int:
        """The port that the ready line names."""
        return int(self.ready["port"])

    @property
    def stderr(self) -> str:
        """All that the program has written to its standard error so far."""
        return self._errors.read_text(errors="backslashreplace")

    def wait_for_line(self, start: str, seconds: float = 30) -> str:
        """The first line that begins with ``start``; fails when it does not come in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._line(start) is not None or self._ended, seconds)
            line = self._line(start)
        if line is None:
            state = f"status {self.process.wait(9)}" if self._ended else f"none in {seconds} s"
            pytest.fail(
                f"{self.process.args!r}: no line {start!r}, {state}\n"
                f"stdout: {self.lines!r}\nstderr: {self.stderr}"
            )
        return line

    def rest(self, seconds: float = 2) -> Program:
        """Wait until it sleeps, all of it; itself. For those that have nothing more to do."""
        deadline = time.monotonic() + seconds
        before = _turns(self.pid)
        while time.monotonic() < deadline:
            time.sleep(0.05)
            now = _turns(self.pid)
            if now == before and all("S (sleeping)" in thread for thread in now):
                break
            before = now
        return self

    def end(self) -> None:
        """Kill the program and all of its process group, and reap it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        # A daemon that left the group may keep the pipe open; it is not waited for.
        self._reader.join(5)

    def _line(self, start: str) -> str | None:
        return next((line for line in self.lines if line.startswith(start)), None)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            for line in stdout:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


def _turns(pid: int) -> list[str]:
    """What each thread does, and how often it has done something else."""
    found = []
    for file in sorted(Path(f"/proc/{pid}/task").glob("*/status")):
        with contextlib.suppress(OSError):  # the thread has ended
            lines = file.read_text().splitlines()
            found.append(" ".join([line for line in lines if "State:" in line or "_ctxt_" in line]))
    return found


@contextlib.contextmanager
def running(
    python: Path,
    script: str | Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    ready: str = "ready",
    seconds: float = 30,
) -> Iterator[Program]:
    """Run ``script`` (a path below the checkout's root) and wait for its ready line.

    ``env`` is added to an environment without this one's Python settings; a program that
    imports the project asks for ``PYTHONPATH``. Ends the program in every case.
    """
    foreign = ("VIRTUAL_ENV", "EVENTLET_HUB")
    clean = {k: v for k, v in os.environ.items() if k not in foreign and k[:6] != "PYTHON"}
    clean |= {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}
    with tempfile.NamedTemporaryFile("w", suffix=".stderr") as errors:
        process = subprocess.Popen(
            [str(python), str(ROOT / script), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            errors="backslashreplace",
            env=clean,
            start_new_session=True,
        )
        program = Program(process, Path(errors.name))
        try:
            words = program.wait_for_line(ready, seconds).split()
            program.ready = dict(word.split("=", 1) for word in words if "=" in word)
            yield program
        finally:
            program.end()


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Poll ``condition`` until it holds; fails when it does not in ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"did not come true within {seconds} s")
        time.sleep(0.02)
