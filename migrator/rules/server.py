"""Servers and listening sockets: ``eventlet.wsgi``, ``websocket``, ``convenience``."""

from __future__ import annotations

from migrator.rules import Family, by_hand

FAMILY = Family(
    name="server",
    prefix="EVT3",
    title="WSGI and WebSocket servers, listening sockets",
    intro="What accepts connections in green threads; asyncio servers take its place.",
    rules=(
        by_hand(
            "EVT301",
            "wsgi-server",
            "`eventlet.wsgi` serves a WSGI application",
            "eventlet.wsgi eventlet.wsgi.* eventlet.input eventlet.minimum_write_chunk_size "
            "eventlet.posthooks eventlet.set_idle",
            "One green thread a connection; the server ends with the hub.",
            "an ASGI server (uvicorn, hypercorn), or a threaded WSGI server (gunicorn, cheroot)",
            asyncio=None,
            because="the server decides about the whole deployment",
            example=('wsgi.server(eventlet.listen(("", 8080)), app)', "uvicorn.run(asgi_app)"),
        ),
        by_hand(
            "EVT302",
            "websocket",
            "`eventlet.websocket` speaks WebSocket inside the WSGI server",
            "eventlet.websocket eventlet.websocket.*",
            "It needs eventlet.wsgi below it.",
            "the websockets package, or the ASGI framework's own",
            asyncio="websockets.serve(handler, host, port)",
            because="the handler becomes async def",
        ),
        by_hand(
            "EVT303",
            "listen-connect",
            "a green socket is made or served by a shortcut",
            "eventlet.listen eventlet.serve eventlet.connect eventlet.wrap_ssl eventlet.StopServe "
            "eventlet.convenience eventlet.convenience.*",
            "They return sockets that block the green thread only.",
            "asyncio.start_server and asyncio.open_connection",
            asyncio="asyncio.start_server(handle, host, port)",
            because="sockets become a pair of streams, and the handler async def",
            example=(
                "eventlet.serve(sock, handle)",
                "await asyncio.start_server(handle, sock=sock)",
            ),
        ),
    ),
)
