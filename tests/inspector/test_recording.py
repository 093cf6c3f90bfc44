"""Captures: the same picture without the process, and an answer whatever is wrong with one."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector import capture_file, recording
from inspector.errors import MigrateError, UsageError
from inspector.memory import PAGE
from tests.interpreters import TARGETS, NoInterpreter, environment
from tests.programs import ROOT, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

    from inspector.snapshot import Snapshot
    from tests.conftest import StartTarget, TargetPython

ASYNCIO = "tests/targets/waits_asyncio.py"
EVENTLET = "tests/targets/waits_eventlet.py"
SMALL = "samples/deadlock.py"  # both worlds in few units
SECONDS = 60  # one replay may take: hundreds of times what it does


@pytest.mark.parametrize("version", TARGETS)
@pytest.mark.parametrize(
    ("script", "way", "allocator"),
    [(ASYNCIO, "", ""), (EVENTLET, "hybrid", ""), (EVENTLET, "", "malloc")],
)
def test_replay_shows_what_was_seen(
    version: str,
    script: str,
    way: str,
    allocator: str,
    target_python: TargetPython,
    start_target: StartTarget,
    tmp_path: Path,
) -> None:
    python = target_python(version, "greenlet", "eventlet")
    env = {"PYTHONMALLOC": allocator} if allocator else {}
    program = start_target(python, script, *([way] if way else []), env=env).rest()
    file = tmp_path / "capture"
    seen = recording.record(program.pid, str(file))
    program.end()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.stat().st_size < 16 << 20
    again = recording.replay(str(file))
    assert len(seen.units) > 30
    # What runs may have moved between two reads of it; the rest is the same to the letter.
    stirring = {
        unit.id for unit in seen.units + again.units if unit.moving or unit.state == "running"
    }
    assert quiet(again, stirring) == quiet(seen, stirring)
    assert (again.taken_at, again.completeness) == (seen.taken_at, seen.completeness)
    assert [p.name for p in tmp_path.iterdir()] == ["capture"]


def quiet(snapshot: Snapshot, stirring: set[str]) -> object:
    units = {unit.id: unit for unit in snapshot.units if unit.id not in stirring}
    ended = snapshot._replace(units=(), edges=(), threads=())
    return units, sorted(map(str, snapshot.edges)), ended


@pytest.mark.parametrize("version", TARGETS)
@pytest.mark.parametrize("world", ["tasks", "greens"])
def test_what_moved_is_shown_as_it_was_seen(
    version: str,
    world: str,
    target_python: TargetPython,
    start_target: StartTarget,
    tmp_path: Path,
) -> None:
    python = target_python(version, "greenlet", "eventlet")
    program = start_target(python, "tests/targets/churn.py", world, "50")
    for _ in range(5):
        seen = recording.record(program.pid, str(tmp_path / "capture"))
        assert recording.replay(str(tmp_path / "capture")) == seen


# Damage. A capture of each kind of version, taken once.


class Parts(NamedTuple):
    file: Path
    header: dict[str, Any]
    runs: list[tuple[int, bytes]]


@pytest.fixture(scope="session")
def captures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Parts]:
    folder = tmp_path_factory.mktemp("captures")
    found = {}
    for version, script in (
        ("3.12", SMALL),
        ("3.14", SMALL),
        ("3.15", ASYNCIO),
    ):
        try:
            python = environment(version, ["greenlet", "eventlet"])
        except NoInterpreter as error:
            pytest.skip(str(error))
        with running(python, script) as program:
            recording.record(program.pid, str(folder / version))
        found[version] = Parts(folder / version, *capture_file.read(str(folder / version)))
    return found


@pytest.fixture
def no_hang() -> Iterator[None]:
    """A replay that does not end fails the test instead of stopping all of them."""

    def hang(number: int, frame: FrameType | None) -> None:
        raise AssertionError("it does not end")

    before = signal.signal(signal.SIGALRM, hang)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def replay_damaged(header: dict[str, Any], runs: list[tuple[int, bytes]]) -> Snapshot | None:
    """A result, or one clear error; nothing else gets out."""
    signal.alarm(SECONDS)
    try:
        return recording.replay_parts(header, runs)
    except MigrateError as error:
        check_message(error)
        return None
    finally:
        signal.alarm(0)


def check_message(error: MigrateError) -> None:
    assert error.message.isprintable()


def damage(runs: list[tuple[int, bytes]], seed: int, flips: int, holes: int, words: int) -> None:
    """Flip bits, replace words by others of the same memory, take pages away."""
    chance = random.Random(seed)
    for _ in range(flips):
        index = chance.randrange(len(runs))
        address, data = runs[index]
        if not data:
            continue  # what was not there any more
        at = chance.randrange(len(data))
        changed = bytes([data[at] ^ 1 << chance.randrange(8)])
        runs[index] = (address, data[:at] + changed + data[at + 1 :])
    for _ in range(words):
        source = chance.choice(runs)[1]
        index = chance.randrange(len(runs))
        address, data = runs[index]
        if len(data) == len(source) == PAGE:
            at, other = 8 * chance.randrange(PAGE // 8), 8 * chance.randrange(PAGE // 8)
            runs[index] = (address, data[:at] + source[other : other + 8] + data[at + 8 :])
    for _ in range(holes):
        if len(runs) > 1:
            del runs[chance.randrange(len(runs))]


DAMAGE = st.tuples(
    st.integers(0, 1 << 32), st.integers(0, 4000), st.integers(0, 40), st.integers(0, 4000)
)


def check_damage(captures: dict[str, Parts], version: str, how: tuple[int, int, int, int]) -> None:
    header, runs = captures[version].header, captures[version].runs[:]
    damage(runs, how[0], how[1], how[2], how[3])
    found = replay_damaged(header, runs)
    if found is not None:
        json.dumps([u.name for u in found.units])
        assert len(found.units) <= 200


@pytest.mark.parametrize("version", ["3.12", "3.14", "3.15"])
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(how=DAMAGE)
def test_damaged_memory(
    captures: dict[str, Parts], no_hang: None, version: str, how: tuple[int, int, int, int]
) -> None:
    check_damage(captures, version, how)


@pytest.mark.parametrize("value", [0, 1, 4095, (1 << 24) - 1])
def test_senseless_offsets(captures: dict[str, Parts], no_hang: None, value: int) -> None:
    """What the target says of its own layout may be wrong in any word."""
    parts = captures["3.14"]
    memory = dict(parts.runs)
    page, at = divmod(parts.header["found"]["runtime"], PAGE)
    for word in range(random.Random(value).randrange(3, 9), 95, 6):
        runs = dict(memory)
        where = at + 8 * word
        number = (page + where // PAGE) * PAGE
        data = bytearray(runs[number])
        data[where % PAGE : where % PAGE + 8] = value.to_bytes(8, "little")
        runs[number] = bytes(data)
        replay_damaged(parts.header, list(runs.items()))


@pytest.mark.nightly
@pytest.mark.parametrize("version", ["3.12", "3.14", "3.15"])
@settings(
    max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(how=DAMAGE)
def test_damaged_memory_at_length(
    captures: dict[str, Parts], no_hang: None, version: str, how: tuple[int, int, int, int]
) -> None:
    check_damage(captures, version, how)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    changes=st.lists(st.tuples(st.integers(0, 1 << 30), st.integers(0, 255)), max_size=20),
    cut=st.integers(0, 1 << 30),
)
def test_damaged_file(
    captures: dict[str, Parts],
    no_hang: None,
    tmp_path: Path,
    changes: list[tuple[int, int]],
    cut: int,
) -> None:
    data = bytearray(captures["3.14"].file.read_bytes())
    for at, value in changes:
        data[at % len(data)] = value
    damaged = tmp_path / "damaged"
    damaged.write_bytes(data[: cut % len(data)])
    with pytest.raises(MigrateError) as caught:
        recording.replay(str(damaged))
    assert caught.value.message.isprintable()


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    key=st.sampled_from(["process", "maps", "threads", "found", "peers", "clock", "taken_at",
                         "completeness", "moving"]),
    value=st.recursive(
        st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ),
)  # fmt: skip
def test_senseless_header(
    captures: dict[str, Parts], no_hang: None, key: str, value: object
) -> None:
    parts = captures["3.14"]
    replay_damaged(parts.header | {key: value}, parts.runs)


def test_other_files_and_versions(tmp_path: Path, captures: dict[str, Parts]) -> None:
    other = tmp_path / "other"
    for content, message in (
        (b"", "no capture"),
        (b"\x7fELF" * 100, "no capture"),
        (b"eventlet-migrate capture 2\n" + bytes(10), "another version"),
        (b"eventlet-migrate capture 1\n", "damaged"),
        (b"eventlet-migrate capture 1\n" + zlib.compress(b"\xff" * 64), "damaged"),
        # A bomb: a thousand times as long expanded, cut off at the limit of the header.
        (b"eventlet-migrate capture 1\n" + zlib.compress(bytes(1 << 27)), "damaged"),
    ):
        other.write_bytes(content)
        with pytest.raises(UsageError, match=message):
            recording.replay(str(other))
    with pytest.raises(UsageError, match="cannot read"):
        recording.replay(str(tmp_path / "none"))
    with pytest.raises(UsageError, match="cannot read"):
        recording.replay(str(tmp_path))


def migrate(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "migrator", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_commands(
    target_python: TargetPython, start_target: StartTarget, tmp_path: Path
) -> None:
    program = start_target(target_python("3.14", "greenlet", "eventlet"), ASYNCIO)
    file = tmp_path / "capture"
    recorded = migrate("ps", "--json", "--record", file, program.pid)
    assert recorded.returncode == 1  # the target holds a deadlock
    program.end()
    replayed = migrate("ps", "--json", "--replay", file)
    assert (replayed.returncode, replayed.stderr) == (1, recorded.stderr)
    assert json.loads(replayed.stdout) == json.loads(recorded.stdout)
    tree = migrate("pstree", "--replay", file)
    assert tree.returncode == 1
    assert "lock held by" in tree.stdout
    for arguments in (
        ["--replay", file, "1"],
        ["--replay", file, "--record", file],
        ["--record", file],
        ["--record", file, "1", "2"],
        ["--record", tmp_path / "no" / "folder", str(program.pid)],
        ["--replay", tmp_path / "none"],
    ):
        wrong = migrate("ps", *arguments)
        assert wrong.stdout == ""
        assert "Traceback" not in wrong.stderr
        assert wrong.returncode in ((2,) if "folder" not in str(arguments) else (2, 4))
    assert file.exists()
