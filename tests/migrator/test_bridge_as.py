"""A project with a ``bridge`` of its own: refused, and helped by --bridge-as."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.live import migrate
from tests.migrator.test_unreadable import as_nobody_special
from tests.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CODE = """\
import bridge
import eventlet
import eventlet.debug
from eventlet import backdoor
eventlet.debug.hub_listener_stacks(True)
eventlet.spawn(backdoor.backdoor_server, eventlet.listen(("127.0.0.1", 0)), {"x": 1})
eventlet.sleep(0)
print(bridge.OWN, "READERS:" in eventlet.debug.format_hub_listeners())
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "bridge.py").write_text("OWN = 'ours'\n")
    (tmp_path / "app.py").write_text(CODE)
    return tmp_path


@pytest.mark.parametrize("name", ["bridge", "inspector", "migrator"])
def test_refused_and_both_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / "app.py").write_text("import eventlet.debug\neventlet.debug.spew()\n")
    done = migrate("apply", "--to", "bridge", tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"{tmp_path / name} and {ROOT / name} both answer to `import {name}`" in done.stderr
    assert "--bridge-as" in done.stderr


def test_what_is_installed_beside_it_counts(tmp_path: Path) -> None:
    site = tmp_path / ".venv" / "lib" / "python3.12" / "site-packages" / "bridge"
    site.mkdir(parents=True)
    (site / "__init__.py").write_text("")
    (tmp_path / ".git").mkdir()
    (tmp_path / "app.py").write_text("import eventlet.debug\neventlet.debug.spew()\n")
    done = migrate("apply", "--to", "bridge", tmp_path / "app.py")
    assert done.returncode == 2
    assert str(site) in done.stderr


def test_a_clash_does_not_matter_where_nothing_is_rewritten(project: Path) -> None:
    (project / "app.py").write_text("import bridge\n")
    assert migrate("apply", "--to", "bridge", project).returncode == 0


def test_the_project_runs_with_both_bridges(project: Path) -> None:
    options = ("--to", "bridge", "--bridge-as", "legacy_bridge")
    shown = migrate("apply", *options, project)
    assert f"+++ {project / 'legacy_bridge.py'}" in shown.stdout
    assert not (project / "legacy_bridge.py").exists()
    done = migrate("apply", *options, "--write", "--allow-dirty", project)
    assert f"changed {project / 'legacy_bridge.py'}" in done.stdout
    text = (project / "app.py").read_text()
    assert "import legacy_bridge.debug\n" in text
    assert "legacy_bridge.console.expose(locals={'x': 1})" in text.replace('"', "'")
    # The project's own folder comes first on the path, as it does for its owners.
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "app.py"],
        cwd=project,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout == "ours True\n", ran.stderr
    again = migrate("apply", *options, "--write", "--allow-dirty", project)
    assert "changed" not in again.stdout


@pytest.mark.parametrize("name", ["a-b", "class", "bridge", "1x"])
def test_no_name_for_a_module(name: str, project: Path) -> None:
    assert migrate("apply", "--bridge-as", name, project).returncode == 2


def test_a_name_that_is_taken(project: Path) -> None:
    (project / "taken.py").write_text("x = 1\n")
    done = migrate("apply", "--to", "bridge", "--bridge-as", "taken", project)
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert (project / "taken.py").read_text() == "x = 1\n"


def test_nothing_imports_a_module_that_could_not_be_written(project: Path) -> None:
    package = project / "pkg"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "hooks.py").write_text("from eventlet import debug\ndebug.spew()\n")
    project.chmod(0o555)
    options = ("--to", "bridge", "--bridge-as", "legacy_bridge", "--write", "--allow-dirty")
    done = as_nobody_special("apply", *options, "pkg", cwd=project)
    project.chmod(0o755)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "legacy_bridge.py: not written: its folder cannot be written to" in done.stderr
    assert (package / "hooks.py").read_text().startswith("from eventlet")
