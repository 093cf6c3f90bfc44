"""Where imports and statements stand in real code, and what that does to a rewrite."""

from __future__ import annotations

import ast
from itertools import product

import pytest

from migrator.rewrite import Module, Options, Result, rewrite
from migrator.testing import assert_rewrite, assert_untouched

_START = "spawn(backdoor_server, listen(1))\n"
_IMPORTS = {
    "one statement": "from eventlet import listen, spawn\nfrom eventlet.backdoor import "
    "backdoor_server\n",
    "the other way around": "from eventlet.backdoor import backdoor_server\n"
    "from eventlet import listen, spawn\n",
    "three statements": "from eventlet import listen\nfrom eventlet import spawn\n"
    "from eventlet.backdoor import backdoor_server\n",
    "a gap between": "from eventlet.backdoor import backdoor_server\n\n"
    "from eventlet import listen, spawn\n",
    "semicolons": "from eventlet.backdoor import backdoor_server; "
    "from eventlet import listen, spawn\n",
    "parentheses": "from eventlet import (\n    listen,\n    spawn,\n)\n"
    "from eventlet.backdoor import (\n    backdoor_server,\n)\n",
}
_AROUND = {
    "first in the file": "{imports}{start}",
    "gaps around": "import os\n\n{imports}\n{start}os\n",
    "wide gaps": "import os\n\n\n{imports}\n\n{start}\n\nos\n",
    "among others": "import os\n{imports}import sys\n\n{start}os, sys\n",
    "in a function": "def f():\n    {imports}\n    {start}",
    "in a class": "class A:\n    {imports}    {start}",
    "in a guard": "try:\n    {imports}except ImportError:\n    pass\nelse:\n    {start}",
    "both branches": "if a:\n    {imports}    {start}else:\n    {imports}    {start}",
    "under a docstring": '"""Doc."""\n\n{imports}\n{start}',
}


@pytest.mark.parametrize(("imports", "around"), [*product(_IMPORTS, _AROUND)])
def test_a_backdoor_wherever_its_imports_stand(imports: str, around: str) -> None:
    template = _AROUND[around]
    text = _IMPORTS[imports]
    if "    {imports}" in template:
        text = text.replace("\n", "\n    ").removesuffix("    ").replace("\n    \n", "\n\n")
    before = template.format(imports=text, start=_START)
    wanted = template.format(imports="import bridge.console\n", start="bridge.console.expose()\n")
    result = rewrite(before.encode(), "example.py", Module("example"), Options())
    assert isinstance(result, Result)
    assert statements(result.new) == statements(wanted)
    assert b"\n\n\n\n" not in result.new
    assert_untouched(result.new)


def statements(source: str | bytes) -> list[str]:
    """The statements at the top; imports that a sorted run wants elsewhere may move."""
    return sorted(map(ast.dump, ast.parse(source).body))


IMPORTS = [
    pytest.param(
        "import os\n\nfrom eventlet import backdoor, listen, spawn\n\n"
        "spawn(backdoor.backdoor_server, listen(1))\n",
        "import os\n\nimport bridge.console\n\nbridge.console.expose()\n",
        "bridge",
        id="a new import takes the place of the only one of its group",
    ),
    pytest.param(
        "from eventlet import debug\nfrom eventlet.debug import Spew\ndebug.spew(), Spew\n",
        "from bridge import debug\nfrom bridge.debug import Spew\ndebug.spew(), Spew\n",
        "bridge",
        id="two that move keep their order",
    ),
    pytest.param(
        "from concurrent import futures\nfrom eventlet import debug\nfrom eventlet import queue\n"
        "from eventlet.debug import Spew\ndebug.spew(), Spew, futures, queue\n",
        "from bridge import debug\nfrom bridge.debug import Spew\nfrom concurrent import futures\n"
        "from eventlet import queue\ndebug.spew(), Spew, futures, queue\n",
        "bridge",
        id="two that move above others",
    ),
    pytest.param(
        "from eventlet import (\n    # switches\n    # of the hub\n    debug,  # noqa\n)\n"
        "debug.tpool_exceptions(True)\nx = 1\n",
        "# switches\n# of the hub\nx = 1\n",
        "asyncio",
        id="comments in an import that goes stay",
    ),
    pytest.param(
        "from eventlet import (\n    backdoor,  # a console\n    listen, spawn)\n"
        "spawn(backdoor.backdoor_server, listen(1))\n",
        "# a console\nimport bridge.console\nbridge.console.expose()\n",
        "bridge",
        id="comments in an import that is replaced stay",
    ),
    pytest.param(
        "from __future__ import annotations\nfrom eventlet import debug, sleep\n"
        "debug.spew(), sleep\n",
        "from __future__ import annotations\nfrom bridge import debug\n"
        "from eventlet import sleep\ndebug.spew(), sleep\n",
        "bridge",
        id="no gap behind what has to come first",
    ),
    pytest.param(
        "import eventlet\n(lambda: eventlet.debug.spew())()\ndef f(): eventlet.debug.unspew()\n"
        "f()\nimport eventlet, os\nos, eventlet.sleep\n",
        "import bridge.debug\nimport eventlet\n(lambda: bridge.debug.spew())()\n"
        "def f(): bridge.debug.unspew()\nf()\nimport eventlet, os\nos, eventlet.sleep\n",
        "bridge",
        id="what is called before the last import",
    ),
    pytest.param(
        "import eventlet\ndef f(hook=eventlet.debug.spew): hook()\nf()\n"
        "import eventlet, os\nos, eventlet.sleep\n",
        "import bridge.debug\nimport eventlet\ndef f(hook=bridge.debug.spew): hook()\nf()\n"
        "import eventlet, os\nos, eventlet.sleep\n",
        "bridge",
        id="a default is evaluated where it stands",
    ),
    pytest.param(
        "from eventlet import debug\nasync def f():\n    import asyncio\n"
        "    debug.hub_listener_stacks(True)\n",
        "async def f():\n    import asyncio\n    asyncio.get_running_loop().set_debug(True)\n",
        "asyncio",
        id="an import of the function's own is enough",
    ),
]


