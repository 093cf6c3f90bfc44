"""The samples are real programs: they start on every target and answer requests."""

from __future__ import annotations

import socket
import subprocess
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.programs import ROOT, every_target

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython
    from tests.programs import Program

EVENTLET = ("greenlet", "eventlet")
# http_proxy in the environment is not for a server on this machine.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(program: Program, path: str) -> str:
    with OPENER.open(f"http://127.0.0.1:{program.port}{path}", timeout=20) as answer:
        return str(answer.read(), "utf-8")


@every_target
def test_hybrid_service(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python(version, *EVENTLET), "samples/hybrid_service.py")
    assert get(program, "/price?symbol=ABC") == "12.5\n"
    assert get(program, "/healthz") == "fine\n"
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        get(program, "/price?symbol=none")
    refused.value.close()


@every_target
def test_asyncio_service(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python(version), "samples/asyncio_service.py")
    assert get(program, "/price?symbol=XYZ") == "99.0\n"
    assert get(program, "/healthz") == "fine\n"
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        get(program, "/price?symbol=none")
    refused.value.close()


@pytest.mark.parametrize("hub", ["epolls", "asyncio"])
@every_target
def test_eventlet_service(
    version: str, hub: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    python = target_python(version, *EVENTLET)
    program = start_target(python, "samples/eventlet_service", env={"EVENTLET_HUB": hub})
    # The digest goes through a real thread, the delay through a worker.
    assert get(program, "/price?symbol=ABC&delay=0.02") == "ABC 465.48\n"
    assert get(program, "/healthz") == "1 done, 0 queued\n"
    report = get(program, "/report")
    assert "DebugListener('read'" in report  # hub_listener_stacks is on
    assert "TIMERS:" in report
    assert "THREADS:" in report
    assert ("EVENTLOOP:" in report) == (hub == "asyncio")


def test_eventlet_service_backdoor(target_python: TargetPython, start_target: StartTarget) -> None:
    program = start_target(target_python("3.14", *EVENTLET), "samples/eventlet_service")
    port = int(program.wait_for_line("backdoor server listening on").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        console = connection.makefile("rw")
        console.write("service.workers.pool.running()\n")
        console.flush()
        while ">>> 4" not in (line := console.readline()):
            assert line, "the console closed without an answer"


def test_eventlet_service_blocking_detection(
    target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(
        target_python("3.14", *EVENTLET),
        "samples/eventlet_service",
        env={"PRICES_BLOCKING": "0.2", "PRICES_TRACE": "0"},
    )
    port = int(program.wait_for_line("backdoor server listening on").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        console = connection.makefile("rw")
        console.write("import eventlet.patcher\neventlet.patcher.original('time').sleep(5)\n")
        console.flush()
        while "Blocking detector ALARMED" not in (line := console.readline()):
            assert line, "the console closed without an alarm"


def test_eventlet_service_own_tests(target_python: TargetPython) -> None:
    python = target_python("3.14", *EVENTLET)
    folder = ROOT / "samples" / "eventlet_service"
    subprocess.run([python, "-W", "ignore", "-m", "unittest", "-q"], cwd=folder, check=True)


@every_target
def test_deadlock_stands(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python(version, *EVENTLET), "samples/deadlock.py")
    with pytest.raises(subprocess.TimeoutExpired):
        program.process.wait(0.5)
