"""Modules that give others Eventlet's names: they move with all that take from them, or stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.migrator.test_apply import record

if TYPE_CHECKING:
    from pathlib import Path


def test_a_facade_moves_with_all_that_take_from_it(tmp_path: Path) -> None:
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "compat.py").write_text(
        "from eventlet import debug as hooks\nfrom eventlet.debug import spew\n"
    )
    (package / "a.py").write_text("from pkg.compat import hooks, spew\nhooks.spew()\nspew()\n")
    (package / "b.py").write_text("from . import compat\ncompat.hooks.tpool_exceptions(True)\n")
    (package / "test_a.py").write_text(
        "from unittest import mock\nmock.patch('pkg.compat.hooks.spew')\n"
    )
    found = record("--to", "bridge", "--write", "--allow-dirty", tmp_path)["findings"]
    assert {f["outcome"] for f in found} == {"rewritten"}
    assert (package / "compat.py").read_text() == (
        "from bridge import debug as hooks\nfrom bridge.debug import spew\n"
    )
    assert record("--to", "bridge", tmp_path)["findings"] == []


def test_a_facade_stays_with_what_cannot_follow(tmp_path: Path) -> None:
    compat, app = tmp_path / "compat.py", tmp_path / "app.py"
    compat.write_text("from eventlet import debug\n")
    app.write_text(
        "from compat import debug\ndebug.spew()\ndebug.hub_prevent_multiple_readers(False)\n"
    )
    found = record("--to", "bridge", tmp_path)["findings"]
    assert {f["outcome"] for f in found} == {"left"}
    reasons = [f["reason"] for f in found if f["path"] == str(compat)]
    assert reasons == [f"{app}:3 takes it from here, and cannot follow"]


def test_what_else_a_facade_gives_does_not_hold_it(tmp_path: Path) -> None:
    compat = tmp_path / "compat.py"
    compat.write_text("from eventlet import debug, sleep, spawn\n__all__ = ['debug', 'sleep']\n")
    (tmp_path / "app.py").write_text(
        "import compat\ncompat.debug.spew()\ncompat.sleep(0)\ncompat.spawn(print)\n"
    )
    record("--to", "bridge", "--write", "--allow-dirty", tmp_path)
    assert compat.read_text() == (
        "from bridge import debug\nfrom eventlet import sleep, spawn\n"
        "__all__ = ['debug', 'sleep']\n"
    )