@pytest.mark.parametrize(("before", "after", "to"), IMPORTS)
def test_imports(before: str, after: str, to: str) -> None:
    assert_rewrite(before, after, to="asyncio" if to == "asyncio" else "bridge")


ARGUMENTS = [
    pytest.param(
        "debug.hub_blocking_detection(\n        True,\n        resolution=a\n        or 1,\n    )",
        "loop = asyncio.get_running_loop()\n    loop.set_debug(True)\n"
        "    loop.slow_callback_duration = (a\n        or 1)",
        id="several lines that nothing held together any more",
    ),
    pytest.param(
        "debug.hub_blocking_detection(True, resolution=float(\n        a))",
        "loop = asyncio.get_running_loop()\n    loop.set_debug(True)\n"
        "    loop.slow_callback_duration = float(\n        a)",
        id="several lines in brackets of their own",
    ),
    pytest.param(
        "debug.hub_blocking_detection(a, resolution=(b := 2))",
        "loop = asyncio.get_running_loop()\n    loop.set_debug(a)\n"
        "    loop.slow_callback_duration = (b := 2)",
        id="an assignment expression",
    ),
    pytest.param(
        "debug.hub_blocking_detection(resolution=next(a), state=next(a))",
        "loop = asyncio.get_running_loop()\n    loop.slow_callback_duration = next(a)\n"
        "    loop.set_debug(next(a))",
        id="the second parameter first",
    ),
    pytest.param(
        "debug.hub_listener_stacks((yield a))",
        "asyncio.get_running_loop().set_debug((yield a))",
        id="a yield",
    ),
]


@pytest.mark.parametrize(("before", "after"), ARGUMENTS)
def test_arguments_keep_what_they_mean(before: str, after: str) -> None:
    head, tail = "async def f(a):\n    ", "\n"
    assert_rewrite(
        f"from eventlet import debug\n{head}{before}{tail}",
        f"import asyncio\n{head}{after}{tail}",
        to="asyncio",
    )


def test_form_feeds_stay_where_they_are() -> None:
    assert_rewrite(
        "import os\n\f\n\fimport eventlet.debug\n\fdef f():\n\f    eventlet.debug.spew()\n",
        "import os\n\f\n\fimport bridge.debug\n\fdef f():\n\f    bridge.debug.spew()\n",
    )
    assert_rewrite(
        "x = 1\n\n\f\nfrom eventlet import debug\n\fdebug.tpool_exceptions(True)\n\f\ny = 2\n",
        "x = 1\n\n\f\n\f\f\ny = 2\n",
        to="asyncio",
    )


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("gap", ["", "\n", "\n\n"])
@pytest.mark.parametrize(("start", "left"), [("", ""), ('"""Doc."""\n', '"""Doc."""\n')])
def test_of_a_file_that_only_sets_up_debugging_nothing_is_left(
    start: str, left: str, gap: str, end: str
) -> None:
    before = f"{start}import eventlet\n{gap}eventlet.debug.tpool_exceptions(True){end}"
    assert_rewrite(before, left, to="asyncio")


def test_a_namespace_keeps_its_parentheses() -> None:
    assert_rewrite(
        "from eventlet import backdoor, listen, spawn\n"
        "spawn(backdoor.backdoor_server, listen(1), (space := {}))\n",
        "import bridge.console\nbridge.console.expose(locals=(space := {}))\n",
    )


def test_reasons_are_one_line() -> None:
    result = assert_untouched(
        "from eventlet import debug\ndebug.hub_timer_stacks(a\n    .b)\n", to="asyncio"
    )
    assert not [o for o in result.outcomes if "\n" in (o.reason or "")]


LEFT = [
    ("debug.tpool_exceptions(True, g())", "its arguments do not fit"),
    ("debug.hub_prevent_multiple_readers(True, g())", "its arguments do not fit"),
    ("debug.hub_exceptions(True, state=g())", "its arguments do not fit"),
    ("debug.hub_blocking_detection(enable=True)", "its arguments do not fit"),
    ("debug.hub_listener_stacks(True); import asyncio", "bound in this function, but later"),
]


@pytest.mark.parametrize(("line", "reason"), LEFT)
def test_calls_that_would_do_something_else(line: str, reason: str) -> None:
    source = f"from eventlet import debug\nasync def f():\n    {line}\n"
    assert_untouched(source, to="asyncio", unsafe=True, reason=reason)


def test_a_socket_that_the_module_offers_stays() -> None:
    assert_untouched(
        "from eventlet import backdoor, listen, spawn\n__all__ = ['sock']\nsock = listen(1)\n"
        "spawn(backdoor.backdoor_server, sock)\n",
        unsafe=True,
        reason="sock is used as text or by other modules",
    )
    assert_untouched(
        "from eventlet import backdoor, listen, spawn\nclass A:\n    def start(self):\n"
        "        self.sock = listen(1)\n        spawn(backdoor.backdoor_server, self.sock)\n",
        reason="self.sock is kept",
    )
