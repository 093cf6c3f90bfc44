"""Waits that look like others: what is said of them is true, or that it is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.inspector.test_waits import look, near
from tests.live import document
from tests.programs import every_target

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartTarget, TargetPython
    from tests.inspector.test_waits import Seen

ASYNCIO = {
    "forever": ("sleep", "sleeping"),
    "nested": ("gather", "gather: 2 of 2 not done"),
    "found-by-name": ("future", "future"),
    "warned": ("future", "future"),
    "warned-by-python": ("future", "future"),
    "reported-later": ("future", "future"),
    "wait_for-gather": ("gather", "gather: 1 of 1 not done, timeout in "),
    "completed": ("gather", "first of 2 futures"),
    "condition-enters": ("lock", "lock held by task condition-holder"),
    "lets-go": ("condition", "condition"),
    "taken-by-hand": ("lock", "lock"),
    "manager-takes": ("lock", "lock held by task manager-holder"),
    "plain-takes": ("semaphore", "semaphore (0 free) held by task plain-holder-0"),
    "bounded-takes": ("semaphore", "semaphore (0 free) held by task bounded-holder-0"),
    "both-takes": ("semaphore", "semaphore (0 free)"),
    "one-of-takes": ("semaphore", "semaphore (0 free) held by task one-of-holder-0"),
    "executor-runs": ("thread", "thread: Event.wait"),
    "executor-full": ("thread", "thread: Event.wait, not started"),
    "other-loop": ("task", "task there"),
    "concurrent": ("thread", "a thread's result"),
    "connection-closes": ("event", "connection to close"),
}

EVENTLET = {
    "main.<locals>.<lambda>": ("sleep", "sleeping, "),
    "full_pool": ("semaphore", "a free place in GreenPool of 1"),
    "makes_item": ("sleep", "sleeping, "),
    "connects": ("thread", "tpool thread: Database.connect, timeout in "),
    "second_in_tpool": ("thread", "tpool thread: sleep, not started"),
    "lock_takes": ("lock", "lock held by green thread lock_holder"),
    "condition_takes": ("lock", "lock held by green thread condition_holder"),
    "semaphore_takes": ("semaphore", "semaphore (0 free) held by green thread semaphore_holder"),
    "bounded_takes": ("semaphore", "semaphore (0 free) held by green thread bounded_holder"),
    "lets_go": ("condition", "condition"),
    "taken_by_hand": ("lock", "lock"),
    "named_takes": ("semaphore", "semaphore (0 free) held by green thread named_holder"),
    "simple_queue": ("queue", "get from empty queue"),
    "second_result": ("future", "concurrent future"),
}


def check(seen: Seen, cases: dict[str, tuple[str, str]]) -> None:
    for name, (on, text) in cases.items():
        found = seen.wait(name, on).text
        assert found.startswith(text) if text.endswith((", ", " in ")) else found == text, name


@every_target
def test_asyncio(version: str, target_python: TargetPython, start_target: StartTarget) -> None:
    program = start_target(target_python(version), "tests/targets/traps_asyncio.py")
    seen = look(program)
    check(seen, ASYNCIO)
    # It waits for the connections to end; later releases of 3.13 end them.
    if version == "3.12" or (version == "3.13" and "serving" in seen.units):
        check(seen, {"serving": ("event", "server to close")})
    forever = seen.wait("forever", "sleep")
    assert (forever.seconds_left, forever.seconds_total) == (None, None)
    assert seen.units["forever"][0].stack[0].args == {"delay": "inf", "result": "None"}
    assert near(seen.wait("set-later", "sleep").seconds_left, 1000)
    assert near(seen.wait("cancelled-later", "timeout").seconds_left, 1000)
    gathers = seen.wait("wait_for-gather", "gather")
    assert gathers.seconds_total == 700
    assert near(gathers.seconds_left, 700)
    shakes = seen.wait("handshake", "fd")
    assert (shakes.mode, shakes.peer) == ("read", f"127.0.0.1:{program.ready['port']}")
    assert {edge for edge in seen.edges if not edge[1].startswith("Task-")} == {
        ("condition-enters", "condition-holder", "lock"),
        ("manager-takes", "manager-holder", "lock"),
        ("bounded-takes", "bounded-holder-0", "semaphore"),
        ("both-takes", "both-holder-0", "semaphore"),
        ("both-takes", "both-holder-1", "semaphore"),
        ("other-loop", "there", "awaits"),
    }
    assert len({edge for edge in seen.edges if edge[0] == "nested"}) == 3
    completed = [edge for edge in seen.edges if edge[0] == "completed"]
    assert {via for _, _, via in completed} == {"first of"}
    assert len(completed) == 2


@every_target
def test_asyncio_written_in_python(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python(version), "tests/targets/traps_asyncio.py", "pure")
    seen = look(program)
    assert seen.snapshot.completeness.complete
    check(seen, ASYNCIO)
    assert near(seen.wait("cancelled-later", "timeout").seconds_left, 1000)
    assert {edge[1] for edge in seen.edges} >= {"condition-holder", "manager-holder", "there"}


@every_target
def test_eventlet(version: str, target_python: TargetPython, start_target: StartTarget) -> None:
    python = target_python(version, "greenlet", "eventlet")
    seen = look(start_target(python, "tests/targets/traps_eventlet.py"))
    check(seen, EVENTLET)
    edges = {(waiter, target) for waiter, target, _ in seen.edges}
    assert edges == {
        ("lock_takes", "lock_holder"),
        ("condition_takes", "condition_holder"),
        ("bounded_takes", "bounded_holder"),
        ("joins", "sleep"),
        ("result", "_worker"),
    }


def test_no_number_that_json_has_not(
    target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python("3.14"), "tests/targets/traps_asyncio.py").rest()
    (process,) = document("ps", program.pid)["processes"]
    (unit,) = [unit for unit in process["units"] if unit["name"] == "forever"]
    assert unit["wait"]["seconds_left"] is None
    assert unit["runtime"] is None


# A program's own modules, in folders that are called as the libraries' are.
NAMESAKES = {
    "asyncio/tasks.py": """
        async def sleep(delay, future):
            await future
        async def _wait(fs, return_when, waiter):
            await waiter
        async def wait_for(fut, timeout, waiter):
            await waiter
        """,
    "python/queue.py": """
        class Queue:
            async def get(self, future):
                await future
        """,
    "eventlet/greenthread.py": """
        from greenlet import getcurrent
        def sleep(seconds):
            getcurrent().parent.switch()
        class GreenThread:
            def wait(self):
                getcurrent().parent.switch()
        """,
    "hubs/__init__.py": """
        from greenlet import getcurrent
        def trampoline(fileno, read):
            getcurrent().parent.switch()
        """,
    "python/program.py": """
        import asyncio, importlib.util, os, sys
        from greenlet import greenlet
        keep = []
        def load(path):
            file = os.path.join(sys.argv[1], path)
            spec = importlib.util.spec_from_file_location("own." + path[:-3], file)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
        def run(function, *arguments):
            keep.append(greenlet(function))
            keep[-1].switch(*arguments)
        tasks, items = load("asyncio/tasks.py"), load("python/queue.py")
        threads, hubs = load("eventlet/greenthread.py"), load("hubs/__init__.py")
        def greenlets():
            run(threads.sleep, 5000)
            run(hubs.trampoline, 1, True)
            one, two = greenlet(threads.GreenThread.wait), greenlet(threads.GreenThread.wait)
            one.switch(two)
            two.switch(one)
            keep.append((one, two))
        async def main():
            loop = asyncio.get_running_loop()
            def start(name, coroutine):
                keep.append(asyncio.create_task(coroutine, name=name))
                return keep[-1]
            def future():
                keep.append(loop.create_future())
                return keep[-1]
            other = start("other", asyncio.sleep(3600))
            start("sleep", tasks.sleep(500, future()))
            start("wait", tasks._wait([other], "ALL_COMPLETED", future()))
            start("wait_for", tasks.wait_for(other, 600, future()))
            start("get", items.Queue().get(future()))
            await asyncio.sleep(0.1)
            print("ready", f"pid={os.getpid()}", flush=True)
            await asyncio.sleep(600)
        greenlets()
        asyncio.run(main())
        """,
}


@pytest.mark.parametrize("version", ["3.11", "3.14"])
def test_a_folder_does_not_make_a_library(
    version: str, target_python: TargetPython, start_target: StartTarget, tmp_path: Path
) -> None:
    for name, text in NAMESAKES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        lines = [line.removeprefix(" " * 8) for line in text.splitlines()]
        (tmp_path / name).write_text("\n".join(lines))
    python = target_python(version, "greenlet", "eventlet")
    seen = look(start_target(python, tmp_path / "python" / "program.py", str(tmp_path)))
    assert not seen.edges
    for name in ("sleep", "wait", "wait_for", "get"):
        assert {u.wait.text for u in seen.units[name] if u.wait and u.kind == "task"} == {"future"}
    greens = [unit.wait for unit in seen.snapshot.units if unit.kind == "green"]
    assert len(greens) == 4
    assert {wait and wait.text for wait in greens} == {"unknown: its own code switched away"}
