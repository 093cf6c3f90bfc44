"""The page of ``pstree --html``, opened and used in a real browser."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import jsonschema
import pytest

from bridge import graph, html
from inspector.snapshot import Edge, Runtime
from tests.bridge.snapshots import edges, frame, green, identity, sleep, snapshot, task
from tests.browser import Page, browser
from tests.programs import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inspector.snapshot import Snapshot

UNITS = "[...document.querySelectorAll('[data-unit]')].map(e => e.dataset.unit)"
TEXT = "document.getElementById('processes').innerText"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened


def write(folder: Path, *taken: Snapshot) -> Path:
    path = folder / "page.html"
    path.write_text("".join(html.chunks([graph.build(one) for one in taken], "1.2.3")), "utf-8")
    return path


def search(page: Page, text: str) -> None:
    page.run(f"query.value = {json.dumps(text)}; query.dispatchEvent(new Event('input'))")


def unit(name: str, world: str = "task") -> str:
    return f"document.querySelector('[data-unit=\"{identity(name, world)}\"]')"


EVIL = '<img src=x onerror="document.title=1">\x1b[2J\u202e'


def sample() -> Snapshot:
    units = [
        task("top", frame("serve", port="80")),
        task("leaf", frame("fetch_url", url="'https://example.com/a'"), wait=sleep(3.2)),
        green("old", frame("handler", "/srv/legacy.py"), state="running"),
        task("a"),
        task("b"),
        task(EVIL),
    ]
    waits = [
        *edges({"top": ["leaf"], "a": ["b"], "b": ["a"]}),
        Edge(identity("old", "green"), identity("leaf"), "spawn_for_awaitable"),
    ]
    return snapshot(units, waits)


def test_shows_folds_searches_filters_and_follows_edges(page: Page, tmp_path: Path) -> None:
    page.open(write(tmp_path, sample()))
    shown = page.run(UNITS)
    assert set(shown) == {one.id for one in sample().units}
    assert len(shown) == len(set(shown))
    assert "cycle: (T) a → (T) b → (T) a" in page.run(TEXT)
    assert page.run(
        f"getComputedStyle({unit('leaf')}.querySelector('.state')).backgroundColor"
    ) != (
        page.run(
            f"getComputedStyle({unit('old', 'green')}.querySelector('.state')).backgroundColor"
        )
    )

    page.run("fold.click()")
    assert identity("leaf") not in page.run(UNITS)
    page.run(f"{unit('top')}.click()")
    assert identity("leaf") in page.run(UNITS)
    page.run(f"{unit('leaf')}.click()")
    text = page.run(TEXT)
    assert "fetch_url(url='https://example.com/a')" in text
    assert "/srv/app/service.py:7" in text
    assert "sleeping, 3.2 s left" in text

    page.run("fold.click()")
    search(page, "FETCH_url")
    assert page.run(UNITS) == [identity("top"), identity("leaf")]
    assert page.run("count.textContent") == "1 of 6 units"
    search(page, "")
    page.run("state.value = 'running'; state.dispatchEvent(new Event('input'))")
    assert page.run(UNITS) == [identity("old", "green")]
    page.run("state.value = ''; kind.value = 'green'; kind.dispatchEvent(new Event('input'))")
    assert page.run(UNITS) == [identity("old", "green")]
    page.run("kind.value = ''; kind.dispatchEvent(new Event('input'))")

    page.run(f"fold.click(), {unit('old', 'green')}.click()")
    page.run("[...document.querySelectorAll('a')].find(a => a.innerText.includes('leaf')).click()")
    assert page.run("document.activeElement.dataset.unit") == identity("leaf")
    assert page.complaints() == []


def test_a_call_reads_as_in_the_tree(page: Page, tmp_path: Path) -> None:
    inner = frame("sleep", "/usr/lib/python3.14/asyncio/tasks.py", delay="9")
    outer = frame("Job.run", self="<Job at 0x1>", name="'x'")
    page.open(write(tmp_path, snapshot([task("job", inner, outer, runtime=Runtime(2.5, "exact"))])))
    page.run("unfold.click()")
    text = page.run(TEXT)
    assert "(T) job  2.5s" in text
    assert "Job.run(name='x')  /srv/app/service.py:7" in text
    assert "sleep(delay=9)  asyncio/tasks.py:7" in text
    assert page.run("document.querySelector('div.faint').innerText").startswith("sleep(")


def test_hostile_names_are_text(page: Page, tmp_path: Path) -> None:
    page.open(write(tmp_path, snapshot([task(EVIL), task("</script><script>document.title=2")])))
    assert page.run("document.querySelectorAll('img').length") == 0
    assert page.run("document.title") == "Tasks and green threads"
    assert r"\u001b[2J\u202e" in page.run(TEXT)
    assert page.complaints() == []


def test_the_same_data_as_json_inside(page: Page, tmp_path: Path) -> None:
    page.open(write(tmp_path, sample(), sample()))
    inside = json.loads(page.run("document.getElementById('snapshot').textContent"))
    jsonschema.validate(inside, json.loads((ROOT / "docs/schema/snapshot.schema.json").read_text()))
    assert len(inside["processes"]) == 2
    assert page.run("document.querySelectorAll('h2').length") == 2


def test_forked_processes_have_units_of_the_same_addresses(page: Page, tmp_path: Path) -> None:
    page.open(write(tmp_path, sample(), sample()))
    page.run("fold.click()")
    rows = page.run(UNITS)
    both = f"document.querySelectorAll('[data-unit=\"{identity('top')}\"]')"
    first, second = f"{both}[0]", f"{both}[1]"
    page.run(f"{second}.click()")
    assert page.run(f"{first}.ariaExpanded") == "false"
    assert page.run(f"{second}.ariaExpanded") == "true"
    assert len(page.run(UNITS)) == len(rows) + 1

    below = "[...document.querySelectorAll('#processes a')].filter(a => a.innerText === '(T) a')"
    page.run(f"{below}.at(-1).click()")
    assert page.run("document.activeElement.dataset.unit") == identity("a")
    assert page.run(
        "document.activeElement.offsetTop > document.querySelectorAll('h2')[1].offsetTop"
    )


def test_a_chain_of_ten_thousand_can_be_used(page: Page, tmp_path: Path) -> None:
    names = [f"link-{i}" for i in range(10_000)]
    waits = edges({a: [b] for a, b in pairwise(names)})
    page.open(write(tmp_path, snapshot((task(name, frame("w")) for name in names), waits)))
    assert page.run("count.textContent") == "10000 units"
    page.run("unfold.click()")
    assert 0 < len(page.run(UNITS)) <= 1_000
    page.run("more.click()")
    assert len(page.run(UNITS)) > 500
    search(page, "link-9999")
    page.wait_for("count.textContent === '1 of 10000 units'")
    assert page.complaints() == []
