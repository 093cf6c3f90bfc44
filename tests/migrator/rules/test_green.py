from __future__ import annotations

from tests.migrator.rules.cases import check


def test_patching_and_green_modules() -> None:
    check("""
        import eventlet  # EVT001 eventlet
        eventlet.monkey_patch(os=False)  # EVT601 eventlet.monkey_patch
        http = eventlet.import_patched("http.client")  # EVT602 eventlet.import_patched
        from eventlet import patcher  # EVT602 eventlet.patcher
        threading = patcher.original("threading")  # EVT602 eventlet.patcher.original
        try:
            from eventlet.green import socket  # EVT603 eventlet.green.socket
        except ImportError:
            import socket
        socket.create_connection(a)  # EVT603 eventlet.green.socket.create_connection
        from eventlet.greenio import GreenPipe  # EVT604 eventlet.greenio.GreenPipe
        """)
