from __future__ import annotations

import ast
import textwrap

import pytest

from migrator.names import resolve
from migrator.needles import may_debug


def uses(source: str, module: str = "pkg.mod") -> list[tuple[int, str, str]]:
    tree = ast.parse(textwrap.dedent(source))
    found = resolve(tree, module).uses
    return sorted((use.node.lineno, use.api, use.kind) for use in found)  # type: ignore[attr-defined]


def apis(source: str) -> set[str]:
    return {api for _, api, kind in uses(source) if kind != "import"}


HUB = "eventlet.debug.hub_exceptions"


@pytest.mark.parametrize(
    "source",
    [
        "import eventlet\neventlet.debug.hub_exceptions(True)",
        "import eventlet.debug\neventlet.debug.hub_exceptions(True)",
        "import eventlet.debug as d\nd.hub_exceptions(True)",
        "from eventlet import debug\ndebug.hub_exceptions(True)",
        "from eventlet import debug as d\nd.hub_exceptions(True)",
        "from eventlet.debug import hub_exceptions as h\nh(True)",
        "from eventlet.debug import *\nhub_exceptions(True)",
        "import eventlet\nd = eventlet.debug\nd.hub_exceptions(True)",
        "import eventlet as e\na, b = e.debug, 1\na.hub_exceptions(True)",
        "import importlib\nd = importlib.import_module('eventlet.debug')\nd.hub_exceptions(1)",
        "d = importutils.try_import('eventlet.debug')\nif d:\n    d.hub_exceptions(True)",
        "from importlib import import_module as im\nd = im('eventlet.debug')\nd.hub_exceptions(1)",
        "d = importlib.import_module('.debug', 'eventlet')\nd.hub_exceptions(1)",
        "d = importlib.import_module('.debug', package='eventlet')\nd.hub_exceptions(1)",
        "d = importlib.import_module(name='eventlet.debug')\nd.hub_exceptions(1)",
        "d = importutils.import_any('x', 'eventlet.debug')\nd.hub_exceptions(1)",
        "f = importutils.import_class('eventlet.debug.hub_exceptions')\nf(1)",
        "d = pytest.importorskip('eventlet.debug')\nd.hub_exceptions(1)",
        "e = __import__('eventlet.debug')\ne.debug.hub_exceptions(True)",
        "from eventlet import debug\ngetattr(debug, 'hub_exceptions')(True)",
        "from eventlet import debug\nf = getattr(debug, 'hub_exceptions')\nf(True)",
        "try:\n    from eventlet import debug\nexcept ImportError:\n    debug = None\n"
        "def f():\n    debug.hub_exceptions(True)",
        "debug = None\ntry:\n    from eventlet import debug\nexcept ImportError:\n    pass\n"
        "debug.hub_exceptions(True)",
        "def load():\n    global debug\n    from eventlet import debug\n"
        "def f():\n    debug.hub_exceptions(True)",
        "def f():\n    from eventlet import debug\n    return [debug.hub_exceptions for _ in 'x']",
        "def f():\n    from eventlet import debug\n    return lambda: debug.hub_exceptions(True)",
        "import eventlet.debug\nclass A:\n    debug = eventlet.debug\n    def f(self):\n"
        "        self.debug.hub_exceptions(True)",
        "import eventlet.debug\nclass A:\n    def f(self):\n        self.d.hub_exceptions(True)\n"
        "    def __init__(self):\n        self.d = eventlet.debug",
        "import functools, eventlet.debug as d\nf = functools.partial(d.hub_exceptions, True)",
        "from unittest import mock\n@mock.patch('eventlet.debug')\ndef test(m):\n"
        "    m.hub_exceptions.assert_called_once_with(True)",
        "from unittest import mock\n@mock.patch('x.y.eventlet')\ndef test(m):\n"
        "    m.debug.hub_exceptions.assert_called_once_with(True)",
        "import eventlet.debug as d\nmock.patch.object(d, 'hub_exceptions')",
        "mock.patch('eventlet.debug.hub_exceptions')",
        "NAMES = ('os', 'eventlet.debug.hub_exceptions')",
        "import eventlet.debug as d\nd = d if True else None\nd.hub_exceptions(True)",
        "import eventlet.debug as d\nif (f := d.hub_exceptions):\n    f(True)",
        "import eventlet.debug\na, (b, *c) = 1, (eventlet.debug, 2)\nb.hub_exceptions(True)",
        "import eventlet.debug\n*a, b = 1, 2, eventlet.debug\nb.hub_exceptions(True)",
        "import eventlet.debug as d\ndef f(a, hooks=d, *, b=1):\n    hooks.hub_exceptions(True)",
        "import eventlet.debug as d\ndef f(*, a, hooks=d):\n    hooks.hub_exceptions(True)",
        "import eventlet.debug as d\nf = lambda hooks=d: hooks.hub_exceptions(True)",
        "import eventlet.debug\nclass A:\n    d = eventlet.debug\nA.d.hub_exceptions(True)",
        "import eventlet.debug as d\n(d if x else None).hub_exceptions(True)",
        "import eventlet.debug as d\n(x or d).hub_exceptions(True)",
        "def f():\n    d = None\n    def load():\n        nonlocal d\n"
        "        from eventlet import debug as d\n"
        "    def use():\n        d.hub_exceptions(True)",
        "import sys\nsys.modules['eventlet.debug'].hub_exceptions(True)",
        "import sys\nd = sys.modules.get('eventlet.debug')\nd.hub_exceptions(True)",
        "d = __import__('eventlet.debug', fromlist=['x'])\nd.hub_exceptions(True)",
        "def hooks():\n    from eventlet import debug\n    return debug\n"
        "hooks().hub_exceptions(True)",
        "def hooks():\n    import eventlet\n    return eventlet if x else None\n"
        "class A:\n    def f(self):\n        self.e = hooks()\n"
        "        self.e.debug.hub_exceptions(1)",
        "from eventlet import debug\ndef f(x: 'debug.hub_exceptions') -> None: ...",
        "from eventlet import debug as d\nx: 'list[d.hub_exceptions]' = []",
        "f = import_string('eventlet.debug.hub_exceptions')\nf(1)",
        "pkgutil.resolve_name('eventlet.debug:hub_exceptions')(1)",
        "d = lazy_import.lazy_module('eventlet.debug')\nd.hub_exceptions(1)",
        "d = LazyLoader('d', globals(), 'eventlet.debug')\nd.hub_exceptions(1)",
        "(e := __import__('eventlet')).debug.hub_exceptions(1)",
        "from other import *\neventlet.debug.hub_exceptions(1)",
        "plugin = EntryPoint('x', 'eventlet.debug:hub_exceptions', 'group')",
        "from eventlet import debug as d\nx: Optional['d.hub_exceptions'] = None",
        "from eventlet import debug as d\nx: Annotated['d.hub_exceptions', 1] = None",
        "from eventlet import debug as d\nHook: TypeAlias = 'd.hub_exceptions'",
        "from eventlet import debug as d\nx = cast('d.hub_exceptions', y)",
        "@pytest.fixture\ndef d():\n    from eventlet import debug\n    return debug\n"
        "def test(d):\n    d.hub_exceptions(True)",
        "@fixture(autouse=True)\ndef d():\n    from eventlet import debug\n    yield debug\n"
        "class TestA:\n    def test(self, d):\n        d.hub_exceptions(True)",
        "def f():\n    d = None\n    def load():\n        nonlocal d\n"
        "        from eventlet import debug as d\n    load()\n    d.hub_exceptions(True)",
        "d = None\ndef load():\n    global d\n    from eventlet import debug as d\n"
        "load()\nd.hub_exceptions(True)",
        "def load():\n    global eventlet\n    import eventlet\n"
        "load()\neventlet.debug.hub_exceptions(True)",
        "import eventlet\nclass A:\n    def f(self):\n        self.d = eventlet.debug\n"
        "class B(A):\n    def g(self):\n        self.d.hub_exceptions(True)",
        "import eventlet\nclass A:\n    d = eventlet.debug\na = A()\na.d.hub_exceptions(True)",
        "import eventlet\nclass A:\n    @property\n    def d(self):\n"
        "        return eventlet.debug\n    def f(self):\n        self.d.hub_exceptions(True)",
        "import eventlet\nclass A:\n    @staticmethod\n    def d():\n"
        "        return eventlet.debug\nA.d().hub_exceptions(True)",
        "import eventlet\nclass A:\n    class B:\n        d = eventlet.debug\n"
        "A.B.d.hub_exceptions(True)",
    ],
)
def test_every_road_leads_to_the_api(source: str) -> None:
    assert HUB in apis(source)


