"""Stage asyncio: the standard library only, where it is proven. Each case runs twice."""

from __future__ import annotations

import pytest

from migrator.testing import assert_rewrite, assert_untouched

SAFE = [
    pytest.param(
        "from eventlet import debug\n\nasync def f():\n"
        "    debug.hub_blocking_detection(True, resolution=0.5)\n",
        "import asyncio\n\nasync def f():\n    loop = asyncio.get_running_loop()\n"
        "    loop.set_debug(True)\n    loop.slow_callback_duration = 0.5\n",
        id="blocking detection in a coroutine",
    ),
    pytest.param(
        "from eventlet import debug\nasync def f(loop):\n"
        "    debug.hub_blocking_detection(state=X)\n",
        "import asyncio\nasync def f(loop):\n    running_loop = asyncio.get_running_loop()\n"
        "    running_loop.set_debug(X)\n    running_loop.slow_callback_duration = 1\n",
        id="the name loop is taken",
    ),
    pytest.param(
        "from eventlet import debug\nasync def f():\n"
        "    class A:\n        debug.hub_blocking_detection(True, 2)\n",
        "import asyncio\nasync def f():\n"
        "    class A:\n        asyncio.get_running_loop().set_debug(True)\n"
        "        asyncio.get_running_loop().slow_callback_duration = 2\n",
        id="no new attribute in a class body",
    ),
    pytest.param(
        "import asyncio\nfrom eventlet import debug\nasync def f():\n"
        "    debug.hub_listener_stacks(True)\n    debug.hub_timer_stacks()\n",
        "import asyncio\nasync def f():\n    asyncio.get_running_loop().set_debug(True)\n"
        "    asyncio.get_running_loop().set_debug(False)\n",
        id="listener and timer stacks",
    ),
    pytest.param(
        "from eventlet import debug\nx = 1\ndebug.tpool_exceptions(True)\n",
        "x = 1\n",
        id="tpool exceptions",
    ),
    pytest.param(
        "from eventlet import debug\nx = 1\ndebug.hub_prevent_multiple_readers()\n",
        "x = 1\n",
        id="multiple readers refused, as asyncio does anyway",
    ),
    pytest.param(
        "from eventlet.debug import unspew\nx = unspew()\n",
        "import sys\nx = sys.settrace(None)\n",
        id="unspew",
    ),
    pytest.param(
        '"""Doc."""\nfrom __future__ import annotations\n\nimport os\nimport time\n\n'
        "from eventlet import debug\n\ndebug.unspew()\n",
        '"""Doc."""\nfrom __future__ import annotations\n\nimport os\nimport sys\nimport time\n\n'
        "sys.settrace(None)\n",
        id="the new import among its like",
    ),
    pytest.param(
        "from eventlet import debug\nif x: debug.tpool_exceptions(True)\ny = 1\n",
        "y = 1\n",
        id="the condition has no effect and goes",
    ),
    pytest.param(
        "from eventlet import debug\nif x(): debug.tpool_exceptions(True)\n",
        "if x(): pass\n",
        id="the condition has an effect and stays",
    ),
    pytest.param(
        "from eventlet import debug\nif x: a(); debug.tpool_exceptions(); b()\n",
        "if x: a(); b()\n",
        id="between semicolons",
    ),
    pytest.param(
        "from eventlet import debug\na(); debug.tpool_exceptions();\n",
        "a();\n",
        id="the last between semicolons",
    ),
    pytest.param(
        "from eventlet import debug\ndebug.tpool_exceptions(); debug.unspew()\n",
        "import sys\nsys.settrace(None)\n",
        id="one deleted, one replaced on a line",
    ),
    pytest.param(
        "from eventlet import debug\ndef f():\n    # why\n"
        "    debug.tpool_exceptions(True)\n\n\ny = 1\n",
        "def f():\n    # why\n    pass\n\n\ny = 1\n",
        id="a body that becomes empty, its comment stays",
    ),
    pytest.param(
        "from eventlet import debug\ntry:\n    debug.tpool_exceptions(1)\nfinally:\n    g()\n",
        "try:\n    pass\nfinally:\n    g()\n",
        id="try and finally",
    ),
    pytest.param(
        "from eventlet import debug\nif a:\n    f()\nelif b:\n    debug.tpool_exceptions(1)\n",
        "if a:\n    f()\nelif b:\n    pass\n",
        id="elif",
    ),
    pytest.param(
        "from eventlet import debug\nif a:\n    debug.tpool_exceptions(1)\nelse:\n    g()\n",
        "if a:\n    pass\nelse:\n    g()\n",
        id="if and else",
    ),
    pytest.param(
        "try:\n    from eventlet import debug\n"
        "except ImportError:\n    pass\ndebug.tpool_exceptions(1)\n",
        "",
        id="a guarded import that nothing needs",
    ),
    pytest.param(
        "import bridge.debug\nbridge.debug.tpool_exceptions(True)\nx = 1\n",
        "x = 1\n",
        id="what stage bridge wrote",
    ),
    pytest.param(
        "from eventlet import debug  # noqa\nx = 1\ndebug.tpool_exceptions(True)  # noqa: X\n",
        "x = 1\n",
        id="pragmas go with what they are about",
    ),
    pytest.param(
        "import os\n\nfrom eventlet import debug\ndebug.tpool_exceptions(1)\n\n\nx = 1\n",
        "import os\n\n\nx = 1\n",
        id="no gap of three lines",
    ),
    pytest.param(
        "def f():\n    from eventlet import debug\n\n    debug.tpool_exceptions(1)\n    g()\n",
        "def f():\n    g()\n",
        id="no blank line under the header",
    ),
    pytest.param(
        "class A:\n    from eventlet import debug\n    debug.tpool_exceptions(1)\n",
        "class A:\n    pass\n",
        id="a class body",
    ),
]

