"""``[tool.eventlet-migrate]``: what counts, what its paths are relative to, what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.migrator.scanning import document, migrate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("src/a.py", "src/old/b.py", "lib/a.py"):
        (tmp_path / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "p" / name).write_text("import eventlet\n")
    return tmp_path / "p"


def configure(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.eventlet-migrate]\n{text}")


def found(*arguments: str, cwd: Path) -> list[str]:
    done = migrate("scan", "--format", "json", *arguments, cwd=cwd)
    return sorted(one["path"] for one in document(done)["findings"])


@pytest.mark.parametrize(
    "line",
    [
        "exclude = ['/src/old', '/lib']\n",
        "per-file-ignores = { 'src/old/*' = ['EVT0'], 'lib/a.py' = ['core'] }\n",
    ],
)
def test_patterns_are_relative_to_the_file_from_wherever_it_runs(line: str, project: Path) -> None:
    configure(project, line)
    assert found(cwd=project) == ["src/a.py"]
    assert found(cwd=project / "src") == ["a.py"]
    assert found("p", cwd=project.parent) == ["p/src/a.py"]
    assert found("../lib", ".", cwd=project / "src") == ["a.py"]
    assert found("--config", "../pyproject.toml", cwd=project / "src") == ["a.py"]


def test_patterns_of_the_command_line_are_relative_to_here(project: Path) -> None:
    configure(project, "exclude = ['/src/old']\n")
    assert found("--exclude", "/a.py", cwd=project / "src") == ["old/b.py"]


def test_settings_that_stand_with_one_of_several_paths_are_named(project: Path) -> None:
    configure(project / "lib", "exclude = ['*']\n")
    done = migrate("scan", "lib", "src/a.py", cwd=project)
    assert done.returncode == 1
    assert done.stderr == (
        "migrate: lib/pyproject.toml: its settings are not those of all paths, and not read\n"
    )
    for paths in (("lib",), ("lib/a.py",), (), ("src", "src/a.py")):
        assert not migrate("scan", *paths, cwd=project).stderr


def test_the_configuration_of_what_stdin_is_called(project: Path) -> None:
    configure(project, "per-file-ignores = { 'src/*' = ['all'] }\n")
    options = ("scan", "--stdin-filename", "p/src/new.py", "-")
    done = migrate(*options, cwd=project.parent, given=b"import eventlet\n")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\n\nselct = []\n", ("pyproject.toml:4: unknown key 'selct'", "did you mean 'select'?")),
        ("select = 'debug'\n", ("pyproject.toml:2: select must be a list of strings",)),
        ("select = ['all']\nfail-on = ['debgu']\n", ("pyproject.toml:3: fail-on:", "'debug'?")),
        ("to = 'bridge'\nignore = ['EVT99x']\n", ("pyproject.toml:3: ignore: no rule",)),
        (
            "[tool.eventlet-migrate.per-file-ignores]\n'a.py' = 'EVT0'\n",
            ("pyproject.toml:2: per-file-ignores must be",),
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, says: tuple[str, ...], project: Path) -> None:
    configure(project, text)
    done = migrate("scan", cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    for one in says:
        assert one in done.stderr


@pytest.mark.parametrize(
    "header", ["tool.eventlet_migrate", "tool.eventlet-migrat", "tool.migrate", "eventlet-migrate"]
)
def test_a_table_that_is_meant_for_us_is_not_passed_over(header: str, project: Path) -> None:
    (project / "pyproject.toml").write_text(f"[{header}]\nselect = ['debug']\n")
    done = migrate("scan", cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"[{header}] is not read" in done.stderr
    assert "write [tool.eventlet-migrate]" in done.stderr


def test_tables_of_other_tools_are_none_of_ours(project: Path) -> None:
    text = "[tool.poetry]\nname = 'eventlet'\n[tool.eventlet]\n[tool.flask-migrate]\n[migrations]\n"
    (project / "pyproject.toml").write_text(text)
    assert migrate("scan", cwd=project).returncode == 1


@pytest.mark.parametrize("option", ["--select", "--ignore", "--fail-on"])
def test_a_variable_that_is_not_set_selects_nothing_by_mistake(option: str, project: Path) -> None:
    done = migrate("scan", option, "", cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no rule is named" in done.stderr
