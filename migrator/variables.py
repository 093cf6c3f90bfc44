"""Environment variables of Eventlet, or that turn it on, in files that are not Python."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# EVENTLET_HUB; X_TEST_EVENTLET. Not between backticks or brackets, as in prose.
_NAME = re.compile(
    r"(?<!`)(?<!(?<!\$)\()\b(?:([A-Z0-9_]*EVENTLET_[A-Z0-9_]+)|([A-Z0-9_]+_EVENTLET))\b"
)
# What stands around a name that is no word of a sentence: it is set,
_SET = re.compile(r"[\"']?\s*(?:[:+?]?=(?!=)|:(?:\s|$|[-?=+]))")
# asked for by a mark or a command,
_ASKED = re.compile(
    r"(?:\$\{?|\$\(|%|\benv[.:]|\b(?:ENV|environ)\[[\"']|\{\{\s*|"
    r"(?:^|\s)(?:-e|--env|-x|-v|ENV|ARG|unset|printenv|setenv|ifn?def)\s+[\"']?)$"
)
_EXPORTED = re.compile(r"(?:^|[\s;&])export\s+$")
_END = re.compile(r"\s*(?:[;&|]|$)")
# or a value, or one of a list of such names.
_BEFORE = re.compile(r"(?:^|[\[({,:=]|-\s)\s*[\"']?$")
_AFTER = re.compile(r"[\"']?\s*(?:[\])},]|$)")
_NAMES = re.compile(r"[\s\-\w.]*[:=]?[\"'\s]*(?:[A-Z0-9_*]+(?:\s*,\s*|\s+|$))+")


def find(line: str, *, prose: bool) -> Iterator[tuple[str, int, int]]:
    """The variables that a line names: (name, start, end).

    In files that may hold ``prose``, only where they can be nothing else.
    """
    for match in _NAME.finditer(line):
        if (match[1] and not prose) or _is_meant(line, *match.span()):
            yield match[0], *match.span()


def _is_meant(line: str, start: int, end: int) -> bool:
    before = line[:start]
    return bool(
        _SET.match(line, end)
        or _ASKED.search(before)
        or (_EXPORTED.search(before) and _END.match(line, end))
        or (_BEFORE.search(before) and _AFTER.match(line, end))
        or _NAMES.fullmatch(line)
    )
