"""The picture that a process draws of itself, from wherever it may be asked to."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

import bridge
from tests.live import rows
from tests.programs import ROOT, every_target

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import TargetPython


def look(python: Path, where: str, **env: str) -> str:
    return run(python, "tests/targets/looks_at_itself.py", where, **env)


def run(python: Path, *arguments: str, **env: str) -> str:
    done = subprocess.run(
        [python, *arguments],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@every_target
@pytest.mark.parametrize("where", ["coroutine", "thread", "signal"])
def test_from_asyncio(version: str, where: str, target_python: TargetPython) -> None:
    table, _, tree = look(target_python(version), where).partition("=====\n")
    found = {row["task_name"]: row for row in rows(table)}
    assert {"Task-1", "leaf-0", "leaf-1", "leaf-2"} <= set(found)
    assert found["leaf-0"]["coroutine_chain"] == "sleep -> leaf"
    assert "leaf('u1')" in tree
    # The caller's stack ends where it called: none of our own frames, all of its own.
    assert "format_ps" not in tree
    assert "capture" not in tree
    place = {"coroutine": "in_coroutine", "thread": "draw('in a thread')", "signal": "<lambda>"}
    assert place[where] in tree
    if where == "coroutine":
        assert found["looker"]["coroutine_chain"] == "draw -> in_coroutine"
        assert found["looker"]["waits_on"] == "running"


@every_target
@pytest.mark.parametrize("where", ["green", "patched"])
@pytest.mark.parametrize("hub", ["asyncio", "epolls"])
def test_from_a_green_thread(
    version: str, where: str, hub: str, target_python: TargetPython
) -> None:
    python = target_python(version, "greenlet", "eventlet")
    table, _, tree = look(python, where, EVENTLET_HUB=hub).partition("=====\n")
    found = {row["task_name"]: row for row in rows(table)}
    assert {"green_main.<locals>.looker", "sleep", "hub", "main"} <= set(found)
    looker = found["green_main.<locals>.looker"]
    assert looker["coroutine_chain"].startswith("draw -> green_main.<locals>.looker")
    assert looker["waits_on"] == "running"
    assert looker["awaiter_name"] == "main"
    assert "looker(7)" in tree


@pytest.mark.parametrize("version", ["3.11", "3.14"])
def test_from_everywhere_at_once(version: str, target_python: TargetPython) -> None:
    words = look(target_python(version), "crowd").split()
    assert int(words[1]) > 20
    assert words[1] == words[3]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
@pytest.mark.parametrize("version", ["3.11", "3.14"])
def test_after_a_change_of_user(version: str, target_python: TargetPython) -> None:
    """As daemons do that begin as root: the kernel gives their memory's file to root."""
    # What it loads it loads before: the checkout need not be for everybody to read.
    script = (
        "import asyncio, os, bridge\n"
        "async def leaf(): await asyncio.sleep(3600)\n"
        "async def main():\n"
        "    task = asyncio.create_task(leaf(), name='leaf')\n"
        "    await asyncio.sleep(0)\n"
        "    bridge.snapshot()\n"
        "    os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "    print(bridge.format_ps())\n"
        "asyncio.run(main())\n"
    )
    table = run(target_python(version), "-c", script)
    found = {row["task_name"]: row for row in rows(table)}
    assert found["leaf"]["coroutine_chain"] == "sleep -> leaf"
    assert found["Task-1"]["waits_on"] == "running"


def test_this_process_too() -> None:
    taken = bridge.snapshot()
    (here,) = (
        thread
        for thread in taken.threads
        if thread.stack and thread.stack[0].function == "test_this_process_too"
    )
    assert here.holds_gil
    assert bridge.format_pstree(taken) == bridge.format_pstree(taken)
    assert rows(bridge.format_ps(taken, columns=["kind", "tid"]))


def test_there_is_nothing_else() -> None:
    with pytest.raises(AttributeError, match="no attribute 'format_top'"):
        getattr(bridge, "format_top")  # noqa: B009 - mypy knows that it is not there
