from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import interpreters
from tests.conftest import _target_python
from tests.interpreters import Interpreter, NoInterpreter, environment, find
from tests.programs import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

NEVER = "3.99"
OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An empty cache, on disk and in this process."""
    monkeypatch.setenv("EVENTLET_MIGRATE_CACHE", str(tmp_path / "cache"))
    caches = (interpreters._find, interpreters._environment)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def nothing_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without apt, pythons or pyenv; uv lies beside this interpreter."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return folder


@pytest.fixture
def requirement(tmp_path: Path) -> str:
    """A wheel that can be installed without a network."""
    wheel = tmp_path / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "VALUE = 1\n")
        archive.writestr(
            "tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
        )
        archive.writestr(
            "tiny-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    return str(wheel)


def works(python: Path) -> bool:
    done = subprocess.run(
        [python, "-c", "import tiny; print(tiny.VALUE)"], capture_output=True, check=False
    )
    return done.stdout == b"1\n"


def test_no_way_to_get_one_names_each_way(nothing_on_path: Path) -> None:
    with pytest.raises(NoInterpreter, match=f"^no CPython {NEVER} ") as caught:
        find(NEVER)
    message = str(caught.value)
    assert "\n" not in message
    for way in ("path: not on PATH", "cache: nothing cached", "uv: ", "debian: no apt-get here"):
        assert way in message


def test_without_an_interpreter_a_test_skips(
    nothing_on_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"no CPython {NEVER}"):
        _target_python(NEVER, "greenlet")


def test_without_an_interpreter_a_build_fails(
    nothing_on_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=f"no CPython {NEVER}"):
        _target_python(NEVER, "greenlet")


def test_a_build_does_without_what_not_every_machine_can_get(
    nothing_on_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr("tests.conftest.SCARCE", {NEVER})
    with pytest.raises(pytest.skip.Exception, match=f"no CPython {NEVER}"):
        _target_python(NEVER, "greenlet")


def test_a_virtual_environment_on_path_leads_to_its_interpreter(
    nothing_on_path: Path, tmp_path: Path
) -> None:
    base = Path(sys._base_executable)  # type: ignore[attr-defined]
    venv = tmp_path / "venv"
    subprocess.run([base, "-m", "venv", "--without-pip", venv], check=True)
    (nothing_on_path / f"python{OWN}").symlink_to(venv / "bin" / "python")
    found = find(OWN)
    assert venv not in found.path.parents
    assert found.how == f"CPython {OWN}: found at {found.path}"


def test_a_shim_that_refuses_is_passed_over(nothing_on_path: Path, tmp_path: Path) -> None:
    first = tmp_path / "shims that refuse"
    first.mkdir()
    refuses = first / f"python{OWN}"
    refuses.write_text("#!/bin/sh\nexit 127\n")
    refuses.chmod(0o755)
    (nothing_on_path / f"python{OWN}").symlink_to(sys.executable)
    os.environ["PATH"] = os.pathsep.join([str(first), str(nothing_on_path)])
    assert find(OWN).path != refuses


def test_an_environment_is_made_once_and_made_again_when_it_broke(requirement: str) -> None:
    python = environment(OWN, [requirement])
    assert works(python)
    made = python.parent.parent
    mark = made / "mark"
    mark.touch()

    interpreters._environment.cache_clear()
    assert environment(OWN, [requirement]) == python
    assert mark.exists()

    python.unlink()
    interpreters._environment.cache_clear()
    assert environment(OWN, [requirement]) == python
    assert not mark.exists()
    assert works(python)


def test_an_environment_cut_off_half_way_is_made_again(requirement: str) -> None:
    python = environment(OWN, [requirement])
    (python.parent.parent / "ready").unlink()
    next(python.parent.parent.glob("lib/*/site-packages/tiny.py")).unlink()
    interpreters._environment.cache_clear()
    assert works(environment(OWN, [requirement]))


def test_packages_that_cannot_be_had_are_one_line(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing-1.0-py3-none-any.whl")
    with pytest.raises(NoInterpreter, match=r"no environment on CPython .* with .*missing") as no:
        environment(OWN, [missing])
    assert "\n" not in str(no.value)


def test_pip_does_it_where_there_is_no_uv(
    requirement: str, monkeypatch: pytest.MonkeyPatch, nothing_on_path: Path
) -> None:
    base = find_own()
    monkeypatch.setattr(interpreters, "_search_path", lambda: str(nothing_on_path))
    made = interpreters._environment(base, (requirement,))
    assert isinstance(made, Path), made
    assert works(made)


def find_own() -> Interpreter:
    return Interpreter(OWN, Path(sys._base_executable), "")  # type: ignore[attr-defined]


def test_the_command_prints_the_path_and_says_what_it_did() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.interpreters", OWN],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()).is_file()
    assert done.stderr.startswith(f"CPython {OWN}: ")
    assert done.stderr.count("\n") == 1
