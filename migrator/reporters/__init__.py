"""Output formats. Each module has ``render(report, stage) -> lines``; it prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrator.findings import Report

FORMATS = (
    "full",
    "concise",
    "json",
    "jsonl",
    "sarif",
    "github",
    "gitlab",
    "junit",
    "markdown",
    "html",
)

held: dict[str, bytes] = {}  # what stdin held, by the name it goes by: no file holds it (yet)


def printable(text: str) -> str:
    """Text for a line of output: no control characters, no bytes that are no characters."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode()
        for one in text
    )


def placed(path: str) -> str:
    """A path from here, where CI systems look for it, when it lies below."""
    import os

    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative


def source_lines(path: str) -> list[str]:
    """The lines of a file for an excerpt; none when it cannot be read (any more)."""
    import re

    from migrator import sources
    from migrator.findings import Unread

    data = held[path] if path in held else sources.read(path)
    if isinstance(data, Unread):
        return []
    try:
        return re.split(r"\r\n|\r|\n", sources.decode(data))
    except (UnicodeError, LookupError):
        return re.split(r"\r\n|\r|\n", data.decode("utf-8", "replace"))


def counted(number: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def summary(report: Report) -> str:
    """One line that says how much was found and how much was looked at."""
    files = len({finding.path for finding in report.findings})
    parts = [
        f"{counted(len(report.findings), 'finding')} in {counted(files, 'file')} of {report.files}"
    ]
    if report.known:
        parts.append(f"{report.known} more in the baseline")
    if report.gone:
        parts.append(f"{report.gone} of the baseline gone (--update-baseline notes it)")
    if report.suppressed:
        parts.append(f"{report.suppressed} suppressed")
    if report.unread:
        parts.append(f"{counted(len(report.unread), 'file')} could not be read")
    return "; ".join(parts) + "."
