"""Run what a page of documentation shows, and compare what comes out.

Blocks fenced as ``console`` are run: a line after ``$ `` is a command, what follows up to
the next one is its output. They run in a fresh copy of ``samples/`` under version control,
page by page, in order. In an expected output

* ``...`` stands for any text in a line, and alone for any number of lines;
* addresses, numbers of four digits and more, durations, versions and the width of gaps may
  differ; the folder of the samples and that of the target's python are left out, and the
  sample's pid is 4711.

A command may end with 0 or 1 (findings); any other status has to be shown with ``echo $?``.
``$ python samples/NAME.py &`` starts a sample, with ``$PID`` for the commands after it; so
does the comment ``<!-- sample: NAME.py -->`` without showing it. Before a block that cannot
run here stands ``<!-- not run: REASON -->``; the ``migrate`` commands in it are still
checked to be ones that exist, as are those in ``sh`` blocks.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.programs import ROOT, Program, running

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Iterator

_FENCE = re.compile(r"(?P<fence>`{3,})\{?(?:code-block\} *)?(?P<language>[\w-]*)")
_COMMENT = re.compile(r"<!-- (?P<key>sample|not run): (?P<value>.+) -->")
_START = re.compile(r"python[\d.]* (samples/\S+) &$")
_STATUS = "__status__"

# Applied to both sides before they are compared.
_VARIABLE = (
    (re.compile(r"0x[0-9a-f]+"), "0x.."),
    (re.compile(r"\b\d+\.\d+\.\d+"), "V"),
    (re.compile(r"(\b\d+(\.\d+)? ?(ms|s|m|h)\b ?)+"), "N s "),
    (re.compile(r"\d{4,}"), "N"),
    (re.compile(r"-{3,}|─{3,}"), "---"),
    # The last of several branches ends differently, and the order may.
    (re.compile(r"[├└]── "), "├── "),
    (re.compile(r"│ {3}"), ""),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. ``line`` is where its first line stands in the page, 1-based."""

    language: str
    text: str
    line: int
    sample: str | None  # to be running, from a comment before the block
    reason: str | None  # why it is not run


@dataclass(slots=True)
class Step:
    """A command and what it is to print."""

    command: str
    expected: list[str] = field(default_factory=list)


def blocks(page: str) -> Iterator[Block]:
    """Every fenced block of a Markdown page, with what the comments before it say."""
    fence = language = ""
    lines: list[str] = []
    sample = reason = None
    start = 0
    for number, raw in enumerate(page.splitlines(), 1):
        line = raw.strip()
        if fence:
            if line == fence:
                yield Block(language, "\n".join(lines), start, sample, reason)
                fence, reason = "", None
            else:
                lines.append(raw)
        elif match := _COMMENT.fullmatch(line):
            if match["key"] == "sample":
                sample = match["value"]
            else:
                reason = match["value"]
        elif match := _FENCE.match(line):
            fence, language = match["fence"], match["language"]
            lines, start = [], number + 1


def steps(block: Block) -> list[Step]:
    """The commands of a ``console`` block; each goes on in the lines after ``> ``."""
    found: list[Step] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(Step(line[2:]))
        elif line.startswith(">") and found and not found[-1].expected:
            found[-1].command += "\n" + line[2:]
        elif found:
            found[-1].expected.append(line)
        else:
            raise AssertionError(f"output without a command: {line!r}")
    return found


