"""Migrated programs really run: rewritten, started, asked, looked into from outside."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.live import migrate
from tests.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartTarget, TargetPython
    from tests.programs import Program

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# As its documentation writes it, with the hooks and the backdoor that people add to it.
SOCKETIO = """\
import eventlet
eventlet.monkey_patch()

import os

import eventlet.debug
from eventlet import backdoor
from flask import Flask
from flask_socketio import SocketIO

app = Flask(__name__)
socketio = SocketIO(app, async_mode="eventlet")
seen = []


@app.route("/listeners")
def listeners():
    return eventlet.debug.format_hub_listeners()


@app.route("/block")
def block():
    # The real one: time.sleep() itself was patched.
    eventlet.patcher.original("time").sleep(1)
    return "never said"


if __name__ == "__main__":
    eventlet.debug.hub_listener_stacks(True)
    eventlet.debug.hub_blocking_detection(True, resolution=0.3)
    eventlet.spawn(backdoor.backdoor_server, eventlet.listen(("127.0.0.1", 0)), {"seen": seen})
    sock = eventlet.listen(("127.0.0.1", 0))
    print("ready pid=%d port=%d" % (os.getpid(), sock.getsockname()[1]), flush=True)
    eventlet.wsgi.server(sock, app, log_output=False)
"""


def get(program: Program, path: str) -> str:
    with OPENER.open(f"http://127.0.0.1:{program.port}{path}", timeout=20) as answer:
        return str(answer.read(), "utf-8")


@pytest.fixture(scope="module")
def migrated_service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample service after ``apply --to bridge``, in a folder without an Eventlet debug."""
    folder = tmp_path_factory.mktemp("migrated") / "eventlet_service"
    shutil.copytree(ROOT / "samples" / "eventlet_service", folder)
    done = migrate("apply", "--to", "bridge", "--unsafe", "--write", "--allow-dirty", folder)
    assert done.returncode == 1, done.stderr  # the rest of Eventlet is left
    return folder


@pytest.mark.parametrize("hub", ["epolls", "asyncio"])
def test_the_service_runs_in_both_worlds(
    hub: str, migrated_service: Path, target_python: TargetPython, start_target: StartTarget
) -> None:
    text = (migrated_service / "diagnostics.py").read_text()
    assert "backdoor_server" not in text
    assert text.count("eventlet.debug") == 0
    program = start_target(
        target_python("3.14", "greenlet", "eventlet"),
        migrated_service,
        env={"EVENTLET_HUB": hub, "PYTHONPATH": str(ROOT)},
    )
    assert get(program, "/price?symbol=ABC&delay=0.02") == "ABC 465.48\n"
    report = get(program, "/report")
    assert "DebugListener('read'" in report
    assert "THREADS:" in report
    assert "GREEN THREADS:" in report
    assert ("TIMERS OF <_UnixSelectorEventLoop" in report) == (hub == "asyncio")
    tree = migrate("pstree", program.pid)
    assert tree.returncode == 0, tree.stderr
    assert "Workers.work" in tree.stdout
    console = migrate("console", program.pid, "--yes", "--exec", "service.workers.pool.running()")
    assert console.stdout.split() == ["4"], console.stderr


def test_a_flask_socketio_program_runs(
    tmp_path: Path, target_python: TargetPython, start_target: StartTarget
) -> None:
    script = tmp_path / "chat.py"
    script.write_text(SOCKETIO)
    done = migrate(
        "apply", "--to", "bridge", "--write", "--allow-dirty", "--format", "json", script
    )
    left = [f for f in json.loads(done.stdout)["findings"] if f["outcome"] == "left"]
    assert not [f for f in left if f["code"].startswith(("EVT1", "EVT2"))]
    program = start_target(
        target_python("3.12", "greenlet", "eventlet", "flask-socketio"),
        script,
        env={"PYTHONPATH": str(ROOT)},
    )
    # The handshake of Socket.IO's own protocol, answered by the rewritten program.
    assert get(program, "/socket.io/?EIO=4&transport=polling").startswith('0{"sid":')
    assert "DebugListener('read'" in get(program, "/listeners")
    with pytest.raises(urllib.error.HTTPError, match="500"):
        get(program, "/block")


def test_the_services_own_tests_still_name_what_it_calls(migrated_service: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "unittest"],
        cwd=migrated_service,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
