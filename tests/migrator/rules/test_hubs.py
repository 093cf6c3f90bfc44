from __future__ import annotations

from tests.migrator.rules.cases import check


def test_hubs_threads_and_the_bridge() -> None:
    check("""
        from eventlet import asyncio, hubs, tpool  # EVT702 eventlet.hubs; EVT703 eventlet.tpool; EVT704 eventlet.asyncio
        hubs.use_hub("epolls")  # EVT701 eventlet.hubs.use_hub
        hubs.trampoline(1, read=True)  # EVT702 eventlet.hubs.trampoline
        hubs.get_hub().schedule_call_global(1, f)  # EVT702 eventlet.hubs.get_hub().schedule_call_global
        tpool.execute(f)  # EVT703 eventlet.tpool.execute
        asyncio.spawn_for_awaitable(c())  # EVT704 eventlet.asyncio.spawn_for_awaitable
        """)
