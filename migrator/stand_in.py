"""The module that ``--bridge-as NAME`` writes into a project with a ``bridge`` of its own.

It makes ``NAME`` a package over the folder of our ``bridge``, found by a file that no
other package of that name has. Nothing in there says ``import bridge``, so the project's
own ``bridge`` is never asked.
"""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING

from inspector.errors import UsageError
from migrator.clash import import_roots
from migrator.rewrite import Result

if TYPE_CHECKING:
    from collections.abc import Iterable

_TEXT = '''\
"""Eventlet-migrate's `bridge` package, under a name that this project does not use.

Written by `migrate apply --bridge-as {name}`. It goes when the migration is done.
"""

import os
import sys
from importlib import metadata


def _folder():
    places = [os.path.join(entry, "bridge") for entry in sys.path]
    try:
        places.insert(0, str(metadata.distribution("eventlet-migrate").locate_file("bridge")))
    except metadata.PackageNotFoundError:
        pass  # a checkout on the path
    for place in places:
        if os.path.isfile(os.path.join(place, "debug", "deferred.py")):
            return place
    raise ImportError("eventlet-migrate is not installed: pip install eventlet-migrate")


__path__ = [_folder()]
'''


def check_name(name: str) -> None:
    """Raise UsageError unless ``name`` can be imported and is not one of ours."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(
            f"--bridge-as: {name!r} is no module name", "for instance: --bridge-as eventlet_bridge"
        )
    if name in ("bridge", "inspector", "migrator", "eventlet"):
        raise UsageError(f"--bridge-as: {name} is taken", "choose a name that nothing else has")


def stand_ins(name: str, changed: Iterable[Result]) -> tuple[Result, ...]:
    """The modules to write, one for each folder that the changed files are imported from.

    Raises UsageError when another module has the name already.
    """
    text = _TEXT.format(name=name).encode()
    modules = []
    for root in sorted({import_roots(result.path)[0] for result in changed}):
        path = root / f"{name}.py"
        if (root / name).exists() or (path.exists() and path.read_bytes() != text):
            raise UsageError(
                f"{path.with_suffix('')} exists already and is something else",
                "choose another name for --bridge-as",
            )
        if not path.exists():
            modules.append(Result(str(path), b"", text, ()))
    return tuple(modules)
