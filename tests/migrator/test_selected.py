"""``--select debug,backdoor`` parses few files, and finds what a full scan finds of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator import project, rules
from tests.migrator.scanning import MODULES, document, migrate, modules

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
        *(f"from {name} import {given}" for name in MODULES for given in GIVEN),
        *(f"import {name} as m" for name in MODULES),
        *("import p.c", "p.c.eventlet.debug.spew()", "import a", "a.debug.unspew()"),
        *("a.eventlet.hubs.get_hub().readers", "m.eventlet.debug.unspew()", "m.hooks.spew()"),
        *("m.hubs.get_hub().timers", "m.debug.spew()", "m.x.spew()", "m.greenpool.DEBUG"),
        *("u = m", "u.eventlet.debug.spew()", "getattr(m, 'eventlet').debug.spew()"),
        "class K:\n    hooks = eventlet.debug\n    hub = get_hub()",
        *("K.hooks.spew()", "K.hub.timers", "def get():\n    return debug", "get().spew()"),
        *("def hub():\n    return hubs.get_hub()", "m.hub().timers", "mock.patch('a.debug.spew')"),
        *("mock.patch('p.d.eventlet.debug.spew')", "# eventlet", "__all__ = ['debug']"),
        *("from eventlet import hubs", "from eventlet import greenpool as gp", "gp.DEBUG = True"),
        *("x = None or eventlet", "x = (\n    hubs)", "x.get_hub().timers", "from b import*"),
        *("from a import gp, hubs", "import p.d as k", "gp = greenpool", "m: object = k"),
        *("from c import (\n    hubs,\n    x)", "hub = get_hub()", "hub.debug_blocking = 1"),
    ]
)


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(st.lists(st.lists(LINES, max_size=6).map("\n".join), min_size=6, max_size=6))
def test_a_selection_is_a_part_of_the_whole(texts: list[str]) -> None:
    with modules(texts) as folder:
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


def put(tree: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (tree / name).parent.mkdir(exist_ok=True, parents=True)
        (tree / name).write_text(text)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        # other names for Eventlet, and for its parts that do not name it
        ("lib = \\\n   eventlet", "lib.debug"),
        ("lib = (\n    # the one, and only\n    eventlet\n)", "lib.debug"),
        ("lib = None or eventlet", "lib.debug"),
        ("lib = None if CONF.threads else eventlet", "lib.debug"),
        ("state, lib = 1, eventlet", "lib.debug"),
        ("import eventlet \\\n    as lib", "lib.debug"),
        ("import os, eventlet  as  lib", "lib.debug"),
        ("import importlib\nlib = importlib.import_module('eventlet')", "lib.debug"),
        ("lib = importutils.try_import('eventlet')", "lib.debug"),
        ("import sys\nlib = sys.modules['eventlet']", "lib.debug"),
        ("def lib():\n    return (None\n        or eventlet)", "lib().debug"),
        ("def lib():\n    return None if CONF.threads else eventlet", "lib().debug"),
    ],
)
def test_new_names_of_eventlet_are_followed(given: str, taken: str, tmp_path: Path) -> None:
    name = taken.partition(".")[0].removesuffix("()")
    user = f"from compat import {name}\n{taken}.spew()\n"
    put(tmp_path, {"compat.py": f"import eventlet\n{given}\n", "user.py": user})
    wanted = found(tmp_path)
    assert [one["path"] for one in wanted] == ["user.py"]
    assert found(tmp_path, "--select", "debug,backdoor") == wanted


HUB = "debug_blocking = True"


@pytest.mark.parametrize(
    ("given", "user"),
    [
        ("from eventlet import hubs", f"from compat import hubs\nhubs.get_hub().{HUB}"),
        (
            "from eventlet import (\n    sleep, hubs as h)",
            f"from compat import h\nh.get_hub().{HUB}",
        ),
        ("from eventlet.hubs import get_hub", f"from compat import get_hub\nget_hub().{HUB}"),
        ("from eventlet.hubs import get_hub as g", f"from compat import g\ng().{HUB}"),
        ("import eventlet.hubs as h", f"import compat\ncompat.h.get_hub().{HUB}"),
        ("import eventlet.hubs\nhub = eventlet.hubs.get_hub()", f"import compat\ncompat.hub.{HUB}"),
        (
            "from eventlet.hubs import get_hub\nclass K:\n    def __init__(self):\n"
            "        self.hub = get_hub()",
            f"from compat import K\nclass L(K):\n    def f(self):\n        self.hub.{HUB}",
        ),
        ("from eventlet.hubs import hub", "from compat import hub\nhub.g_prevent_multiple_readers"),
        ("from eventlet import greenpool", "from compat import greenpool\ngreenpool.DEBUG = True"),
        ("from eventlet import greenpool as gp", "from compat import gp\ngp.DEBUG = True"),
    ],
)
def test_parts_of_eventlet_are_followed(given: str, user: str, tmp_path: Path) -> None:
    put(tmp_path, {"compat.py": f"{given}\n", "user.py": f"{user}\n"})
    wanted = found(tmp_path)
    assert [one["path"] for one in wanted] == ["user.py"]
    assert found(tmp_path, "--select", "debug,backdoor") == wanted


@pytest.mark.parametrize(
    "taken",
    [
        *("z: object = compat", "z, other = compat, 1", "z = (compat)", "z = None or compat"),
        *("z = compat if x else None", "print(z := compat)", "z = other if x else compat"),
    ],
)
def test_other_names_of_a_giver_are_followed(taken: str, tmp_path: Path) -> None:
    user = f"import compat\n{taken}\nz.eventlet.debug.spew()\n"
    put(tmp_path, {"compat.py": PLAIN, "user.py": user})
    wanted = found(tmp_path)
    assert [one["path"] for one in wanted] == ["user.py"]
    assert found(tmp_path, "--select", "debug,backdoor") == wanted


@pytest.mark.parametrize(
    "code",
    [
        # parts of a module, in all layouts
        *("from eventlet import sleep, \\\n    debug", "import eventlet \\\n    .debug"),
        "from eventlet import (sleep,  # :)\n    debug)",
        *("eventlet . debug", "x = (eventlet  # it\n    .debug)"),
        # by name
        *("getattr((eventlet), 'debug')", "getattr(eventlet, '''debug''')"),
        *("getattr(eventlet, r'debug')", "getattr(eventlet, ('debug'))"),
        "getattr(eventlet,  # why, not\n    'debug')",
        "getattr(__import__('eventlet'), 'debug')",
        "import importlib\ngetattr(importlib.import_module('eventlet'), 'debug')",
        "import importlib\nimportlib.import_module('.debug', 'eventlet')",
        "from unittest import mock\nmock.patch.multiple(eventlet, debug=1)",
        # the pool's switch
        *("from eventlet import greenpool as gp\ngp.DEBUG = True", "eventlet.greenpool  .DEBUG"),
        "from eventlet.greenpool import GreenPool, \\\n    DEBUG",
        "pool = eventlet.greenpool\npool.DEBUG = True",
        "from unittest.mock import patch\npatch.object(eventlet.greenpool, 'DEBUG')",
        # names of types
        "found = [one for one in them if type(one). __name__ == 'GreenThread']",
        "found = type(x).__name__ in (" + "'AnotherName',\n" * 60 + "'GreenThread')",
    ],
)
def test_a_selection_knows_all_forms(code: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"import eventlet\n{code}\n")
    wanted = found(tmp_path)
    assert wanted
    assert found(tmp_path, "--select", "debug,backdoor") == wanted


@pytest.mark.parametrize("options", [(), ("--select", "debug,backdoor")])
def test_all_names_are_taken_without_a_blank(options: tuple[str, ...], tmp_path: Path) -> None:
    files = {
        "compat.py": PLAIN,
        "everything.py": "from compat import*\n",
        "user.py": f"from everything import eventlet\n{SWITCH}",
    }
    put(tmp_path, files)
    assert [one["path"] for one in found(tmp_path, *options)] == ["user.py"]


@pytest.mark.parametrize("options", [(), ("--select", "debug,backdoor")])
def test_functions_that_give_eventlet_are_passed_on(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    files = {
        "pkg/compat.py": "def lib():\n    import eventlet\n    return eventlet\n",
        "pkg/__init__.py": "from .compat import lib as library\n",
        "user.py": "from pkg import library\nlibrary().debug.spew()\n",
    }
    put(tmp_path, files)
    assert [one["path"] for one in found(tmp_path, *options)] == ["user.py"]
