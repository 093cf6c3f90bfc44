"""``--select debug,backdoor`` parses few files, and finds what a full scan finds of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.migrator.test_scan_command import migrate

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = "import eventlet\neventlet.sleep(0)\n"  # of no interest for debug by itself
GUARDED = "try:\n    import eventlet\nexcept ImportError:\n    eventlet = None\n"
SWITCH = "eventlet.debug.hub_exceptions(True)\n"


def found(tree: Path, *options: str) -> list[Any]:
    done = migrate("scan", "--no-cache", "--format", "json", *options, ".", cwd=tree)
    findings = json.loads(done.stdout)["findings"]
    return [one for one in findings if one["code"].startswith(("EVT1", "EVT2"))]


@pytest.mark.parametrize("given", [PLAIN, GUARDED])
@pytest.mark.parametrize("module", ["compat.py", "compat/__init__.py"])
@pytest.mark.parametrize(
    "user",
    [
        f"from pkg.compat import eventlet\n{SWITCH}",
        f"from .compat import eventlet\n{SWITCH}",
        f"from .compat import eventlet as e\ne.{SWITCH.partition('.')[2]}",
        f"import pkg.compat\npkg.compat.{SWITCH}",
        f"from pkg import compat as c\nc.{SWITCH}",
        "from unittest import mock\nmock.patch('pkg.compat.eventlet.debug.spew')\n",
    ],
)
def test_modules_that_others_take_eventlet_from(
    given: str, module: str, user: str, tmp_path: Path
) -> None:
    for name, text in {"pkg/__init__.py": "", f"pkg/{module}": given, "pkg/user.py": user}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    wanted = found(tmp_path)
    assert [one["path"] for one in wanted] == ["pkg/user.py"]
    assert found(tmp_path, "--select", "debug,backdoor") == wanted
