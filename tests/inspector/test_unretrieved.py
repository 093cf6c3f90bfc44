"""Exceptions that nobody asked for, found from outside, against the interpreter's own flag."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from inspector.capture import Options, take
from tests.programs import ROOT, every_target

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartTarget, TargetPython

TARGET = "tests/targets/unretrieved.py"


@every_target
@pytest.mark.parametrize("allocator", ["pymalloc", "malloc"])
def test_all_that_were_never_retrieved_and_no_other(
    version: str,
    allocator: str,
    target_python: TargetPython,
    start_target: StartTarget,
    tmp_path: Path,
) -> None:
    dump = tmp_path / "dump"
    env = {"PYTHONMALLOC": allocator}
    program = start_target(target_python(version), TARGET, str(dump), env=env)
    found = take(program.rest().pid, Options(ended=True)).unretrieved
    assert found is not None
    told = set(json.loads(dump.read_text()))
    assert len(told) == 103
    assert {one.id.partition(":")[2] for one in found} == told
    by_name = {one.name: one for one in found}
    bad = by_name["bad-7"]
    assert (bad.type, bad.exception) == ("_asyncio.Task", "__main__.OwnError")
    assert bad.text == "number 7"
    assert [frame.function for frame in bad.stack] == ["fail", "fail_deeper"]
    lines = (ROOT / TARGET).read_text().splitlines()
    raised = [lines[frame.line - 1].strip() for frame in bad.stack]
    assert raised == ["raise error", 'await fail(OwnError(f"number {number}"))']
    assert (by_name["own"].type, by_name["own"].exception) == ("__main__.Own", "KeyError")
    futures = {(one.exception, one.text) for one in found if one.id.startswith("future:")}
    assert futures == {("FileNotFoundError", "2, 'no such thing'"), ("ValueError", "")}


def test_a_snapshot_without_it_does_not_search(
    target_python: TargetPython, start_target: StartTarget, tmp_path: Path
) -> None:
    program = start_target(target_python("3.14"), TARGET, str(tmp_path / "dump"))
    assert take(program.pid).unretrieved is None
