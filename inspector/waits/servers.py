"""Rules for servers, where a task waits for its client, or for the server's end.

Who waits for these has nothing to do, which is not to be stuck. Where a loop's transports are no
objects of Python, as uvloop's, nothing but the rule tells that the peer is a client. Sources:
uvicorn 0.2x to 0.4x, hypercorn 0.17, starlette, sse-starlette, aiohttp 3, websockets 10 to 16,
sanic 2x, tornado 6, grpcio 1, oslo.service 1.28 to 4.
"""

from __future__ import annotations

from inspector.waits.libraries import conversation, timer, transport
from inspector.waits.reason import CLIENT, EMPTY, ENDS, SENT, SHUTDOWN, Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.frames import FrameView
    from inspector.waits.reason import Look, Rule, Rules


def _next_request(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
    """Of a server's connection, unless a request is being handled."""
    waiter = look.objects.attribute(frame.local("self"), "_waiter")
    if not waiter or look.objects.is_none(waiter):
        return inner
    return transport("read", "transport", of=CLIENT)(look, frame, inner)


def _event(text: str) -> Rule:
    """Of what waits for a plain event that has a meaning."""

    def read(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
        if inner is not None and inner.on not in ("event", "future"):
            return inner
        reason = Reason("event", text, inner.subject if inner else 0)
        if inner is not None:
            reason.deadline, reason.total = inner.deadline, inner.total
        return reason

    return read


def _frame(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
    """Of the older websockets, where one class reads for both ends."""
    if inner is None or look.flag(look.objects.attribute(frame.local("self"), "is_client")):
        return inner
    return transport("read", "transport", of=CLIENT)(look, frame, inner)


def _stream(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
    """Of tornado's: a stream has its socket, and a connection its stream."""
    if inner is not None and inner.on != "future":
        return inner
    stream = look.objects.attribute(frame.local("self"), "stream")
    reason = Reason("fd", f"read {CLIENT}", stream)
    reason.mode = "read"
    reason.fd = look.file_number(look.objects.attribute(stream, "socket")) if stream else None
    return reason


def _message(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
    """Of tornado's HTTP: it reads a request, then waits until that has been answered."""
    if frame.local("header_data"):
        return inner or Reason("event", SENT, frame.local("self"))
    return _stream(look, frame, inner)


_CALL_NEXT = "BaseHTTPMiddleware.__call__.<locals>.call_next.<locals>"
_SANIC = "sanic.server"

RULES: Rules = {
    ("uvicorn.protocols.http.flow_control", "FlowControl.drain"): transport("write", "_transport"),
    **{
        (f"uvicorn.protocols.http.{name}_impl", "RequestResponseCycle.receive"): transport(
            "read", "transport", of=CLIENT
        )
        for name in ("h11", "httptools")
    },
    ("starlette.middleware.base", f"{_CALL_NEXT}.receive_or_disconnect.<locals>.wrap"): _event(
        SENT
    ),
    ("sse_starlette.sse", "EventSourceResponse._listen_for_exit_signal"): _event(SHUTDOWN),
    ("hypercorn.utils", "raise_shutdown"): _event(SHUTDOWN),
    ("hypercorn.asyncio.tcp_server", "TCPServer._idle_timeout"): timer,
    ("hypercorn.protocol.h2", "H2Protocol.send_task"): _event(f"{EMPTY} buffer"),
    ("aiohttp.web_ws", "WebSocketResponse.receive"): conversation(
        "_req", "_protocol", "transport", of=CLIENT
    ),
    ("aiohttp.web_protocol", "RequestHandler.start"): _next_request,
    ("websockets.asyncio.connection", "Connection.wait_closed"): transport(
        "read", "transport", end=ENDS
    ),
    ("websockets.legacy.protocol", "WebSocketCommonProtocol.read_frame"): _frame,
    ("websockets.legacy.protocol", "WebSocketCommonProtocol.wait_closed"): transport(
        "read", "transport", end=ENDS
    ),
    (f"{_SANIC}.protocols.base_protocol", "SanicProtocol.receive_more"): transport(
        "read", "transport", of=CLIENT
    ),
    (f"{_SANIC}.protocols.http_protocol", "send"): transport("write", "transport"),
    (f"{_SANIC}.websockets.frame", "WebsocketFrameAssembler.get"): transport(
        "read", "protocol", "io_proto", "transport", of=CLIENT
    ),
    (f"{_SANIC}.websockets.impl", "WebsocketImplProtocol.auto_close_connection"): transport(
        "read", "io_proto", "transport", end=ENDS
    ),
    ("tornado.http1connection", "HTTP1Connection._read_message_inner"): _message,
    ("tornado.http1connection", "HTTP1Connection._read_fixed_body"): _stream,
    ("tornado.http1connection", "HTTP1Connection._read_chunked_body"): _stream,
    ("tornado.websocket", "WebSocketProtocol13._read_bytes"): _stream,
    ("grpc.aio._server", "Server.wait_for_termination"): _event(SHUTDOWN),
    **{
        (f"oslo_service{module}.service", "Services.run_service"): _event(SHUTDOWN)
        for module in ("", ".backend._eventlet")
    },
}