def migrate_commands(block: Block) -> Iterator[list[str]]:
    """The arguments of each ``migrate`` call in a block of shell, pipes split."""
    text = block.text
    if block.language == "console":
        text = "\n".join(step.command for step in steps(block))
    for line in text.replace("\\\n", " ").splitlines():
        code = line.strip()
        if not re.search(r"\bmigrate\b", code) or code.startswith("#"):
            continue
        lexer = shlex.shlex(code, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.commenters = "#"
        words: list[str] = []
        for word in [*lexer, ";"]:
            if not set(word) <= set(";&|()<>"):
                words.append(word)
            elif words:
                if "migrate" in words:
                    yield words[words.index("migrate") + 1 :]
                words = []


def same(expected: list[str], actual: list[str]) -> bool:
    """Whether the output is the one shown, but for what may differ."""
    pattern = "".join(
        r"(?:.*\n)*?"
        if line.strip() == "..."
        else ".*".join(re.escape(part) for part in _normal(line).split("...")) + r"\n"
        for line in _trim(expected)
    )
    text = "".join(f"{_normal(line)}\n" for line in _trim(actual))
    return re.fullmatch(pattern, text) is not None


def _trim(lines: list[str]) -> list[str]:
    text = [line.rstrip() for line in lines]
    while text and not text[0]:
        text.pop(0)
    while text and not text[-1]:
        text.pop()
    return text


def _normal(line: str) -> str:
    for pattern, replacement in _VARIABLE:
        line = pattern.sub(replacement, line)
    return line.strip()


class Shell:
    """Where a page's commands run: a copy of the samples, `migrate` on PATH."""

    def __init__(self, folder: Path, target: Path, programs: contextlib.ExitStack) -> None:
        self.folder = folder / "project"
        self.target = target
        self.programs = programs
        self.running: dict[str, Program] = {}
        shutil.copytree(
            ROOT / "samples",
            self.folder / "samples",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        tools = folder / "bin"
        tools.mkdir()
        migrate = tools / "migrate"
        # -P: the folder the commands run in is not where our packages come from.
        migrate.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m migrator "$@"\n')
        migrate.chmod(0o755)
        (tools / "python").symlink_to(target)
        paths = [tools, Path(sys.executable).parent, os.environ["PATH"]]
        self.env = {
            **{k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")},
            "PATH": os.pathsep.join(map(str, paths)),
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
            "XDG_CACHE_HOME": str(folder / "cache"),
            "TERM": "dumb",
            "COLUMNS": "100",
        }
        for arguments in ("init -q", "add .", "-c user.name=x -c user.email=x commit -qm first"):
            git = ["git", *arguments.split()]
            subprocess.run(git, cwd=self.folder, check=True, capture_output=True)

    def start(self, script: str) -> str:
        """Have a sample running, and ``$PID`` mean it; returns its ready line."""
        if script not in self.running:
            program = running(self.target, self.folder / script, seconds=60)
            self.running[script] = self.programs.enter_context(program)
        self.env["PID"] = str(self.running[script].pid)
        return self.running[script].wait_for_line("ready")

    def run(self, block: Block) -> list[str]:
        """Run a ``console`` block; returns what is wrong with it, a text each."""
        if block.sample:
            self.start(f"samples/{block.sample}")
        wrong: list[str] = []
        todo = steps(block)
        script = ""
        for number, step in enumerate(todo):
            if match := _START.search(step.command):
                script += f"echo {shlex.quote(self.start(match[1]))}\n"
            else:
                script += f"{step.command}\n"
            script += (
                f"status=$?; printf '\\n{_STATUS} %s %s\\n' {number} $status; (exit $status)\n"
            )
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            check=False,
            timeout=180,
        )
        outputs = re.split(rf"\n{_STATUS} \d+ (\d+)\n", done.stdout)
        for number, step in enumerate(todo):
            output, status = outputs[2 * number], int(outputs[2 * number + 1])
            output = output.replace(f"{self.folder}/", "").replace(f"{self.target}", "python")
            for program in self.running.values():
                output = re.sub(rf"\b{program.pid}\b", "4711", output)
            later = todo[number + 1].command if number + 1 < len(todo) else ""
            if not same(step.expected, output.splitlines()):
                shown = "\n".join(step.expected)
                wrong.append(f"$ {step.command}\n--- shown\n{shown}\n--- printed\n{output}")
            elif status > 1 and "$?" not in later:
                wrong.append(f"$ {step.command}\nended with status {status}\n{output}")
        return wrong
