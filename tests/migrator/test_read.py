"""Which files a scan reads, in which forms, and what it says of those that it cannot read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.migrator.scanning import document, migrate

if TYPE_CHECKING:
    from pathlib import Path

UNREADABLE = {
    "syntax.py": b"def f(:\n",
    "python2.py": b"print 'hello'\n",
    "nul.py": b"x = 1\0\n",
    "bytes.py": b"# \xff\n",
    "cookie.py": b"# -*- coding: nothing-known -*-\n",
    "liar.py": b"# -*- coding: ascii -*-\nx = '\xc3\xa9'\n",
    "utf16.py": "import eventlet\n".encode("utf-16"),
    "binary.py": b"# -*- coding: hex -*-\n00\n",
}


def test_what_cannot_be_read_is_named_and_the_rest_is_reported(project: Path) -> None:
    for name, data in UNREADABLE.items():
        (project / name).write_bytes(data)
    (project / "loop.py").symlink_to("loop.py")
    (project / "gone.py").symlink_to("nowhere.py")
    (project / "loop").symlink_to(".")
    os.mkfifo(project / "pipe.py")
    done = migrate("scan", "--format", "json", cwd=project)
    unread = {one["path"] for one in document(done)["unread"]}
    assert unread == {*UNREADABLE, "loop.py", "gone.py", "pipe.py"}
    assert {line.split(": ")[1] for line in done.stderr.splitlines()} == unread
    assert done.returncode == 1
    assert document(done)["summary"]["by_code"] == {"EVT001": 1, "EVT101": 1, "EVT102": 1}
    (project / "pkg" / "service.py").unlink()
    assert migrate("scan", cwd=project).returncode == 3


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfimport eventlet\n",
        b"import eventlet\r\nx = 1\r\n",
        b"import eventlet\rx = 1\r",
        b"\x0cimport eventlet\n\x0c\nx = 1",
        b"# -*- coding: latin-1 -*-\nx = '\xe9'; import eventlet\n",
        "# -*- coding: utf-7 -*-\nimport eventlet\n".encode("utf-7"),
        b"import eventlet\nx = " + b" + ".join([b"1"] * 3000),
        b"import eventlet\nx = " + b"-" * 900 + b"1",
        b"import eventlet\nx" + b".y()" * 3000,
        b"import eventlet\n" + b"if x:\n  y\nel" * 900 + b"se: pass\n",
    ],
    ids=["BOM", "CRLF", "CR", "form feeds", "latin-1", "utf-7", "terms", "signs", "chain", "elifs"],
)
def test_odd_files_are_read(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "odd.py").write_bytes(data)
    done = migrate("scan", "--format", "json", cwd=tmp_path)
    assert document(done)["unread"] == []
    assert [one["api"] for one in document(done)["findings"]] == ["eventlet"]


def test_thousands_of_elif_are_read(tmp_path: Path) -> None:
    source = "import eventlet\nif x: pass\n" + "elif x: pass\n" * 3000 + "else: eventlet.sleep(1)\n"
    (tmp_path / "a.py").write_text(source)
    found = document(migrate("scan", "--format", "json", cwd=tmp_path))
    assert [(one["api"], one["line"]) for one in found["findings"]] == [
        ("eventlet", 1),
        ("eventlet.sleep", 3003),
    ]


def test_a_device_that_never_ends_is_named(tmp_path: Path) -> None:
    done = migrate("scan", "/dev/zero", cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr == "migrate: /dev/zero: does not end\n"


def test_a_huge_file_is_named_when_it_matters(tmp_path: Path) -> None:
    (tmp_path / "huge.py").write_bytes(b"import eventlet\n" + b"x = 1\n" * 9_000_000)
    (tmp_path / "huge.yaml").write_bytes(b"# eventlet\n" + b"x: 1\n" * 9_000_000)
    done = migrate("scan", cwd=tmp_path)
    assert done.returncode == 3
    assert "huge.py: too large" in done.stderr
    assert "huge.yaml: too large" in done.stderr


def test_a_missing_path_is_named_and_the_scan_goes_on(project: Path) -> None:
    done = migrate("scan", "nowhere", "pkg", cwd=project)
    assert done.returncode == 1
    assert done.stderr == "migrate: nowhere: no such file or directory\n"
    assert migrate("scan", "nowhere", cwd=project).returncode == 3


def test_gitignore_excludes_and_globs(project: Path) -> None:
    (project / ".gitignore").write_text("build*\n!build.py\n/pkg/gen.py\n")
    for name in ("build.py", "build2.py", "pkg/gen.py", "pkg/old.py"):
        (project / name).write_text("import eventlet\n")

    def paths(*arguments: str) -> set[str]:
        found = document(migrate("scan", "--format", "json", *arguments, cwd=project))["findings"]
        return {one["path"] for one in found}

    assert paths() == {"build.py", "pkg/old.py", "pkg/service.py"}
    assert paths("--exclude", "old.py", "--exclude", "/build.py") == {"pkg/service.py"}
    assert paths("pkg/gen.py") == {"pkg/gen.py"}
    assert paths("**/o*.py") == {"pkg/old.py"}


def test_what_requirements_include_is_read_under_any_name(project: Path) -> None:
    (project / "requirements.txt").write_text(
        "-r deps/all.txt\n--constraint=deps/c.pip # x\n-c https://example.org/eventlet.txt\n"
        "-r gone.txt\n-r ../outside.txt\n-r notes.txt\n"
    )
    (project.parent / "outside.txt").write_text("eventlet\n")
    (project / "deps").mkdir()
    (project / "deps" / "all.txt").write_text("flask\n-r ../requirements.txt\n-r more.txt\n")
    for name in ("deps/more.txt", "deps/c.pip", "deps/other.txt", "notes.txt"):
        (project / name).write_text("eventlet>=0.33\n")
    options = ("scan", "--format", "json", "--select", "config", "--exclude", "notes.txt")
    found = document(migrate(*options, cwd=project))["findings"]
    assert [one["path"] for one in found] == ["deps/c.pip", "deps/more.txt"]


def test_scripts_and_templates_are_read_and_other_forms_of_python_named(tmp_path: Path) -> None:
    files = {
        "start": "#!/bin/sh\nexec gunicorn -k eventlet app\n",
        "serve": "#!/usr/bin/env python3\nimport eventlet\n",
        "gunicorn.conf.py.j2": "worker_class = 'eventlet'\nbind = {{ bind }}\n",
        "unit.service.in": "Environment=EVENTLET_HUB=poll\n",
        "app.wsgi": "import eventlet\n",
        "plain": "import eventlet\n",
        "a.ipynb": '{"cells": [{"source": ["import eventlet"]}]}',
        "b.ipynb": "{}",
        "c.pyx": "import eventlet\ncdef int x\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = document(migrate("scan", "--format", "json", cwd=tmp_path))
    assert sorted(one["path"] for one in found["findings"]) == [
        *("app.wsgi", "gunicorn.conf.py.j2", "serve", "start", "unit.service.in"),
    ]
    assert [one["path"] for one in found["unread"]] == ["a.ipynb", "c.pyx"]
    named = document(migrate("scan", "--format", "json", "start", cwd=tmp_path))
    assert [one["code"] for one in named["findings"]] == ["EVT901"]