@pytest.mark.parametrize(
    "source",
    [
        "from . import debug\ndebug.hub_exceptions(True)",
        "import debug\ndebug.hub_exceptions(True)",
        "d = import_module('.debug', 'project')\nd.hub_exceptions(True)",
        "d = import_module('.debug', package)\nd.hub_exceptions(True)",
        "d = import_module()\nd.hub_exceptions(True)",
        "from eventlet import debug\ndef f(debug):\n    debug.hub_exceptions(True)",
        "from eventlet import debug\ndef f():\n    debug = 1\n    debug.hub_exceptions(True)",
        "from eventlet import debug\n[debug.hub_exceptions for debug in x]",
        "from eventlet import debug\nlambda debug: debug.hub_exceptions",
        "from eventlet import debug\ndebug = other()\ndebug.hub_exceptions(True)",
        "from eventlet import debug\nfor debug in x:\n    debug.hub_exceptions(True)",
        "from eventlet import debug\ndef f():\n    for debug in x:\n        debug.hub_exceptions",
        "class A:\n    from eventlet import debug\n    def f(self):\n        debug.hub_exceptions",
        "def f():\n    from eventlet import debug\ndebug.hub_exceptions(True)",
        "# eventlet.debug.hub_exceptions(True)",
        "'''eventlet.debug.hub_exceptions'''",
        "x = 'call eventlet.debug.hub_exceptions(True) to see them'",
        "from eventlet import debug\nmatch x:\n    case [debug]:\n        debug.hub_exceptions",
        "with open(x) as debug:\n    debug.hub_exceptions",
        "from eventlet import debug\na, b = debug, 1\nb.hub_exceptions(True)",
        "from eventlet import debug\n*a, b = debug, 1\nb.hub_exceptions(True)",
        "from eventlet import debug\na, b = *x, debug\na.hub_exceptions(True)",
        "from eventlet import debug\ndef f(a=debug, b=1):\n    b.hub_exceptions(True)",
        "from eventlet import debug\nasync def f():\n    return debug\nf().hub_exceptions(True)",
        "from eventlet import debug\ndef f():\n    def g():\n        return debug\n"
        "f().hub_exceptions(1)",
        "other.modules[0].hub_exceptions(True)",
        "importutils.import_object('eventlet.debug.Spew').hub_exceptions(True)",
        "import eventlet\nclass A:\n    d = eventlet.debug\nclass B(A):\n    d = other()\n"
        "    def f(self):\n        self.d.hub_exceptions(True)",
        "import eventlet\nclass A:\n    def f(self):\n        self.d = eventlet.debug\n"
        "    def g(self):\n        self.d = other()\na = A()\na.d.hub_exceptions(True)",
        "import eventlet\ndef f():\n    class A:\n        d = eventlet.debug\n"
        "class A: pass\nA.d.hub_exceptions(True)",
        "import eventlet\nclass A:\n    d = eventlet.debug\nclass B(A):\n    def f(self):\n"
        "        self.d.hub_exceptions(True)\n    def __init__(self):\n        self.d = other()",
        "from eventlet import debug as d\nx: Literal['d.hub_exceptions'] = None",
        "@pytest.fixture\ndef d():\n    from eventlet import debug\n    return debug\n"
        "def helper(d):\n    d.hub_exceptions(True)",
        "d = other()\ndef load():\n    global d\n    from eventlet import debug as d\n"
        "d.hub_exceptions(True)",
    ],
)
def test_what_is_not_proven_is_not_said(source: str) -> None:
    assert HUB not in apis(source)


