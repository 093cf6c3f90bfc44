"""The project as a whole: what starts fast, what is shipped."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from migrator import __version__
from migrator.cli import COMMANDS
from tests.programs import ROOT

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython

# What costs a tenth of a second and more, or could act in the tool's own process.
HEAVY = {"libcst", "eventlet", "greenlet", "asyncio", "rich"}
# What costs some milliseconds each: that is a tenth of what ``ps`` of a small process takes.
SLOW = {"click", "collections", "contextlib", "enum", "functools", "re", "signal", "typing"}

LOADED = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from migrator.MODULE import run
try:
    status = run(sys.argv[1:])
finally:
    print(*sys.modules, file=open(sys.argv[0], "w"))
sys.exit(status)
"""


def modules_loaded(tmp_path: Path, *arguments: str, start: str = "cli") -> set[str]:
    """What ``migrate ARGUMENTS`` has imported by its end."""
    loaded = tmp_path / "loaded"
    script = LOADED.replace("sys.argv[0]", repr(str(loaded))).replace("MODULE", start)
    # What `site` loads on its own is not counted; click is found by it.
    flags = ["-I"] if start == "cli" else ["-I", "-S"]
    done = subprocess.run(
        [sys.executable, *flags, "-c", script, str(ROOT), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return set(loaded.read_text().split())


@pytest.mark.parametrize("arguments", [["--help"], ["scan", "samples"], ["ps", "--help"]])
def test_nothing_heavy_is_loaded(arguments: list[str], tmp_path: Path) -> None:
    assert not modules_loaded(tmp_path, *arguments) & HEAVY


@pytest.mark.parametrize("command", ["ps", "pstree"])
def test_looking_into_a_process_loads_nothing_heavy(
    command: str, tmp_path: Path, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python("3.14"), "samples/asyncio_service.py")
    pid = str(program.pid)
    assert not modules_loaded(tmp_path, command, pid) & HEAVY
    assert not modules_loaded(tmp_path, command, pid, start="start") & (HEAVY | SLOW)


@pytest.mark.parametrize("command", ["doctor", "check --samples 1", "console --yes --exec 1"])
def test_nor_does_what_does_more_than_look(
    command: str, tmp_path: Path, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python("3.14"), "samples/asyncio_service.py")
    assert not modules_loaded(tmp_path, *command.split(), str(program.pid)) & HEAVY


def test_help_imports_no_command(tmp_path: Path) -> None:
    loaded = modules_loaded(tmp_path, "--help")
    assert not [name for name in loaded if name.startswith("migrator.commands.")]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "migrator", name, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"Usage: migrate {name} ")
    assert done.stderr == ""


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return folder


def test_the_wheel_holds_the_packages_and_nothing_else(distributions: Path) -> None:
    wheel = next(distributions.glob("*.whl"))
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"bridge", "inspector", "migrator", f"eventlet_migrate-{__version__}.dist-info"}
    for package in ("bridge", "inspector", "migrator"):
        assert f"{package}/py.typed" in names
        expected = {
            str(path.relative_to(ROOT))
            for path in (ROOT / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert expected == {name for name in names if name.startswith(f"{package}/")}
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_source_distribution_can_be_built_and_tested(distributions: Path) -> None:
    archive = next(distributions.glob("*.tar.gz"))
    with tarfile.open(archive) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    for name in ("pyproject.toml", "LICENSE", "README.md", "Makefile", "tests/conftest.py"):
        assert name in names
    assert not [name for name in names if "__pycache__" in name or name.startswith(".venv")]


def test_the_installed_command_runs_isolated(distributions: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv")
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    with zipfile.ZipFile(next(distributions.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    # Its dependencies, without this environment's editable installs.
    import click

    (site / "dependencies.pth").write_text(str(Path(click.__file__).parent.parent))
    python = tmp_path / "venv" / "bin" / "python"
    for arguments in (["--version"], ["scan", str(ROOT / "samples" / "asyncio_service.py")]):
        done = subprocess.run(
            [python, "-I", "-m", "migrator", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    where = "import migrator; print(migrator.__file__)"
    found = subprocess.run([python, "-I", "-c", where], capture_output=True, text=True, check=True)
    assert found.stdout.startswith(str(site))
