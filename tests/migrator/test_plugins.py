"""Rules of other distributions: the example of the documentation, as it stands there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.live import migrate
from tests.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "commands" / "apply.md").read_text()
RULES, FIXES, CHECKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
CODE = "import eventlet\n\nasync def f():\n    eventlet.sleep(0.5)\n"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder for PYTHONPATH in which the documentation's distribution is installed."""
    site = tmp_path / "site"
    info = site / "ourcompany-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ourcompany\nVersion: 1.0\n")
    entry = re.search(r'^(\w+) = "(ourcompany_rules:FAMILY)"$', PAGE, re.MULTILINE)
    assert entry is not None
    (info / "entry_points.txt").write_text(
        f"[eventlet_migrate.rules]\n{entry.group(1)} = {entry.group(2)}\n"
    )
    (site / "ourcompany_rules.py").write_text(RULES)
    (site / "ourcompany_fixes.py").write_text(FIXES)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text(CODE)
    return site


def test_the_rule_of_the_documentation(installed: Path, tmp_path: Path) -> None:
    app = tmp_path / "code" / "app.py"
    done = migrate(
        "apply",
        "--to",
        "asyncio",
        "--write",
        "--allow-dirty",
        app,
        env={"PYTHONPATH": str(installed)},
    )
    assert app.read_text() == (
        "import asyncio\n\nasync def f():\n    await asyncio.sleep(0.5)\n"
    ), done.stderr
    left = migrate("apply", "--to", "bridge", "--format", "json", app)
    assert json.loads(left.stdout)["files"] == []


def test_the_checks_of_the_documentation(installed: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", CHECKS],
        env={"PYTHONPATH": f"{installed}:{ROOT}"},
        check=True,
        capture_output=True,
    )


def test_it_is_selected_like_the_others(installed: Path, tmp_path: Path) -> None:
    done = migrate(
        "scan", "--select", "OUR1", tmp_path / "code", env={"PYTHONPATH": str(installed)}
    )
    assert "OUR101 eventlet.sleep" in done.stdout


def test_a_broken_one_is_named(installed: Path, tmp_path: Path) -> None:
    (installed / "ourcompany_rules.py").write_text("FAMILY = nonsense\n")
    done = migrate("scan", tmp_path / "code", env={"PYTHONPATH": str(installed)})
    assert (done.returncode, done.stdout) == (2, "")
    assert "ourcompany_rules:FAMILY cannot be loaded: NameError" in done.stderr
