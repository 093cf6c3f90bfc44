"""Who in an environment needs Eventlet, and what of it cannot be read."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.migrator.scanning import document, migrate

if TYPE_CHECKING:
    from pathlib import Path


def distribution(folder: Path, name: str, metadata: str = "", *files: str) -> Path:
    """Install a distribution by hand: its metadata, and the files that it names as its own."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{metadata}"
    (info / "METADATA").write_text(text)
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    return info


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


def test_a_virtual_environment_and_what_is_installed_in_it(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "v"], check=True)
    done = migrate("scan", "--environment", "v", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "0 distributions with Eventlet.\n")
    (packages,) = (tmp_path / "v" / "lib").glob("python*/site-packages")
    (packages / "space" / "part").mkdir(parents=True)  # a namespace package
    (packages / "space" / "part" / "m.py").write_text("from eventlet import spawn\n")
    distribution(packages, "space.part", "", "space/part/m.py", "space/part/gone.py")
    (packages / "pool.py").write_text("from futurist import GreenThreadPoolExecutor\n")
    distribution(packages, "pool", "", "pool.py")
    egg = packages / "egg.egg-info"
    egg.mkdir()
    (egg / "PKG-INFO").write_text("Metadata-Version: 1.1\nName: egg\nVersion: 1.0\n")
    (egg / "requires.txt").write_text("eventlet\n")
    project = tmp_path / "a project"
    (project / "src").mkdir(parents=True)
    (project / "src" / "mine.py").write_text("import eventlet\n")
    info = distribution(packages, "mine", "", "__editable__.mine.pth")
    origin = {"url": project.as_uri(), "dir_info": {"editable": True}}
    (info / "direct_url.json").write_text(json.dumps(origin))
    done = migrate("scan", "--environment", "v", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines() == [
        "egg 1.0: requires eventlet",
        "mine 1.0: imports it in 1 file",
        "pool 1.0: imports it in 1 file",
        "space.part 1.0: imports it in 1 file",
        "4 distributions with Eventlet.",
    ]


def test_metadata_that_make_no_sense(tmp_path: Path) -> None:
    distribution(tmp_path, "fine")
    (distribution(tmp_path, "bytes") / "METADATA").write_bytes(b"\xff\xfe\0")
    (distribution(tmp_path, "origin") / "direct_url.json").write_text("[")
    (distribution(tmp_path, "nothing") / "METADATA").unlink()
    done = migrate("scan", "--environment", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 3
    said = [line.partition(": its metadata cannot be read")[0] for line in done.stderr.splitlines()]
    expected = [f"migrate: {tmp_path}/{name}-1.0.dist-info" for name in ("bytes", "origin")]
    assert sorted(said) == expected
    distribution(tmp_path, "needs", "Requires-Dist: eventlet\n")
    done = migrate("scan", "--environment", "--format", "json", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 1
    assert len(document(done)["unread"]) == 2


def test_a_folder_without_distributions_is_not_clean(tmp_path: Path) -> None:
    for folder in (".", "nowhere"):
        done = migrate("scan", "--environment", folder, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert "site-packages" in done.stderr
    done = migrate("scan", "--environment", "--format", "sarif", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
