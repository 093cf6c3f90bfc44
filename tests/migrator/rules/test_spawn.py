from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from migrator import project, rules
from tests.migrator.rules.cases import check, findings

if TYPE_CHECKING:
    import pytest


def test_green_threads() -> None:
    check("""
        import eventlet  # EVT001 eventlet
        from eventlet import greenthread as gt  # EVT405 eventlet.greenthread
        eventlet.spawn(f)  # EVT401 eventlet.spawn
        gt.spawn_after(1, f)  # EVT401 eventlet.greenthread.spawn_after
        eventlet.GreenPool(10)  # EVT402 eventlet.GreenPool
        eventlet.sleep()  # EVT403 eventlet.sleep
        gt.kill(g)  # EVT404 eventlet.greenthread.kill
        gt.getcurrent()  # EVT405 eventlet.greenthread.getcurrent
        """)


def test_what_is_asked_of_a_pool_or_a_green_thread() -> None:
    check("""
        import eventlet  # EVT001 eventlet
        pool = eventlet.GreenPool()  # EVT402 eventlet.GreenPool
        pool.waitall()  # EVT402 eventlet.GreenPool().waitall
        green = eventlet.spawn(f)  # EVT401 eventlet.spawn
        green.kill()  # EVT404 eventlet.spawn().kill
        green.wait()  # EVT405 eventlet.spawn().wait
        queue = eventlet.Queue()  # EVT502 eventlet.Queue
        queue.put(1)  # EVT502 eventlet.Queue().put
        eventlet.spawn(f).wait()  # EVT401 eventlet.spawn; EVT405 eventlet.spawn().wait
        eventlet.Queue().put(1)  # EVT502 eventlet.Queue; EVT502 eventlet.Queue().put
        """)


def test_what_others_return_is_no_use_of_eventlet() -> None:
    check("""
        import eventlet  # EVT001 eventlet
        from eventlet import patcher, tpool  # EVT602 eventlet.patcher; EVT703 eventlet.tpool
        pool = eventlet.GreenPool()  # EVT402 eventlet.GreenPool
        row = eventlet.spawn(f).wait()  # EVT401 eventlet.spawn; EVT405 eventlet.spawn().wait
        row.name
        gt = pool.spawn(f)  # EVT402 eventlet.GreenPool().spawn
        gt.wait().name  # EVT405 eventlet.GreenPool().spawn().wait
        tpool.execute(f).name  # EVT703 eventlet.tpool.execute
        time = patcher.original("time")  # EVT602 eventlet.patcher.original
        time.sleep(1)
        """)


def test_green_threads_that_a_pool_starts() -> None:
    check("""
        import eventlet  # EVT001 eventlet
        pool = eventlet.GreenPool()  # EVT402 eventlet.GreenPool
        gt = pool.spawn(f)  # EVT402 eventlet.GreenPool().spawn
        gt.link(done)  # EVT405 eventlet.GreenPool().spawn().link
        gt.kill()  # EVT404 eventlet.GreenPool().spawn().kill
        result = gt.wait()  # EVT405 eventlet.GreenPool().spawn().wait
        result.link()
        nothing = pool.spawn_n(f)  # EVT402 eventlet.GreenPool().spawn_n
        nothing.kill()
        """)


def test_mocks_that_a_class_hands_its_tests() -> None:
    found = findings("""
        from unittest import mock
        @mock.patch("eventlet.spawn")
        class ServiceTest(TestCase):
            def test_start(self, start):
                start.assert_called_once()
            def helper(self, start):
                start.assert_called_once()
        """)
    assert [(one.span.line, one.api) for one in found] == [
        (3, "eventlet.spawn"),
        (6, "eventlet.spawn"),
    ]


def test_a_pool_that_another_module_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pools.py").write_text("import eventlet\npool = eventlet.GreenPool()\n")
    Path("user.py").write_text("from pools import pool\npool.spawn(f)\n")
    found = project.scan_paths(["user.py", "pools.py"], project.Options(rules.select(["all"])))
    assert [(one.code, one.api) for one in found.findings if one.path == "user.py"] == [
        ("EVT402", "eventlet.GreenPool"),
        ("EVT402", "eventlet.GreenPool().spawn"),
    ]
