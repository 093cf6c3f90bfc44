"""Bytes of one file -> findings. Pure: no file is opened here, libcst is never imported."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from migrator import configured, names, needles, patterns, quoted, rules
from migrator.findings import Finding, Span, Unread
from migrator.segments import Segments, lines_of
from migrator.sources import decode, encoding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from migrator.findings import Kind
    from migrator.names import Exports, Use

_ANY_NEEDLE = re.compile(b"|".join(needles.NEEDLES))
_UNNAMED_WORDS = tuple({*patterns.WORDS, *configured.WORDS, *quoted.WORDS})
_DEPTH = 50_000  # nested nodes; Python 3.11 counts them against the recursion limit
_LARGEST = 16 * 2**20  # bytes; the tree or the lines of a larger file need too much memory
# Encodings in which ASCII text is not ASCII bytes: a byte test says nothing there.
_OPAQUE = ("utf-7", "utf-16", "utf-32", "utf_7", "utf_16", "utf_32", "cp037", "rot")


@dataclass(frozen=True, slots=True)
class Facts:
    """What one file says: findings, what it re-exports, what it imports, or why not."""

    findings: tuple[Finding, ...] = ()
    exports: Mapping[str, str] = field(default_factory=dict)
    imports: frozenset[str] = frozenset()
    unread: Unread | None = None


def only_comments(data: bytes) -> bool:
    """Whether those words stand in comments only, as they do in many files; cheap.

    A # after a quote may be text, so only what cannot be anything else counts.
    """
    for match in _ANY_NEEDLE.finditer(data):
        before = data[data.rfind(b"\n", 0, match.start()) + 1 : match.start()]
        code, mark, _ = before.partition(b"#")
        if not mark or b'"' in code or b"'" in code or b"\r" in before:
            return False
    return True


def broken(data: bytes, path: str) -> Unread | None:
    """Why a file is not Python source at all; cheap, for files that do not matter."""
    if b"\0" in data:
        return Unread(path, "has a NUL byte: not Python source")
    if data.isascii():
        return None
    try:
        data.decode()
    except UnicodeDecodeError:
        text = _text(data, path)
        return text if isinstance(text, Unread) else None
    return None


def is_opaque(data: bytes) -> bool:
    """Whether the encoding hides ASCII words from a byte test."""
    if b"coding" not in data[:400]:
        return False
    try:
        return encoding(data).startswith(_OPAQUE)
    except LookupError:
        return True


def scan_python(
    data: bytes,
    path: str,
    module: str,
    *,
    package: bool = False,
    exports: Exports | None = None,
    mentions: bool = False,
) -> Facts:
    """Everything that a Python file says.

    ``module`` and ``package`` are as in ``sources.module_name``; ``exports`` are the
    project's own re-exports that the file can see.
    """
    parsed = parse(data, path)
    if isinstance(parsed, Unread):
        return Facts(unread=parsed)
    tree, text = parsed
    source = Segments(text)
    try:
        found = names.resolve(tree, module, package=package, exports=exports, source=source)
    except RecursionError:
        return Facts(unread=Unread(path, "nested too deeply to follow its names"))
    findings = to_findings([*found.uses, *unnamed_uses(tree, source)], text, path)
    if mentions:
        findings += _mentions(text, path, {one.span.line for one in findings})
        findings.sort(key=lambda finding: finding.order)
    return Facts(tuple(findings), found.exports, found.imports)


def unnamed_uses(tree: ast.Module, source: Segments) -> list[Use]:
    """Uses that no import leads to: patterns, settings that choose Eventlet, code in strings."""
    nodes = list(source.nodes(tree, _UNNAMED_WORDS))
    return [*patterns.find(nodes), *configured.find(nodes), *quoted.find(nodes)]


def to_findings(uses: Iterable[Use], text: str, path: str) -> list[Finding]:
    """Name the rule of every use of a file; in order, each once."""
    kept = _without_doubles(set(findings_by_use(uses, text, path).values()))
    # Two may start at one place; a set would show them in another order each time.
    return sorted(kept, key=lambda one: (one.order, one.span, one.api, one.kind))


def findings_by_use(uses: Iterable[Use], text: str, path: str) -> dict[Use, Finding]:
    """The finding of each use that a rule knows."""
    lines = () if text.isascii() else lines_of(text)
    return {use: found for use in uses if (found := _finding(use, lines, path))}


def scan_text(data: bytes, path: str) -> Facts:
    """Everything that a file of another kind says."""
    if b"\0" in data:
        return Facts(unread=Unread(path, "has a NUL byte: not text"))
    if len(data) > _LARGEST:
        return Facts(unread=_too_large(data, path, "to look at line by line"))
    from migrator import deployment  # its patterns cost a twentieth of a small project's scan

    text = data.decode("utf-8-sig", errors="replace")
    findings = []
    for api, line, start, end in deployment.find(text, path):
        kind: Kind = "dependency" if api.startswith("dependency:") else "config"
        kind = kind if ":" in api else "string"
        finding = _make(api, kind, Span(line, start, line, end), path, None)
        if finding:
            findings.append(finding)
    return Facts(tuple(findings))


def _too_large(data: bytes, path: str, what: str) -> Unread:
    return Unread(path, f"too large {what} ({len(data) >> 20} MB, limit {_LARGEST >> 20})")


def parse(data: bytes, path: str) -> tuple[ast.Module, str] | Unread:
    """The tree and the text of a file, or why it is unread (one line)."""
    if len(data) > _LARGEST:
        return _too_large(data, path, "to parse")
    text = _text(data, path)
    if isinstance(text, Unread):
        return text
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _DEPTH))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes are not ours to report
            return ast.parse(text), text
    except SyntaxError as error:
        # It may be newer than the Python that runs us: then that one is to run us.
        read_as = f"read as Python {sys.version_info.major}.{sys.version_info.minor}"
        return Unread(path, f"syntax error at line {error.lineno}: {error.msg} ({read_as})")
    except (ValueError, RecursionError, MemoryError) as error:
        return Unread(path, f"cannot be parsed: {str(error) or type(error).__name__}")
    finally:
        sys.setrecursionlimit(limit)


def _text(data: bytes, path: str) -> str | Unread:
    if b"\0" in data:
        return Unread(path, "has a NUL byte: not Python source")
    try:
        return decode(data)
    except UnicodeDecodeError as error:
        return Unread(path, f"not {error.encoding}: bad byte at offset {error.start}")
    except (UnicodeError, LookupError) as error:
        return Unread(path, f"cannot be decoded: {error}")


def _finding(use: Use, lines: Sequence[str], path: str) -> Finding | None:
    node = use.node
    start, end = node.lineno, node.end_lineno  # type: ignore[attr-defined]
    span = Span(
        start,
        _column(lines, start, node.col_offset),  # type: ignore[attr-defined]
        end,
        _column(lines, end, node.end_col_offset),  # type: ignore[attr-defined]
    )
    return _make(use.api, use.kind, span, path, use)


def _make(api: str, kind: Kind, span: Span, path: str, use: Use | None) -> Finding | None:
    rule = rules.find(api)
    if rule is None:
        return None
    shown = api.partition(":")[2] or api
    bridge = rule.advice(use, "bridge") if use else rule.bridge
    asyncio = rule.advice(use, "asyncio") if use else rule.asyncio
    message = rule.message(shown, kind)
    return Finding(path, span, rule.code, shown, kind, message, bridge, asyncio)


def _column(lines: Sequence[str], number: int, offset: int) -> int:
    """From ``ast``'s offset in UTF-8 bytes to a character's number.

    ``lines`` are needed where not all of the text is ASCII.
    """
    if not lines or lines[number - 1].isascii():
        return offset + 1
    return len(lines[number - 1].encode()[:offset].decode(errors="replace")) + 1


def _without_doubles(findings: Collection[Finding]) -> list[Finding]:
    """One string may be a name and a setting: what says more about it stays."""
    settings = {finding.span for finding in findings if finding.kind == "config"}
    return [one for one in findings if one.kind != "string" or one.span not in settings]


def _mentions(text: str, path: str, known: set[int]) -> Iterator[Finding]:
    """Lines that speak of Eventlet without using it."""
    for number, line in enumerate(lines_of(text), 1):
        start = line.lower().find("eventlet")
        if start >= 0 and number not in known:
            span = Span(number, start + 1, number, start + 9)
            found = _make("mention:eventlet", "mention", span, path, None)
            if found:
                yield found
