from __future__ import annotations

from tests.migrator.rules.cases import check


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
        eventlet.getcurrent().parent  # EVT405 eventlet.getcurrent().parent
        """)
