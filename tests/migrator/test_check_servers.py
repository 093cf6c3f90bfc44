"""`migrate check` on sound servers: who waits for a client that takes its time is not stuck."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from inspector.capture import take
from tests.live import document
from tests.programs import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import StartTarget, TargetPython
    from tests.programs import Program

SERVERS = ("starlette", "uvicorn", "uvloop", "httptools", "websockets", "hypercorn", "tornado")
REQUESTS = {
    "idle": "",
    "kept alive": "GET / HTTP/1.1\r\nHost: here\r\n\r\n",
    "slow": "GET /slow HTTP/1.1\r\nHost: here\r\n\r\n",
    "body": "POST /body HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nhalf",
    "websocket": "GET /ws HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
}
ANSWERED = {"kept alive": b"here", "slow": b"first", "websocket": b" 101 "}

OSLO = """\
import eventlet
eventlet.monkey_patch()
import os
from oslo_config import cfg
from oslo_service import loopingcall, service

class Agent(service.Service):
    def start(self):
        super().start()
        self.periodic = loopingcall.FixedIntervalLoopingCall(lambda: None)
        self.periodic.start(interval=600)
        self.tg.add_timer(600, lambda: None)
        eventlet.spawn_after(0.2, print, "ready", f"pid={os.getpid()}", flush=True)

configuration = cfg.ConfigOpts()
configuration([])
service.launch(configuration, Agent()).wait()
"""


@contextlib.contextmanager
def clients(program: Program) -> Iterator[dict[str, socket.socket]]:
    """One of each kind of client; those that get an answer have begun to."""
    with contextlib.ExitStack() as stack:
        found = {}
        for name, request in REQUESTS.items():
            address = ("127.0.0.1", program.port)
            found[name] = stack.enter_context(socket.create_connection(address, timeout=30))
            found[name].sendall(request.encode())
        for name, text in ANSWERED.items():
            got = b""
            while text not in got:
                got += (more := found[name].recv(4096))
                assert more, (name, got)
        yield found


@pytest.mark.parametrize("server", ["uvicorn", "uvloop", "hypercorn", "sanic", "tornado"])
def test_who_waits_for_a_client_is_not_stuck(
    server: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    packages = ("sanic",) if server == "sanic" else SERVERS
    python = target_python("3.14", *packages)
    program = start_target(
        python, "tests/targets/serves_clients.py", server, env={"PYTHONWARNINGS": "ignore"}
    )
    with clients(program) as connected:
        wait_until(lambda: len(take(program.rest().pid).units) > 3)
        (process,) = document(
            "check", program.pid, "--stuck", "1500ms", "--interval", "500ms", "--allow", "unnamed"
        )["processes"]
        assert process["findings"] == []
        waits = [unit.wait for unit in take(program.pid).units if unit.wait]
        host, port = connected["body"].getsockname()
    if server in ("uvloop", "sanic"):  # whose transports are compiled: they show no descriptor
        texts = [wait.text for wait in waits]
        for text in ("read a client", "connection to end"):
            assert any(one.startswith(text) for one in texts), texts
    else:
        assert f"{host}:{port}" in {wait.peer for wait in waits if wait.mode == "read"}


def test_who_waits_by_the_hand_of_a_task_is_no_victim(
    target_python: TargetPython, start_target: StartTarget
) -> None:
    python = target_python("3.14", "greenlet", "sqlalchemy", "aiosqlite")
    program = start_target(python, "tests/targets/sqlalchemy_commit.py").rest()
    quick = ("check", program.pid, "--interval", "200ms")
    assert document(*quick)["processes"][0]["findings"] == []
    (finding,) = document(*quick, "--stuck", "1s")["processes"][0]["findings"]
    assert finding["code"] == "stuck"
    assert [unit["name"] for unit in finding["units"]] == ["request-1"]


def test_an_oslo_service_that_runs_is_not_stuck(
    target_python: TargetPython, start_target: StartTarget, tmp_path: Path
) -> None:
    script = tmp_path / "serves.py"
    script.write_text(OSLO)
    python = target_python("3.12", "greenlet", "eventlet", "oslo.service")
    program = start_target(python, script, env={"PYTHONWARNINGS": "ignore"})
    (process,) = document("check", program.pid, "--stuck", "1s", "--interval", "200ms")["processes"]
    assert process["findings"] == []
    texts = [unit.wait.text for unit in take(program.pid).units if unit.wait]
    assert "shutdown" in texts
    assert any(text.startswith("event, timeout in ") for text in texts)
