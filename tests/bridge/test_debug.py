"""bridge.debug in live processes: every hub, both worlds, every supported Python."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import bridge.debug
from bridge.debug import deferred

if TYPE_CHECKING:
    from tests.conftest import TargetPython

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
RUNS = [(v, hub, "eventlet") for v in VERSIONS for hub in ("epolls", "asyncio")]
RUNS += [("3.14", "poll", "eventlet"), ("3.14", "selects", "eventlet")]
RUNS += [("3.11", "epolls", "eventlet==0.33.3"), ("3.11", "asyncio", "eventlet==0.36.1")]
RUNS += [("3.11", "none", ""), ("3.15", "none", "")]


def live(python: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(python), "-W", "ignore", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("version", "hub", "eventlet"), RUNS)
def test_every_switch_acts_on_hub_and_loop(
    version: str, hub: str, eventlet: str, target_python: TargetPython
) -> None:
    packages = ("greenlet", eventlet) if eventlet else ()
    script = ROOT / "tests" / "targets" / "debug_both_worlds.py"
    seen = json.loads(live(target_python(version, *packages), str(script), hub).splitlines()[-1])
    if hub != "none":
        check_green_world(seen, hub)
    if hub != "asyncio":
        check_asyncio_world(seen)


def check_green_world(seen: dict[str, Any], hub: str) -> None:
    assert seen["deferred"] is False, "set before Eventlet was imported, lost on its import"
    assert "Blocking detector ALARMED" in seen["green_blocking"]
    assert seen["green_blocking_off"] == "quiet"
    assert "DebugListener('read'" in seen["green_listeners"]
    assert "in wait_for_pipe" in seen["green_listeners"]
    assert "in sleep_long" in seen["green_timers"]
    assert "in wait_for_pipe" in seen["green_threads"]
    assert "MainThread" in seen["green_threads"]
    assert seen["exceptions_False"] == [False, False, False]
    assert seen["exceptions_True"] == [True, True, True]
    assert seen["timer_failure_False"] == ""
    assert "lost in a timer" in seen["timer_failure_True"]
    if hub == "asyncio":
        assert "not yet supported by asyncio hub" in seen["readers"]
        assert (seen["hub_loop"], seen["hub_loop_on"]) == (False, True)
        assert "LISTENERS OF <_UnixSelectorEventLoop" in seen["green_listeners"]
        assert "name='Task-1' coro=<Hub.run" in seen["green_threads"]
    else:
        assert seen["readers"] is False


def check_asyncio_world(seen: dict[str, Any]) -> None:
    assert seen["loop_debug"] == [True, 0.2], "set at start-up, lost when the loop was made"
    assert "took 0.3" in seen["loop_warnings"]
    assert "read: <Handle" in seen["loop_listeners"]
    assert "in register_reader" in seen["loop_listeners"]
    assert "s: <TimerHandle" in seen["loop_timers"]
    assert "call_later(1000, print)" in seen["loop_timers"]
    assert "name='parked'" in seen["loop_info"]
    assert "in park" in seen["loop_info"]
    assert "EVENTLOOP: <_UnixSelectorEventLoop running=True" in seen["loop_info"]
    assert "lost one" not in seen["loop_lost"]
    assert "lost two" in seen["loop_lost"]
    assert seen["loop_debug_off"] == [False, 0.1]


def test_same_names_and_signatures_as_eventlet() -> None:
    report = live(
        Path(sys.executable),
        "-c",
        "import inspect, eventlet.debug as d\n"
        "for n in [*d.__all__, 'Spew']: print(n, inspect.signature(getattr(d, n)))",
    )
    for line in report.splitlines():
        name, _, signature = line.partition(" ")
        assert name in bridge.debug.__all__
        ours = inspect.signature(getattr(bridge.debug, name))
        bare = [p.replace(annotation=p.empty) for p in ours.parameters.values()]
        assert str(inspect.Signature(bare)) == signature, name


@pytest.mark.parametrize("module", ["eventlet", "asyncio", "greenlet", "inspect"])
def test_importing_it_imports_neither_world(module: str) -> None:
    code = f"import sys, bridge.debug as d; d.hub_exceptions(); print({module!r} in sys.modules)"
    assert live(Path(sys.executable), "-S", "-c", code) == "False\n"


@pytest.mark.parametrize("order", ["bridge.debug, eventlet", "eventlet, bridge.debug"])
def test_it_brings_the_module_that_the_import_before_it_brought(order: str) -> None:
    code = f"import {order}; print(eventlet.debug.spew.__module__)"
    assert live(Path(sys.executable), "-W", "ignore", "-c", code) == "eventlet.debug\n"


def test_asyncio_imported_later_still_follows() -> None:
    code = (
        "from bridge import debug; debug.hub_blocking_detection(True, 0.25)\n"
        "import asyncio\n"
        "loop = asyncio.new_event_loop()\n"
        "print(loop.get_debug(), loop.slow_callback_duration, type(asyncio.__loader__).__name__)"
    )
    assert live(Path(sys.executable), "-c", code) == "True 0.25 SourceFileLoader\n"


@pytest.mark.parametrize("version", ["3.11", "3.14"])
def test_a_loop_that_is_not_asyncios_own_follows(version: str, target_python: TargetPython) -> None:
    code = (
        "from bridge import debug\n"
        "debug.hub_blocking_detection(True, 0.25); debug.hub_exceptions(False)\n"
        "import uvloop, logging, time\n"
        "async def main():\n"
        "    import asyncio; loop = asyncio.get_running_loop()\n"
        "    print(loop.get_debug(), loop.slow_callback_duration)\n"
        "    loop.call_exception_handler({'message': 'lost'})\n"
        "    time.sleep(0.3); await asyncio.sleep(0)\n"
        "    print(debug.format_hub_listeners(), debug.format_hub_timers(), sep='\\n')\n"
        "    debug.hub_blocking_detection(False); debug.hub_exceptions(True)\n"
        "    print(loop.get_debug(), loop.slow_callback_duration, loop.get_exception_handler())\n"
        "logging.basicConfig(format='%(message).9s', stream=__import__('sys').stdout)\n"
        "loop = uvloop.new_event_loop(); loop.run_until_complete(main()); loop.close()\n"
    )
    found = live(target_python(version, "uvloop"), "-c", code).splitlines()
    assert (found[:2], found[-1]) == (["True 0.25", "Executing"], "False 0.1 None")
    assert found.count("not shown: the loop keeps them to itself") == 2


def test_loops_that_are_none_are_left_alone() -> None:
    code = (
        "from bridge import debug; debug.hub_timer_stacks(True); import asyncio\n"
        "class Stand(asyncio.AbstractEventLoop):\n"
        "    def __init__(self, name): self.name = name\n"
        "class Own(asyncio.SelectorEventLoop): pass\n"
        "debug.hub_exceptions(False)\n"
        "print(Stand('in').name, Own().get_debug())"
    )
    assert live(Path(sys.executable), "-W", "ignore", "-c", code) == "in True\n"


def test_a_loop_that_runs_in_another_thread_follows() -> None:
    code = (
        "import asyncio, threading; from bridge import debug\n"
        "loop = asyncio.new_event_loop(); threading.Thread(target=loop.run_forever).start()\n"
        "debug.hub_listener_stacks(True); on = loop.get_debug()\n"
        "debug.hub_listener_stacks(False); print(on, loop.get_debug())\n"
        "loop.call_soon_threadsafe(loop.stop)"
    )
    assert live(Path(sys.executable), "-c", code) == "True False\n"


def test_a_handler_of_the_program_stays() -> None:
    code = (
        "import asyncio; from bridge import debug\n"
        "loop = asyncio.new_event_loop(); loop.set_exception_handler(print)\n"
        "debug.hub_exceptions(False); debug.hub_exceptions(True)\n"
        "print(loop.get_exception_handler() is print)"
    )
    assert live(Path(sys.executable), "-c", code) == "True\n"


def test_resolution_must_be_positive() -> None:
    with pytest.raises(AssertionError):
        bridge.debug.hub_blocking_detection(True, 0)


def test_spew_prints_the_lines_and_their_values(tmp_path: Path) -> None:
    script = tmp_path / "traced.py"
    script.write_text(
        "from bridge import debug\n"
        "def f(number):\n"
        "    doubled = number * 2\n"
        "    return doubled\n"
        "debug.spew(trace_names=['__main__'], show_values=True)\n"
        "f(21)\n"
        "debug.unspew()\n"
        "f(22)\n"
    )
    out = live(Path(sys.executable), str(script))
    assert "__main__:4:     return doubled\n\tdoubled=42\n" in out
    assert "number=22" not in out


def test_spew_names_code_without_source() -> None:
    code = "from bridge import debug\ndebug.spew()\nexec('x = 1')\ndebug.unspew()"
    out = live(Path(sys.executable), "-c", code)
    assert "Unknown code named [<module>]" in out


def test_spew_prints_what_eventlets_does(target_python: TargetPython, tmp_path: Path) -> None:
    script = tmp_path / "traced.py"
    script.write_text(
        "import importlib, sys\n"
        "debug = importlib.import_module(sys.argv[1])\n"
        "def f(number, _under=2):\n"
        "    doubled = number * _under\n"
        "    return doubled\n"
        "nowhere = compile('x = 1\\ny = x + 1', '<nowhere>', 'exec')\n"
        "bare = {'__name__': 'bare'}\n"
        "for names in (None, ['__main__'], ['[unknown]'], ['bare']):\n"
        "    debug.spew(names, show_values=True)\n"
        "    f(21)\n"
        "    exec(nowhere, bare)\n"
        "    sys.settrace(None)\n"
    )
    python = target_python("3.14", "greenlet", "eventlet")
    ours, theirs = (live(python, str(script), name) for name in ("bridge.debug", "eventlet.debug"))
    assert "[unknown]:2: Unknown code named [<module>]" in theirs
    assert ours == theirs


def test_the_last_call_of_a_purpose_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "awaited_module_of_test.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    calls: list[str] = []
    for purpose, text in [("a", "old"), ("b", "other"), ("a", "new")]:
        deferred.when_imported("awaited_module_of_test", purpose, lambda t=text: calls.append(t))  # type: ignore[misc]
    assert calls == []
    __import__("awaited_module_of_test")
    assert calls == ["other", "new"]
    deferred.when_imported("awaited_module_of_test", "a", lambda: calls.append("at once"))
    assert calls[-1] == "at once"
