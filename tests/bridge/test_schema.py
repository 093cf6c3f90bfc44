from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import graph, html, schema
from inspector.snapshot import Edge, Frame, Runtime, Snapshot, Spawned, Thread, Unit, Wait
from tests.bridge.snapshots import edges, frame, green, sleep, snapshot, task
from tests.programs import ROOT

SCHEMA = json.loads((ROOT / "docs/schema/snapshot.schema.json").read_text())


def written(*taken: Snapshot, show_secrets: bool = False) -> dict[str, Any]:
    text = "".join(schema.chunks([graph.build(one) for one in taken], "1.2.3", show_secrets))
    assert text.isascii()
    loaded = json.loads(text, parse_constant=pytest.fail)
    jsonschema.validate(loaded, SCHEMA)
    assert isinstance(loaded, dict)
    return loaded


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_contracts_example() -> None:
    leaf = task("leaf", frame("sleep", delay="3.2"), wait=sleep(3.2), tid=None)
    units = [
        task("top", frame("fetch", password="'hunter2'"), runtime=Runtime(1.5, "tracked")),
        leaf,
        green(
            "g",
            wait=Wait("fd", "read fd 7", fd=7, mode="read", peer="1.2.3.4:5", object=0xBEEF),
            inside=leaf.id,
            spawned=Spawned("/x.py", 3, leaf.id, 1.0),
        ),
    ]
    waits = [*edges({"top": ["leaf"], "leaf": ["top"]}), Edge(units[2].id, leaf.id, "x")]
    threads = [Thread(7, None, True, units[0].id, None, (Frame("run", "/r.py", 0),))]
    loaded = written(snapshot(units, waits, threads))
    assert (loaded["format"], loaded["format_version"]) == ("eventlet-migrate/snapshot", 1)
    assert loaded["taken_at"] == "2026-11-22T21:40:00.000Z"
    assert loaded["tool"]["version"] == "1.2.3"
    (process,) = loaded["processes"]
    assert [unit["id"] for unit in process["units"]] == [unit.id for unit in units]
    assert process["units"][0]["stack"][0]["args"] == {"password": "<hidden>"}
    assert process["units"][0]["runtime"] == {"seconds": 1.5, "how": "tracked"}
    assert process["units"][1]["wait"]["seconds_left"] == 3.2
    assert process["units"][2]["wait"]["object"] == "0xbeef"
    assert process["edges"][0] == {"waiter": units[0].id, "target": leaf.id, "via": "awaits"}
    assert process["cycles"] == [[units[0].id, leaf.id, units[0].id]]
    assert process["threads"][0]["stack"][0]["args"] is None


def test_several_processes() -> None:
    assert [p["pid"] for p in written(snapshot([]), snapshot([task("a")]))["processes"]] == [1, 1]
    assert written()["processes"] == []


def test_secrets_only_when_asked_for() -> None:
    taken = snapshot([task("t", frame("f", token="'hunter2'", h="{'api_key': 'hunter2'}"))])
    assert "hunter2" not in json.dumps(written(taken))
    assert json.dumps(written(taken, show_secrets=True)).count("hunter2") == 2


TEXT = st.text(st.characters())
NUMBER = st.floats() | st.none()


@settings(deadline=None)  # the machine may be busy
@given(TEXT, TEXT, TEXT, NUMBER, st.lists(TEXT, max_size=3))
def test_odd_bytes_in_the_target_break_nothing(
    name: str, function: str, value: str, left: float | None, notes: list[str]
) -> None:
    unit = Unit(
        id="task:0x10",
        kind="task",
        type=function,
        name=name,
        tid=1,
        state="waiting",
        stack=(Frame(function, name, 1, {name: value}),),
        wait=Wait("sleep", value, seconds_left=left),
    )
    taken = snapshot([unit], notes=tuple(notes))
    (shown,) = written(taken, show_secrets=True)["processes"][0]["units"]
    expected = name.encode("utf-8", "backslashreplace").decode()
    assert shown["name"] == expected
    json.dumps(shown, ensure_ascii=False).encode()  # what a strict reader can take
    page = "".join(html.chunks([graph.build(taken)], "1"))
    inside = page.partition('id="snapshot">')[2].partition("</script>")[0]
    assert json.loads(inside)["processes"][0]["units"][0]["stack"][0]["file"] == expected


def test_the_page_cannot_be_broken_out_of() -> None:
    evil = "</script><script>alert(1)</script><!--"
    page = "".join(html.chunks([graph.build(snapshot([task(evil)]))], "1"))
    assert evil not in page
    assert page.count("</script>") == 2
    assert "http://" not in page
    assert "https://" not in page
