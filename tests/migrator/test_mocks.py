"""Tests that put a mock in Eventlet's place: each form is found, and follows or stays whole."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.live import migrate
from tests.migrator.rules.cases import check, findings
from tests.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

APP = "from eventlet import debug\n\n\ndef main():\n    debug.hub_exceptions(True)\n"
TARGET = "EVT102 eventlet.debug.hub_exceptions"
MODULE = "EVT101 eventlet.debug"
HEAD = """\
import contextlib
import unittest
from unittest import mock
from unittest.mock import DEFAULT, patch

import app
"""

# What a test module says below HEAD; its comments are what is found on their lines. Each
# passes before the rewrite, and has to pass after it.
FOLLOW = {
    "class": f"""
@mock.patch("eventlet.debug.hub_exceptions")  # {TARGET}
class Test(unittest.TestCase):
    def test(self, hub):
        app.main()
        hub.assert_called_once_with(True)  # {TARGET}

    def helper(self, hub):
        hub.assert_called_once_with(True)
""",
    "stacked on a class and a method": f"""
@patch("os.getcwd")
@patch("eventlet.debug.hub_exceptions")  # {TARGET}
@patch("os.listdir")
class Test(unittest.TestCase):
    @patch("os.getpid")
    def test(self, pid, listing, hub, folder):
        app.main()
        hub.assert_called_once_with(True)  # {TARGET}
        pid.assert_not_called()
        folder.assert_not_called()
""",
    "autospec": f"""
class Test(unittest.TestCase):
    @patch(target="eventlet.debug.hub_exceptions", autospec=True)  # {TARGET}
    def test(self, hub):
        app.main()
        hub.assert_called_once_with(True)  # {TARGET}
""",
    "module": f"""
class Test(unittest.TestCase):
    def test(self):
        with patch("eventlet.debug.hub_exceptions") as hub:  # {TARGET}
            app.main()
        self.assertEqual(hub.mock_calls, [mock.call(True)])  # {TARGET}
""",
    "multiple": f"""
class Test(unittest.TestCase):
    @mock.patch.multiple(
        "eventlet.debug",  # {MODULE}
        hub_exceptions=DEFAULT,  # {TARGET}
    )
    def test(self, hub_exceptions):
        app.main()
        hub_exceptions.assert_called_once_with(True)  # {TARGET}
""",
    "setUp": f"""
class Test(unittest.TestCase):
    def setUp(self):
        patcher = patch("eventlet.debug.hub_exceptions")  # {TARGET}
        self.hub = patcher.start()
        self.addCleanup(patcher.stop)

    def test(self):
        app.main()
        self.hub.assert_called_once_with(True)  # {TARGET}
""",
    "enterContext": f"""
class Test(unittest.TestCase):
    def setUp(self):
        self.hub = self.enterContext(patch("eventlet.debug.hub_exceptions"))  # {TARGET}

    def test(self):
        app.main()
        self.hub.assert_called_once_with(True)  # {TARGET}
""",
    "ExitStack": f"""
class Test(unittest.TestCase):
    def test(self):
        with contextlib.ExitStack() as stack:
            hub = stack.enter_context(patch("eventlet.debug.hub_exceptions"))  # {TARGET}
            app.main()
        hub.assert_called_once_with(True)  # {TARGET}
""",
    "monkeypatch by path": f"""
def test(monkeypatch):
    hub = mock.Mock()
    monkeypatch.setattr("eventlet.debug.hub_exceptions", hub)  # {TARGET}
    app.main()
    hub.assert_called_once_with(True)
""",
    "object": f"""
from eventlet import debug  # {MODULE}


@patch.object(debug, "hub_exceptions")  # {MODULE}; {TARGET}
class Test(unittest.TestCase):
    def test(self, hub):
        app.main()
        hub.assert_called_once_with(True)  # {TARGET}
""",
}
STAY = {
    "monkeypatch": f"""
from eventlet import debug  # {MODULE}


def test(monkeypatch):
    hub = mock.Mock()
    monkeypatch.setattr(debug, "hub_exceptions", hub)  # {MODULE}; {TARGET}
    app.main()
    hub.assert_called_once_with(True)
""",
    "monkeypatch by keyword": f"""
from eventlet import debug  # {MODULE}


def test(monkeypatch):
    hub = mock.Mock()
    monkeypatch.setattr(debug, name="hub_exceptions", value=hub)  # {MODULE}; {TARGET}
    app.main()
    hub.assert_called_once_with(True)
