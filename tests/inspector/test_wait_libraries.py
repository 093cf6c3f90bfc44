"""What tasks wait on in libraries for the web and for databases, and green threads in pyzmq."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.inspector.test_waits import look, near, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartTarget, TargetPython

LIBRARIES = ("anyio", "aiohttp", "aiosqlite", "psycopg[binary]", "websockets")
WAITS = {
    "group": ("gather", "task group: 1 task not done, timeout in "),
    "lock": ("lock", "lock held by task lock-holder"),
    "semaphore": ("semaphore", "semaphore (0 free)"),
    "condition": ("condition", "condition"),
    "receive": ("queue", "get from empty stream"),
    "send": ("queue", "put to full stream"),
    "thread": ("thread", "thread: Event.wait"),
    "thread-full": ("semaphore", "capacity limiter (1 taken)"),
    "stream": ("fd", "read fd "),
    "http": ("fd", "read fd "),
    "handler": ("fd", "read fd "),
    "ws-aiohttp": ("fd", "read fd "),
    "ws-websockets": ("fd", "read fd "),
    "poured": ("fd", "write fd "),
    "http-second": ("semaphore", "a free connection of 1, timeout in "),
    "sqlite": ("thread", "thread: execute"),
}


def test_libraries(target_python: TargetPython, start_target: StartTarget) -> None:
    python = target_python("3.14", *LIBRARIES)
    program = start_target(python, "tests/targets/waits_libraries.py")
    # It polls ten times a second, and is runnable in between.
    seen = until(program, lambda seen: seen.units["postgres"][0].wait)
    served = [unit.wait and unit.wait.on for unit in seen.units["ws-served"]]
    assert served == ["fd", "fd"]
    for name, (on, text) in WAITS.items():
        found = seen.wait(name, on).text
        assert found.startswith(text) if text.endswith(" ") else found == text, name
    for name in ("stream", "http", "postgres"):
        assert seen.wait(name, "fd").peer == f"127.0.0.1:{program.ready['port']}", name
    assert near(seen.wait("group", "gather").seconds_left, 700)
    # aiohttp ends long timeouts at a whole second.
    assert near(seen.wait("http", "fd").seconds_left, 801)
    # Of the server's connections one is idle, and the others wait for their handlers.
    served = [
        unit.wait and unit.wait.on
        for unit in seen.snapshot.units
        if any(frame.function == "RequestHandler.start" for frame in unit.stack)
    ]
    assert sorted(map(str, served)) == ["fd", "task", "task", "task", "task"]
    edges = {edge[:2] for edge in seen.edges}
    assert {("group", "child"), ("lock", "lock-holder")} <= edges


def test_databases_and_pools(target_python: TargetPython, start_target: StartTarget) -> None:
    python = target_python("3.14", "asyncpg", "psycopg[binary]", "psycopg-pool", "redis", "httpx")
    program = start_target(python, "tests/targets/waits_databases.py")
    # A connection of psycopg's polls: it is runnable in between.
    seen = until(program, lambda seen: seen.units["psycopg-notified"][0].wait)
    postgres, redis = (f"127.0.0.1:{program.ready[name]}" for name in ("port", "redis"))
    for name in ("asyncpg-execute", "asyncpg-fetch"):
        assert seen.wait(name, "fd").peer == postgres, name
    for name, peer in (("psycopg-notified", postgres), ("redis-subscribes", redis)):
        wait = seen.wait(name, "queue")
        assert (wait.text, wait.peer) == ("get from empty subscription", peer)
    for name, text in (
        ("asyncpg-takes", "a free connection of 1"),
        ("psycopg-takes", "a free connection of its pool, timeout in "),
        ("redis-takes", "a free connection of 1"),
        ("httpx-takes", "a free connection of its pool, timeout in "),
    ):
        assert seen.wait(name, "semaphore").text.startswith(text), name
    assert near(seen.wait("psycopg-takes", "semaphore").seconds_left, 700)
    assert near(seen.wait("httpx-takes", "semaphore").seconds_left, 800)
    assert seen.wait("redis-gets", "fd").peer == redis
    # Its list of things to do later is no work that anybody waits for.
    (scheduler,) = [unit for name in seen.units for unit in seen.units[name] if "sched" in name]
    assert scheduler.wait
    assert scheduler.wait.on == "sleep"


def test_the_pool_of_sqlalchemy(
    target_python: TargetPython, start_target: StartTarget, tmp_path: Path
) -> None:
    script = tmp_path / "takes.py"
    script.write_text(
        "import asyncio, os\n"
        "from sqlalchemy.ext.asyncio import create_async_engine\n"
        f"engine = create_async_engine('sqlite+aiosqlite:///{tmp_path}/takes.db', pool_size=1,\n"
        "                             max_overflow=0, pool_timeout=600)\n"
        "async def takes():\n"
        "    async with engine.connect():\n"
        "        await asyncio.sleep(3600)\n"
        "async def main():\n"
        "    first = asyncio.create_task(takes(), name='has')\n"
        "    await asyncio.sleep(0.3)\n"
        "    second = asyncio.create_task(takes(), name='takes')\n"
        "    await asyncio.sleep(0.3)\n"
        "    print('ready', f'pid={os.getpid()}', flush=True)\n"
        "    await asyncio.gather(first, second)\n"
        "asyncio.run(main())\n"
    )
    python = target_python("3.14", "greenlet", "sqlalchemy", "aiosqlite")
    wait = look(start_target(python, script)).wait("takes", "semaphore")
    assert wait.text.startswith("a free connection of 1, timeout in ")
    assert near(wait.seconds_left, 600)


def test_zmq(target_python: TargetPython, start_target: StartTarget, tmp_path: Path) -> None:
    script = tmp_path / "receives.py"
    script.write_text(
        "import os, eventlet\n"
        "from eventlet.green import zmq\n"
        "socket = zmq.Context().socket(zmq.PULL)\n"
        "socket.bind_to_random_port('tcp://127.0.0.1')\n"
        "def receives(): socket.recv()\n"
        "def second(): socket.recv()\n"
        "greens = [eventlet.spawn(receives), eventlet.spawn(second)]\n"
        "eventlet.sleep(0.2)\n"
        "print('ready', f'pid={os.getpid()}', flush=True)\n"
        "eventlet.sleep(600)\n"
    )
    seen = look(start_target(target_python("3.12", "greenlet", "eventlet", "pyzmq"), script))
    assert seen.wait("receives", "fd").text == "read a zmq socket"
    assert seen.wait("second", "lock").text == "lock held by green thread receives"
    assert ("second", "receives", "lock") in seen.edges
