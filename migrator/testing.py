r"""Check rewrites in tests, of this project's rules and of your own.

    from migrator.testing import assert_rewrite, assert_untouched

    assert_rewrite(
        "from eventlet import debug\ndebug.unspew()\n",
        "import sys\n\nsys.settrace(None)\n",
        to="asyncio",
    )
    assert_untouched("from myproject import debug\ndebug.unspew()\n")

Both run everything twice: a rewrite that changes its own result is a failure. They raise
AssertionError with a diff.
"""

from __future__ import annotations

import difflib
from textwrap import dedent
from typing import TYPE_CHECKING

from migrator.findings import Unread
from migrator.rewrite import Module, Options, Result, rewrite

if TYPE_CHECKING:
    from migrator.findings import Stage


def assert_rewrite(
    before: str | bytes,
    after: str | bytes,
    *,
    to: Stage = "bridge",
    unsafe: bool = False,
    path: str = "example.py",
) -> Result:
    """Assert that ``before`` becomes ``after`` and stays it. Common indentation is ignored."""
    old, expected = _bytes(before), _bytes(after)
    result = _rewritten(old, path, to, unsafe)
    assert result.new == expected, _difference(expected, result.new)
    again = _rewritten(result.new, path, to, unsafe)
    assert not again.changed, "the second run: " + _difference(result.new, again.new)
    return result


def assert_untouched(
    source: str | bytes,
    *,
    to: Stage = "bridge",
    unsafe: bool = False,
    reason: str | None = None,
    path: str = "example.py",
) -> Result:
    """Assert that nothing changes, and with ``reason`` that some finding was left for it."""
    old = _bytes(source)
    result = _rewritten(old, path, to, unsafe)
    assert not result.changed, _difference(old, result.new)
    reasons = [outcome.reason or "" for outcome in result.outcomes]
    assert reason is None or any(reason in one for one in reasons), reasons
    return result


def _rewritten(data: bytes, path: str, stage: Stage, unsafe: bool) -> Result:
    name = path.removesuffix(".py").replace("/", ".")
    result = rewrite(data, path, Module(name), Options(stage=stage, unsafe=unsafe))
    assert not isinstance(result, Unread), result.reason
    return result


def _bytes(source: str | bytes) -> bytes:
    return source if isinstance(source, bytes) else dedent(source).encode()


def _difference(expected: bytes, got: bytes) -> str:
    old, new = (data.decode(errors="backslashreplace").splitlines() for data in (expected, got))
    return "\n".join(difflib.unified_diff(old, new, "expected", "got", lineterm=""))
