"""Stage bridge: what is swapped, how imports follow, what is refused. Each case runs twice."""

from __future__ import annotations

import pytest

from migrator.testing import assert_rewrite, assert_untouched

SWAPS = [
    pytest.param(
        "import eventlet.debug\neventlet.debug.hub_exceptions(True)\n",
        "import bridge.debug\nbridge.debug.hub_exceptions(True)\n",
        id="import of the module alone",
    ),
    pytest.param(
        "import eventlet.debug as d\nd.spew()\n",
        "import bridge.debug as d\nd.spew()\n",
        id="import with a name of its own",
    ),
    pytest.param(
        "from eventlet import debug\ndebug.unspew()\n",
        "from bridge import debug\ndebug.unspew()\n",
        id="from import",
    ),
    pytest.param(
        "from eventlet import debug as d, wsgi\nd.unspew(); wsgi.server(s, a)\n",
        "from bridge import debug as d\nfrom eventlet import wsgi\nd.unspew(); wsgi.server(s, a)\n",
        id="one of several names, its new import sorted in",
    ),
    pytest.param(
        "from eventlet.debug import spew, unspew as stop\nspew()\nstop()\n",
        "from bridge.debug import spew, unspew as stop\nspew()\nstop()\n",
        id="functions by name",
    ),
    pytest.param(
        "import eventlet.debug\neventlet.debug.spew()\neventlet.sleep(1)\n",
        "import bridge.debug\nimport eventlet\nbridge.debug.spew()\neventlet.sleep(1)\n",
        id="the name eventlet stays bound",
    ),
    pytest.param(
        "import eventlet\nimport eventlet.debug\neventlet.debug.spew()\neventlet.sleep(1)\n",
        "import bridge.debug\nimport eventlet\nbridge.debug.spew()\neventlet.sleep(1)\n",
        id="the name eventlet is bound by another import",
    ),
    pytest.param(
        "import eventlet\neventlet.debug.spew()\neventlet.sleep(1)\n",
        "import bridge.debug\nimport eventlet\nbridge.debug.spew()\neventlet.sleep(1)\n",
        id="debug that another module imported",
    ),
    pytest.param(
        "import eventlet, eventlet.debug\neventlet.debug.spew()\neventlet.sleep(1)\n",
        "import bridge.debug\nimport eventlet\nbridge.debug.spew()\neventlet.sleep(1)\n",
        id="two modules in one statement",
    ),
    pytest.param(
        "try:\n    from eventlet import debug\nexcept ImportError:\n    debug = None\n"
        "if debug:\n    debug.spew()\n",
        "try:\n    from bridge import debug\nexcept ImportError:\n    debug = None\n"
        "if debug:\n    debug.spew()\n",
        id="guarded import",
    ),
    pytest.param(
        "def f():\n    import eventlet.debug\n    eventlet.debug.spew()\n",
        "def f():\n    import bridge.debug\n    bridge.debug.spew()\n",
        id="import in a function",
    ),
    pytest.param(
        "from eventlet import debug\nhooks = {'spew': debug.spew}\n",
        "from bridge import debug\nhooks = {'spew': debug.spew}\n",
        id="a function as a value",
    ),
    pytest.param(
        "from eventlet import debug\ngetattr(debug, 'spew')()\n",
        "from bridge import debug\ngetattr(debug, 'spew')()\n",
        id="getattr with a constant",
    ),
    pytest.param(
        "from eventlet import debug\nif hasattr(debug, 'spew'): debug.spew()\n",
        "from bridge import debug\nif hasattr(debug, 'spew'): debug.spew()\n",
        id="hasattr with a constant",
    ),
    pytest.param(
        "from eventlet.debug import *\nspew()\n",
        "from bridge.debug import *\nspew()\n",
        id="star import",
    ),
    pytest.param(
        "import abc\nimport eventlet.debug\nimport zlib\neventlet.debug.spew()\n",
        "import abc\nimport bridge.debug\nimport zlib\nbridge.debug.spew()\n",
        id="still sorted in its place",
    ),
    pytest.param(
        "import cgi\nimport eventlet.debug\nimport zlib\neventlet.debug.spew()\n",
        "import bridge.debug\nimport cgi\nimport zlib\nbridge.debug.spew()\n",
        id="sorted into another place",
    ),
    pytest.param(
        "from eventlet import (\n    debug,  # noqa\n    wsgi,  # the server\n)\n"
        "debug.spew()\nwsgi.server(s, a)\n",
        "from bridge import debug\nfrom eventlet import (\n    wsgi,  # the server\n)\n"
        "debug.spew()\nwsgi.server(s, a)\n",
        id="a line of a long list",
    ),
    pytest.param(
        "from eventlet import (wsgi, debug)\ndebug.spew()\nwsgi.server(s, a)\n",
        "from bridge import debug\nfrom eventlet import (wsgi)\ndebug.spew()\nwsgi.server(s, a)\n",
        id="the last of a list in parentheses",
    ),
    pytest.param(
        "from eventlet import wsgi, \\\n    debug\ndebug.spew()\nwsgi.server(s, a)\n",
        "from bridge import debug\nfrom eventlet import wsgi\ndebug.spew()\nwsgi.server(s, a)\n",
        id="a list over a backslash",
    ),
    pytest.param(
        "import eventlet.debug  # keep me\neventlet.debug.spew()\n",
        "import bridge.debug  # keep me\nbridge.debug.spew()\n",
        id="a comment behind the import",
    ),
    pytest.param(
        b"import eventlet.debug\r\nif x:\r\n\teventlet.debug.spew()\r\n",
        b"import bridge.debug\r\nif x:\r\n\tbridge.debug.spew()\r\n",
        id="CRLF and tabs",
    ),
    pytest.param(
        "# coding: latin-1\nimport eventlet.debug  # é\neventlet.debug.spew('é')\n".encode(
            "latin-1"
        ),
        "# coding: latin-1\nimport bridge.debug  # é\nbridge.debug.spew('é')\n".encode("latin-1"),
        id="latin-1",
    ),
    pytest.param(
        "\ufeffimport eventlet.debug\neventlet.debug.spew()".encode(),
        "\ufeffimport bridge.debug\nbridge.debug.spew()".encode(),
        id="byte order mark, no line end at the end",
    ),
    pytest.param(
        b"import eventlet.debug\n\x0c\neventlet.debug.spew()\n",
        b"import bridge.debug\n\x0c\nbridge.debug.spew()\n",
        id="form feed",
    ),
    pytest.param(
        "import eventlet.debug\n(eventlet\n .debug\n .spew)(\n)\n",
        "import bridge.debug\n(bridge.debug\n .spew)(\n)\n",
        id="a chain over lines",
    ),
    pytest.param(
        "import eventlet.debug\nif (f := eventlet.debug.spew): f()\n",
        "import bridge.debug\nif (f := bridge.debug.spew): f()\n",
        id="walrus",
    ),
    pytest.param(
        "import eventlet.debug\nx = f'{eventlet.debug.format_hub_timers()}'\n",
        "import bridge.debug\nx = f'{bridge.debug.format_hub_timers()}'\n",
        id="f-string",
    ),
    pytest.param(
        "import eventlet.debug\neventlet.debug.hub_exceptions(*a, **k)\n",
        "import bridge.debug\nbridge.debug.hub_exceptions(*a, **k)\n",
        id="star arguments",
    ),
    pytest.param(
        "from eventlet import debug\n@debug.spew\ndef f(): pass\n",
        "from bridge import debug\n@debug.spew\ndef f(): pass\n",
        id="decorator",
    ),
    pytest.param(
        "from eventlet import debug\n"
        "def setUp(self):\n    debug.hub_prevent_multiple_readers(False)\n    debug.spew()\n",
        "import bridge.debug\nfrom eventlet import debug\n"
        "def setUp(self):\n    debug.hub_prevent_multiple_readers(False)\n"
        "    bridge.debug.spew()\n",
        id="what is refused keeps the old import, the rest is spelled out",
    ),
    pytest.param(
        "import eventlet\nfrom eventlet import backdoor\n"
        "eventlet.spawn(backdoor.backdoor_server, eventlet.listen(('::1', 1)), locals=locals())\n"
        "eventlet.sleep(1)\n",
        "import bridge.console\nimport eventlet\n"
        "bridge.console.expose(locals=locals())\neventlet.sleep(1)\n",
        id="backdoor whose socket is its own",
    ),
    pytest.param(
        "import eventlet\nimport eventlet.backdoor as b\n"
        "def go(ns):\n    sock = eventlet.listen(('::1', 1))\n"
        "    eventlet.spawn_n(b.backdoor_server, sock, ns)\n",
        "import bridge.console\ndef go(ns):\n    bridge.console.expose(locals=ns)\n",
        id="backdoor whose socket has a name",
    ),
]

