"""What is parsed first changes how often, never what is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator import order, project, rules
from migrator.files import File
from migrator.scan import Facts
from migrator.sources import Source
from tests.migrator.scanning import MODULES, modules

if TYPE_CHECKING:
    from pathlib import Path

_LINES = st.sampled_from(
    [
        "import eventlet as ev",
        "from eventlet import debug as hooks",
        "hooks.spew()",
        "ev.sleep(1)",
        "from . import hooks",
        "from .c import *",
        "from ..d import hooks, ev",
        *(f"from {name} import hooks" for name in MODULES),
        *(f"from {name} import *" for name in MODULES),
        *(f"import {name} as m\nm.hooks.unspew()\nm.ev.spawn(f)" for name in MODULES),
        "class K:\n    hooks = ev.debug",
        "from a import K\nK.hooks.spew()",
        "def get():\n    return hooks",
        "from p.c import get\nget().spew()",
        "mock.patch('p.d.hooks')",
    ]
)
_FILES = st.lists(st.lists(_LINES, max_size=4).map("\n".join), min_size=6, max_size=6)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(_FILES, st.sampled_from([("all",), ("debug", "backdoor")]))
def test_the_order_of_parsing_changes_nothing(texts: list[str], families: tuple[str, ...]) -> None:
    with modules(texts) as folder:
        options = project.Options(rules.select(families), processes=1)
        found = project.scan_paths([folder], options)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(order, "needed", lambda _files, places, _importers: {*places})
            assert project.scan_paths([folder], options) == found
            patch.setattr(order, "needed", lambda *_: set())
            assert project.scan_paths([folder], options) == found
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(order, "levels", lambda _files, places: [[place] for place in places])
            assert project.scan_paths([folder], options) == found


def test_what_a_file_imports_is_needed(tmp_path: Path) -> None:
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").touch()
    names = ["compat", "user", "sub", "other"]
    words = [b"", b"from import compat x", b"import pkg sub", b"import else other"]
    files = [
        File(Source(str(package / f"{name}.py")), words=said)
        for name, said in zip(names, words, strict=True)
    ]
    assert order.needed(files, range(4), range(4)) == {0}  # none imports itself
    assert order.needed(files, range(4), [0, 3]) == set()
    assert order.needed(files, [1], range(4)) == set()


def test_files_have_their_turn_after_those_that_they_import(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(order, "_FEW", 0)
    imports = {
        "a": {"b.f", "os"},
        "b": {"c"},
        "c": {"d.x", "e"},
        "d": {"c.y"},  # c and d import each other
        "e": set(),
        "f": {"e.g", "e"},
    }
    files = [
        File(Source(f"{name}.py"), facts=Facts(imports=frozenset(said)))
        for name, said in imports.items()
    ]
    turns = order.levels(files, range(len(files)))
    names = ["".join(sorted(files[place].source.path[0] for place in turn)) for turn in turns]
    assert names == ["e", "cdf", "b", "a"]
    monkeypatch.setattr(order, "_FEW", 3)
    assert [len(turn) for turn in order.levels(files, range(len(files)))] == [4, 2]


def test_of_modules_with_one_name_the_nearest_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order, "_FEW", 0)
    for folder in ("one", "two"):
        package = tmp_path / folder / "pkg"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
    files = [
        File(Source(str(tmp_path / folder / "pkg" / name)), facts=Facts(imports=frozenset(said)))
        for folder, name, said in (
            ("one", "base.py", {"pkg.user"}),
            ("two", "base.py", set()),
            ("two", "user.py", {"pkg.base.x"}),
        )
    ]
    assert order.levels(files, range(3)) == [[1], [2], [0]]


def test_long_chains_of_imports() -> None:
    files = [
        File(Source(f"m{number}.py"), facts=Facts(imports=frozenset({f"m{number + 1}"})))
        for number in range(5000)
    ]
    turns = order.levels(files, range(5000))
    assert [place for turn in turns for place in turn] == [*reversed(range(5000))]
