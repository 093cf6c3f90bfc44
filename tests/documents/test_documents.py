"""Every command and every output in the documentation is what really happens."""

from __future__ import annotations

import ast
import contextlib
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from migrator.cli import COMMANDS
from tests.documents.runner import Block, Shell, blocks, migrate_commands, same, steps
from tests.programs import ROOT

if TYPE_CHECKING:
    from tests.conftest import TargetPython

PAGES = sorted(
    str(page.relative_to(ROOT))
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    if "_build" not in page.parts
)


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_shows_is_what_happens(
    name: str, tmp_path: Path, target_python: TargetPython
) -> None:
    page = (ROOT / name).read_text(encoding="utf-8")
    todo = [block for block in blocks(page) if block.language == "console" and not block.reason]
    if not todo:
        return
    with contextlib.ExitStack() as programs:
        shell = Shell(tmp_path, target_python("3.14", "greenlet", "eventlet"), programs)
        wrong = [f"{name}:{block.line}: {text}" for block in todo for text in shell.run(block)]
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("name", PAGES)
def test_commands_that_are_not_run_exist(name: str) -> None:
    page = (ROOT / name).read_text(encoding="utf-8")
    shell = [b for b in blocks(page) if b.language in ("console", "sh", "yaml", "ini", "toml")]
    # How a command is called, at the top of its page.
    shell += [
        Block("sh", re.sub(r"[\[\]]", "", line), number, None, None)
        for number, line in enumerate(page.splitlines(), 1)
        if line.startswith("    migrate ")
    ]
    for block in shell:
        for arguments in migrate_commands(block):
            check_arguments(arguments, f"{name}:{block.line}")


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    options = ["-W", "--keep-going", "-q", "-b", "html", "-d", str(tmp_path / "trees")]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, "docs", str(tmp_path / "html")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "html" / "index.html").exists()


@pytest.mark.parametrize("name", PAGES)
def test_links_between_pages_lead_somewhere(name: str) -> None:
    page = ROOT / name
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{name}: no {target}"


@pytest.mark.parametrize("name", PAGES)
def test_python_in_a_page_compiles(name: str) -> None:
    for block in blocks((ROOT / name).read_text(encoding="utf-8")):
        if block.language == "python":
            # What stands in the body of some coroutine may be shown without it.
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            compile(block.text, f"{name}:{block.line}", "exec", flags, dont_inherit=True)


def check_arguments(arguments: list[str], where: str) -> None:
    """Fail unless the command and its options are there."""
    if not arguments or arguments[0].startswith("-"):
        return
    name, *rest = arguments
    assert name in COMMANDS, f"{where}: there is no migrate {name}"
    command = import_module(f"migrator.commands.{name}").command
    known = {"--help", "-h"}
    for parameter in command.params:
        known |= {*parameter.opts, *parameter.secondary_opts}
    for word in rest:
        if word == "--":
            break
        option = re.match(r"--[a-z-]+|-[a-zA-Z]", word)
        if option:
            assert option[0] in known, f"{where}: migrate {name} has no {option[0]}"


def test_the_runner_sees_blocks_and_comments() -> None:
    page = (
        "<!-- sample: deadlock.py -->\n```console\n$ a \\\n> b\nout\n$ c\n```\n"
        "<!-- not run: no cluster -->\n```sh\nmigrate ps 1 | migrate scan x; x migrate\n```\n"
    )
    console, shell = blocks(page)
    assert console == Block("console", "$ a \\\n> b\nout\n$ c", 3, "deadlock.py", None)
    assert [(s.command, s.expected) for s in steps(console)] == [("a \\\nb", ["out"]), ("c", [])]
    assert shell.reason == "no cluster"
    assert list(migrate_commands(shell)) == [["ps", "1"], ["scan", "x"], []]


@pytest.mark.parametrize(
    ("shown", "printed", "result"),
    [
        ("task 0x7f01 [9.5 s left]", "task  0x7eff [12 s left]", True),
        ("3 findings", "4 findings", False),
        ("a ... b", "a long way to b", True),
        ("first\n...\nlast", "first\nx\ny\nlast", True),
        ("first\n...\nlast", "first\nx\ny", False),
        ("", "unexpected", False),
    ],
)
def test_the_runner_compares(shown: str, printed: str, result: bool) -> None:
    assert same(shown.splitlines(), printed.splitlines()) is result


def test_the_runner_reports_wrong_output_and_status(tmp_path: Path) -> None:
    def wrong(text: str) -> list[str]:
        return shell.run(Block("console", text, 1, None, None))

    with contextlib.ExitStack() as programs:
        shell = Shell(tmp_path, Path("/nonexistent/python"), programs)
        assert wrong("$ echo one; echo two >&2\none\ntwo\n$ (exit 1)") == []
        assert wrong("$ ls samples/deadlock.py\nsamples/deadlock.py") == []
        assert "--- printed\none" in wrong("$ echo one\ntwo")[0]
        assert "status 4" in wrong("$ (exit 4)")[0]
        assert wrong("$ (exit 4)\n$ echo $?\n4") == []


def test_the_readme_lists_every_command() -> None:
    rows = re.findall(
        r"^\| `migrate (\w+)[^`]*` \| (.+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    assert dict(rows) == COMMANDS


def test_an_unknown_option_is_noticed() -> None:
    name = next(iter(COMMANDS))
    assert isinstance(import_module(f"migrator.commands.{name}").command, click.Command)
    with pytest.raises(AssertionError, match="has no --no-such-option"):
        check_arguments([name, "--no-such-option"], "here")
    with pytest.raises(AssertionError, match="no migrate nonsense"):
        check_arguments(["nonsense"], "here")