LEFT = [
    pytest.param(
        "from eventlet import debug\ndebug.hub_prevent_multiple_readers(False)\n",
        "RuntimeError",
        id="multiple readers",
    ),
    pytest.param(
        "from eventlet import debug\ndebug.hub_prevent_multiple_readers(CONF.readers)\n",
        "RuntimeError",
        id="multiple readers from configuration",
    ),
    pytest.param(
        "from eventlet import debug\ndump(debug)\n", "used as a value", id="the module as a value"
    ),
    pytest.param(
        "from eventlet import debug\ndebug.spew = None\n", "at run time", id="a name replaced"
    ),
    pytest.param(
        "import eventlet.debug\nbridge = 1\neventlet.debug.spew()\n",
        "bridge means something else",
        id="the name bridge is taken",
    ),
    pytest.param(
        "import eventlet\nfrom eventlet import backdoor\n"
        "s = eventlet.listen(a)\neventlet.spawn(backdoor.backdoor_server, s)\n"
        "print(s.getsockname())\n",
        "used elsewhere",
        id="a socket that something else needs",
    ),
    pytest.param(
        "import eventlet\nfrom eventlet import backdoor\n"
        "def f(s):\n    return eventlet.spawn(backdoor.backdoor_server, eventlet.listen(s))\n",
        "the result is used",
        id="a backdoor that is returned",
    ),
    pytest.param(
        "import threading\nfrom eventlet import backdoor\n"
        "threading.Thread(target=backdoor.backdoor_server, args=(s,)).start()\n",
        "used as a value",
        id="a backdoor in an OS thread",
    ),
    pytest.param(
        "from eventlet import backdoor\ndef f(c):\n    backdoor.backdoor(c, {})\n",
        "accept loop",
        id="one connection",
    ),
    pytest.param(
        "import eventlet.debug\n__all__ = ['x']\n", "nothing here reads it", id="import for others"
    ),
    pytest.param(
        "from eventlet import debug\nprint(debug.__file__)\n",
        "the module is asked about itself",
        id="the module's file",
    ),
    pytest.param(
        "def load():\n    from eventlet import debug\n    return debug\n"
        "def use(name):\n    getattr(load(), name)()\n",
        "through something other than an import",
        id="the module as a function's result",
    ),
    pytest.param(
        "import eventlet\nimport eventlet.debug\neventlet.monkey_patch()\n",
        "nothing here reads it",
        id="import for others of a module whose package is read",
    ),
    pytest.param(
        "import eventlet\nfrom eventlet import backdoor\n"
        "sock = eventlet.listen(('', 1))\nport = sock.getsockname()\n"
        "eventlet.spawn(eventlet.backdoor.backdoor_server, sock)\n",
        "line 5 still needs it (sock is used elsewhere (line 4)",
        id="import for a use that has the module from its package",
    ),
    pytest.param(
        "from eventlet import hubs\nhubs.get_hub().debug_exceptions = True\n",
        "call bridge.debug.hub_exceptions instead",
        id="a switch of the hub that is set",
    ),
    pytest.param(
        "from eventlet import hubs\nprint(hubs.get_hub().debug_blocking)\n",
        "bridge.debug.hub_blocking_detection sets it, and nothing public tells it",
        id="a switch of the hub that is read",
    ),
    pytest.param(
        "from eventlet import hubs\nprint(len(hubs.get_hub().timers))\n",
        "bridge.debug.format_hub_timers shows it",
        id="the timers of the hub",
    ),
    pytest.param(
        "from unittest import mock\nmock.patch('eventlet.debug.spew')\n",
        "the mock stays",
        id="mock of something that is not rewritten",
    ),
]

