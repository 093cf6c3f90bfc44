"""`migrate` as people and scripts call it in a project: a process, its output, its status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrator import sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]


def migrate(
    *arguments: str, cwd: Path, given: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "migrator", *arguments],
        cwd=cwd,
        input=given,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )
    assert b"Traceback" not in done.stderr
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


MODULES = ["a", "b", "p.c", "p.d", "p.q.e", "p"]  # of a project that `modules` makes


@contextmanager
def modules(texts: Sequence[str]) -> Iterator[str]:
    """A folder with a project of these modules, which nobody has looked at yet."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in zip(MODULES, texts, strict=True):
            path = Path(folder, *name.split("."))
            path = path / "__init__.py" if name == "p" else path.with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        Path(folder, "p", "q", "__init__.py").touch()
        sources.forget()
        yield folder


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    value = json.loads(done.stdout)
    assert isinstance(value, dict)
    return value


def git(folder: Path, *arguments: str) -> None:
    options = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    subprocess.run(
        ["git", "-C", str(folder), *options, *arguments], check=True, capture_output=True
    )
