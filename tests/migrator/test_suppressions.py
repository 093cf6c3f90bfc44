"""What a comment excuses, and what only looks like one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrator import project, rules, suppressions
from tests.migrator.scanning import migrate

if TYPE_CHECKING:
    from pathlib import Path

    from migrator.findings import Report

ALL = project.Options(frozenset(rules.by_code()))


def scan(source: str, path: str = "module.py") -> Report:
    report = project.scan_bytes(source.encode(), path, ALL)
    assert not report.unread
    return report


def lines(report: Report) -> list[int]:
    return [one.span.line for one in report.findings]


LOOKALIKES = [
    "x = '# migrate: ignore'; import eventlet\n",
    "import eventlet; x = '''\n# migrate: ignore[EVT001]\n'''\n",
    '"""How to: # migrate: ignore-file\n\n# migrate: ignore[EVT001]\n"""\nimport eventlet\n',
    "x = f'{1}  # migrate: ignore-file'\nimport eventlet\n",
    "x = 'a \\\n # migrate: ignore-file'\nimport eventlet\n",
    "import eventlet, a as migrate; migrate: ignore\n",
]


@pytest.mark.parametrize("source", LOOKALIKES)
def test_text_that_looks_like_a_comment_excuses_nothing_and_is_no_idle_one(source: str) -> None:
    report = scan(source)
    assert len(report.findings) == 1
    assert (report.suppressed, report.unused) == (0, ())


MARK = "  # migrate: ignore"


@pytest.mark.parametrize(
    ("source", "left"),
    [
        (f"from eventlet import ({MARK}\n    debug,\n    spawn,\n)\n", []),
        (f"from eventlet import (\n    debug,\n    spawn,\n){MARK}\n", []),
        (f"from eventlet import (\n    debug,{MARK}\n    spawn,\n)\n", [3]),
        (f"from eventlet import (\n    debug,\n    {MARK}\n    spawn,\n)\n", [2, 4]),
        (f"import eventlet; eventlet.sleep(\n    1\n){MARK}\n", []),
        (f"import eventlet{MARK}\neventlet.sleep('''\n# text\n'''){MARK}\n", []),
        (
            f"import eventlet{MARK}\nif eventlet.sleep(\n    1\n):{MARK}\n    eventlet.sleep()\n",
            [5],
        ),
        (f"import eventlet{MARK}\neventlet.\\\nsleep(1){MARK}\neventlet.sleep()\n", [4]),
        (f"import eventlet{MARK}\n{MARK}\neventlet.sleep(1)\n{MARK}\n", [3]),
        (f"import eventlet{MARK}\r\nx = 1\reventlet.sleep(1){MARK}\n\x0ceventlet.sleep()\n", [4]),
        (f"import eventlet{MARK}\ndef f():\n    eventlet.sleep(1){MARK}\n  {MARK}\nf()", []),
    ],
)
def test_a_comment_at_either_end_speaks_for_the_statement(source: str, left: list[int]) -> None:
    assert lines(scan(source)) == left


def test_a_comment_that_excuses_nothing_is_named_with_its_own_line() -> None:
    report = scan(f"import eventlet\nx = [{MARK}[EVT102]\n    1,\n]\n")
    assert [(one.line, one.message) for one in report.unused] == [(2, "unused suppression[EVT102]")]


@pytest.mark.parametrize(
    ("comment", "suppressed", "unused"),
    [
        ("ignore[EVT001, EVT301]", 1, ["unused suppression[EVT001]"]),
        ("ignore[EVT301,server,hubs]", 1, ["unused suppression[hubs]"]),
        ("ignore[EVT301, EVT999]", 1, ["suppression names no rule: EVT999"]),
        ("ignore [EVT301] why", 1, []),
        ("ignore: why", 1, []),
        ("ignore[]", 0, ["suppression names no rule: write ignore[CODE]"]),
        ("ignore[EVT301", 0, ["suppression names no rule: write ignore[CODE]"]),
        ("ignore-line[EVT301]", 0, []),
        ("ignored[EVT301]", 0, []),
    ],
)
def test_a_comment_excuses_what_it_names_and_no_more(
    comment: str, suppressed: int, unused: list[str]
) -> None:
    report = scan(f"import eventlet.wsgi  # migrate: {comment}\n")
    assert report.suppressed == suppressed
    assert [one.message for one in report.unused] == unused


def test_a_whole_file_and_files_of_other_kinds() -> None:
    assert scan("import eventlet\n\n# migrate: ignore-file[core] why\n").suppressed == 1
    report = scan("eventlet  # migrate: ignore[EVT951] why\ngreenlet\n", "requirements.txt")
    assert (lines(report), report.suppressed) == ([2], 1)


def test_a_broken_file_has_no_comments() -> None:
    assert suppressions.find(b"x = (  # migrate: ignore\n") == ()
    assert suppressions.find(b"# -*- coding: nothing -*-\n# migrate: ignore\n") == ()


def test_apply_leaves_what_is_excused(tmp_path: Path) -> None:
    source = f"from eventlet import debug\ndebug.unspew(\n){MARK}\n"
    (tmp_path / "app.py").write_text(source)
    done = migrate("apply", "--to", "bridge", "--write", "--allow-dirty", ".", cwd=tmp_path)
    assert done.returncode == 1
    assert (tmp_path / "app.py").read_text() == source
