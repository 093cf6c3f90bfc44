from __future__ import annotations

import ast
import os
import re
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator import imported, scan
from migrator.findings import Unread
from migrator.names import resolve

LIBRARY = Path(sysconfig.get_path("stdlib"))
FILES = sorted([*LIBRARY.glob("*.py"), *LIBRARY.glob("[a-e]*/*.py")])


def truth(data: bytes, module: str, *, package: bool) -> frozenset[str]:
    return resolve(ast.parse(data), module, package=package).imports


@pytest.mark.parametrize("start", range(4))
def test_no_import_of_the_standard_library_is_missed(start: int) -> None:
    for path in FILES[start::4]:
        data = path.read_bytes()
        if scan.broken(data, "") or isinstance(scan.parse(data, ""), Unread):
            continue
        package = path.stem == "__init__"
        module = "a.b.c" if package else "a.b.c.d"
        found = imported.names(data, module, package=package)
        missing = truth(data, module, package=package) - found
        assert not missing, path
        words = imported.words(data).decode("utf-8", "surrogateescape").split()
        assert {name.rpartition(".")[2] for name in found} <= {*words, *"abc*", ""}, path


@pytest.mark.parametrize(
    "source",
    [
        "import a, b.c as d; from e import f; import g",
        "from .x import (y,\n    z as q,\n)",
        "from . import x\nfrom .. import y\nfrom ...up import z",
        "from a.b \\\n    import c, \\\n    d",
        "from a.b import c, \\\n    d",
        "from a import *",
        "if x: import y\ntry: from z import q\nexcept ImportError: pass",
        "from a import (  # why (really)\n    b,  # :)\n    c,\n)",
        "from a.b \\\r\n    import c, \\\r\n    d\r\n",
        "import a\r\nfrom b import (c,\r\n d)\r\n",
        "from ünder import größe",
        "from .imports import (x,\n    y)\nimport a; from b import (c,\n    d)",
    ],
)
def test_every_form_is_read_as_the_parser_reads_it(source: str) -> None:
    data = source.encode()
    for package in (False, True):
        found = imported.names(data, "p.q.r", package=package)
        assert truth(data, "p.q.r", package=package) <= found


@given(
    st.lists(
        st.sampled_from(
            ["import", "from ", " a", ".b", "\n", "\r\n", "\\", "(", ")", ", ", "# ", "_lib", "\t"]
        )
    ).map("".join)
)
def test_the_words_of_a_file_are_those_of_its_statements(source: str) -> None:
    data = source.encode()
    statements = [data[start:end] for start, end in imported._statements(data)]
    assert set(imported.words(data).split()) == set(re.findall(rb"\w+", b"\n".join(statements)))


def test_words_hold_what_is_imported() -> None:
    data = b"import os.path\nx = 1\nfrom .compat import (\n  debug as d,\n)\n"
    assert {b"os", b"path", b"compat", b"debug"} <= set(imported.words(data).split())
    assert b"x" not in imported.words(data).split()
    assert imported.words(b"x = 1" + os.linesep.encode()) == b""
