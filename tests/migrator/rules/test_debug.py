from __future__ import annotations

import pytest

from tests.migrator.rules.cases import check, findings


def test_every_function() -> None:
    check("""
        from eventlet import debug  # EVT101 eventlet.debug
        debug.hub_exceptions(True)  # EVT102 eventlet.debug.hub_exceptions
        debug.hub_blocking_detection(True)  # EVT103 eventlet.debug.hub_blocking_detection
        debug.hub_prevent_multiple_readers(False)  # EVT104 eventlet.debug.hub_prevent_multiple_readers
        debug.hub_listener_stacks(True)  # EVT105 eventlet.debug.hub_listener_stacks
        debug.hub_timer_stacks(True)  # EVT106 eventlet.debug.hub_timer_stacks
        debug.tpool_exceptions(False)  # EVT107 eventlet.debug.tpool_exceptions
        debug.spew()  # EVT108 eventlet.debug.spew
        debug.unspew()  # EVT109 eventlet.debug.unspew
        print(debug.format_hub_timers())  # EVT110 eventlet.debug.format_hub_timers
        debug.new_in_some_release()  # EVT101 eventlet.debug.new_in_some_release
        """)


def test_hub_internals() -> None:
    check("""
        from eventlet import greenpool, hubs  # EVT402 eventlet.greenpool; EVT702 eventlet.hubs
        hub = hubs.get_hub()  # EVT702 eventlet.hubs.get_hub
        hub.debug_exceptions = False  # EVT120 eventlet.hubs.get_hub().debug_exceptions
        old = greenpool.DEBUG  # EVT121 eventlet.greenpool.DEBUG
        greenpool.DEBUG = True  # EVT121 eventlet.greenpool.DEBUG

        hubs.hub.g_prevent_multiple_readers = 0  # EVT120 eventlet.hubs.hub.g_prevent_multiple_readers

        class Hub:
            def __init__(self):
                self.hub = hubs.get_hub()  # EVT702 eventlet.hubs.get_hub

            def quiet(self):
                self.hub.debug_blocking = 0  # EVT120 eventlet.hubs.get_hub().debug_blocking
        """)


def test_dumps_of_green_threads() -> None:
    check("""
        import gc
        import greenlet  # EVT801 greenlet

        def find(kind):
            return [o for o in gc.get_objects() if isinstance(o, kind)]  # EVT130 gc greenlet walk

        for g in find(greenlet.greenlet):  # EVT802 greenlet.greenlet
            print_stack(g.gr_frame)  # EVT131 greenlet.gr_frame dump
            print_stack(getattr(g, "gr_frame", None))  # EVT131 greenlet.gr_frame dump
        if type(g).__name__ == "GreenThread":  # EVT132 greenlet type name test
            report(tgen.GreenThreadReportGenerator())  # EVT133 guru meditation green threads
        """)


def test_a_heap_walk_for_something_else_is_not_found() -> None:
    check("""
        import gc
        greenlet = None
        leaks = [o for o in gc.get_objects() if isinstance(o, dict)]
        if type(o).__name__ == "Thread":
            pass
        """)


def test_heap_walks_for_other_classes_are_not_found_beside_one_for_greenlets() -> None:
    check("""
        import gc
        from greenlet import greenlet  # EVT802 greenlet.greenlet
        from workers import Worker

        workers = [one for one in gc.get_objects() if isinstance(one, Worker)]

        def find(Kind):
            return sum(1 for o in gc.get_objects() if isinstance(o, Kind))  # EVT130 gc greenlet walk

        found = [
            one for one in gc.get_objects()  # EVT130 gc greenlet walk
            if isinstance(one, greenlet)  # EVT802 greenlet.greenlet
        ]
        """)


def test_lookalikes_are_not_found() -> None:
    check("""
        from gunicorn import debug
        from . import debug as d
        debug.spew()
        d.hub_exceptions(True)
        eventlet_debug = True

        class Spew:
            pass
        """)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("True", "loop.set_debug(True); loop.slow_callback_duration = 1"),
        ("x, resolution=y / 2", "loop.set_debug(x); loop.slow_callback_duration = y / 2"),
        ("", "loop.set_debug(False); loop.slow_callback_duration = 1"),
    ],
)
def test_blocking_detection_names_what_to_paste(arguments: str, text: str) -> None:
    found = findings(f"import eventlet.debug\neventlet.debug.hub_blocking_detection({arguments})")
    assert found[-1].asyncio.replacement == f"loop = asyncio.get_running_loop(); {text}"


def test_a_loop_runs_inside_async_def_only() -> None:
    found = findings("""
        from eventlet import debug
        async def start():
            debug.hub_timer_stacks(True)
        def stop():
            debug.hub_timer_stacks(False)
        """)
    assert [one.asyncio.applicability for one in found[1:]] == ["safe", "manual"]


def test_multiple_readers_false_is_always_refused() -> None:
    found = findings("""
        from eventlet import debug
        debug.hub_prevent_multiple_readers(False)
        debug.hub_prevent_multiple_readers(True)
        debug.hub_prevent_multiple_readers()
        """)
    assert [one.bridge.applicability for one in found] == ["safe", "manual", "safe", "safe"]
    assert "RuntimeError" in str(found[1].bridge.reason)
