"""No program crashes the scanner, and the shortcuts it takes never change what it finds."""

from __future__ import annotations

import ast
import sysconfig
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesmith import from_grammar

from migrator import scan
from migrator.bindings import bound_names
from migrator.findings import Unread
from migrator.names import resolve
from migrator.segments import LINES, Segments

_SLOW = settings(
    max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)

_LINES = st.sampled_from(
    [
        "import eventlet",
        "import eventlet.debug as d",
        "from eventlet import debug",
        "from eventlet import *",
        "d = eventlet.debug",
        "debug = d = None",
        "del debug",
        "debug.hub_exceptions(True)",
        "self.d = eventlet.debug",
        "self.d.spew()",
        "global debug, d",
        "d = [debug for debug in d.x]",
        "(d := debug).unspew()",
        "lambda d: d.spew(debug.spew)",
        "for d in debug: pass",
        "with mock.patch('eventlet.debug') as d: d.spew()",
        "try: import eventlet as e\nexcept ImportError as d: pass",
        "match d:\n    case {'a': debug, **d}: debug.x",
        "hub = eventlet.hubs.get_hub(); hub.debug_exceptions = d",
        "getattr(eventlet, 'debug').spew()",
        "x = 'eventlet.debug.spew'",
        "pass",
    ]
)
_HEADS = st.sampled_from(
    ["def f(self, d=debug):", "class A:", "async def g():", "if x:", "while 1:"]
)


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Programs made of what binds, rebinds and uses Eventlet's names, in any order."""
    lines = []
    depth = 0
    for _ in range(draw(st.integers(1, 14))):
        indent = "    " * depth
        if depth < 3 and draw(st.integers(0, 3)) == 0:
            lines.append(indent + draw(_HEADS))
            depth += 1
            lines.append("    " * depth + "pass")
        else:
            lines += [indent + line for line in draw(_LINES).splitlines()]
            depth = draw(st.integers(0, depth))
    return "\n".join(lines) + "\n"


@_SLOW
@given(from_grammar())
def test_no_valid_program_crashes_the_scanner(source: str) -> None:
    data = f"import eventlet\n{source}".encode("utf-8", "surrogatepass")
    facts = scan.scan_python(data, "a.py", "a")
    assert facts.unread or facts.findings


@_SLOW
@given(st.binary(max_size=300))
def test_no_bytes_crash_the_scanner(data: bytes) -> None:
    for text in (data, b"import eventlet\n" + data, b"# coding: utf-7\n" + data):
        scan.scan_python(text, "a.py", "a")
        scan.scan_text(text, "requirements.txt")
        scan.broken(text, "a.py")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(programs())
def test_skipping_statements_changes_nothing(source: str) -> None:
    parsed = scan.parse(source.encode(), "a.py")
    if isinstance(parsed, Unread):
        return  # `del` or `global` where Python refuses it
    tree, text = parsed
    assert _uses(tree, None) == _uses(tree, Segments(text))


def test_skipping_statements_changes_nothing_in_real_code() -> None:
    package = Path(sysconfig.get_path("purelib")) / "eventlet"
    files = sorted(package.rglob("*.py"))
    if not files:
        pytest.skip("Eventlet is not installed here")
    for file in files:
        parsed = scan.parse(file.read_bytes(), str(file))
        assert not isinstance(parsed, Unread)
        tree, text = parsed
        assert _uses(tree, None) == _uses(tree, Segments(text)), file


@_SLOW
@given(from_grammar("file_input"))
def test_lines_and_names_are_told_alike_in_short(source: str) -> None:
    r"""A program without ``:=`` and one without ``\r`` are looked at in a shorter way."""
    assert_alike(source)


def test_lines_and_names_are_told_alike_in_short_in_real_code() -> None:
    for file in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        parsed = scan.parse(file.read_bytes(), str(file))
        assert not isinstance(parsed, Unread)
        assert_alike(parsed[1])


def assert_alike(source: str) -> None:
    places = [0, *(match.end() for match in LINES.finditer(source)), len(source)]
    assert Segments(source)._starts == places
    parsed = scan.parse(source.encode("utf-8", "surrogatepass"), "a.py")
    if ":=" in source or isinstance(parsed, Unread):
        return
    for node in ast.walk(parsed[0]):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            assert bound_names(node, in_values=False) == bound_names(node)


def _uses(tree: ast.Module, source: Segments | None) -> set[tuple[str, str, int]]:
    found = resolve(tree, "pkg.a", source=source).uses
    return {(use.api, use.kind, use.node.lineno) for use in found}  # type: ignore[attr-defined]
