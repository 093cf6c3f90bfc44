"""What is known already: counts per file and rule, so that only new findings fail.

A file that merges well: one line a file and code, sorted, paths relative to the baseline's
folder. Counts, not lines, since lines move with every edit. More findings than counted
shows all of that file and code; fewer is progress, and ``--update-baseline`` notes it.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector.errors import UsageError
from migrator import sources, walk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrator.findings import Finding, Report
    from migrator.project import Options

FORMAT = "eventlet-migrate/baseline"
VERSION = 1

Counts = dict[tuple[str, str], int]


def load(file: Path, *, missing_ok: bool = False) -> Counts:
    """Counts by path and code; raises UsageError when the file is missing or makes no sense."""
    import json

    try:
        text = file.read_text(encoding="utf-8")
        document = json.loads(text, object_pairs_hook=_once)
    except FileNotFoundError:
        if missing_ok:
            return {}
        raise UsageError(
            f"there is no baseline {file}", "make one with --update-baseline"
        ) from None
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}", "name a baseline that can be read") from None
    except (ValueError, RecursionError) as error:
        raise _corrupt(file, str(error)) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise _corrupt(file, f"its format is not {FORMAT}")
    if document.get("format_version") != VERSION:
        raise _corrupt(file, f"its version is not {VERSION}")
    counts: Counts = {}
    files = document.get("files")
    if not isinstance(files, dict):
        raise _corrupt(file, "it has no files")
    for path, codes in files.items():
        if not isinstance(codes, dict):
            raise _corrupt(file, f"{path!r} has no counts")
        for code, count in codes.items():
            if type(count) is not int or count < 1:
                raise _corrupt(file, f"{path!r} {code} is not a count")
            counts[path, code] = count
    return counts


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """What a key names, which merging both sides of a conflict may have written twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, number in Counter(key for key, _ in pairs).items() if number > 1)
        raise ValueError(f"{twice!r} stands there twice")
    return found


def _corrupt(file: Path, why: str) -> UsageError:
    return UsageError(
        f"the baseline {file} is corrupt: {why}",
        "restore it from version control, or delete it and run --update-baseline",
    )


def save(file: Path, counts: Counts) -> None:
    """Write the counts, whole or not at all."""
    import json

    files: dict[str, dict[str, int]] = {}
    for (path, code), count in sorted(counts.items()):
        files.setdefault(path, {})[code] = count
    document = {"format": FORMAT, "format_version": VERSION, "files": files}
    scratch = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        scratch.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        scratch.replace(file)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise UsageError(f"{file}: {error.strerror}", "name a file that can be written") from None


def count(findings: Iterable[Finding], file: Path) -> Counts:
    """Counts of findings, with paths as the baseline ``file`` has them."""
    return Counter((relative(one.path, file), one.code) for one in findings)


def relative(path: str, file: Path) -> str:
    """A path as the baseline ``file`` has it."""
    place, home = sources.real(path), Path(sources.real(str(file))).parent
    return os.path.relpath(place, home).replace(os.sep, "/")


def apply(
    report: Report, known: Counts, file: Path, scanned: Iterable[str], options: Options
) -> Report:
    """Leave out what is known, and count what is known but gone; arguments as of `update`."""
    now = count(report.findings, file)
    new = tuple(
        one
        for one in report.findings
        if now[place := (relative(one.path, file), one.code)] > known.get(place, 0)
    )
    gone = Counter(known) - Counter(update(report, known, file, scanned, options))
    return report._replace(findings=new, known=len(report.findings) - len(new), gone=gone.total())


def update(
    report: Report, known: Counts, file: Path, scanned: Iterable[str], options: Options
) -> Counts:
    """The counts of now, and of what this run did not look at.

    ``scanned`` are the paths given; what lies below them and is not unread, or in a folder
    that is, nor left out by ``options.exclude``, was looked at. Files that are gone go from the
    baseline, too.
    """
    excluded = options.excluded
    home = Path.cwd() / file.parent

    def is_looked_at(path: str, code: str) -> bool:
        place = os.path.normpath(home / path)
        if code not in options.codes or not _is_below(path, below):
            return False
        is_named = path in below and not options.force_exclude
        return is_named or not (excluded and excluded.match(place, folder=False))

    unread = {relative(one.path, file) for one in report.unread}
    below = [
        relative(one, file) for path in scanned for one in walk.expand(path) if isinstance(one, str)
    ]
    kept = {
        (path, code): number
        for (path, code), number in known.items()
        if _is_below(path, unread) or (_exists(file.parent / path) and not is_looked_at(path, code))
    }
    return {**kept, **count(report.findings, file)}


def _exists(file: Path) -> bool:
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        pass  # it may be there
    return True


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path == one or one == "." or path.startswith(f"{one}/") for one in folders)
