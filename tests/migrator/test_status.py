from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from tests.migrator.test_scan_command import ROOT, document, git, migrate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    git(tmp_path, "init")
    file = tmp_path / "service.py"
    for number in (3, 1):
        file.write_text("import eventlet\n" + "eventlet.sleep(1)\n" * number)
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-m", f"{number}")
    return tmp_path


def test_bars_by_class_and_package(project: Path) -> None:
    done = migrate("status", "--no-cache", cwd=project)
    assert done.returncode == 1
    rows = [line.split() for line in done.stdout.splitlines() if "█" in line]
    assert {(row[0], row[1]) for row in rows} == {("core", "1"), ("spawn", "1"), (".", "2")}


def test_history_as_text_json_and_svg(project: Path) -> None:
    done = migrate("status", "--history", "--svg", "curve.svg", cwd=project)
    assert done.returncode == 0
    assert [line.split()[2] for line in done.stdout.splitlines()] == ["4", "2"]
    root = ET.fromstring((project / "curve.svg").read_text())
    assert len(root.findall("{http://www.w3.org/2000/svg}polygon")) == 2
    points = json.loads(migrate("status", "--history", "--format", "json", cwd=project).stdout)
    assert [point["by_class"] for point in points] == [
        {"spawn": 3, "core": 1},
        {"spawn": 1, "core": 1},
    ]


def test_history_needs_a_repository(tmp_path: Path) -> None:
    done = migrate("status", "--history", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")


def test_explain_prints_the_page_of_the_documentation() -> None:
    done = migrate("explain", "EVT103", "backdoor", cwd=ROOT)
    page = (ROOT / "docs" / "rules" / "debug.md").read_text()
    text = done.stdout[: done.stdout.index("\nhttps://")]
    assert text.startswith("## EVT103\n")
    assert text.strip() in page
    assert "## EVT203" in done.stdout
    done = migrate("explain", "EVT13O", cwd=ROOT)
    assert (done.returncode, done.stdout) == (2, "")


def test_rules_lists_every_code() -> None:
    records = json.loads(migrate("rules", "--format", "json", cwd=ROOT).stdout)
    listed = migrate("rules", cwd=ROOT).stdout
    assert all(record["code"] in listed for record in records)
    assert len(json.loads(migrate("rules", "debug", "--format", "json", cwd=ROOT).stdout)) < len(
        records
    )


def test_environment_names_who_depends_on_eventlet(tmp_path: Path) -> None:
    for name, requires, source in (
        ("needs", "Requires-Dist: eventlet>=0.30\n", ""),
        ("imports", "", "from eventlet import sleep\n"),
        ("speaks", "Requires-Dist: eventlet-like\n", "# eventlet\n"),
        ("eventlet", "", "import eventlet\n"),
    ):
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}"
        )
        (info / "RECORD").write_text(f"{name}.py,,\n")
        (tmp_path / f"{name}.py").write_text(source)
    done = migrate("scan", "--environment", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "imports 1.0: imports it in 1 file",
        "needs 1.0: requires eventlet>=0.30",
        "2 distributions with Eventlet.",
    ]
    done = migrate("scan", "--environment", "--format", "json", str(tmp_path), cwd=tmp_path)
    assert len(document(done)["distributions"]) == 2
