from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from migrator import rules
from tests.migrator.scanning import ROOT, document, git, migrate

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


def test_a_curve_on_stdout(project: Path) -> None:
    done = migrate("status", "--svg", "-", cwd=project)
    assert ET.fromstring(done.stdout).tag == "{http://www.w3.org/2000/svg}svg"
    assert not (project / "-").exists()


def test_a_shallow_clone_is_said_to_be_one(project: Path, tmp_path: Path) -> None:
    clone = tmp_path / "shallow"
    git(tmp_path, "clone", "--depth=1", f"file://{project}", str(clone))
    done = migrate("status", "--history", cwd=clone)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)
    assert "--unshallow" in done.stderr
    assert migrate("status", "--history", cwd=project).stderr == ""


def test_a_mistake_in_an_old_configuration_stops_no_history(project: Path) -> None:
    for names in ("['hub-exceptoins']", "['core']"):
        text = f"[tool.eventlet-migrate]\nselect = {names}\n"
        (project / "pyproject.toml").write_text(text)
        git(project, "add", ".")
        git(project, "commit", "-m", names)
    done = migrate("status", "--history", cwd=project)
    assert [line.split()[2] for line in done.stdout.splitlines()] == ["4", "2", "2", "1"]


STEPS: tuple[dict[str, str | None], ...] = (
    {
        "pkg/__init__.py": "",
        "pkg/compat.py": "from eventlet import debug as hooks, sleep as pause\n",
        "pkg/user.py": "from pkg.compat import hooks, pause\nhooks.unspew()\npause(1)\n",
        "requirements.txt": "eventlet>=0.33\n-r deploy/more.txt\n",
        "deploy/more.txt": "gunicorn[eventlet]\n",
        "bin/serve": "#!/usr/bin/env python3\nimport eventlet\n",
        "bin/other": "#!/bin/sh\n# import eventlet\n",
        "deploy/app.service": "ExecStart=celery -P eventlet\n",
        "README.md": "pip install eventlet\n",
    },
    {  # a facade of the facade, whose users hold no word of Eventlet
        "pkg/again.py": "from .compat import *\n",
        "pkg/more.py": (
            "from pkg import again\nagain.pause(2)  # migrate: ignore why\nagain.pause(3)\n"
        ),
    },
    {  # no package any more: what was a facade for pkg.compat is none
        "pkg/__init__.py": None,
        "pkg/old.py": "import eventlet\nprint 'two'\n",
    },
    {"pkg/__init__.py": "import eventlet.debug\n", "pkg/old.py": None},
    {  # its own configuration, and files that git ignores although it has them
        "pyproject.toml": (
            "[project]\ndependencies = ['eventlet']\n[tool.eventlet-migrate]\n"
            "exclude = ['/pkg/more.py']\nignore = ['EVT001']\n"
            "per-file-ignores = { 'pkg/user.py' = ['EVT109'] }\n"
        ),
        ".gitignore": "/bin/\n",
    },
    {"pyproject.toml": "[tool.eventlet-migrate]\nselect = ['debug']\n", "pkg/compat.py": None},
    {"bin": None, "bin.py": "import eventlet\n", "pyproject.toml": None},
)


def test_history_counts_what_a_scan_of_each_checkout_finds(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    git(home, "init")
    (home / "link.py").symlink_to("pkg/user.py")
    (home / "odd\udcff.py").write_text("import eventlet\n")
    for number, step in enumerate(STEPS):
        for name, text in step.items():
            file = home / name
            if text is None:
                shutil.rmtree(file) if file.is_dir() else file.unlink()
            else:
                file.parent.mkdir(exist_ok=True)
                file.write_text(text)
        git(home, "add", "-A", "-f")
        git(home, "commit", "-m", f"{number}")
    for place in (".", "pkg"):
        done = migrate("status", "--history", "--format", "json", place, cwd=home)
        points = json.loads(done.stdout)
        assert len(points) >= 5
        for point in points:
            copy = tmp_path / f"{place}{point['commit']}"
            git(home, "worktree", "add", "--detach", str(copy), point["commit"])
            found = document(migrate("scan", "--format", "json", place, cwd=copy))["findings"]
            families = (rules.by_code()[one["code"]][0].name for one in found)
            assert point["by_class"] == dict(Counter(families)), point
    assert not git_status(home)


def test_history_from_elsewhere_and_from_a_folder_below(tmp_path: Path, project: Path) -> None:
    (project / "below").mkdir()
    for cwd, place in ((tmp_path.parent, str(project)), (project / "below", "..")):
        done = migrate("status", "--history", place, cwd=cwd)
        assert [line.split()[2] for line in done.stdout.splitlines()] == ["4", "2"]


def test_history_writes_nothing_outside_of_its_own_folder(tmp_path: Path, project: Path) -> None:
    # A tree that git itself would not make: a link, and a file behind it.
    def made(*arguments: str, given: str) -> str:
        command = ["git", "-C", str(project), *arguments]
        done = subprocess.run(command, input=given, capture_output=True, check=True, text=True)
        return done.stdout.strip()

    outside = tmp_path / "outside"
    outside.mkdir()
    blob = made("hash-object", "-w", "--stdin", given="import eventlet\n")
    link = made("hash-object", "-w", "--stdin", given=str(outside))
    below = made("mktree", given=f"100644 blob {blob}\ta.py\n")
    entries = f"120000 blob {link}\tout\n040000 tree {below}\tout\n040000 tree {below}\tup\n"
    tree = made("mktree", given=entries)
    author = {
        f"GIT_{who}_{what}": "a" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["git", "-C", str(project), "commit-tree", tree, "-p", "HEAD", "-m", "x"],
        env={**os.environ, **author},
        capture_output=True,
        check=True,
        text=True,
    )
    git(project, "update-ref", "HEAD", done.stdout.strip())
    done = migrate("status", "--history", cwd=project)
    assert done.returncode == 0
    assert not [*outside.iterdir()]


def test_status_takes_the_projects_configuration(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.eventlet-migrate]\nselect = ['core']\n")
    done = migrate("status", "--no-cache", "--format", "json", cwd=project)
    assert document(done)["by_class"] == {"core": 1}


def git_status(folder: Path) -> str:
    command = ["git", "-C", str(folder), "status", "--porcelain"]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def test_history_needs_a_repository(tmp_path: Path) -> None:
    done = migrate("status", "--history", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")


def test_explain_takes_what_a_finding_names() -> None:
    done = migrate("explain", "eventlet.debug.spew", "eventlet.GreenPool().waitall", cwd=ROOT)
    assert re.findall(r"^## (\w+)", done.stdout, re.MULTILINE) == ["EVT108", "EVT402"]
    done = migrate("explain", "os.path", cwd=ROOT)
    assert done.returncode == 2
    assert "no rule or family is called 'os.path'" in done.stderr


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
