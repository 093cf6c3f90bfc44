"""Cases for rules: a source whose comments say what is found on their line.

``# EVT401 eventlet.spawn`` is a finding of that code and API; several are separated by
``;``. A line without such a comment has none. ``#`` comments of other kinds are plain.
"""

from __future__ import annotations

import re
from textwrap import dedent
from typing import TYPE_CHECKING

from migrator import scan

if TYPE_CHECKING:
    from migrator.findings import Finding

_EXPECTED = re.compile(r"# (EVT\d\d\d .*)$")


def findings(source: str, name: str = "module.py") -> list[Finding]:
    """What is found in a source, which has to be readable."""
    data = dedent(source).encode()
    if name.endswith(".py"):
        facts = scan.scan_python(data, name, name.removesuffix(".py"))
    else:
        facts = scan.scan_text(data, name)
    assert facts.unread is None
    return list(facts.findings)


def check(source: str, name: str = "module.py") -> None:
    """Compare what is found with what the comments say."""
    expected = [
        (number, *one.strip().split(" ", 1))
        for number, line in enumerate(dedent(source).splitlines(), 1)
        if (match := _EXPECTED.search(line))
        for one in match.group(1).split(";")
    ]
    found = [(one.span.line, one.code, one.api) for one in findings(source, name)]
    assert sorted(found) == sorted(expected)
    for one in findings(source, name):
        for advice in (one.bridge, one.asyncio):
            assert (advice.reason is None) == (advice.applicability == "safe"), one
