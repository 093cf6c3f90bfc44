"""A small project for the tests of the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").touch()
    (tmp_path / "pkg" / "service.py").write_text(
        "import eventlet\nfrom eventlet import debug\n\ndebug.hub_exceptions(True)\n"
    )
    (tmp_path / "clean.py").write_text("print('hello')\n")
    return tmp_path