""",
    "multiple of a module": f"""
from eventlet import debug  # {MODULE}


@patch.multiple(debug, hub_exceptions=DEFAULT)  # {MODULE}; {TARGET}
class Test(unittest.TestCase):
    def test(self, hub_exceptions):
        app.main()
        hub_exceptions.assert_called_once_with(True)  # {TARGET}
""",
    "dict": f"""
from eventlet import debug  # {MODULE}


def test():
    hub = mock.Mock()
    with patch.dict("eventlet.debug.__dict__", hub_exceptions=hub):  # {MODULE}
        app.main()
    hub.assert_called_once_with(True)
""",
    "assignment": f"""
import eventlet.debug  # {MODULE}


def test():
    kept = eventlet.debug.hub_exceptions  # {TARGET}
    hub = eventlet.debug.hub_exceptions = mock.Mock()  # {TARGET}
    app.main()
    eventlet.debug.hub_exceptions = kept  # {TARGET}; {TARGET}
    hub.assert_called_once_with(True)
""",
    "put together": f"""
def test():
    for name in ["exceptions"]:
        with patch("eventlet.debug." + f"hub_{{name}}"):  # {MODULE}
            app.main()
        with patch(f"eventlet.debug.hub_{{name}}") as hub:  # {MODULE}
            app.main()
        hub.assert_called_once_with(True)
""",
}


def run(folder: Path) -> None:
    """Run the module of tests; it has to pass."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env={"PYTHONPATH": f"{ROOT}:{folder}", "PATH": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def write(folder: Path, test: str) -> None:
    (folder / "app.py").write_text(APP)
    (folder / "test_app.py").write_text(HEAD + test)
    run(folder)


def apply(folder: Path, *options: str) -> tuple[str, str]:
    migrate("apply", "--to", "bridge", "--write", "--allow-dirty", *options, folder)
    run(folder)
    return (folder / "app.py").read_text(), (folder / "test_app.py").read_text()


@pytest.mark.parametrize("form", [*FOLLOW, *STAY])
def test_each_form_is_found(form: str) -> None:
    check({**FOLLOW, **STAY}[form])


@pytest.mark.parametrize("form", FOLLOW)
def test_the_mock_follows_the_line_that_it_stands_for(form: str, tmp_path: Path) -> None:
    write(tmp_path, FOLLOW[form])
    assert apply(tmp_path) == (APP, HEAD + FOLLOW[form])
    app, test = apply(tmp_path, "--unsafe")
    assert app == APP.replace("eventlet", "bridge")
    code = "".join(line.partition("  # EVT")[0] for line in test.splitlines())
    assert "eventlet" not in code


@pytest.mark.parametrize("form", STAY)
def test_the_line_stays_with_a_mock_that_cannot_follow(form: str, tmp_path: Path) -> None:
    write(tmp_path, STAY[form])
    assert apply(tmp_path, "--unsafe") == (APP, HEAD + STAY[form])


def test_a_mock_by_the_modules_path_needs_no_change(tmp_path: Path) -> None:
    test = (
        "\n\n@patch('app.debug.hub_exceptions')\ndef test(hub):\n"
        "    app.main()\n    hub.assert_called_once_with(True)\n"
    )
    write(tmp_path, test)
    found = migrate("scan", "--no-cache", "--format", "concise", tmp_path / "app.py", tmp_path)
    assert "test_app.py:9:8 EVT102 eventlet.debug.hub_exceptions" in found.stdout
    assert "test_app.py:12:5 EVT102 eventlet.debug.hub_exceptions" in found.stdout
    assert apply(tmp_path) == (APP.replace("eventlet", "bridge"), HEAD + test)


@pytest.mark.parametrize(
    "replace",
    [
        "patch.object(app.debug, 'hub_exceptions')",
        "patch.object(app, 'debug')",
        "patch.multiple('app.debug', hub_exceptions=DEFAULT)",
    ],
)
def test_a_mock_in_the_projects_module_needs_no_change(replace: str, tmp_path: Path) -> None:
    test = f"\n\ndef test():\n    with {replace} as hub:\n        app.main()\n    assert hub\n"
    write(tmp_path, test)
    assert apply(tmp_path) == (APP.replace("eventlet", "bridge"), HEAD + test)


