"""The values that travel from the scanner to reporters, the baseline and the rewriter.

A ``Finding`` is one place that uses Eventlet: where it is, which API it resolves to and,
for each stage of the migration, what becomes of it (``Advice``). Positions follow the
contract of ``migrate scan --format json``: lines and columns are 1-based, columns count
characters, and the end is exclusive.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from inspector.record import Record

Kind: TypeAlias = Literal[
    "import", "call", "reference", "store", "string", "config", "dependency", "pattern", "mention"
]
Stage: TypeAlias = Literal["bridge", "asyncio"]
Applicability: TypeAlias = Literal["safe", "unsafe", "manual"]

STAGES: tuple[Stage, ...] = ("bridge", "asyncio")


class Advice(Record):
    """What becomes of a finding at one stage.

    ``replacement`` is the text that stands there afterwards ("" means: it goes), or None
    when nothing can be named. ``reason`` says why it is not safe; None only when safe.
    """

    applicability: Applicability
    replacement: str | None
    reason: str | None = None


class Span(Record):
    """A stretch of source: 1-based lines and character columns, the end exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class Finding(Record):
    """One use of Eventlet. ``api`` is the resolved dotted name, whatever the alias was."""

    path: str
    span: Span
    code: str
    api: str
    kind: Kind
    message: str
    bridge: Advice
    asyncio: Advice

    def advice(self, stage: Stage) -> Advice:
        """What becomes of it at ``stage``."""
        return self.bridge if stage == "bridge" else self.asyncio

    @property
    def order(self) -> tuple[str, int, int, str]:
        """The order in which findings are reported."""
        return (self.path, self.span.line, self.span.column, self.code)


class Unread(Record):
    """A file that could not be read or parsed, and why, in one line."""

    path: str
    reason: str


class Unused(Record):
    """A suppression comment that hides nothing, and why, in one line."""

    path: str
    line: int
    message: str


class Report(Record):
    """The result of one scan, in the order of the paths.

    ``files`` were looked at; ``suppressed`` findings are hidden by comments, ``known`` ones
    by the baseline, which counts ``gone`` more that are no longer there; ``unused`` are
    comments that hide nothing.
    """

    findings: tuple[Finding, ...]
    unread: tuple[Unread, ...]
    files: int
    suppressed: int = 0
    known: int = 0
    gone: int = 0
    unused: tuple[Unused, ...] = ()
