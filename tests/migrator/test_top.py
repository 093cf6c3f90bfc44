"""`migrate top` in a real terminal, on real processes."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

import jsonschema
import pytest

from tests.programs import ROOT
from tests.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import StartTarget, TargetPython
    from tests.programs import Program

ENTER, ESCAPE, DOWN, END = "\r", "\x1b", "\x1b[B", "\x1b[F"
LEAVE = b"\x1b[?1049l"  # of the alternate screen
SHOW_CURSOR = b"\x1b[?25h"


@pytest.fixture
def target(target_python: TargetPython, start_target: StartTarget, tmp_path: Path) -> Program:
    python = target_python("3.14", "greenlet", "eventlet")
    return start_target(python, "tests/targets/top_both_worlds.py", str(tmp_path))


@pytest.fixture
def top(target: Program, tmp_path: Path) -> Iterator[Terminal]:
    command = ["top", str(target.pid), "--interval", "0.2"]
    with Terminal(*command, cwd=tmp_path) as terminal:
        yield terminal


def settings(terminal: Terminal) -> list[object]:
    return list(termios.tcgetattr(terminal.child.fileno()))


def test_both_worlds_in_one_table_of_the_terminals_size(target: Program, top: Terminal) -> None:
    top.shows(r"\(T\) +(>=)?\d+\.\ds alpha")
    assert f"{target.pid} python" in top.screen.display[0]
    assert "tasks  1 green threads" in top.screen.display[1]
    assert "gämma" in top.text
    assert "old_world" in top.text
    assert "q quit" in top.screen.display[23]


def test_time_in_a_place_goes_on_and_is_sorted_by(top: Terminal) -> None:
    top.shows(r">=1\.\ds (alpha|beta)")
    top.shows(r">=2\.\ds (alpha|beta)")
    times = [line[6:13].strip() for line in top.screen.display if ") " in line and "s " in line]
    seconds = [float(time.strip(">=s")) for time in times if time.strip(">=s").replace(".", "")]
    assert seconds == sorted(seconds, reverse=True)


def test_filter_as_one_types(top: Terminal) -> None:
    top.shows("alpha")
    top.send("/bet")
    top.shows("filter: bet_")
    top.hides("alpha")
    assert "beta" in top.text
    top.send("\x7f\x7f\x7fgäm")
    top.shows("gämma")
    top.hides("beta")
    top.send(ENTER)
    top.shows("filter: gäm  by time")
    top.send(ESCAPE)
    top.shows("alpha")


def test_q_is_a_letter_of_the_filter(top: Terminal) -> None:
    top.shows("alpha")
    top.send("/q")
    top.shows("filter: q_")
    top.send(ESCAPE)
    top.hides("filter: ")
    top.send("q")
    assert top.ends() == 0


def test_tree_and_table(top: Terminal) -> None:
    top.shows("NAME +WAITS ON")
    top.send("t")
    top.shows("[├└]── .T. (alpha|beta)")
    top.hides("WAITS ON")
    top.send("t")
    top.shows("NAME +WAITS ON")


def test_sort_keys_and_reverse(top: Terminal) -> None:
    top.shows("by time")
    top.send("sss")
    top.shows("by name")
    order = [top.text.index(name) for name in ("alpha", "beta", "gämma")]
    assert order == sorted(order)
    top.send("r")
    top.shows("by name reversed")
    order = [top.text.index(name) for name in ("gämma", "beta", "alpha")]
    assert order == sorted(order)


def test_fold_and_unfold(top: Terminal) -> None:
    top.resize(80 + len(str(ROOT)), 24)  # a frame's file has to fit, wherever the checkout is
    top.shows("alpha")
    top.send("f")
    top.shows(r"resting \W3 ")
    top.hides("alpha")
    top.send("/resting" + ENTER + ENTER)
    top.shows("alpha")
    top.send(DOWN + ENTER)
    top.shows(r"resting\('\w+'\)  .*top_both_worlds.py:\d+")


def test_what_is_new_and_what_grows_is_marked(top: Terminal, tmp_path: Path) -> None:
    top.shows("alpha")
    (tmp_path / "grow").touch()
    top.shows(r"grows: leaking \d+ to \d+")
    top.send("/leaking" + ENTER)
    top.shows(r"\n\+?\^.*\(T\)")
    top.shows(r"\+[1-9]\d*  ?-\d+|\+[1-9]")


def test_a_pause_holds_the_picture(top: Terminal, tmp_path: Path) -> None:
    top.shows("alpha")
    top.send("p")
    top.shows("PAUSED")
    held = top.screen.display[3:23]
    (tmp_path / "grow").touch()
    top.send("?")
    top.shows("filter as you type")
    top.send(ESCAPE)
    top.shows("alpha")
    assert top.screen.display[3:23] == held
    top.send("p")
    top.shows("leaking")


def test_export_is_the_published_json(target: Program, top: Terminal, tmp_path: Path) -> None:
    top.shows(r">=\d\.\ds alpha")
    top.send("e")
    name = top.shows(r"written to (migrate-\d+-\d+-\d+\.json)")[1]
    document = json.loads((tmp_path / name).read_text())
    schema = json.loads((ROOT / "docs/schema/snapshot.schema.json").read_text())
    jsonschema.validate(document, schema)
    (process,) = document["processes"]
    assert process["pid"] == target.pid
    runtimes = {unit["name"]: unit["runtime"] for unit in process["units"]}
    assert runtimes["alpha"]["how"] == "observed"


def test_an_export_that_cannot_be_written_does_not_end_it(target: Program, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with Terminal("top", str(target.pid), cwd=folder) as top:
        top.shows("alpha")
        folder.rmdir()
        top.send("e")
        top.shows("cannot write")
        top.send("q")
        assert top.ends() == 0


@pytest.mark.parametrize(("columns", "lines"), [(40, 8), (132, 50), (20, 3)])
def test_follows_the_size_of_the_terminal(top: Terminal, columns: int, lines: int) -> None:
    top.shows("alpha")
    top.resize(columns, lines)
    top.hides("filter as you type")
    top.send("/alpha" + ENTER)
    top.shows("filter: alpha  ")
    assert top.screen.display[-1].startswith("filter: alpha")
    top.send("q")
    assert top.ends() == 0


def test_scrolls_to_what_does_not_fit(target: Program) -> None:
    with Terminal("top", str(target.pid), lines=8) as top:
        top.shows("TIME")
        assert "(M)" not in top.text
        top.send(END)
        top.shows(r"\(M\)")


@pytest.mark.parametrize("way", ["q", "\x03"])
def test_gives_the_terminal_back(top: Terminal, way: str) -> None:
    before = settings(top)
    top.shows("alpha")
    assert settings(top) != before
    top.send(way)
    assert top.ends() == (0 if way == "q" else 130)
    assert settings(top) == before
    assert LEAVE in top.raw[-40:]
    assert SHOW_CURSOR in top.raw[top.raw.rindex(b"\x1b[?25l") :]
    assert b"Traceback" not in top.raw


def test_gives_the_terminal_back_for_a_while(target: Program) -> None:
    """Ctrl-Z and fg, in a shell: a program without one cannot be stopped by its terminal."""
    python = f"{shlex.quote(sys.executable)} -m migrator"
    script = f"set -m; {python} top {target.pid}; echo stopped $?; stty -a; read x; fg; echo end $?"
    with Terminal(command=["bash", "-c", script]) as shell:
        shell.shows("alpha")
        shell.send("\x1a")
        shell.shows(r"stopped 1\d\d")
        assert LEAVE in shell.raw
        shell.shows(r" icanon .* echo ")
        shell.send("\n")
        shell.shows("alpha")
        shell.send("q")
        shell.shows("end 0")


def test_ends_when_the_terminal_is_closed(target: Program) -> None:
    top = Terminal("top", str(target.pid))
    top.shows("alpha")
    top.hang_up()
    assert os.waitstatus_to_exitcode(os.waitpid(top.child.pid, 0)[1]) == 130


def test_ends_when_it_is_terminated(top: Terminal) -> None:
    top.shows("alpha")
    os.kill(top.child.pid, signal.SIGTERM)
    assert top.ends() == 130
    assert LEAVE in top.raw


def test_says_that_the_process_has_ended(target: Program, top: Terminal, tmp_path: Path) -> None:
    top.shows("alpha")
    (tmp_path / "end").touch()
    assert top.ends() == 4
    assert LEAVE in top.raw
    after = top.raw[top.raw.rindex(LEAVE) :].decode()
    assert f"migrate: error: process {target.pid} " in after
    assert "ended" in after
    assert "Traceback" not in after


def test_an_error_at_once_leaves_the_screen_alone() -> None:
    with Terminal("top", str(2**22 + 1)) as top:
        assert top.ends() == 4
        assert b"\x1b[?1049h" not in top.raw
        assert b"no process" in top.raw


@pytest.mark.parametrize("way", ["pipe", "dumb"])
def test_needs_a_terminal(target: Program, way: str) -> None:
    if way == "dumb":
        with Terminal("top", str(target.pid), env={"TERM": "dumb"}) as top:
            assert top.ends() == 2
            said = top.raw.decode()
    else:
        command = [sys.executable, "-m", "migrator", "top", str(target.pid)]
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=ROOT
        )
        assert done.returncode == 2
        assert done.stdout == ""
        said = done.stderr
    assert "top needs a terminal" in said
    assert f"migrate ps {target.pid}" in said
