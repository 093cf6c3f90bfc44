from __future__ import annotations

from tests.migrator.rules.cases import check


def test_what_green_threads_meet_at() -> None:
    check("""
        import eventlet  # EVT001 eventlet
        from eventlet import corolocal, event, pools, queue, semaphore  # EVT501 eventlet.event; EVT502 eventlet.queue; EVT503 eventlet.semaphore; EVT505 eventlet.corolocal; EVT506 eventlet.pools
        event.Event()  # EVT501 eventlet.event.Event
        queue.LightQueue(0)  # EVT502 eventlet.queue.LightQueue
        semaphore.Semaphore()  # EVT503 eventlet.semaphore.Semaphore
        corolocal.local()  # EVT505 eventlet.corolocal.local
        pools.Pool()  # EVT506 eventlet.pools.Pool
        try:
            with eventlet.Timeout(5, False):  # EVT504 eventlet.Timeout
                pass
        except eventlet.timeout.Timeout:  # EVT504 eventlet.timeout.Timeout
            pass
        """)
