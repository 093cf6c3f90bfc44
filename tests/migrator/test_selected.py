"""``--select debug,backdoor`` parses few files, and finds what a full scan finds of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.migrator.scanning import document, migrate

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = "import eventlet\neventlet.sleep(0)\n"  # of no interest for debug by itself
GUARDED = "try:\n    import eventlet\nexcept ImportError:\n    eventlet = None\n"
SWITCH = "eventlet.debug.hub_exceptions(True)\n"


def found(tree: Path, *options: str) -> list[Any]:
    done = migrate("scan", "--no-cache", "--format", "json", *options, ".", cwd=tree)
    return [one for one in document(done)["findings"] if one["code"].startswith(("EVT1", "EVT2"))]


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


def test_a_selection_finds_through_facades_what_all_rules_find(tmp_path: Path) -> None:
    (tmp_path / "compat.py").write_text(
        "from eventlet import debug, greenpool as pools\n"
        "from eventlet.hubs import get_hub as hub\nhub().timers\n"
    )
    (tmp_path / "user.py").write_text(
        "from compat import debug, hub, pools\nimport compat\ndebug.spew()\n"
        "hub().debug_exceptions = True\npools.DEBUG = False\ncompat.debug.unspew()\n"
    )
    every, some = (
        document(migrate("scan", "--format", "json", *options, cwd=tmp_path))["findings"]
        for options in ((), ("--select", "debug,backdoor"))
    )
    assert some == [one for one in every if one["code"].startswith(("EVT1", "EVT2"))]
    assert len([one for one in some if one["path"] == "user.py"]) == 5
