"""Any program at all: rewriting never breaks it, and never does more than it says."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesmith import from_grammar

from migrator.findings import STAGES, Stage, Unread
from migrator.rewrite import Module, Options, Result, rewrite

SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]

IMPORTS = [
    "import eventlet",
    "import eventlet.debug",
    "import eventlet.debug as debug",
    "from eventlet import debug",
    "from eventlet import debug, backdoor as b",
    "from eventlet.debug import spew, unspew, hub_exceptions as hub",
    "from eventlet.debug import *",
    "import os, eventlet.debug, sys",
]
USES = [
    "eventlet.debug.hub_exceptions(True)",
    "debug.tpool_exceptions(False)",
    "debug.hub_prevent_multiple_readers(x)",
    "debug.hub_blocking_detection(True, resolution=0.5)",
    "eventlet.spawn(b.backdoor_server, eventlet.listen(a), locals())",
    "unspew()",
    "hub(False)",
    "x = debug.format_hub_timers()",
    "hooks = [debug.spew, eventlet.debug.unspew]",
    "y = 1  # a comment",
    "eventlet.sleep(0)",
    "bridge = None",
    "loop = 3",
]
HEADERS = [
    "",
    "if x:",
    "def f():",
    "async def f():",
    "class A:",
    "try:",
    "with c as loop:",
    "for i in x:",
]


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Statements in blocks in any order: odd, but what people write is somewhere in there."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 5))):
        header = draw(st.sampled_from(HEADERS))
        body = draw(st.lists(st.sampled_from(IMPORTS + USES), min_size=1, max_size=4))
        one_line = draw(st.booleans()) and not any("#" in line for line in body)
        if not header:
            lines += ["; ".join(body)] if one_line else body
        elif one_line and not any("import *" in line for line in body):
            lines.append(f"{header} {'; '.join(body)}")
        else:
            lines += [header, *(f"    {line}" for line in body)]
        if header == "try:":
            lines += draw(st.sampled_from([["except E: pass"], ["finally:", "    g()"]]))
        lines += [""] * draw(st.integers(0, 3))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    return newline.join(lines) + draw(st.sampled_from(["", newline]))


def check(source: str, stage: Stage, *, unsafe: bool) -> None:
    try:
        data = source.encode()
        compile(data, "any.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return
    options = Options(stage=stage, unsafe=unsafe)
    result = rewrite(data, "any.py", Module("any"), options)
    if isinstance(result, Unread):
        return
    assert all(o.rewritten != bool(o.reason) for o in result.outcomes)
    assert result.changed == any(o.rewritten for o in result.outcomes)
    again = rewrite(result.new, "any.py", Module("any"), options)
    assert isinstance(again, Result)
    assert not again.changed
    compile(result.new, "any.py", "exec", dont_inherit=True)
    assert comments(result.new.decode()) >= comments(source)
    assert untouched(result.new.decode()) >= untouched(source)


def comments(source: str) -> int:
    return source.count("# a comment")


def untouched(source: str) -> int:
    """Statements that no rule is about must all be there afterwards."""
    return sum(
        source.count(text) for text in ("y = 1", "loop = 3", "eventlet.sleep(0)", "bridge = None")
    )


@settings(max_examples=120, deadline=None, suppress_health_check=SLOW)
@given(programs(), st.sampled_from(STAGES), st.booleans())
def test_any_mix_of_imports_and_uses(source: str, stage: Stage, unsafe: bool) -> None:
    check(source, stage, unsafe=unsafe)


@pytest.mark.nightly
@settings(max_examples=5000, deadline=None, suppress_health_check=SLOW)
@given(programs(), st.sampled_from(STAGES), st.booleans())
def test_very_many_mixes(source: str, stage: Stage, unsafe: bool) -> None:
    check(source, stage, unsafe=unsafe)


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@example("A\n\\\r\n", "bridge")  # a backslash ends the file
@example("A\n\\\n", "asyncio")
@given(from_grammar(), st.sampled_from(STAGES))
def test_any_program_behind_a_use(source: str, stage: Stage) -> None:
    check(
        f"from eventlet import debug\ndebug.tpool_exceptions(False)\n{source}", stage, unsafe=True
    )