def test_a_key_with_a_colon_is_no_entry_point() -> None:
    assert not uses("cache.get('eventlet:queue')\ncache.get('app.eventlet:debug')")


def test_greenlet_is_known_by_text_as_far_as_it_is_greenlets() -> None:
    assert uses("mock.patch('greenlet.getcurrent')") == [(1, "greenlet.getcurrent", "string")]
    assert not uses("mock.patch('gevent.greenlet.Greenlet')\nopen('greenlet.io')")


def test_a_forgotten_import_hides_no_use() -> None:
    assert uses("def f():\n    eventlet.sleep(0)") == [(2, "eventlet.sleep", "call")]
    assert not uses("def f(eventlet):\n    eventlet.sleep(0)")
    assert not uses("from x import eventlet\nclass A:\n    def f(self):\n        eventlet.sleep(0)")
    assert not uses("eventlet.mine()\nprint(eventlet)")


def test_hub_internals_are_found_through_calls_and_variables() -> None:
    found = uses("""
        from eventlet import hubs
        hubs.get_hub().set_timer_exceptions(True)
        hub = hubs.get_hub()
        hub.debug_exceptions = True
        """)
    assert found == [
        (2, "eventlet.hubs", "import"),
        (3, "eventlet.hubs.get_hub().set_timer_exceptions", "call"),
        (4, "eventlet.hubs.get_hub", "call"),
        (5, "eventlet.hubs.get_hub().debug_exceptions", "store"),
    ]


def test_a_relative_import_of_the_oslo_copy_has_its_full_name() -> None:
    found = uses("from ..common import eventlet_backdoor as b\nb.initialize_if_enabled(C)", "a.b.c")
    assert found == [
        (1, "a.common.eventlet_backdoor", "import"),
        (2, "a.common.eventlet_backdoor.initialize_if_enabled", "call"),
    ]


def test_a_text_that_is_compared_names_nothing() -> None:
    queue = "import eventlet\nqueue = eventlet.Queue()\nself.assertEqual(queue, 'name')"
    assert apis(queue) == {"eventlet.Queue"}
    assert apis("import eventlet\nself.assertIs(eventlet, 'sleep')") == {"eventlet"}


@pytest.mark.parametrize(
    ("line", "whether"),
    [
        ("mock.patch.object(green, 'debug')", True),
        ("getattr(catalog, 'debug')", True),
        ("mock.patch.object(LOG, 'debug')", False),
        ("mock.patch.object(utils.logger, 'debug')", False),
    ],
)
def test_a_loggers_debug_is_no_reason_to_parse_for_debug(line: str, whether: bool) -> None:
    assert may_debug(f"from eventlet import sleep\n{line}\n".encode()) is whether
