from __future__ import annotations

import json
import os
import shutil
import subprocess
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import jsonschema
import pytest

from migrator import project, rules
from migrator.findings import Report, Unread
from migrator.reporters import FORMATS

ROOT = Path(__file__).parents[2]
NASTY = 'a<b>&"|`%,:é.py'


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    monkeypatch.chdir(tmp_path)
    (tmp_path / NASTY).write_text(
        "import eventlet.debug\nx = '<script>é\t|`'; eventlet.debug.hub_exceptions(\n  True)\n"
        "eventlet.debug.hub_prevent_multiple_readers(False)\n"
    )
    (tmp_path / "broken.py").write_text("def f(:\n")
    return project.scan_paths(["."], project.Options(rules.select(["all"])))


def render(name: str, report: Report) -> str:
    lines = import_module(f"migrator.reporters.{name}").render(report, "bridge")
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_names_every_finding_and_unread_file(name: str, report: Report) -> None:
    text = render(name, report)
    for code in ("EVT101", "EVT102", "EVT104"):
        assert code in text
    assert "broken.py" in text or name in ("concise", "full", "gitlab")
    assert bool(render(name, Report((), (), 3))) == (name != "github")


def test_json_follows_its_schema(report: Report) -> None:
    schema = json.loads((ROOT / "docs" / "schema" / "findings.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(render("json", report)), schema)
    jsonschema.validate(json.loads(render("json", Report((), (), 0))), schema)


def test_json_lines_hold_what_json_holds(report: Report) -> None:
    whole = json.loads(render("json", report))
    records = [json.loads(line) for line in render("jsonl", report).splitlines()]
    kinds = [record.pop("type") for record in records]
    assert kinds == ["finding"] * len(whole["findings"]) + ["unread", "summary"]
    assert records == [*whole["findings"], *whole["unread"], whole["summary"]]


def test_sarif_follows_its_schema(report: Report) -> None:
    schema = json.loads((ROOT / "tests" / "data" / "sarif-schema-2.1.0.json").read_text())
    for one in (report, Report((), (Unread("gone.py", "no such file"),), 1)):
        jsonschema.validate(json.loads(render("sarif", one)), schema)


def test_junit_is_xml_that_counts_right(report: Report) -> None:
    root = ET.fromstring(render("junit", report))
    assert len(root.findall(".//failure")) == int(root.get("failures", "")) == len(report.findings)
    assert len(root.findall(".//error")) == int(root.get("errors", "")) == 1
    assert root[0].get("name") == NASTY


def test_github_escapes_what_ends_a_property(report: Report) -> None:
    first = render("github", report).splitlines()[0]
    assert first.startswith('::warning file=a<b>&"|`%25%2C%3Aé.py,line=1,endLine=1,col=8,')


def test_gitlab_fingerprints_survive_moved_lines(report: Report, tmp_path: Path) -> None:
    before = {one["fingerprint"] for one in json.loads(render("gitlab", report))}
    assert len(before) == len(report.findings)
    file = tmp_path / NASTY
    file.write_text(f"\n\n{file.read_text()}")
    again = project.scan_paths(["."], project.Options(rules.select(["all"])))
    assert {one["fingerprint"] for one in json.loads(render("gitlab", again))} == before


def test_ci_systems_get_paths_from_where_they_run(report: Report, tmp_path: Path) -> None:
    def found(name: str, path: str) -> str:
        finding = report.findings[0]._replace(path=path)
        record = json.loads(render(name, Report((finding,), (), 1)))
        if name == "gitlab":
            return str(record[0]["location"]["path"])
        place = record["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
        return str(place["artifactLocation"]["uri"])

    for name in ("gitlab", "sarif"):
        assert found(name, str(tmp_path / "pkg" / "a.py")) == "pkg/a.py"
        assert found(name, "./pkg/a.py") == "pkg/a.py"
        assert found(name, "../a.py") == "../a.py"
    assert found("sarif", "/else where/a.py") == "file:///else%20where/a.py"


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag != "meta":
            self.open.append(tag)
        assert not {name for name, _ in attrs} & {"src", "onclick"}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_one_well_formed_page_that_fetches_nothing(report: Report) -> None:
    page = _Page()
    page.feed(render("html", report))
    assert page.open == []
    assert not page.tags & {"script", "link", "img", "iframe"}


def test_html_opens_in_a_browser(report: Report, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        pytest.skip("no Chromium here")
    file = tmp_path / "report.html"
    file.write_text(render("html", report))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'p'}"]
    done = subprocess.run(
        [browser, *flags, "--dump-dom", file.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert done.stdout.count("<article>") == len(report.findings)
    assert "<mark>eventlet.debug.hub_exceptions</mark>" in done.stdout
