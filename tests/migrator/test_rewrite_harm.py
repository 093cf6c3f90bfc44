"""What a rewrite would break in odd but real code: it finds another way, or leaves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrator import project, rules
from migrator.apply import Plan, plan
from migrator.rewrite import Module, Options, Result, rewrite
from migrator.testing import assert_rewrite, assert_untouched

if TYPE_CHECKING:
    from pathlib import Path

    from migrator.findings import Stage

BRIDGE = [
    pytest.param(
        "import eventlet\nd = eventlet.debug\nd.spew()\nd.unspew()\n",
        "import bridge.debug\nd = bridge.debug\nd.spew()\nd.unspew()\n",
        id="the module under another name",
    ),
    pytest.param(
        "import eventlet\na = b = eventlet.debug\na.spew()\nb.unspew()\n",
        "import bridge.debug\na = b = bridge.debug\na.spew()\nb.unspew()\n",
        id="the module under two names",
    ),
    pytest.param(
        "import eventlet\nif (d := eventlet.debug):\n    d.spew()\n",
        "import bridge.debug\nif (d := bridge.debug):\n    d.spew()\n",
        id="the module in an assignment expression",
    ),
    pytest.param(
        "try:\n    import eventlet.debug\nexcept ImportError:\n    debug = None\n"
        "else:\n    debug = eventlet.debug\nif debug:\n    debug.spew()\n",
        "try:\n    import bridge.debug\nexcept ImportError:\n    debug = None\n"
        "else:\n    debug = bridge.debug\nif debug:\n    debug.spew()\n",
        id="a name that is None where the import failed",
    ),
    pytest.param(
        "debug = None\ndef load():\n    global debug\n    from eventlet import debug\n"
        "def use():\n    debug.spew()\n",
        "debug = None\ndef load():\n    global debug\n    from bridge import debug\n"
        "def use():\n    debug.spew()\n",
        id="an import for the whole module inside a function",
    ),
    pytest.param(
        "import os\nif os.name:\n    from eventlet import debug\n"
        "else:\n    from mine import debug\n"
        "debug.spew()\n",
        "import os\nif os.name:\n    from bridge import debug\n"
        "else:\n    from mine import debug\n"
        "debug.spew()\n",
        id="an import that is one of two",
    ),
    pytest.param(
        "from eventlet import debug\ndebug.spew()\ndel debug\n",
        "from bridge import debug\ndebug.spew()\ndel debug\n",
        id="a name that is deleted in the end",
    ),
    pytest.param(
        "import eventlet\ntry:\n    eventlet.debug.spew()\nexcept AttributeError:\n"
        "    import eventlet.debug\n    eventlet.debug.spew()\n",
        "import bridge.debug\ntry:\n    bridge.debug.spew()\nexcept AttributeError:\n"
        "    import bridge.debug\n    bridge.debug.spew()\n",
        id="an import that comes after the first use",
    ),
    pytest.param(
        "import eventlet\nif hasattr(eventlet, 'debug'):\n    eventlet.debug.spew()\n",
        "import bridge.debug\nif hasattr(bridge, 'debug'):\n    bridge.debug.spew()\n",
        id="a test whether the module is there",
    ),
    pytest.param(
        "from eventlet import backdoor, debug, listen, spawn\ndebug.spew()\n"
        "spawn(backdoor.backdoor_server, listen(1))\n",
        "import bridge.console\nfrom bridge import debug\ndebug.spew()\nbridge.console.expose()\n",
        id="one name of a list comes from elsewhere, the others go",
    ),
    pytest.param(
        "import eventlet, eventlet.debug\neventlet.debug.spew()\n",
        "import bridge.debug\nbridge.debug.spew()\n",
        id="two modules of which one swaps and one goes",
    ),
    pytest.param(
        "from eventlet import debug\nclass A:\n    spew = debug.spew\n"
        "    def m(self):\n        self.spew()\n",
        "from bridge import debug\nclass A:\n    spew = debug.spew\n"
        "    def m(self):\n        self.spew()\n",
        id="what an attribute holds follows it",
    ),
]


@pytest.mark.parametrize(("before", "after"), BRIDGE)
def test_stage_bridge(before: str, after: str) -> None:
    result = assert_rewrite(before, after, unsafe=True)
    assert not [o for o in result.outcomes if not o.rewritten]


def test_names_that_lead_back_to_themselves() -> None:
    assert_rewrite(
        "import eventlet\na = eventlet.debug\nb = a\na = b\na.spew()\n",
        "import bridge.debug\na = bridge.debug\nb = a\na = b\na.spew()\n",
    )
    assert_untouched("import eventlet\neventlet = eventlet.debug\nprint(eventlet)\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "import eventlet.debug\neventlet.monkey_patch()\nimport eventlet\n"
            "eventlet.debug.unspew()\n",
            "import sys\n\nimport eventlet\neventlet.monkey_patch()\nimport eventlet\n"
            "sys.settrace(None)\n",
        ),
        (
            "import os\nif os.name:\n    import eventlet.debug\n"
            "    eventlet.debug.tpool_exceptions(True)\nelse:\n    import eventlet\n"
            "eventlet.sleep(0)\n",
            "import os\nif os.name:\n    import eventlet\nelse:\n    import eventlet\n"
            "eventlet.sleep(0)\n",
        ),
    ],
)
def test_the_package_stays_bound_where_it_is_read(before: str, after: str) -> None:
    assert_rewrite(before, after, to="asyncio")
    bridged = rewrite(before.encode(), "example.py", Module("example"), Options())
    assert isinstance(bridged, Result)
    assert b"import bridge.debug\n" in bridged.new
    assert bridged.new.count(b"import eventlet\n") == 2


def test_no_import_takes_a_name_from_what_runs_before_it() -> None:
    assert_rewrite(
        "import eventlet\ndef f():\n    eventlet.debug.spew()\n"
        "    def g():\n        e.debug.unspew()\n    import eventlet as e\n    g(), e.sleep\n",
        "import bridge.debug\ndef f():\n    bridge.debug.spew()\n"
        "    def g():\n        bridge.debug.unspew()\n    import eventlet as e\n    g(), e.sleep\n",
    )
    assert_rewrite(
        "import os\ndef f():\n    if os.name: import eventlet.debug\n"
        "    else: import eventlet\n    eventlet.debug.spew(), eventlet.sleep\n",
        "import os\ndef f():\n    if os.name: import eventlet; import bridge.debug\n"
        "    else: import eventlet; import bridge.debug\n"
        "    bridge.debug.spew(), eventlet.sleep\n",
    )


def test_a_global_that_nothing_binds_is_no_name_of_ours() -> None:
    assert_rewrite(
        "from eventlet import debug\ndef f():\n    from eventlet import debug as d\n"
        "    def g():\n        global d\n        d.spew()\n    return d\ndebug.unspew()\n",
        "from bridge import debug\ndef f():\n    from eventlet import debug as d\n"
        "    def g():\n        global d\n        d.spew()\n    return d\ndebug.unspew()\n",
    )


def test_a_class_body_reads_the_name_that_it_binds() -> None:
    assert_untouched("from eventlet import debug\nclass A:\n    debug = debug\n", to="asyncio")
    assert_rewrite(
        "from eventlet import debug\ndebug.tpool_exceptions(True)\nclass A:\n    debug = debug\n",
        "from eventlet import debug\nclass A:\n    debug = debug\n",
        to="asyncio",
    )


ASYNCIO = [
    pytest.param(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import sys\n"
        "from eventlet import debug\ndebug.unspew()\n",
        "import sys\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import sys\n"
        "sys.settrace(None)\n",
        id="an import for the type checker is none",
    ),
    pytest.param(
        "from eventlet import debug\ndebug.unspew()\nimport sys\n",
        "import sys\nsys.settrace(None)\nimport sys\n",
        id="an import further down comes too late",
    ),
    pytest.param(
        "from eventlet import debug\ndebug.tpool_exceptions(True)\ndel debug\n",
        "from eventlet import debug\ndel debug\n",
        id="a deleted name stays bound until then",
    ),
    pytest.param(
        "try:\n    from eventlet import debug\nexcept ImportError:\n    debug = None\n"
        "def f():\n    if debug:\n        debug.tpool_exceptions(True)\n",
        "try:\n    pass\nexcept ImportError:\n    debug = None\ndef f():\n    pass\n",
        id="an import that only a condition read, which goes",
    ),
]


@pytest.mark.parametrize(("before", "after"), ASYNCIO)
def test_stage_asyncio(before: str, after: str) -> None:
    assert_rewrite(before, after, to="asyncio")


_CLASS = "import eventlet\nclass A:\n    def __init__(self):\n        self.d = eventlet.debug\n"
LEFT = [
    pytest.param(
        f"{_CLASS}A().d.unspew()\n", "asyncio", "called here, which may do more", id="a call before"
    ),
    pytest.param(
        f"{_CLASS}a = A()\na.d.unspew()\n",
        "asyncio",
        "reached through a, which may hold something else",
        id="an attribute of an instance",
    ),
    pytest.param(
        "import eventlet.debug\nclass A:\n    def __init__(self, d=None):\n"
        "        self.d = d or eventlet.debug\n    def go(self):\n"
        "        self.d.tpool_exceptions(True)\n",
        "asyncio",
        "reached through self",
        id="an attribute that may be given",
    ),
    pytest.param(
        "import os\nif os.name:\n    from eventlet import debug\n"
        "else:\n    from mine import debug\n"
        "debug.tpool_exceptions(True)\n",
        "asyncio",
        "line 5 binds it as well",
        id="a name that another module may have given",
    ),
    pytest.param(
        "import sys\nimport eventlet.debug\neventlet.debug.spew()\n"
        "sys.modules['eventlet.debug'].unspew()\n",
        "bridge",
        "looks the module up by its name",
        id="a look-up in sys.modules",
    ),
    pytest.param(
        "import eventlet\nfrom eventlet import backdoor\n"
        "gt = eventlet.spawn(backdoor.backdoor_server, eventlet.listen(('', 1)))\ngt.kill()\n",
        "bridge",
        "the green thread is used (line 4)",
        id="a backdoor that is killed later",
    ),
    pytest.param(
        "import eventlet\nfrom eventlet import backdoor\nclass A:\n    def start(self):\n"
        "        self.gt = eventlet.spawn(backdoor.backdoor_server, eventlet.listen(('', 1)))\n"
        "    def stop(self):\n        self.gt.kill()\n",
        "bridge",
        "the green thread is used (line 7)",
        id="a backdoor that another method kills",
    ),
    pytest.param(
        "import eventlet\nfrom eventlet import backdoor\n"
        "eventlet.spawn(backdoor.backdoor_server, make_socket())\n",
        "bridge",
        "not made by eventlet.listen",
        id="a socket that the project's own function makes",
    ),
    pytest.param(
        "import eventlet\nfrom eventlet import backdoor\n"
        "gt = eventlet.spawn(backdoor.backdoor_server, eventlet.listen(('', 1)))\n",
        "asyncio",
        "the result is kept where other modules may read it",
        id="a backdoor that other modules may know",
    ),
    pytest.param(
        "from eventlet import debug\ndebug.hub_prevent_multiple_readers(not strict)\n",
        "bridge",
        "whether not strict is False cannot be told",
        id="several readers as configured",
    ),
]


@pytest.mark.parametrize(("source", "to", "reason"), LEFT)
def test_left(source: str, to: Stage, reason: str) -> None:
    assert_untouched(source, to=to, unsafe=True, reason=reason)


def test_an_address_that_a_call_computes_goes_only_when_asked_to() -> None:
    source = (
        "import eventlet\nfrom eventlet import backdoor\n"
        "eventlet.spawn(backdoor.backdoor_server, eventlet.listen(('', port())))\n"
    )
    assert_untouched(source, reason="a call computes the socket's arguments")
    assert_rewrite(source, "import bridge.console\nbridge.console.expose()\n", unsafe=True)


def test_what_stands_in_a_backdoors_start_goes_with_it() -> None:
    result = assert_rewrite(
        "import eventlet\nfrom eventlet import backdoor\n"
        "eventlet.spawn(backdoor.backdoor_server, eventlet.listen(('', 1)))\n",
        "import bridge.console\nbridge.console.expose()\n",
    )
    assert all(outcome.rewritten for outcome in result.outcomes)


def planned(folder: Path, to: Stage, **files: str) -> Plan:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    codes = frozenset(rules.by_code())
    scanning = project.Options(codes, text=False, processes=1)
    return plan([str(folder)], Options(unsafe=True), scanning, stage=to)


def test_an_import_stays_for_a_use_elsewhere_that_relies_on_it(tmp_path: Path) -> None:
    done = planned(
        tmp_path,
        "asyncio",
        a="import eventlet.debug\neventlet.debug.tpool_exceptions(True)\n",
        b="import eventlet\nimport a\nprint(eventlet.debug)\n",
    )
    assert [result.new for result in done.changed] == [b"import eventlet.debug\n"]


def test_users_of_a_module_that_changed_follow_it(tmp_path: Path) -> None:
    done = planned(
        tmp_path,
        "bridge",
        a="from eventlet import debug\ndebug.unspew()\n",
        b="from a import debug\ndebug.spew()\n",
    )
    assert [result.path for result in done.changed] == [str(tmp_path / "a.py")]
    assert all(outcome.rewritten for outcome in done.outcomes)
