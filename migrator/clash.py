"""``bridge`` is a common name: see whether the code base has, or gets, another one.

The rewritten code says ``import bridge``. Which one that finds is decided by the code
base and by what is installed beside it, so both are looked at before anything is written.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Our packages, each with a module that no other package of that name has.
_PACKAGES = {
    "bridge": "graph.py",
    "inspector": "snapshot.py",
    "migrator": "commands/__init__.py",
}
_ENVIRONMENTS = (".venv", "venv", "env", ".tox")
_OURS = Path(__file__).resolve().parents[1]


def refuse_clash(paths: Iterable[str | Path]) -> None:
    """Raise UsageError when a top-level name of this project means something else there."""
    for root in sorted({root for path in paths for root in import_roots(path)}):
        for place in (root, *_installed(root)):
            for name, ours in _PACKAGES.items():
                other = _module(place, name)
                if other is not None and not (other / ours).exists():
                    raise UsageError(
                        f"{other} and {_OURS / name} both answer to `import {name}`",
                        "pass --bridge-as NAME: rewritten code then imports NAME, a module "
                        "that is written into the project",
                    )


def import_roots(path: str | Path) -> list[Path]:
    """Folders from which ``path`` may be imported: that above its packages, its repository's."""
    folder = Path(path).resolve()
    folder = folder if folder.is_dir() else folder.parent
    while (folder / "__init__.py").exists() and folder.parent != folder:
        folder = folder.parent
    roots = [folder]
    for above in (folder, *folder.parents):
        if any((above / mark).exists() for mark in (".git", "pyproject.toml", "setup.py")):
            roots += [above, above / "src"]
            break
    return roots


def _installed(root: Path) -> Iterator[Path]:
    """What is installed beside the code: in environments of the project, and in this one."""
    for name in _ENVIRONMENTS:
        yield from root.glob(f"{name}/lib/python3*/site-packages")
        yield from root.glob(f"{name}/*/lib/python3*/site-packages")
    own = os.path.realpath(_OURS)
    for entry in sys.path:
        if entry and os.path.realpath(entry) != own and "site-packages" in entry:
            yield Path(entry)


def _module(folder: Path, name: str) -> Path | None:
    """The module or package ``name`` in ``folder``; a folder without Python in it is neither."""
    if (folder / f"{name}.py").is_file():
        return folder / f"{name}.py"
    package = folder / name
    if package.is_dir() and (
        (package / "__init__.py").exists() or next(package.glob("*.py"), None) is not None
    ):
        return package
    return None
