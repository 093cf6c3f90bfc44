"""Bytes of one file -> findings. Pure: no file is opened here, libcst is never imported."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from typing import TYPE_CHECKING

from migrator import names, rules
from migrator.findings import Finding, Span, Unread
from migrator.sources import decode

if TYPE_CHECKING:
    from migrator.names import Exports, Names, Use

_NEEDLES = re.compile(rb"eventlet|greenlet|GreenThread|gr_frame")
_LINES = re.compile(r"\r\n|\r|\n")  # as Python's tokenizer sees them: no form feeds
_DEPTH = 20_000  # nested nodes; Python 3.11 counts them against the recursion limit


def scan(
    data: bytes, path: str, module: str, *, package: bool = False, exports: Exports | None = None
) -> list[Finding] | Unread:
    """Find the uses of Eventlet in a file's ``data``, in order, or say why it is unread."""
    if not exports and not _NEEDLES.search(data):
        return []
    parsed = parse(data, path)
    if isinstance(parsed, Unread):
        return parsed
    tree, text = parsed
    found = names.resolve(tree, module, package=package, exports=exports)
    return to_findings(found, text, path)


def parse(data: bytes, path: str) -> tuple[ast.Module, str] | Unread:
    """The tree and the text of a file, or why it is unread (one line)."""
    if b"\0" in data:
        return Unread(path, "has a NUL byte: not Python source")
    try:
        text = decode(data)
    except UnicodeDecodeError as error:
        return Unread(path, f"not {error.encoding}: bad byte at offset {error.start}")
    except LookupError as error:
        return Unread(path, str(error))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _DEPTH))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes are not ours to report
            return ast.parse(text), text
    except SyntaxError as error:
        return Unread(path, f"syntax error at line {error.lineno}: {error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        return Unread(path, f"cannot be parsed: {str(error) or type(error).__name__}")
    finally:
        sys.setrecursionlimit(limit)


def to_findings(found: Names, text: str, path: str) -> list[Finding]:
    """Name the rule of every use; positions become characters, counted from 1."""
    lines: list[str] = []
    findings = []
    for use in found.uses:
        rule = rules.find(use.api)
        if rule is None:
            continue
        lines = lines or _LINES.split(text)
        findings.append(
            Finding(
                path,
                _span(use, lines),
                rule.code,
                use.api,
                use.kind,
                rule.message(use.api, use.kind),
                rule.advice(use, "bridge"),
                rule.advice(use, "asyncio"),
            )
        )
    return sorted(set(findings), key=lambda finding: finding.order)


def _span(use: Use, lines: list[str]) -> Span:
    node = use.node
    start, end = node.lineno, node.end_lineno  # type: ignore[attr-defined]
    return Span(
        start,
        _column(lines[start - 1], node.col_offset),  # type: ignore[attr-defined]
        end,
        _column(lines[end - 1], node.end_col_offset),  # type: ignore[attr-defined]
    )


def _column(line: str, offset: int) -> int:
    """From ``ast``'s offset in UTF-8 bytes to a character's number."""
    if line.isascii():
        return offset + 1
    return len(line.encode()[:offset].decode(errors="replace")) + 1
