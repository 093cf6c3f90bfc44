"""Where a scan follows Eventlet to: through modules of the project, and into strings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.migrator.scanning import document, migrate

if TYPE_CHECKING:
    from pathlib import Path


def test_facades_are_followed_into_files_without_the_word(project: Path) -> None:
    (project / "pkg" / "compat.py").write_text(
        "try:\n    from eventlet import debug as hooks, sleep as pause\n"
        "except ImportError:\n    hooks = pause = None\n"
    )
    (project / "pkg" / "again.py").write_text("from .compat import *\n")
    (project / "pkg" / "user.py").write_text(
        "from pkg.compat import hooks\nfrom pkg import again\n\n\ndef f():\n"
        "    hooks.unspew()\n    again.pause(1)\n"
    )
    (project / "other.py").write_text("from compat import hooks\nhooks.unspew()\n")
    found = document(migrate("scan", "--format", "json", cwd=project))["findings"]
    assert [(one["line"], one["api"]) for one in found if one["path"] == "pkg/user.py"] == [
        (1, "eventlet.debug"),
        (6, "eventlet.debug.unspew"),
        (7, "eventlet.sleep"),
    ]
    assert not [one for one in found if one["path"] == "other.py"]


def test_facades_of_every_make(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/one.py": "from eventlet import debug as hooks\n_own = hooks\n__all__ = ['_own']\n",
        "pkg/two.py": "from .one import *\n",
        "pkg/lazy.py": "def get():\n    from eventlet import debug\n    return debug\n"
        "def __getattr__(name):\n    if name == 'hooks':\n        return get()\n"
        "    raise AttributeError(name)\n",
        "space/deep/one.py": "from eventlet import debug as hooks\n",
        "u1.py": "from pkg.two import hooks\nhooks.spew()\n",
        "u3.py": "from pkg.two import _own\n_own.spew()\n",
        "u4.py": "from pkg import lazy\nlazy.get().spew()\nlazy.hooks.spew()\n",
        "u5.py": "from pkg.lazy import hooks, get\nhooks.spew()\nd = get()\nd.spew()\n",
        "u6.py": "from space.deep.one import hooks\nhooks.spew()\n",
        "space/deep/u7.py": "from .one import hooks\nhooks.spew()\n",
        "u8.py": "from pkg import one\n@patch.object(one, 'hooks')\ndef test(m):\n"
        "    m.spew.assert_called()\n",
        "u9.py": "from elsewhere.deep.one import hooks\nhooks.spew()\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = [
        f"{one['path']}:{one['line']}"
        for one in document(migrate("scan", "--format", "json", cwd=tmp_path))["findings"]
        if one["api"] == "eventlet.debug.spew"
    ]
    assert sorted(found) == [
        *("space/deep/u7.py:2", "u1.py:2", "u3.py:2", "u4.py:2", "u4.py:3"),
        *("u5.py:2", "u5.py:4", "u6.py:2", "u8.py:4"),
    ]


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def spews(folder: Path) -> list[str]:
    """Where ``eventlet.debug.spew`` is called."""
    found = document(migrate("scan", "--format", "json", cwd=folder))["findings"]
    called = [one for one in found if one["api"] == "eventlet.debug.spew" and one["kind"] == "call"]
    return [f"{one['path']}:{one['line']}" for one in called]


def test_what_a_package_re_exports_is_seen_from_inside_and_beside_it(tmp_path: Path) -> None:
    facade = "from eventlet import debug as hooks\n"
    write(
        tmp_path,
        {
            "src/app/__init__.py": "from .compat import *\n",
            "src/app/compat.py": facade,
            "src/app/inside.py": "from . import hooks\nhooks.spew()\n",
            "tests/test_app.py": "from app import hooks\nhooks.spew()\n",
            "tools/app.py": "hooks = print\n",
            "tools/run.py": "from app import hooks\nhooks.spew()\n",
            "helpers.py": facade,
            "one/use.py": "from helpers import hooks\nhooks.spew()\n",
            "two/helpers.py": "hooks = print\n",
            "two/use.py": "from helpers import hooks\nhooks.spew()\n",
        },
    )
    assert spews(tmp_path) == ["one/use.py:2", "src/app/inside.py:2", "tests/test_app.py:2"]


def test_modules_are_followed_whatever_letters_their_names_are_of(tmp_path: Path) -> None:
    facade = "from eventlet import debug as hooks\n"
    user = "from . import hooks\nhooks.spew()\n"
    write(
        tmp_path,
        {
            "größe/__init__.py": facade,
            "größe/inside.py": user,
            "größe/länge.py": facade,
            "größe/other.py": "from .länge import hooks\nhooks.spew()\n",
            "размер.py": facade,
            "top.py": "from размер import hooks\nhooks.spew()\n",
        },
    )
    assert spews(tmp_path) == ["top.py:2", "größe/inside.py:2", "größe/other.py:2"]


def test_attributes_of_classes_are_followed_into_other_files(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a.py": "import eventlet\n\n\nclass Hooks:\n    hooks = eventlet.debug\n\n"
            "    def __init__(self):\n        self.late = eventlet.debug\n"
            "        self.mixed = eventlet.debug\n        self.mixed = print\n\n"
            "    def get(self):\n        return eventlet.debug\n",
            "b/__init__.py": "from a import Hooks\nHooks.hooks.spew()\n",
            "c.py": "import a\nh = a.Hooks()\nh.late.spew()\nh.get().spew()\nh.mixed.spew()\n",
            "d.py": "from b import Hooks as H\n\n\nclass Mine(H):\n    def go(self):\n"
            "        self.hooks.spew()\n        self.late.spew()\n",
            "e.py": "from a import *\nHooks.hooks.spew()\n",
            "f.py": "from a import Other as Hooks\nHooks.hooks.spew()\n",
        },
    )
    assert sorted(spews(tmp_path)) == [
        *("b/__init__.py:2", "c.py:3", "c.py:4", "d.py:6", "d.py:7", "e.py:2"),
    ]


def test_a_module_of_the_projects_own_called_eventlet_is_not_what_its_package_holds(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        {
            "app/__init__.py": "from .eventlet import *\n",
            "app/eventlet.py": "import eventlet\n\n\nclass Transport: ...\n",
            "app/use.py": "from app.eventlet import Transport\nTransport()\n",
            "app/same.py": "from . import eventlet\neventlet.debug.spew()\n",
        },
    )
    found = document(migrate("scan", "--format", "json", cwd=tmp_path))["findings"]
    assert not [one for one in found if one["path"] == "app/use.py"]
    assert spews(tmp_path) == ["app/same.py:2"]


def test_a_helper_called_through_a_facade_is_still_seen_to_name_an_api(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "tests/__init__.py": "from eventlet import hubs\n",
            "tests/test_a.py": "import tests.mock as mock\nfrom eventlet import debug\n"
            "mock.patch.object(debug, 'spew')\n",
        },
    )
    found = document(migrate("scan", "--format", "json", cwd=tmp_path))["findings"]
    assert ("tests/test_a.py", 3, "eventlet.debug.spew") in [
        (one["path"], one["line"], one["api"]) for one in found
    ]


def test_code_in_strings_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "exec('import eventlet.debug as d; d.spew()')\n"
        'run(["python", "-c", """\n  from eventlet import debug\n  debug.unspew()\n"""])\n'
        "pytester.makepyfile('from eventlet import debug')\n"
        "exec('import eventlet as')\nsay('import eventlet.debug')\nrun(['x', '-c', name])\n"
    )
    found = document(migrate("scan", "--format", "json", cwd=tmp_path))["findings"]
    assert [(one["api"], one["kind"], one["line"]) for one in found] == [
        ("eventlet.debug", "string", 1),
        ("eventlet.debug.spew", "string", 1),
        ("eventlet.debug", "string", 2),
        ("eventlet.debug.unspew", "string", 2),
        ("eventlet.debug", "string", 6),
    ]


def test_text_that_looks_like_a_name_of_eventlet_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "open('eventlet.log')\nx = 'eventlet.net' in url\n"
        "patch('kiosk.concurrency.eventlet.base')\npatch('project.eventlet.sleep')\n"
        "environ['eventlet.input']\n"
    )
    found = document(migrate("scan", "--format", "json", cwd=tmp_path))["findings"]
    assert [(one["api"], one["line"]) for one in found] == [
        ("eventlet.sleep", 4),
        ("eventlet.input", 5),
    ]
