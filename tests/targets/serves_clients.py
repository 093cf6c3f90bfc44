"""A sound server, of the kind that the first argument names, for clients that take their time.

It has ``/`` which answers at once, ``/slow`` which begins to answer, ``/body`` which reads a body
and ``/ws``, a websocket. Prints ``ready pid=PID port=PORT``.
"""

import asyncio
import os
import socket
import sys

KIND = sys.argv[1]


def ready(port):
    print(f"ready pid={os.getpid()} port={port}", flush=True)


def application():
    import contextlib

    import anyio
    from starlette.applications import Starlette
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.responses import Response, StreamingResponse
    from starlette.routing import Route, WebSocketRoute

    async def chunks():
        yield b"first"
        await asyncio.sleep(3600)

    async def slow(request):
        return StreamingResponse(chunks())

    async def body(request):
        return Response(await request.body())

    async def socket(websocket):
        await websocket.accept()
        await websocket.receive_text()

    async def passes(request, call_next):
        return await call_next(request)

    @contextlib.asynccontextmanager
    async def lives(app):
        sender, receiver = anyio.create_memory_object_stream(0)

        async def consume():
            async for _ in receiver:
                pass

        async with anyio.create_task_group() as group:
            group.start_soon(consume, name="consumer")
            yield
            sender.close()

    app = Starlette(
        lifespan=lives,
        routes=[
            Route("/", lambda request: Response("here")),
            Route("/slow", slow),
            Route("/body", body, methods=["POST"]),
            WebSocketRoute("/ws", socket),
        ],
    )
    app.add_middleware(BaseHTTPMiddleware, dispatch=passes)
    return app


def uvicorn(loop="asyncio", http="h11", ws="websockets-sansio"):
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets=sockets)
            ready(listening.getsockname()[1])

    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application(), loop=loop, http=http, ws=ws, log_level="error")
    Server(config).run(sockets=[listening])


def hypercorn():
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    async def main():
        listening = socket.create_server(("127.0.0.1", 0))
        config = Config()
        config.bind = [f"fd://{listening.detach()}"]
        number = int(config.bind[0].rpartition("/")[2])
        port = socket.socket(fileno=os.dup(number)).getsockname()[1]
        asyncio.get_running_loop().call_later(0.5, ready, port)
        await serve(application(), config)

    asyncio.run(main())


def sanic():
    from sanic import Sanic, response

    app = Sanic("serves")
    app.config.REQUEST_TIMEOUT = app.config.RESPONSE_TIMEOUT = 3600
    listening = socket.create_server(("127.0.0.1", 0))

    @app.get("/")
    async def root(request):
        return response.text("here")

    @app.get("/slow")
    async def slow(request):
        answer = await request.respond()
        await answer.send("first")
        await asyncio.sleep(3600)

    @app.post("/body")
    async def body(request):
        return response.raw(request.body)

    @app.websocket("/ws")
    async def talk(request, ws):
        await ws.recv()

    @app.after_server_start
    async def started(app):
        ready(listening.getsockname()[1])

    app.run(sock=listening, single_process=True, access_log=False, motd=False)


def tornado():
    import tornado.httpserver
    import tornado.web
    import tornado.websocket

    class Root(tornado.web.RequestHandler):
        def get(self):
            self.write("here")

    class Slow(tornado.web.RequestHandler):
        async def get(self):
            self.write("first")
            await self.flush()
            await asyncio.sleep(3600)

    class Body(tornado.web.RequestHandler):
        def post(self):
            self.write(self.request.body)

    class Talk(tornado.websocket.WebSocketHandler):
        def on_message(self, message):
            pass

    async def main():
        handlers = [("/", Root), ("/slow", Slow), ("/body", Body), ("/ws", Talk)]
        server = tornado.httpserver.HTTPServer(tornado.web.Application(handlers))
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        server.add_sockets([listening])
        ready(listening.getsockname()[1])
        await asyncio.Event().wait()

    asyncio.run(main())


{
    "uvicorn": uvicorn,
    "uvloop": lambda: uvicorn("uvloop", "httptools", "websockets"),
    "hypercorn": hypercorn,
    "sanic": sanic,
    "tornado": tornado,
}[KIND]()
