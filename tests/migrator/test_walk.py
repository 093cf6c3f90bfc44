"""Many folders are listed by several processes: the same files, in the same order."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from migrator import walk
from migrator.findings import Unread

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("a", "b.c", "d", "é", "z")


def test_shared_out_or_not(tmp_path: Path) -> None:
    for parts in product(NAMES, repeat=4):
        folder = tmp_path.joinpath(*parts)
        folder.mkdir(parents=True)
        (folder / "code.py").touch()
        (folder.parent / "run.sh").touch()
    (tmp_path / ".gitignore").write_text("d/\n")
    (tmp_path / ".git").mkdir()
    (tmp_path / "a" / "z" / ".gitignore").write_text("code.py\n!/b.c/*/code.py\n")
    (tmp_path / "z" / "a" / "pyvenv.cfg").touch()
    (tmp_path / "é" / "a" / "loop").symlink_to(tmp_path / "é")

    alone = list(walk.find([str(tmp_path)], processes=1))
    assert list(walk.find([str(tmp_path)], processes=3)) == alone
    paths = [one.path for one in alone]
    assert not any(isinstance(one, Unread) for one in alone)
    # No d at any level, no z/a, and of a/z only what lies in its b.c.
    assert sum(path.endswith("code.py") for path in paths) == 4**4 - 4**2 - (4**2 - 4)
