"""``migrate apply`` as its users call it: what it prints, writes, refuses, and its statuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from migrator import apply, interactive, project, rules
from migrator.rewrite import Options
from tests.live import migrate
from tests.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DEBUG = "from eventlet import debug\ndebug.hub_exceptions(True)\n"
SWAPPED = "from bridge import debug\ndebug.hub_exceptions(True)\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(DEBUG)
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        git(tmp_path, *arguments)
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def record(*arguments: object) -> dict[str, Any]:
    loaded = json.loads(migrate("apply", "--format", "json", *arguments).stdout)
    assert isinstance(loaded, dict)
    return loaded


def test_a_diff_and_nothing_written(repository: Path) -> None:
    done = migrate("apply", "--to", "bridge", repository)
    assert done.returncode == 1
    assert "-from eventlet import debug\n+from bridge import debug\n" in done.stdout
    assert "\x1b" not in done.stdout
    assert (repository / "app.py").read_text() == DEBUG


@pytest.mark.parametrize("name", ["app.py", "a b.py", 'a"\\\n.py', "\u00e9\udce9.py"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_the_diff_is_a_patch(name: str, encoding: str, repository: Path) -> None:
    (repository / "app.py").rename(repository / name)
    before = "# coding: latin-1\nx = '\xe9'  \f\r#\r\n\f\nfrom eventlet import debug\ndebug.spew()"
    (repository / name).write_bytes(before.encode("latin-1"))
    command = [sys.executable, "-m", "migrator", "apply", "--to", "bridge", name]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}
    shown = subprocess.run(command, cwd=repository, env=env, capture_output=True, check=False)
    patch = b"".join(
        line
        for line in shown.stdout.splitlines(keepends=True)
        if not line.startswith(b"2 findings")
    )
    done = subprocess.run(["git", "apply", "-p0"], input=patch, cwd=repository, check=False)
    assert done.returncode == 0, shown
    after = before.replace("from eventlet", "from bridge").encode("latin-1")
    assert (repository / name).read_bytes() == after


def test_write_then_nothing_is_left(repository: Path) -> None:
    done = migrate("apply", "--to", "bridge", "--write", repository)
    assert (done.returncode, done.stderr) == (0, "")
    assert (repository / "app.py").read_text() == SWAPPED
    again = migrate("apply", "--to", "bridge", "--write", "--allow-dirty", repository)
    assert again.returncode == 0
    assert "0 findings rewritten" in again.stdout
    assert migrate("scan", repository).returncode == 0


@pytest.mark.parametrize("state", ["dirty", "without git"])
def test_write_is_refused_where_it_could_not_be_undone(tmp_path: Path, state: str) -> None:
    (tmp_path / "app.py").write_text(DEBUG)
    if state == "dirty":
        git(tmp_path, "init", "-q")
    done = migrate("apply", "--write", "--to", "bridge", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--allow-dirty" in done.stderr
    assert (tmp_path / "app.py").read_text() == DEBUG


def test_check_names_the_files(repository: Path) -> None:
    done = migrate("apply", "--check", "--to", "bridge", repository)
    assert done.returncode == 1
    assert f"would change {repository / 'app.py'}\n" in done.stdout
    assert "@@" not in done.stdout


def test_backup(repository: Path) -> None:
    migrate("apply", "--to", "bridge", "--write", "--backup", repository)
    assert (repository / "app.py.orig").read_text() == DEBUG


def test_json_says_what_became_of_each_finding(repository: Path) -> None:
    (repository / "left.py").write_text("from eventlet import debug\nprint(debug)\n")
    found = record("--to", "bridge", repository)
    assert (found["format"], found["format_version"]) == ("eventlet-migrate/findings", 1)
    outcomes = {(f["path"], f["line"]): (f["outcome"], f["reason"]) for f in found["findings"]}
    app, left = str(repository / "app.py"), str(repository / "left.py")
    assert outcomes[app, 1] == outcomes[app, 2] == ("rewritten", None)
    assert outcomes[left, 2] == ("left", "the module itself is used as a value")
    assert outcomes[left, 1][0] == "left"
    assert found["files"] == [{"path": app, "changed": False, "reason": None}]
    written = record("--to", "bridge", "--write", "--allow-dirty", repository)
    assert written["files"] == [{"path": app, "changed": True, "reason": None}]


@pytest.mark.parametrize("format_", ["sarif", "github", "full", "concise", "gitlab", "jsonl"])
def test_every_format_carries_the_reason(repository: Path, format_: str) -> None:
    (repository / "left.py").write_text("from eventlet import debug\nprint(debug)\n")
    done = migrate("apply", "--to", "bridge", "--format", format_, repository)
    assert done.returncode == 1
    assert "the module itself is used as a value" in done.stdout


@pytest.mark.parametrize("options", [(), ("--unsafe",), ("--to", "asyncio", "--unsafe")])
def test_json_keeps_what_the_schema_promises(options: tuple[str, ...]) -> None:
    schema = json.loads((ROOT / "docs" / "schema" / "findings.schema.json").read_text())
    found = record(*options, "samples/eventlet_service")
    jsonschema.validate(found, schema)
    assert {f["outcome"] for f in found["findings"]} == {"rewritten", "left"}
    assert all(f["reason"] for f in found["findings"] if f["outcome"] == "left")


def test_the_stage_follows_the_code_base(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(DEBUG)
    assert record(tmp_path)["stage"] == "asyncio"
    (tmp_path / "other.py").write_text("import eventlet\neventlet.sleep(1)\n")
    assert record(tmp_path)["stage"] == "bridge"


def test_select_and_ignore(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import eventlet.debug as d\nd.spew()\nd.unspew()\n")
    chosen = record("--to", "asyncio", "--select", "EVT109", tmp_path)["findings"]
    assert [f["outcome"] for f in chosen] == ["rewritten"]
    assert record("--to", "asyncio", "--ignore", "debug", tmp_path)["findings"] == []


def test_a_comment_that_ignores_is_obeyed(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from eventlet import debug\ndebug.unspew()  # migrate: ignore[EVT109] kept for now\n"
    )
    assert record("--to", "asyncio", tmp_path)["files"] == []


def test_one_broken_file_costs_that_file(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(DEBUG)
    (tmp_path / "py2.py").write_text("import eventlet.debug\nprint 'x'\n")
    done = migrate("apply", "--to", "bridge", "--write", "--allow-dirty", tmp_path)
    assert done.returncode == 3
    assert f"{tmp_path / 'py2.py'}: syntax error at line 2" in done.stderr
    assert f"(read as Python {sys.version_info.major}.{sys.version_info.minor})" in done.stderr
    assert (tmp_path / "app.py").read_text() == SWAPPED


def test_a_file_that_cannot_be_read_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("import eventlet\nprint 'to the bridge'\n")
    assert len(record("--to", "asyncio", tmp_path)["unread"]) == 1


def test_bytes_that_libcst_does_not_reproduce_are_refused(tmp_path: Path) -> None:
    mixed = b"from eventlet import debug\r\ndebug.unspew()\r\nx = 1\r"
    (tmp_path / "app.py").write_bytes(mixed)
    found = record("--to", "bridge", "--write", "--allow-dirty", tmp_path)
    assert (tmp_path / "app.py").read_bytes() == mixed
    assert {f["reason"] for f in found["findings"]} == {
        "libcst cannot reproduce this file byte for byte"
    }


def test_a_link_and_its_file_change_once(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text(DEBUG)
    (tmp_path / "a.py").symlink_to("b.py")
    found = record("--to", "bridge", "--write", "--allow-dirty", tmp_path)
    assert [file["path"] for file in found["files"]] == [str(tmp_path / "b.py")]
    assert {f["outcome"] for f in found["findings"]} == {"rewritten"}
    assert (tmp_path / "a.py").is_symlink()


@pytest.mark.parametrize(
    "user",
    [
        "from compat import debug\n",
        "from compat import (\n    other,\n    debug,\n)\n",
        "import compat\nprint(compat.debug)\n",
        "from unittest import mock\nmock.patch('compat.debug')\n",
    ],
)
def test_a_name_that_another_file_takes_keeps_its_import(tmp_path: Path, user: str) -> None:
    (tmp_path / "compat.py").write_text("from eventlet import debug\ndebug.unspew()\n")
    migrate("apply", "--to", "asyncio", "--write", "--allow-dirty", tmp_path)
    assert "eventlet" not in (tmp_path / "compat.py").read_text()
    (tmp_path / "compat.py").write_text("from eventlet import debug\ndebug.unspew()\n")
    (tmp_path / "user.py").write_text(user)
    migrate("apply", "--to", "asyncio", "--write", "--allow-dirty", tmp_path)
    assert (tmp_path / "compat.py").read_text() == (
        "import sys\n\nfrom eventlet import debug\nsys.settrace(None)\n"
    )


MOCKED = """\
from unittest import mock
import app


