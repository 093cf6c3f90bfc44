from __future__ import annotations

from tests.migrator.rules.cases import check


def test_servers_and_sockets() -> None:
    check("""
        import eventlet  # EVT001 eventlet
        from eventlet import websocket, wsgi  # EVT302 eventlet.websocket; EVT301 eventlet.wsgi
        wsgi.server(eventlet.listen(("", 80)), app)  # EVT301 eventlet.wsgi.server; EVT303 eventlet.listen

        @websocket.WebSocketWSGI  # EVT302 eventlet.websocket.WebSocketWSGI
        def handle(ws):
            pass
        """)
