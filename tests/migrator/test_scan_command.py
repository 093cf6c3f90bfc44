"""The command as people and scripts call it: a process, its output, its exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def migrate(
    *arguments: str, cwd: Path, given: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "migrator", *arguments],
        cwd=cwd,
        input=given,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )
    assert b"Traceback" not in done.stderr
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    value = json.loads(done.stdout)
    assert isinstance(value, dict)
    return value


def git(folder: Path, *arguments: str) -> None:
    options = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    subprocess.run(
        ["git", "-C", str(folder), *options, *arguments], check=True, capture_output=True
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").touch()
    (tmp_path / "pkg" / "service.py").write_text(
        "import eventlet\nfrom eventlet import debug\n\ndebug.hub_exceptions(True)\n"
    )
    (tmp_path / "clean.py").write_text("print('hello')\n")
    return tmp_path


def test_a_line_a_finding_and_a_summary(project: Path) -> None:
    done = migrate("scan", cwd=project)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [
        ["pkg/service.py:1:8", "EVT001"],
        ["pkg/service.py:2:22", "EVT101"],
        ["pkg/service.py:4:1", "EVT102"],
    ]
    assert lines[-1] == "3 findings in 1 file of 3."
    assert done.stderr == ""


def test_nothing_found(project: Path) -> None:
    done = migrate("scan", "clean.py", cwd=project)
    assert (done.returncode, done.stdout) == (0, "0 findings in 0 files of 1.\n")


def test_columns_are_characters(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import eventlet; é = 'ü€𝄞'; eventlet.sleep(1)\n")
    finding = document(migrate("scan", "a.py", "--format", "json", cwd=tmp_path))["findings"][1]
    assert (finding["column"], finding["end_column"]) == (29, 43)


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
    done = migrate("scan", cwd=tmp_path)
    assert done.returncode == 3
    assert "huge.py: too large" in done.stderr


def test_a_missing_path_is_named_and_the_scan_goes_on(project: Path) -> None:
    done = migrate("scan", "nowhere", "pkg", cwd=project)
    assert done.returncode == 1
    assert done.stderr == "migrate: nowhere: no such file or directory\n"
    assert migrate("scan", "nowhere", cwd=project).returncode == 3


def test_names_with_control_characters_do_not_reach_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[31m\n.py").write_text("import eventlet\n")
    (tmp_path / os.fsdecode(b"b\xff.py")).write_text("import eventlet\n")
    done = migrate("scan", cwd=tmp_path)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 3
    assert len(document(migrate("scan", "--format", "json", cwd=tmp_path))["findings"]) == 2


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


def test_stdin(project: Path) -> None:
    done = migrate(
        "scan", "-", "--stdin-filename", "x/y.py", cwd=project, given=b"import eventlet\n"
    )
    assert (done.returncode, done.stdout.split(":")[0]) == (1, "x/y.py")
    assert migrate("scan", "-", cwd=project, given=b"def f(:\n").returncode == 3
    done = migrate("scan", "-", "--stdin-filename", "tox.ini", cwd=project, given=b"-P eventlet")
    assert done.stdout.startswith("tox.ini:1:4 EVT901")


def test_changed_files_only(project: Path) -> None:
    git(project, "init")
    git(project, "add", ".")
    git(project, "commit", "-m", "all")
    assert migrate("scan", "--changed", cwd=project).returncode == 0
    (project / "new.py").write_text("import eventlet\n")
    (project / "clean.py").write_text("import greenlet\n")
    done = migrate("scan", "--changed=HEAD", "--format", "json", cwd=project)
    assert {one["path"] for one in document(done)["findings"]} == {"new.py", "clean.py"}
    done = migrate("scan", "--changed=nope", cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nope" in done.stderr


def test_baseline(project: Path) -> None:
    options = ("scan", "--baseline", "base.json")
    assert migrate(*options, cwd=project).returncode == 2
    assert migrate(*options, "--update-baseline", cwd=project).returncode == 0
    assert migrate(*options, cwd=project).returncode == 0
    service = project / "pkg" / "service.py"
    before = service.read_text()
    service.write_text(f"{before}debug.hub_exceptions(False)\n")
    done = migrate(*options, cwd=project)
    assert done.returncode == 1
    assert done.stdout.count("EVT102") == 2
    service.write_text("import eventlet\n")
    assert migrate(*options, cwd=project).returncode == 0
    assert "2 gone" in migrate(*options, "--update-baseline", cwd=project).stdout
    service.write_text(before)
    assert migrate(*options, cwd=project).returncode == 1
    for corrupt in ("", "{}", "[]", '{"format": "eventlet-migrate/baseline"}', "\0"):
        (project / "base.json").write_text(corrupt)
        done = migrate(*options, cwd=project)
        assert (done.returncode, done.stdout) == (2, "")
        assert "base.json" in done.stderr


def test_suppressions(project: Path) -> None:
    (project / "pkg" / "service.py").write_text(
        "import eventlet  # migrate: ignore[EVT001] until 2.0\n"
        "from eventlet import debug  # migrate: ignore[debug]\n"
        "x = 1  # migrate: ignore[EVT102]\n"
        "y = 1  # migrate: ignore[EVT999]\n"
    )
    done = migrate("scan", cwd=project)
    assert done.returncode == 0
    assert "2 suppressed" in done.stdout
    assert done.stderr.splitlines() == [
        "migrate: pkg/service.py:3: unused suppression[EVT102]",
        "migrate: pkg/service.py:4: suppression names no rule: EVT999",
    ]


def test_configuration(project: Path) -> None:
    file = project / "pyproject.toml"
    file.write_text("[tool.eventlet-migrate]\nselect = ['debug']\nformat = 'json'\n")
    found = document(migrate("scan", "pkg", cwd=project))["findings"]
    assert {one["code"] for one in found} == {"EVT101", "EVT102"}
    file.write_text("[tool.eventlet-migrate]\nper-file-ignores = { 'pkg/*' = ['EVT0', 'EVT1'] }\n")
    assert migrate("scan", cwd=project).returncode == 0
    assert migrate("scan", "--isolated", cwd=project).returncode == 1
    for text, cure in (
        ("selct = []", "did you mean 'select'"),
        ("select = 'a'", "list of strings"),
    ):
        file.write_text(f"[tool.eventlet-migrate]\n{text}\n")
        done = migrate("scan", cwd=project)
        assert (done.returncode, done.stdout) == (2, "")
        assert cure in done.stderr
    file.write_text("[tool.other\n")
    assert migrate("scan", cwd=project).returncode == 1


def test_fail_on(project: Path) -> None:
    assert migrate("scan", "--fail-on", "backdoor", cwd=project).returncode == 0
    assert migrate("scan", "--fail-on", "EVT9,debug", cwd=project).returncode == 1
    assert migrate("scan", "--fail-on", "none", cwd=project).returncode == 0
    assert migrate("scan", "--fail-on", "any", cwd=project).returncode == 1
    done = migrate("scan", "--select", "debg", cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 'debug'" in done.stderr


def test_facades_are_followed_into_files_without_the_word(project: Path) -> None:
    (project / "pkg" / "compat.py").write_text(
        "try:\n    from eventlet import debug as hooks, sleep as pause\n"
        "except ImportError:\n    hooks = pause = None\n"
    )
    (project / "pkg" / "again.py").write_text("from .compat import *\n")
    (project / "pkg" / "user.py").write_text(
        "from pkg.compat import hooks\nfrom pkg import again\n\n\ndef f():\n"
        "    hooks.unspew()\n    again.pause(1)\n"
    )
    (project / "other.py").write_text("from compat import hooks\nhooks.unspew()\n")
    found = document(migrate("scan", "--format", "json", cwd=project))["findings"]
    assert [(one["line"], one["api"]) for one in found if one["path"] == "pkg/user.py"] == [
        (1, "eventlet.debug"),
        (6, "eventlet.debug.unspew"),
        (7, "eventlet.sleep"),
    ]
    assert not [one for one in found if one["path"] == "other.py"]


def test_facades_of_every_make(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/one.py": "from eventlet import debug as hooks\n_own = hooks\n__all__ = ['_own']\n",
        "pkg/two.py": "from .one import *\n",
        "pkg/lazy.py": "def get():\n    from eventlet import debug\n    return debug\n"
        "def __getattr__(name):\n    if name == 'hooks':\n        return get()\n"
        "    raise AttributeError(name)\n",
        "space/deep/one.py": "from eventlet import debug as hooks\n",
        "u1.py": "from pkg.two import hooks\nhooks.spew()\n",
        "u3.py": "from pkg.two import _own\n_own.spew()\n",
        "u4.py": "from pkg import lazy\nlazy.get().spew()\nlazy.hooks.spew()\n",
        "u5.py": "from pkg.lazy import hooks, get\nhooks.spew()\nd = get()\nd.spew()\n",
        "u6.py": "from space.deep.one import hooks\nhooks.spew()\n",
        "space/deep/u7.py": "from .one import hooks\nhooks.spew()\n",
        "u8.py": "from pkg import one\n@patch.object(one, 'hooks')\ndef test(m):\n"
        "    m.spew.assert_called()\n",
        "u9.py": "from elsewhere.deep.one import hooks\nhooks.spew()\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = [
        f"{one['path']}:{one['line']}"
        for one in document(migrate("scan", "--format", "json", cwd=tmp_path))["findings"]
        if one["api"] == "eventlet.debug.spew"
    ]
    assert sorted(found) == [
        *("space/deep/u7.py:2", "u1.py:2", "u3.py:2", "u4.py:2", "u4.py:3"),
        *("u5.py:2", "u5.py:4", "u6.py:2", "u8.py:4"),
    ]


def test_code_in_strings_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "exec('import eventlet.debug as d; d.spew()')\n"
        'run(["python", "-c", """\n  from eventlet import debug\n  debug.unspew()\n"""])\n'
        "exec('import eventlet as')\nsay('import eventlet.debug')\nrun(['x', '-c', name])\n"
    )
    found = document(migrate("scan", "--format", "json", cwd=tmp_path))["findings"]
    assert [(one["api"], one["kind"], one["line"]) for one in found] == [
        ("eventlet.debug", "string", 1),
        ("eventlet.debug.spew", "string", 1),
        ("eventlet.debug", "string", 2),
        ("eventlet.debug.unspew", "string", 2),
    ]


def test_text_that_looks_like_a_name_of_eventlet_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "open('eventlet.log')\nx = 'eventlet.net' in url\n"
        "patch('kiosk.concurrency.eventlet.base')\npatch('project.eventlet.sleep')\n"
        "environ['eventlet.input']\n"
    )
    found = document(migrate("scan", "--format", "json", cwd=tmp_path))["findings"]
    assert [(one["api"], one["line"]) for one in found] == [
        ("eventlet.sleep", 4),
        ("eventlet.input", 5),
    ]


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


def test_the_cache_changes_nothing_and_survives_anything(project: Path) -> None:
    (project / "pkg" / "user.py").write_text("from pkg.service import debug\ndebug.spew()\n")
    plain = migrate("scan", "--no-cache", "--format", "json", cwd=project).stdout
    assert not (project / ".migrate_cache").exists()
    store = project / ".migrate_cache" / "scan.json"
    for _ in range(2):
        assert migrate("scan", "--format", "json", cwd=project).stdout == plain
    kept = store.read_bytes()
    for corrupt in (b"", b"[]", b"\0", b"{}", kept[:-20], kept.replace(b'"EVT', b'["EVT')):
        store.write_bytes(corrupt)
        assert migrate("scan", "--format", "json", cwd=project).stdout == plain
    record = json.loads(kept)
    record["files"] = dict.fromkeys(record["files"], "nonsense")
    store.write_text(json.dumps(record))
    assert migrate("scan", "--format", "json", cwd=project).stdout == plain
    (project / "pkg" / "service.py").write_text("import eventlet\n")
    assert migrate("scan", cwd=project).stdout.count("EVT") == 1


def test_many_processes_say_the_same_as_one(tmp_path: Path) -> None:
    for number in range(150):
        (tmp_path / f"m{number:03}.py").write_text(f"import eventlet\neventlet.sleep({number})\n")
    one = migrate("scan", "--no-cache", "--jobs", "1", cwd=tmp_path).stdout
    assert migrate("scan", "--no-cache", "--jobs", "3", cwd=tmp_path).stdout == one
    assert one.endswith("300 findings in 150 files of 150.\n")


def test_nothing_heavy_is_imported() -> None:
    script = (
        "import sys\nfrom migrator.cli import run\nrun(['scan', '--no-cache', 'migrator'])\n"
        "heavy = {'libcst', 'eventlet', 'greenlet', 'asyncio', 'rich', 'multiprocessing'}\n"
        "sys.stderr.write(' '.join(sorted(heavy & set(sys.modules))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert done.stderr == ""


def test_a_selection_finds_through_facades_what_all_rules_find(tmp_path: Path) -> None:
    (tmp_path / "compat.py").write_text(
        "from eventlet import debug, greenpool as pools\n"
        "from eventlet.hubs import get_hub as hub\nhub().timers\n"
    )
    (tmp_path / "user.py").write_text(
        "from compat import debug, hub, pools\nimport compat\ndebug.spew()\n"
        "hub().debug_exceptions = True\npools.DEBUG = False\ncompat.debug.unspew()\n"
    )
    every, some = (
        document(migrate("scan", "--format", "json", *options, cwd=tmp_path))["findings"]
        for options in ((), ("--select", "debug,backdoor"))
    )
    assert some == [one for one in every if one["code"].startswith(("EVT1", "EVT2"))]
    assert len([one for one in some if one["path"] == "user.py"]) == 5


def test_findings_at_one_place_keep_their_order(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import eventlet\neventlet.GreenPool().spawn(f)\n" * 8)
    shown = {
        subprocess.run(
            [sys.executable, "-m", "migrator", "scan", "--no-cache", str(tmp_path)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
        ).stdout
        for seed in range(4)
    }
    assert len(shown) == 1
    assert "GreenPool().spawn" in shown.pop()