@mock.patch('eventlet.debug.hub_exceptions')
def test(hub_exceptions):
    app.main()
    hub_exceptions.assert_called_once_with(True)


def test_with():
    with mock.patch("eventlet.debug.hub_exceptions") as e:
        app.main()
    e.assert_called_once_with(True)
"""


def test_mocks_change_in_the_same_run_or_both_stay(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(f"{DEBUG[:27]}def main():\n    {DEBUG[27:]}")
    (tmp_path / "test_app.py").write_text(MOCKED)
    safe = record("--to", "bridge", tmp_path)
    assert safe["files"] == []
    assert any("test_app.py:5 replaces it by name" in (f["reason"] or "") for f in safe["findings"])
    done = migrate("apply", "--to", "bridge", "--unsafe", "--write", "--allow-dirty", tmp_path)
    assert "2 files" in done.stdout
    assert (tmp_path / "app.py").read_text().startswith("from bridge import debug\n")
    assert (tmp_path / "test_app.py").read_text() == MOCKED.replace(
        "eventlet.debug", "bridge.debug"
    )


def test_mocks_stay_where_stage_asyncio_has_nothing_to_mock(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(f"{DEBUG[:27]}def main():\n    {DEBUG[27:]}")
    (tmp_path / "test_app.py").write_text(MOCKED)
    assert record("--to", "asyncio", "--unsafe", tmp_path)["files"] == []


BACKDOOR = """\
import eventlet
from eventlet import backdoor


