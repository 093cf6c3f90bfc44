from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from inspector.process import children
from tests.programs import ROOT, wait_until

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython


def migrate(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "migrator", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT, **options
    )


def test_says_what_ps_would_say(target_python: TargetPython, start_target: StartTarget) -> None:
    target = start_target(target_python("3.14"), "samples/asyncio_service.py")
    done = migrate("doctor", target.pid)
    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    assert "CPython 3.14" in done.stdout
    target.end()
    doctor, ps = migrate("doctor", target.pid), migrate("ps", target.pid)
    assert doctor.returncode == ps.returncode == 4
    message, *hint = ps.stderr.removeprefix("migrate: error: ").splitlines()
    assert message in doctor.stdout
    assert all(line.strip() in doctor.stdout for line in hint)
    assert "ps aux" in doctor.stdout


def test_json_is_what_its_schema_says(
    target_python: TargetPython, start_target: StartTarget
) -> None:
    target = start_target(target_python("3.14"), "samples/asyncio_service.py")
    schema = json.loads((ROOT / "docs/schema/diagnosis.schema.json").read_text())
    for pid, status in ((target.pid, 0), (2**22 + 3, 4)):
        done = migrate("doctor", "--json", pid)
        document = json.loads(done.stdout)
        jsonschema.validate(document, schema)
        assert document["exit_status"] == done.returncode == status
        assert document["pid"] == pid


def old_python() -> str:
    for version in ("2.7", "3.8", "3.9", "3.10"):
        for path in Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python{version}"):
            return str(path)
    pytest.skip("no Python that is too old here")


def test_a_python_that_is_too_old() -> None:
    with subprocess.Popen([old_python(), "-c", "import time; time.sleep(600)"]) as target:
        try:
            wait_until(lambda: migrate("ps", target.pid).returncode == 7)
            done = migrate("doctor", target.pid)
        finally:
            target.kill()
    assert done.returncode == 7
    assert "problem  version" in done.stdout
    assert "supported: CPython 3.11" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
@pytest.mark.skipif(not Path("/usr/bin/setpriv").exists(), reason="needs setpriv")
def test_another_users_process(target_python: TargetPython, start_target: StartTarget) -> None:
    target = start_target(target_python("3.14"), "samples/asyncio_service.py")
    # Nobody, but able to read the checkout and the interpreter wherever they are.
    able = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *able]
    for command, stream in (("ps", "stderr"), ("doctor", "stdout")):
        done = subprocess.run(
            [*nobody, sys.executable, "-m", "migrator", command, str(target.pid)],
            capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
        )  # fmt: skip
        assert done.returncode == 5, done.stderr
        text = getattr(done, stream)
        assert "it belongs to user 0, and you are user 65534" in text
        assert f"run as root: sudo migrate ps {target.pid}" in text
    # sudo does not look where PATH leads: from a virtual environment only the whole path is found.
    script = Path(sys.executable).with_name("migrate")
    done = subprocess.run(
        [*nobody, script.name, "ps", str(target.pid)], capture_output=True, text=True, timeout=60,
        check=False, env={**os.environ, "PATH": f"{script.parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.stderr.splitlines()[1] == f"  run as root: sudo {script} ps {target.pid}"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make and to enter a namespace")
def test_the_line_that_enters_a_container_works(target_python: TargetPython) -> None:
    """A PID namespace stands for the container; the line is run as it was shown, but for sudo."""
    program = "import asyncio; asyncio.run(asyncio.sleep(600))"
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with subprocess.Popen([*command, target_python("3.14"), "-c", program]) as outer:
        try:
            wait_until(lambda: bool(children(outer.pid)))
            (pid,) = children(outer.pid)
            wait_until(lambda: "Task-1" in migrate("ps", pid).stdout)
            said = migrate("doctor", pid).stdout
            assert "it runs in a PID namespace, where its PID is 1;" in said
            (line,) = (each.strip() for each in said.splitlines() if "nsenter" in each)
            assert line == f"sudo nsenter --target {pid} --all -- migrate ps 1"
            before, after = line.removeprefix("sudo ").split(" migrate ")
            words = [*before.split(), sys.executable, "-m", "migrator", *after.split()]
            inside = subprocess.run(
                words, capture_output=True, text=True, timeout=60, check=False,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        finally:
            outer.kill()
    assert inside.returncode == 0, inside.stderr
    assert "Task-1" in inside.stdout
