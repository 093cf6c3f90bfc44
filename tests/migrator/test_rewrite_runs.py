"""Rewritten programs do what they did: many are made at random, run before and after."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from migrator.rewrite import Module, Options, Result, rewrite
from tests.migrator.generated import program
from tests.programs import ROOT


def check(first: int, count: int) -> None:
    pairs = {}
    for number in range(first, first + count):
        before = program(number)
        try:
            compile(before, "example.py", "exec", dont_inherit=True)
        except SyntaxError:
            continue
        result = rewrite(before.encode(), "example.py", Module("example"), Options())
        assert isinstance(result, Result), number
        assert not any("not compile" in (one.reason or "") for one in result.outcomes), number
        if result.changed:
            again = rewrite(result.new, "example.py", Module("example"), Options())
            assert isinstance(again, Result)
            assert not again.changed, number
            pairs[number] = (before, result.new.decode())
    assert len(pairs) > count // 4
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "targets" / "twice.py"],
        input=json.dumps(pairs),
        env={**os.environ, "PYTHONPATH": str(ROOT), "EVENTLET_HUB": "epolls"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ""


def test_some_programs_do_the_same() -> None:
    check(0, 150)


@pytest.mark.nightly
def test_many_programs_do_the_same() -> None:
    check(1000, 10_000)