def start(names):
    eventlet.spawn(backdoor.backdoor_server, eventlet.listen(("::1", 0)), locals=names)
"""
SPAWNED = """\
from unittest import mock
import app


@mock.patch("eventlet.spawn")
def test_start(spawn):
    app.start({"x": 1})
    assert spawn.call_args[1] == {"locals": {"x": 1}}


@mock.patch("eventlet.spawn")
def test_other(spawn):
    app.other()
"""


def test_a_mock_of_what_starts_a_backdoor_follows_or_both_stay(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(BACKDOOR)
    (tmp_path / "test_app.py").write_text(SPAWNED)
    safe = record("--to", "bridge", tmp_path)
    assert safe["files"] == []
    assert any("replaces eventlet.spawn" in (f["reason"] or "") for f in safe["findings"])
    assert record("--to", "asyncio", "--unsafe", tmp_path)["files"] == []
    migrate("apply", "--to", "bridge", "--unsafe", "--write", "--allow-dirty", tmp_path)
    assert "bridge.console.expose(locals=names)" in (tmp_path / "app.py").read_text()
    expected = SPAWNED.replace("eventlet.spawn", "bridge.console.expose", 1)
    assert (tmp_path / "test_app.py").read_text() == expected


def test_write_and_check_exclude_each_other(repository: Path) -> None:
    assert migrate("apply", "--write", "--check", repository).returncode == 2


def test_standard_input_is_no_file() -> None:
    done = migrate("apply", "-")
    assert done.returncode == 2
    assert "reads no standard input" in done.stderr


def test_nothing_to_do(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("x = 1\n")
    assert migrate("apply", tmp_path).returncode == 0


def test_interactive_needs_a_terminal(repository: Path) -> None:
    done = migrate("apply", "--interactive", "--to", "bridge", repository)
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize(
    ("keys", "taken"),
    [
        ("yy", ["1", "2"]),
        ("nn", []),
        ("ny", ["2"]),
        ("a", ["1", "2"]),
        ("r", ["1", "2"]),
        ("yq", ["1"]),
        ("?yn", ["1"]),
    ],
)
def test_interactive_takes_what_was_answered(tmp_path: Path, keys: str, taken: list[str]) -> None:
    (tmp_path / "app.py").write_text(
        "import sys\nfrom eventlet import debug\nx1 = debug.unspew()\nx2 = debug.unspew()\n"
    )
    scanning = project.Options(frozenset(rules.by_code()), text=False)
    done = apply.plan([str(tmp_path)], Options(), scanning, stage="asyncio")
    answers = iter(keys)
    chosen = interactive.choose(done, lambda _: next(answers))
    new = chosen.results[0].new.decode()
    assert [n for n in "12" if f"x{n} = sys.settrace(None)" in new] == taken
    assert ("import debug" in new) == (len(taken) < 2)
    assert next(answers, None) is None


@pytest.mark.parametrize(
    ("keys", "rewritten"),
    [("ny", ["un"]), ("yn", [""]), ("yq", [""]), ("nn", []), ("yy", ["", "un"])],
)
def test_interactive_leaves_what_was_declined_where_lines_move(
    tmp_path: Path, keys: str, rewritten: list[str]
) -> None:
    (tmp_path / "app.py").write_text(
        "import eventlet\nimport eventlet.debug\neventlet.debug.spew()\n"
        "eventlet.debug.unspew()\neventlet.sleep(1)\n"
    )
    (tmp_path / "short.py").write_text("from eventlet.debug import spew; spew()\n")
    scanning = project.Options(frozenset(rules.by_code()), text=False)
    done = apply.plan([str(tmp_path)], Options(), scanning, stage="bridge")
    answers = iter(f"{keys}n")
    result, short = interactive.choose(done, lambda _: next(answers)).results
    assert not short.changed
    new = result.new.decode()
    assert [name for name in ("", "un") if f"\nbridge.debug.{name}spew" in new] == rewritten
    assert new.count("eventlet.debug.") == 2 - len(rewritten)
    outcomes = [o.rewritten for o in result.outcomes if o.finding.kind == "call"][:2]
    assert outcomes.count(True) == len(rewritten)


def test_interactive_leaves_a_mock_with_the_line_that_was_declined(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from eventlet import debug\ndef f():\n    debug.hub_exceptions(True)\n    debug.spew()\n"
    )
    (tmp_path / "test_app.py").write_text(
        "import app\nfrom unittest import mock\n@mock.patch('eventlet.debug.hub_exceptions')\n"
        "def test(hub_exceptions):\n    app.f()\n    hub_exceptions.assert_called_once()\n"
    )
    scanning = project.Options(frozenset(rules.by_code()), text=False)
    done = apply.plan([str(tmp_path)], Options(unsafe=True), scanning, stage="bridge")
    assert len(done.changed) == 2
    answers = iter("ny")
    changed = interactive.choose(done, lambda _: next(answers)).changed
    assert [result.path for result in changed] == [str(tmp_path / "app.py")]
    assert b"\n    debug.hub_exceptions(True)\n    bridge.debug.spew()" in changed[0].new
    assert next(answers, None) is None


def test_an_interrupted_run_says_what_it_changed(tmp_path: Path) -> None:
    old, new = (
        "from eventlet import debug\ndebug.spew()\n",
        "from bridge import debug\ndebug.spew()\n",
    )
    files = [tmp_path / f"m{number:03}.py" for number in range(400)]
    for file in files:
        file.write_text(old)
    command = [sys.executable, "-m", "migrator", "apply", "--to", "bridge", "--write"]
    with subprocess.Popen(
        [*command, "--allow-dirty", str(tmp_path)], stderr=subprocess.PIPE, text=True
    ) as run:
        while files[0].read_text() == old:
            assert run.poll() is None
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=60)
    assert run.returncode == 130
    changed = [file for file in files if file.read_text() == new]
    assert [line for line in said.splitlines() if "interrupted" in line] == [
        f"migrate: interrupted, but changed: {file}" for file in changed
    ]
    assert len([*tmp_path.iterdir()]) == len(files)
