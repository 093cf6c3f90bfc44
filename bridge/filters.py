"""``--filter name=load*,waits~lock|queue``: which units a table shows."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import TYPE_CHECKING

from bridge import words
from inspector.errors import UsageError, meant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from inspector.snapshot import Unit

    Test = Callable[[Unit], bool]


def _files(unit: Unit) -> Iterable[str]:
    """Each frame's file, whole and by its last parts, as a person would name it."""
    for file in {frame.file for frame in unit.stack}:
        yield file
        for place, character in enumerate(file):
            if character == "/":
                yield file[place + 1 :]


# What each key compares; any one of the texts may match.
_TEXTS: dict[str, Callable[[Unit], Iterable[str]]] = {
    "name": lambda unit: (unit.name,),
    "kind": lambda unit: (words.KINDS[unit.kind], unit.kind),
    "waits": lambda unit: (unit.wait.on if unit.wait else "", words.state(unit)),
    "file": _files,
    "state": lambda unit: (unit.state,),
    "type": lambda unit: (unit.type,),
    "function": lambda unit: (frame.function for frame in unit.stack),
    "tid": lambda unit: (str(unit.tid),),
}


def parse(expressions: Sequence[str]) -> Test:
    """The test that all ``expressions`` together make.

    Each is ``key=GLOB``, ``key~REGEX`` or ``key=/REGEX/``, several parted by commas; a glob
    matches the whole text, a regular expression any part. Raises UsageError.
    """
    tests = [
        _test(part)
        for expression in expressions
        for part in re.split(r",(?=\s*\w+\s*[=~])", expression)
    ]
    return lambda unit: all(test(unit) for test in tests)


def _test(part: str) -> Test:
    match = re.fullmatch(r"\s*(\w+)\s*([=~])(.*)", part, re.DOTALL)
    if match is None:
        raise UsageError(
            f"--filter {part!r} is not KEY=GLOB or KEY~REGEX", f"keys are: {', '.join(_TEXTS)}"
        )
    key, operator, pattern = match.groups()
    if key not in _TEXTS:
        raise UsageError(f"--filter knows no key {key!r}", meant(key, _TEXTS))
    if operator == "=" and len(pattern) > 1 and pattern[0] == pattern[-1] == "/":
        operator, pattern = "~", pattern[1:-1]
    try:
        matches = (
            re.compile(translate(pattern)).match if operator == "=" else re.compile(pattern).search
        )
    except re.error as error:
        raise UsageError(f"--filter {part!r} is not a regular expression: {error}") from error
    texts = _TEXTS[key]
    return lambda unit: any(matches(text) for text in texts(unit))
