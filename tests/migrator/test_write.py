"""Replacing files: what is kept, what is refused, and that nothing is ever half done."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from migrator.write import NotWritten, replace_file

ROOT = Path(__file__).parents[2]
OLD, NEW = b"old = 1\n", b"new = 2\r\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "code.py"
    path.parent.mkdir()
    path.write_bytes(OLD)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("mode", [0o644, 0o755, 0o600, 0o444, 0o4755])
def test_content_is_replaced_and_mode_kept(file: Path, mode: int) -> None:
    file.chmod(mode)
    inode = file.stat().st_ino
    written = replace_file(file, OLD, NEW)
    assert file.read_bytes() == NEW
    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert file.stat().st_ino != inode, "written in place is not whole at any moment"
    assert (written.path, written.notes) == (file, ())
    assert names(file.parent) == ["code.py"]


def test_extended_attributes_are_kept(file: Path) -> None:
    try:
        os.setxattr(file, "user.note", b"kept")
    except OSError:
        pytest.skip("no extended attributes on this file system")
    replace_file(file, OLD, NEW)
    assert os.getxattr(file, "user.note") == b"kept"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_owner_is_kept(file: Path) -> None:
    os.chown(file, 12345, 54321)
    replace_file(file, OLD, NEW)
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 54321)


def test_a_symbolic_link_stays_one(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.py"
    link.symlink_to(Path("folder") / "code.py")
    assert replace_file(link, OLD, NEW).path == file
    assert link.is_symlink()
    assert file.read_bytes() == NEW


def test_other_hard_links_are_reported(file: Path, tmp_path: Path) -> None:
    os.link(file, tmp_path / "twin.py")
    assert replace_file(file, OLD, NEW).notes == ("1 other hard link(s) keep the old text",)
    assert (tmp_path / "twin.py").read_bytes() == OLD


def test_a_backup_never_covers_an_earlier_one(file: Path) -> None:
    file.chmod(0o750)
    first = replace_file(file, OLD, NEW, backup=True).backup
    second = replace_file(file, NEW, OLD, backup=True).backup
    assert first is not None
    assert second is not None
    assert names(file.parent) == ["code.py", "code.py.orig", "code.py.orig.1"]
    assert (first.read_bytes(), second.read_bytes()) == (OLD, NEW)
    assert stat.S_IMODE(first.stat().st_mode) == 0o750


def test_a_file_that_changed_meanwhile_is_left(file: Path) -> None:
    file.write_bytes(b"edited = 3\n")
    with pytest.raises(NotWritten, match="changed while it was looked at"):
        replace_file(file, OLD, NEW)
    assert file.read_bytes() == b"edited = 3\n"


def test_a_file_that_vanished_is_one_line(file: Path) -> None:
    file.unlink()
    with pytest.raises(NotWritten, match="it is gone"):
        replace_file(file, OLD, NEW)
    assert names(file.parent) == []


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(NotWritten, match="not a regular file"):
        replace_file(tmp_path, b"", NEW)


def in_child(body: str, file: Path) -> subprocess.CompletedProcess[str]:
    """Run ``body`` after imports, in a process of its own that may harm itself."""
    code = (
        "import os, resource, sys\nfrom pathlib import Path\n"
        "from migrator.write import NotWritten, create_file, replace_file\n"
        f"file, OLD, NEW = Path(sys.argv[1]), {OLD!r}, {NEW!r}\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code + body, str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_no_room_leaves_the_old_file_and_no_other(file: Path) -> None:
    # The limit makes write() itself fail, as a full disk does, without a disk to fill.
    done = in_child(
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: replace_file(file, OLD, b'x' * 1_000_000, backup=True)\n"
        "except NotWritten as error: print(error.message)",
        file,
    )
    assert done.stdout == f"{file}: not written: File too large\n", done.stderr
    assert file.read_bytes() == OLD
    assert names(file.parent) == ["code.py"]


def test_a_read_only_folder_is_one_line(file: Path) -> None:
    for folder in [file.parent, *file.parents[1:3]]:
        folder.chmod(0o755)
    file.parent.chmod(0o555)
    file.chmod(0o666)
    done = in_child(
        "if os.geteuid() == 0: os.setresuid(65534, 65534, 65534)\n"
        "try: replace_file(file, OLD, NEW)\n"
        "except NotWritten as error: print(error.message)",
        file,
    )
    file.parent.chmod(0o755)
    assert "its folder cannot be written to" in done.stdout, done.stderr
    assert file.read_bytes() == OLD


def test_killed_at_any_moment_it_is_old_or_new(file: Path) -> None:
    """Kill the writer at each of its system calls that touch the folder."""
    body = (
        "import signal\n"
        "count = int(os.environ['KILL_AT'])\n"
        "def audit(event, args):\n"
        "    global count\n"
        "    if event in ('open', 'os.rename', 'os.link', 'os.remove', 'os.listxattr',\n"
        "                 'os.setxattr', 'os.chmod', 'tempfile.mkstemp'):\n"
        "        count -= 1\n"
        "        if count == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.addaudithook(audit)\n"
        "replace_file(file, OLD, NEW, backup=True)\n"
    )
    litter: list[Path] = []
    for moment in range(1, 50):
        for left in file.parent.iterdir():
            left.unlink()
        file.write_bytes(OLD)
        os.environ["KILL_AT"] = str(moment)
        done = in_child(body, file)
        assert file.read_bytes() in (OLD, NEW)
        litter += [*file.parent.glob(".migrate-*")]
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.returncode == 0, "never got to the end"
    assert moment > 5, "the writer was hardly ever interrupted"
    assert file.read_bytes() == NEW
    assert len(litter) <= 1, "a file in the making has no name but for the instant of its rename"


def test_where_files_need_a_name_it_is_the_same(file: Path) -> None:
    """As on a file system without O_TMPFILE."""
    file.chmod(0o640)
    done = in_child(
        "del os.O_TMPFILE\n"
        "print(replace_file(file, OLD, NEW, backup=True).backup)\n"
        "print(create_file(file.with_name('new.py'), NEW).path)\n",
        file,
    )
    assert done.returncode == 0, done.stderr
    names = {f"{file.name}.orig": OLD, file.name: NEW, "new.py": NEW}
    assert {one.name: one.read_bytes() for one in file.parent.iterdir()} == names
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