UNSAFE = [
    pytest.param(
        "from eventlet import debug\nx = 1\ndebug.hub_exceptions(False)\n",
        "x = 1\n",
        "never prints from a hub",
        id="hub exceptions",
    ),
    pytest.param(
        "from eventlet import debug\nx = 1\ndebug.hub_exceptions(False)  # quiet\n",
        "x = 1\n# quiet\n",
        "never prints from a hub",
        id="a comment behind what goes",
    ),
    pytest.param(
        "from eventlet import debug\ndebug.tpool_exceptions(False)  # quiet\n",
        "# quiet\n",
        "a comment would be lost",
        id="a comment makes it unsafe",
    ),
    pytest.param(
        "from eventlet import debug\ndef f():\n    debug.hub_blocking_detection(True)\n",
        'import os\ndef f():\n    os.environ["PYTHONASYNCIODEBUG"] = "1"\n',
        "no loop can run here",
        id="blocking detection in a function",
    ),
    pytest.param(
        "from eventlet import debug\nasync def f():\n"
        "    def g():\n        debug.hub_timer_stacks(on)\n",
        "import os\nasync def f():\n    def g():\n"
        '        os.environ["PYTHONASYNCIODEBUG"] = "1" if on else ""\n',
        "no loop can run here",
        id="a function inside a coroutine",
    ),
    pytest.param(
        "from eventlet import debug\nasync def f():\n    print(debug.format_threads_info())\n",
        "import asyncio\nasync def f():\n"
        '    print("\\n".join(map(asyncio.format_call_graph, asyncio.all_tasks())))\n',
        "no public equivalent",
        id="format of the threads",
    ),
    pytest.param(
        "import eventlet\nfrom eventlet import backdoor\nx = 1\n"
        "eventlet.spawn(backdoor.backdoor_server, eventlet.listen(a), {})\n",
        "x = 1\n",
        "the port goes away",
        id="backdoor",
    ),
    pytest.param(
        "import bridge.console\nx = 1\nbridge.console.expose(locals=y)\n",
        "x = 1\n",
        "the port goes away",
        id="console that stage bridge wrote",
    ),
]

LEFT = [
    ("from eventlet import debug\nx = debug.hub_exceptions(True)\n", "the result is used"),
    ("from eventlet import debug\ndebug.hub_exceptions(CONF.debug)\n", "set_exception_handler"),
    ("from eventlet import debug\ndebug.hub_prevent_multiple_readers(False)\n", "one reader"),
    ("from eventlet import debug\ndebug.spew()\n", "trace"),
    ("from eventlet import debug\nprint(debug.format_hub_timers())\n", "no loop can run here"),
    ("from eventlet import debug\ndebug.hub_exceptions(*a)\n", "cannot be told"),
    (
        "from eventlet import debug\ntry:\n"
        "    debug.hub_blocking_detection(True, resolution=float(x))\n"
        "except ValueError:\n    pass\n",
        "the resolution is computed",
    ),
    ("from eventlet import debug\nf = [debug.unspew]\n", "value"),
    (
        "from eventlet import debug\ndef setUp():\n    debug.hub_prevent_multiple_readers(False)\n"
        "def tearDown():\n    debug.hub_prevent_multiple_readers(True)\n",
        "another reference cannot follow (line 3",
    ),
    (
        "from eventlet import debug, greenpool\nold = greenpool.DEBUG\ndebug.hub_exceptions(True)\n"
        "try:\n    f()\nfinally:\n    greenpool.DEBUG = old\n",
        "another reference cannot follow (line 2",
    ),
    ("from eventlet import debug\nsys = 1\ndebug.unspew()\n", "sys means something else"),
]


@pytest.mark.parametrize(("before", "after"), SAFE)
def test_safe(before: str, after: str) -> None:
    assert_rewrite(before, after, to="asyncio")


@pytest.mark.parametrize(("before", "after", "reason"), UNSAFE)
def test_unsafe(before: str, after: str, reason: str) -> None:
    assert_untouched(before, to="asyncio", reason=reason)
    assert_rewrite(before, after, to="asyncio", unsafe=True)


@pytest.mark.parametrize(("source", "reason"), LEFT)
def test_left_with_a_reason(source: str, reason: str) -> None:
    assert_untouched(source, to="asyncio", unsafe=True, reason=reason)


@pytest.mark.parametrize(
    "mention",
    [
        "__all__ = ['debug']\n",
        "__all__ += ['debug']\n",
        "def g():\n    '''\n    >>> debug.x()\n    '''\n",
        "def g(x: 'debug.Spew'): pass\n",
        "globals()['debug']\n",
    ],
)
def test_a_name_used_as_text_keeps_its_import(mention: str) -> None:
    before = f"from eventlet import debug\ndebug.tpool_exceptions(True)\n{mention}"
    after = before.replace("debug.tpool_exceptions(True)\n", "")
    assert_rewrite(before, after, to="asyncio")
