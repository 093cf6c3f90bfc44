"""What an earlier run found in the very same files. Never changes a result.

Most runs follow one that saw the same: in CI, in a hook, with another format. To read all
files and compare what they hold takes a small part of what it takes to follow re-exports
through them. One JSON file a question (which files, asked for what), the newest few of
them; one that cannot be read, or makes no sense, is as good as none.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple

from migrator import facades, sources
from migrator.cache import fingerprint, pack, read, unpack, write
from migrator.findings import Unread
from migrator.suppressions import Suppression

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from migrator.scan import Facts
    from migrator.sources import Source

_PREFIX = "run-"
_KEPT = 8
_BROKEN = (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError)


class Told(NamedTuple):
    """What one file says; most say nothing."""

    place: int  # among the files
    facts: Facts
    ignores: tuple[Suppression, ...]


class Run(NamedTuple):
    """What was found in some files, what they re-export (`Facades.record`), and what might hide it.

    ``beside`` tells of places that no list of files does whether there is a module.
    """

    told: tuple[Told, ...]
    facades: Mapping[str, Mapping[str, Mapping[str, str]]]
    beside: Mapping[str, bool]


def question(tool: str, asked: str, listed: Sequence[Source]) -> str:
    """A name for a run: all that its result hangs on but what the files hold.

    ``tool`` is as in `cache.tool`, ``asked`` are the options that matter.
    """
    # What a module is called hangs on folders above it, too.
    folders = sorted({os.path.dirname(one.path) for one in listed})
    packages = [sources.module_name(os.path.join(folder, "__init__.py"))[0] for folder in folders]
    parts = [tool, asked, os.getcwd(), *packages]
    parts += [f"{one.python}{one.named}{one.path}" for one in listed]
    return fingerprint("\0".join(parts).encode("utf-8", "surrogatepass"))


def held(data: bytes | Unread) -> str:
    """What stands for what a file holds, or for why it was not read."""
    return data.reason if isinstance(data, Unread) else fingerprint(data)


def content(files: Iterable[str]) -> str:
    """What stands for what all the files of a run hold (`held`)."""
    return fingerprint("\n".join(files).encode())


def is_known(folder: Path, name: str) -> bool:
    """Whether there was a run of that name: then it is worth to compare what files hold."""
    return os.path.exists(folder / f"{_PREFIX}{name}.json")


def recall(folder: Path, name: str, now: str, listed: Sequence[Source]) -> Run | None:
    """The run of that name, when the files held what they hold ``now`` (`content`); else None."""
    with contextlib.suppress(*_BROKEN):
        stored = read(folder, f"{_PREFIX}{name}.json")
        beside = dict(stored["beside"])
        if stored["content"] != now or any(
            facades.is_module(place) != there for place, there in beside.items()
        ):
            return None
        told = [
            Told(place, unpack(facts, listed[place].path), tuple(map(_suppression, ignores)))
            for place, facts, ignores in stored["told"]
        ]
        given = {
            module: {root: dict(names) for root, names in roots.items()}
            for module, roots in stored["facades"].items()
        }
        return Run(tuple(told), given, beside)
    return None


def remember(folder: Path, name: str, now: str, run: Run) -> None:
    """Keep a run, and what the files hold; the oldest goes."""
    told = [(one.place, pack(one.facts), one.ignores) for one in run.told]
    document = {"content": now, "told": told, "facades": run.facades, "beside": run.beside}
    write(folder, f"{_PREFIX}{name}.json", document)
    with contextlib.suppress(OSError):
        kept = [
            entry
            for entry in os.scandir(folder)
            if entry.name.startswith(_PREFIX) and entry.is_file()
        ]
        kept.sort(key=lambda entry: entry.stat().st_mtime_ns)
        for old in kept[:-_KEPT]:
            os.unlink(old.path)


def _suppression(stored: tuple[int, int, int, list[str] | None, str]) -> Suppression:
    at, first, last, codes, reason = stored
    return Suppression(at, first, last, None if codes is None else tuple(codes), reason)
