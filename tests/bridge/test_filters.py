from __future__ import annotations

import pytest

from bridge import filters
from inspector.errors import UsageError
from inspector.snapshot import Wait
from tests.bridge.snapshots import frame, green, sleep, task

UNITS = [
    task("load-1", frame("sleep", "/usr/lib/python3.14/asyncio/tasks.py"), wait=sleep(3.25)),
    task("load-10", frame("fetch", "/srv/app/fetch.py"), wait=Wait("lock", "waits for lock held")),
    green("reader", frame("recv", "/srv/app/socket/read.py"), wait=Wait("fd", "read fd 7")),
    green("main", kind="main", state="running"),
]


@pytest.mark.parametrize(
    ("expressions", "names"),
    [
        ([], ["load-1", "load-10", "reader", "main"]),
        (["name=load-1"], ["load-1"]),
        (["name=load*"], ["load-1", "load-10"]),
        (["name~ad-1"], ["load-1", "load-10"]),
        (["name=/ad-1$/"], ["load-1"]),
        (["kind=green"], ["reader"]),
        (["kind=thread"], ["main"]),
        (["kind=main"], ["main"]),
        (["waits=lock"], ["load-10"]),
        (["waits=*3.2*"], ["load-1"]),
        (["waits~fd|lock"], ["load-10", "reader"]),
        (["file=fetch.py"], ["load-10"]),
        (["file=app/*"], ["load-10", "reader"]),
        (["file=/srv/*"], ["load-10", "reader"]),
        (["state=running"], ["main"]),
        (["name=load*,waits=sleep"], ["load-1"]),
        (["name=load*", "waits=sleep"], ["load-1"]),
        (["name~^(load|reader),?"], ["load-1", "load-10", "reader"]),
        (["function=recv"], ["reader"]),
    ],
)
def test_selects(expressions: list[str], names: list[str]) -> None:
    matches = filters.parse(expressions)
    assert [unit.name for unit in UNITS if matches(unit)] == names


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("load", "is not KEY=GLOB"),
        ("nme=load", "no key 'nme'"),
        ("name~(", "not a regular expression"),
        ("", "is not KEY=GLOB"),
    ],
)
def test_says_what_is_wrong(expression: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        filters.parse([expression])