def test_reasons_are_those_of_what_is_there(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    given = (
        "import eventlet.debug\n\n\ndef main(state=eventlet.debug.unspew):\n"
        "    state()\n    eventlet.debug.tpool_exceptions(True)\n"
    )
    app.write_text(f"{given}\n\neventlet.debug.level = 3\n")
    found = migrate("apply", "--to", "bridge", app).stdout
    assert "the name is set in Eventlet's own module at run time" in found
    found = migrate("apply", "--to", "asyncio", app).stdout
    assert "eventlet.debug.unspew left: it is reached through state" in found
    app.write_text(f"{given}\n\nprint('eventlet.debug' in main.__globals__)\n")
    found = migrate("apply", "--to", "bridge", app).stdout
    assert "app.py:9 names it by text, and rewriting that needs --unsafe" in found
    found = migrate("apply", "--to", "asyncio", app).stdout
    assert "nothing takes its place that the text could name" in found


def test_two_mocks_of_one_line_stay_together(tmp_path: Path) -> None:
    test = (
        f"{FOLLOW['class']}\n\ndef test_whole():\n"
        '    with patch("eventlet.debug." + "hub_exceptions") as hub:\n'
        "        app.main()\n    hub.assert_called_once_with(True)\n"
    )
    write(tmp_path, test)
    assert apply(tmp_path, "--unsafe") == (APP, HEAD + test)


def test_a_mock_of_what_stays_for_another_reason_stays(tmp_path: Path) -> None:
    ignored = APP.replace("(True)", "(True)  # migrate: ignore[debug]")
    write(tmp_path, FOLLOW["object"])
    (tmp_path / "app.py").write_text(ignored)
    assert apply(tmp_path, "--unsafe")[1] == HEAD + FOLLOW["object"]


def test_a_mock_of_the_backdoor_keeps_it(tmp_path: Path) -> None:
    app = (
        "import eventlet\nfrom eventlet import backdoor\n\n\ndef main():\n"
        "    eventlet.spawn(backdoor.backdoor_server, eventlet.listen(('127.0.0.1', 0)))\n"
    )
    for test in (
        "@patch('eventlet.backdoor.backdoor_server')\ndef test(server):\n    app.main()\n",
        "import eventlet\n\n\n@patch.object(eventlet, 'spawn')\ndef test(spawn):\n    app.main()\n"
        "    assert spawn.called\n",
        "@patch('eventlet.listen')\n@patch('eventlet.spawn')\nclass TestIt:\n"
        "    def test(self, spawn, listen):\n        app.main()\n        assert spawn.called\n",
    ):
        (tmp_path / "app.py").write_text(app)
        (tmp_path / "test_app.py").write_text(f"{HEAD}\n\n{test}")
        run(tmp_path)
        assert apply(tmp_path)[0] == app
        apply(tmp_path, "--unsafe")


def test_pytest_mock_and_fixtures() -> None:
    check(f"""
        from eventlet import debug  # {MODULE}

        def test(mocker, self):
            hub = mocker.patch("eventlet.debug.hub_exceptions")  # {TARGET}
            hub.assert_called_once_with(True)  # {TARGET}
            module = mocker.patch("eventlet.debug")  # {MODULE}
            module.hub_exceptions.assert_called_once_with(True)  # {TARGET}
            mocker.patch.object(debug, "hub_exceptions")  # {MODULE}; {TARGET}
            mocker.spy(debug, "hub_exceptions")  # {MODULE}; {TARGET}
            self.useFixture(MonkeyPatch("eventlet.debug.hub_exceptions", None))  # {TARGET}
            hub = self.useFixture(MockPatch("eventlet.debug.hub_exceptions")).mock  # {TARGET}
            hub.assert_called_once_with(True)  # {TARGET}
            hub = self.useFixture(MockPatchObject(debug, "hub_exceptions"))  # {MODULE}; {TARGET}
            hub.mock.assert_called_once_with(True)  # {TARGET}
            self.patch("x.eventlet", name).debug.spew()  # EVT001 eventlet
        """)


def test_what_is_no_mock_of_eventlet_is_not_found() -> None:
    assert not findings("""
        @patch("app.debug.spew")
        @patch.object(debug, "hub_exceptions")
        def test(hub, spew):
            hub.assert_called_once_with(True)
            self.patch("debug").start().hub_exceptions(True)
            patch.multiple("debug", spew=1)
            setattr(debug, name, 1)
            patch()
        """)
