"""Runs pairs of programs, each in a process of its own, and says which of them do not do the same.

Pairs come as JSON on stdin; their numbers go to stdout, with what each of the two did.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import signal
import sys
import types
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

warnings.simplefilter("ignore")

import eventlet  # noqa: E402
import eventlet.debug  # noqa: E402
import eventlet.greenpool  # noqa: E402
import eventlet.tpool  # noqa: E402

# What a program that reads a name before its import does is not worth keeping.
BROKEN = ("raised NameError", "raised UnboundLocalError", "raised AttributeError")


def done_by(source: str) -> list[str]:
    """What a program has logged, and how it ended."""
    mine, its = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            signal.alarm(20)
            sys.stdout = sys.stderr = io.StringIO()
            os.write(its, "\n".join(run(source)).encode())
        finally:
            os._exit(0)
    os.close(its)
    with os.fdopen(mine, encoding="utf-8") as file:
        log = file.read().splitlines()
    os.waitpid(pid, 0)
    return log


def run(source: str) -> list[str]:
    done: list[str] = []
    flags = [True, False, True, True, False] * 50

    def log(*values: object) -> None:
        done.append(
            repr([v if isinstance(v, int | str | None) else type(v).__name__ for v in values])
        )

    def flag() -> bool:
        log("flag")
        return flags.pop()

    def state() -> str:
        hub = eventlet.hubs.get_hub()
        quiet = eventlet.tpool.QUIET, eventlet.greenpool.DEBUG
        return str((bool(hub.debug_exceptions), hub.lclass.__name__, *map(bool, quiet)))

    @contextlib.contextmanager
    def ctx() -> Iterator[bool]:
        yield True

    names = {"log": log, "flag": flag, "state": state, "ctx": ctx, "run": asyncio.run, "x": True}
    sys.modules["example"] = types.ModuleType("example")
    try:
        exec(
            compile(source, "example.py", "exec", dont_inherit=True),
            {"__name__": "example", **names},
        )
    except BaseException as error:  # noqa: BLE001 - how it ends is what is asked
        done.append(f"raised {type(error).__name__}")
    return [*done, state()]


if __name__ == "__main__":
    for number, (before, after) in json.load(sys.stdin).items():
        first = done_by(before)
        if not any(line in BROKEN for line in first) and first != (second := done_by(after)):
            print(number, first, second)