NOTHING = [
    "from myproject import debug\ndebug.spew()\n",
    "import debug\ndebug.hub_exceptions(True)\n",
    "# import eventlet.debug\nx = 'eventlet debug'\n",
    "def spew(): pass\nspew()\n",
    "eventlet_debug = True\n",
]


@pytest.mark.parametrize(("before", "after"), SWAPS)
def test_swapped(before: str | bytes, after: str | bytes) -> None:
    result = assert_rewrite(before, after)
    kinds = {outcome.finding.code for outcome in result.outcomes if not outcome.rewritten}
    assert not kinds & {"EVT102", "EVT103", "EVT105", "EVT106", "EVT107", "EVT108", "EVT202"}


@pytest.mark.parametrize(("source", "reason"), LEFT)
def test_left_with_a_reason(source: str, reason: str) -> None:
    assert_untouched(source, reason=reason, unsafe=True)


@pytest.mark.parametrize("source", NOTHING)
def test_nothing_of_ours(source: str) -> None:
    result = assert_untouched(source, unsafe=True)
    assert not [o for o in result.outcomes if o.finding.code.startswith(("EVT1", "EVT2"))]


def test_a_result_that_is_kept_needs_unsafe() -> None:
    before = (
        "import eventlet\nfrom eventlet import backdoor\n"
        "server = eventlet.spawn(backdoor.backdoor_server, eventlet.listen(a))\n"
    )
    assert_untouched(before, reason="the result is kept")
    assert_rewrite(before, "import bridge.console\nserver = bridge.console.expose()\n", unsafe=True)
