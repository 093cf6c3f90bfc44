"""What is parsed first changes how often, never what is found."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator import order, project, rules
from migrator.files import File
from migrator.sources import Source

NAMES = ["a", "b", "p.c", "p.d", "p.q.e", "p"]
_LINES = st.sampled_from(
    [
        "import eventlet as ev",
        "from eventlet import debug as hooks",
        "hooks.spew()",
        "ev.sleep(1)",
        "from . import hooks",
        "from .c import *",
        "from ..d import hooks, ev",
        *(f"from {name} import hooks" for name in NAMES),
        *(f"from {name} import *" for name in NAMES),
        *(f"import {name} as m\nm.hooks.unspew()\nm.ev.spawn(f)" for name in NAMES),
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
    with tempfile.TemporaryDirectory() as folder:
        for name, text in zip(NAMES, texts, strict=True):
            path = Path(folder, *name.split("."))
            path = path / "__init__.py" if name == "p" else path.with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        Path(folder, "p", "q", "__init__.py").touch()
        options = project.Options(rules.select(families), processes=1)
        found = project.scan_paths([folder], options)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(order, "needed", lambda _files, places, _importers: {*places})
            assert project.scan_paths([folder], options) == found
            patch.setattr(order, "needed", lambda *_: set())
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
