"""What ``migrate run`` puts in front of a program: birth records, then business as usual.

The folder of this file is first on PYTHONPATH, so every Python that the program starts
comes by here. The program's own ``sitecustomize`` still runs. Whatever goes wrong here
costs the records, never the program.
"""

from __future__ import annotations

import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - no pathlib at start


def _track() -> None:
    path = os.path.join(os.path.dirname(_HERE), "tracking.py")  # noqa: PTH118, PTH120
    spec = importlib.util.spec_from_file_location("_eventlet_migrate_tracking", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.install()
    sys.modules[spec.name] = module


def _run_the_next_one() -> None:
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != _HERE]  # noqa: PTH100
    ours = sys.modules.pop("sitecustomize", None)
    try:
        __import__("sitecustomize")  # the one that this file stands before
    except ModuleNotFoundError as error:
        if error.name != "sitecustomize":
            raise
        if ours is not None:
            sys.modules["sitecustomize"] = ours


if os.environ.get("EVENTLET_MIGRATE_TRACK") == "1":
    try:
        _track()
    except Exception as error:  # noqa: BLE001 - the program matters more
        sys.stderr.write(f"migrate run: no birth records: {error!r}\n")
_run_the_next_one()
