"""``--select debug,backdoor`` parses few files, and finds what a full scan finds of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator import project, rules, sources
from tests.migrator.scanning import document, migrate

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


NAMES = ["a", "b", "p.c", "p.d", "p.q.e", "p"]
GIVEN = ["eventlet", "debug", "hubs", "hooks", "*", "x", "get_hub", "greenpool", "K", "get"]
LINES = st.sampled_from(
    [
        *("import eventlet", "import eventlet as ev", "from eventlet import debug, hubs"),
        *("from eventlet import debug as hooks", "from eventlet.hubs import get_hub"),
        *("from eventlet import greenpool", "import greenlet", "x = eventlet", "x = debug"),
        *("hooks.spew()", "eventlet.debug.spew()", "debug.hub_exceptions(True)", "f(debug)"),
        *("hubs.get_hub().debug_exceptions = 1", "get_hub().timers", "greenpool.DEBUG = True"),
        *("x.debug.unspew()", "x.spew()", "eventlet.sleep(1)", "getattr(eventlet, 'debug').spew()"),
        *("from . import hooks", "from .c import *", "from ..d import eventlet as ev"),
        *(f"from {name} import {given}" for name in NAMES for given in GIVEN),
        *(f"import {name} as m" for name in NAMES),
        *("import p.c", "p.c.eventlet.debug.spew()", "import a", "a.debug.unspew()"),
        *("a.eventlet.hubs.get_hub().readers", "m.eventlet.debug.unspew()", "m.hooks.spew()"),
        *("m.hubs.get_hub().timers", "m.debug.spew()", "m.x.spew()", "m.greenpool.DEBUG"),
        *("u = m", "u.eventlet.debug.spew()", "getattr(m, 'eventlet').debug.spew()"),
        "class K:\n    hooks = eventlet.debug\n    hub = get_hub()",
        *("K.hooks.spew()", "K.hub.timers", "def get():\n    return debug", "get().spew()"),
        *("def hub():\n    return hubs.get_hub()", "m.hub().timers", "mock.patch('a.debug.spew')"),
        *("mock.patch('p.d.eventlet.debug.spew')", "# eventlet", "__all__ = ['debug']"),
    ]
)


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(st.lists(st.lists(LINES, max_size=6).map("\n".join), min_size=6, max_size=6))
def test_a_selection_is_a_part_of_the_whole(texts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in zip(NAMES, texts, strict=True):
            path = Path(folder, *name.split("."))
            path = path / "__init__.py" if name == "p" else path.with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        Path(folder, "p", "q", "__init__.py").touch()
        sources.forget()
        some, every = (
            project.scan_paths([folder], project.Options(rules.select(names), processes=1))
            for names in (("debug", "backdoor"), ("all",))
        )
    wanted = [one for one in every.findings if one.code.startswith(("EVT1", "EVT2"))]
    assert list(some.findings) == wanted


@pytest.mark.parametrize("star", ["import *", "import*"])
@pytest.mark.parametrize("options", [(), ("--select", "debug,backdoor")])
def test_a_module_that_takes_all_of_another_gives_what_it_does_not_name(
    options: tuple[str, ...], star: str, tmp_path: Path
) -> None:
    for name, text in {
        "compat.py": PLAIN,
        "everything.py": f"from compat {star}\n",
        "user.py": f"import everything as e\ne.{SWITCH}",
    }.items():
        (tmp_path / name).write_text(text)
    assert [one["path"] for one in found(tmp_path, *options)] == ["user.py"]


@pytest.mark.parametrize("options", [(), ("--select", "debug,backdoor")])
def test_a_broken_module_that_takes_all_of_another_is_named(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text("from os import *\nprint 'no'\n")
    done = migrate("scan", "--no-cache", "--format", "json", *options, ".", cwd=tmp_path)
    assert [one["path"] for one in document(done)["unread"]] == ["broken.py"]
