"""The part of `migrate console` that runs inside the target.

On 3.14 and later this file's text is what the target is made to run, so it is standard
library only, imports nothing of this project and leaves no module behind. On older targets
`bridge.console` imports it. Either way the entry is `start`, called in the main thread, in
whatever was running there: it returns at once.

The target never listens. The tool does, on ``folder/s``; a thread here connects to it,
checks who that is, and carries messages, one JSON object a line. The code that the user
types runs where the program's own code runs (`World`): in the thread of the asyncio loop,
which also runs what is awaited; in a green thread of the Eventlet hub; or, where neither
is or gets to it within `PATIENCE`, in a thread of its own.

From the tool: run (source, one: a prompt's line, answer "more" if unfinished), complete,
interrupt, close. To the tool: asleep, hello, out, view, more, done, completions.
"""

from __future__ import annotations

import _queue
import _socket
import ast
import builtins
import codeop
import contextvars
import inspect
import json
import keyword
import linecache
import os
import posix
import stat
import struct
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType

PROTOCOL = 1
PATIENCE = 2.0  # seconds that a loop or hub gets to take its first job
OFFER = "_eventlet_migrate_console"  # sys.modules: what `bridge.console` was given to offer
_MAX_MESSAGE = 1 << 22  # bytes
_MAX_WAITING = 100_000  # messages; what a program prints beyond them is dropped
_MAX_NAMES = 500  # completions
_FILE = "<console>"
_OVERFLOW_UID = 65534  # what root outside of this user namespace looks like

# The session whose code runs in this context: its tasks inherit it, other units have none.
_session: contextvars.ContextVar[Session | None] = contextvars.ContextVar("console", default=None)


def start(folder: str, interrupted: FrameType | None) -> None:
    """Open a session with the tool that listens in ``folder``; returns at once.

    ``interrupted`` is the frame in which the main thread has been interrupted for this.

    Raises PermissionError when the folder is not this user's own and closed to others.
    """
    state = os.lstat(folder)
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid() or state.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a private folder of this process's user")
    session = Session(_find_world(interrupted))
    _start_thread(lambda: session.serve(f"{folder}/s"))


def _start_thread(run: Callable[[], None]) -> None:
    """Start an OS thread, also where Eventlet has made ``threading`` green."""
    import threading

    library: Any = threading
    if "eventlet.patcher" in sys.modules:
        library = sys.modules["eventlet.patcher"].original("threading")
    library.Thread(target=run, name="migrate-console", daemon=True).start()


class Session:
    """One console: its namespace, its connection, the world that runs its code."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._namespace = _namespace(self)
        self._context = contextvars.Context()
        self._context.run(_session.set, self)
        self._connection: Any = None
        self._outgoing: Any = _queue.SimpleQueue()
        self._leaving = False
        self._compiler = codeop.CommandCompiler()
        self._compiler.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

    def serve(self, path: str) -> None:
        """Connect, then carry messages until either side has had enough."""
        connection = self._connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            connection.connect(path)
            _check_peer(connection)
            _start_thread(self._deliver)
            self._settle()
            with _Streams():
                self._converse()
        except OSError:
            connection.close()  # the tool is gone
        finally:
            self._world.interrupt()
            self._world.close()
            linecache.cache.pop(_FILE, None)
            self._outgoing.put(None)

    def send(self, **message: object) -> None:
        """Have a message sent. Never blocks: this may be the thread that serves requests."""
        if self._outgoing.qsize() < _MAX_WAITING or message["op"] != "out":
            self._outgoing.put(message)

    def _deliver(self) -> None:
        with suppress(OSError):
            while (message := self._outgoing.get()) is not None:
                self._connection.sendall(json.dumps(message).encode() + b"\n")
        self._connection.close()

    def _settle(self) -> None:
        """Find out whether the loop or hub takes jobs; go on without it if not."""
        note = ""
        taken: Any = _queue.SimpleQueue()
        self._world.post(lambda: taken.put(True))
        if not _within(taken, 0.1):
            # A hub may be in a wait that began before our pipe was there: the tool ends it.
            self.send(op="asleep", in_hub=self._world.in_hub_wait)
            if not _within(taken, PATIENCE):
                note = f"{self._world.name} is blocked; the code runs in a thread of its own"
                self._world.close()
                self._world = World()
        self.send(
            op="hello",
            protocol=PROTOCOL,
            python=".".join(map(str, sys.version_info[:3])),
            world=self._world.name,
            note=note,
        )

    def _converse(self) -> None:
        for message in _messages(self._connection):
            match message.get("op"):
                case "run":
                    self._run(str(message.get("source", "")), bool(message.get("one")))
                case "interrupt":
                    self._world.interrupt()
                case "complete":
                    self._complete(str(message.get("text", "")))
                case "close":
                    return
            if self._leaving:
                return

    def _run(self, source: str, one: bool) -> None:
        if one:
            with suppress(SyntaxError, ValueError, OverflowError):  # said below
                if self._compiler(source, _FILE, "single") is None:
                    self.send(op="more")
                    return
        try:
            steps = list(_compile(source, one))
        except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
            self._done(error)
            return
        linecache.cache[_FILE] = (len(source), None, source.splitlines(True), _FILE)
        self._world.run(self._context, lambda: self._step(steps), self._done)

    def _step(self, steps: list[tuple[CodeType, bool]]) -> Any:
        """Run the statements; from the first ``await`` on they come back as a coroutine."""
        for index, (code, show) in enumerate(steps):
            value = eval(code, self._namespace)  # noqa: S307 - it is a console
            if code.co_flags & inspect.CO_COROUTINE:
                return self._await(value, show, steps[index + 1 :])
            if show:
                self._show(value)
        return None

    async def _await(self, value: Any, show: bool, rest: list[tuple[CodeType, bool]]) -> None:
        value = await value
        if show:
            self._show(value)
        coroutine = self._step(rest)
        if coroutine is not None:
            await coroutine

    def _show(self, value: object) -> None:
        # sys.displayhook would set builtins._, which is gettext in many programs.
        if value is not None:
            self._namespace["_"] = value
            self.send(op="out", text=f"{value!r}\n")

    def _done(self, error: BaseException | None) -> None:
        self._leaving = isinstance(error, SystemExit)
        text = None if error is None or self._leaving else _describe(error)
        self.send(op="done", error=text, leaving=self._leaving)
        if self._leaving:
            with suppress(OSError):
                self._connection.shutdown(_socket.SHUT_RD)

    def _complete(self, text: str) -> None:
        # Reading attributes runs code of the program: where the rest of it runs.
        self._world.post(
            lambda: self.send(op="completions", names=_completions(text, self._namespace))
        )


# All that runs below these is caught, whatever it raises.
_CATCHING = (Session._step.__code__, Session._await.__code__)


class World:
    """Where code runs. This one, the last resort, gives it a thread of its own."""

    name = "a thread of its own"
    in_hub_wait = False
    _thread = 0

    def post(self, job: Callable[[], None]) -> None:
        """Have ``job`` called soon where code runs. It must not block."""
        job()

    def run(
        self,
        context: contextvars.Context,
        step: Callable[[], Any],
        done: Callable[[BaseException | None], None],
    ) -> None:
        """Call ``step`` in ``context``, await what it returns, report the end to ``done``."""

        def code() -> None:
            self._thread = _this_thread()
            coroutine, error = _call(context, step)
            if coroutine is not None:
                import asyncio

                error = _call(context, lambda: asyncio.run(coroutine))[1]
            self._end(error, done)

        _start_thread(code)

    def interrupt(self) -> None:
        """Stop the code that runs, if any: KeyboardInterrupt, as at any other prompt."""
        frame = sys._current_frames().get(self._thread)
        while frame is not None:
            # Only while a session's own call is on the stack of its thread, which catches it,
            # may the exception be raised there: a task that was started at the prompt and
            # now runs by itself would take the loop with it. No other thread runs between
            # this look and the call: a slice lasts 5 ms.
            if frame.f_code in _CATCHING:
                _raise_in(self._thread, KeyboardInterrupt)
                return
            frame = frame.f_back

    def close(self) -> None:
        """Let go of the program."""

    def _end(
        self, error: BaseException | None, done: Callable[[BaseException | None], None]
    ) -> None:
        _raise_in(self._thread, None)  # one that has not arrived must not hit the program
        done(error)


class LoopWorld(World):
    """The thread of a running asyncio loop."""

    name = "the asyncio loop"

    def __init__(self, loop: Any, thread: int) -> None:
        self._loop = loop
        self._thread = thread
        self._task: Any = None

    def post(self, job: Callable[[], None]) -> None:
        """Have the loop call it."""
        with suppress(RuntimeError):  # the loop has been closed
            self._loop.call_soon_threadsafe(job)

    def run(
        self,
        context: contextvars.Context,
        step: Callable[[], Any],
        done: Callable[[BaseException | None], None],
    ) -> None:
        """Run the plain part in a callback and what is awaited in a task."""

        def job() -> None:
            coroutine, error = _call(context, step)
            if coroutine is None:
                self._end(error, done)
                return
            guarded = _harmless(coroutine)
            try:
                self._task = self._loop.create_task(
                    guarded, name="migrate console", context=context
                )
            except Exception as refused:  # noqa: BLE001 - a task factory of the program's own
                guarded.close()
                coroutine.close()
                self._end(refused, done)
            else:
                self._task.add_done_callback(finish)

        def finish(task: Any) -> None:
            self._task = None
            self._end(_outcome(task), done)

        try:
            self._loop.call_soon_threadsafe(job)
        except RuntimeError as error:  # the loop has been closed
            done(error)

    def interrupt(self) -> None:
        """Cancel what is awaited; plain code gets a KeyboardInterrupt."""
        if self._task is not None:
            self.post(lambda: self._task and self._task.cancel())
        super().interrupt()


class HubWorld(World):
    """A hub of Eventlet: a new green thread for each piece of code."""

    name = "the Eventlet hub"

    def __init__(self, hub: Any, thread: int, in_hub_wait: bool) -> None:
        self.in_hub_wait = in_hub_wait
        self._hub = hub
        self._thread = thread
        self._green: Any = None
        self._jobs: Any = _queue.SimpleQueue()
        self._wake, self._tell = posix.pipe()
        os.set_blocking(self._wake, False)
        self._listener: Any = hub.add(hub.READ, self._wake, self._take, _ignore, _ignore)

    def post(self, job: Callable[[], None]) -> None:
        """Have the hub call it."""
        self._jobs.put(job)
        with suppress(OSError):
            posix.write(self._tell, b"!")

    def run(
        self,
        context: contextvars.Context,
        step: Callable[[], Any],
        done: Callable[[BaseException | None], None],
    ) -> None:
        """Run it in a green thread; on the asyncio hub it may await."""

        def code() -> None:
            # Not before it runs: an exception thrown into one that has not started would
            # go to the hub and end it.
            self._green = sys.modules["eventlet.greenthread"].getcurrent()
            coroutine, error = _call(context, step)
            if coroutine is not None:
                error = _call(context, lambda: self._await(coroutine, context))[1]
            self._green = None
            self._end(error, done)

        self.post(lambda: sys.modules["eventlet.greenthread"].spawn(code))

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt where the green thread waits, or runs."""

        def throw() -> None:
            if self._green is not None:
                self._green.throw(KeyboardInterrupt)

        self.post(lambda: self._hub.schedule_call_global(0, throw))
        super().interrupt()

    def close(self) -> None:
        """Have the hub forget the pipe, then close it."""
        listener, self._listener = self._listener, None

        def job() -> None:
            self._hub.remove(listener)
            posix.close(self._wake)
            posix.close(self._tell)

        if listener is not None:
            self.post(job)

    def _take(self, _fd: int) -> None:
        posix.read(self._wake, 4096)
        with suppress(_queue.Empty):
            while True:
                self._jobs.get_nowait()()

    def _await(self, coroutine: Any, context: contextvars.Context) -> None:
        if not hasattr(self._hub, "loop"):
            coroutine.close()
            raise RuntimeError("no asyncio loop to await on: this is not Eventlet's asyncio hub")
        finished = sys.modules["eventlet.event"].Event()
        task = self._hub.loop.create_task(
            _harmless(coroutine), name="migrate console", context=context.copy()
        )
        task.add_done_callback(lambda _: finished.send(None))
        try:
            finished.wait()
        except BaseException:
            task.cancel()
            raise
        if (error := _outcome(task)) is not None:
            raise error


async def _harmless(coroutine: Any) -> BaseException | None:
    """Await it; what would end the event loop, if a task raised it, is returned instead."""
    try:
        await coroutine
    except (SystemExit, KeyboardInterrupt) as error:
        return error
    return None


def _outcome(task: Any) -> BaseException | None:
    """How a task of `_harmless` has ended; None when it went well."""
    if task.cancelled():
        return KeyboardInterrupt()
    error: BaseException | None = task.exception()
    return error or task.result()


def _call(
    context: contextvars.Context, step: Callable[[], Any]
) -> tuple[Any, BaseException | None]:
    """What ``step`` returns, or raises: all of it belongs to the user at the prompt."""
    try:
        return context.run(step), None
    except BaseException as error:  # noqa: BLE001
        return None, error


def _find_world(interrupted: FrameType | None) -> World:
    """Where code is to run, given the frame in which the main thread has been interrupted."""
    thread = _this_thread()
    local = getattr(sys.modules.get("eventlet.hubs"), "_threadlocal", None)
    hub = getattr(local, "hub", None)
    events: Any = sys.modules.get("asyncio.events")
    loop = events._get_running_loop() if events else None
    if hub is not None and loop in (None, getattr(hub, "loop", None)):
        with suppress(Exception):  # it may be half made
            return HubWorld(hub, thread, _in_hub_wait(interrupted))
    if loop is not None:
        return LoopWorld(loop, thread)
    for other, frame in sys._current_frames().items():
        above: FrameType | None = frame
        while above is not None:
            if above.f_code.co_name == "run_forever" and "self" in above.f_locals:
                return LoopWorld(above.f_locals["self"], other)
            above = above.f_back
    return World()


def _in_hub_wait(frame: FrameType | None) -> bool:
    if frame is None or frame.f_code.co_name not in ("wait", "do_poll"):
        return False
    return str(frame.f_globals.get("__name__")).startswith("eventlet.hubs.")


def _this_thread() -> int:
    """The OS thread's identifier; Eventlet makes ``get_ident`` tell the green thread's."""
    me = sys._getframe()
    return next(thread for thread, frame in sys._current_frames().items() if frame is me)


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    import ctypes

    value = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), value)


def _ignore(*_: object) -> None:
    """The hub wants callbacks that we have no use for."""


class _Streams:
    """While open, what console code prints goes to the console, all else where it went."""

    def __enter__(self) -> None:
        self._real = {name: getattr(sys, name) for name in ("stdout", "stderr")}
        self._ours = {name: _Stream(real) for name, real in self._real.items()}
        for name, stream in self._ours.items():
            setattr(sys, name, stream)

    def __exit__(self, *_: object) -> None:
        for name, stream in self._ours.items():
            if getattr(sys, name) is stream:
                setattr(sys, name, self._real[name])


class _Stream:
    def __init__(self, real: Any) -> None:
        self._real = real

    def write(self, text: str) -> int:
        session = _session.get()
        if session is None:
            return int(self._real.write(text) or 0)
        session.send(op="out", text=str(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def isatty(self) -> bool:
        return _session.get() is None and bool(self._real.isatty())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _namespace(session: Session) -> dict[str, Any]:
    offered = getattr(sys.modules.get(OFFER), "offered", None)
    if callable(offered):
        offered = offered()
    return {
        "__name__": "__console__",
        "__builtins__": builtins,
        **(offered or {}),
        # The tool looks from outside and writes the view at this place of the output.
        "ps": lambda: session.send(op="view", name="ps"),
        "pstree": lambda: session.send(op="view", name="pstree"),
    }


def _compile(source: str, one: bool) -> Iterator[tuple[CodeType, bool]]:
    """Code objects in order, each with whether its value is shown.

    At the prompt every expression's is, of a script the last one's. Raises what ``compile``
    raises.
    """
    body = ast.parse(source, _FILE).body
    for index, statement in enumerate(body):
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        if isinstance(statement, ast.Expr) and (one or index == len(body) - 1):
            tree: Any = ast.Expression(statement.value)
            yield compile(tree, _FILE, "eval", flags, dont_inherit=True), True
        else:
            tree = ast.Module([statement], [])
            yield compile(tree, _FILE, "exec", flags, dont_inherit=True), False


def _completions(text: str, namespace: dict[str, Any]) -> list[str]:
    *path, start = text.split(".")
    try:
        if path:
            value = namespace[path[0]] if path[0] in namespace else getattr(builtins, path[0])
            for name in path[1:]:
                value = getattr(value, name)
            names = set(dir(value))
        else:
            names = {*namespace, *dir(builtins), *keyword.kwlist}
    except Exception:  # noqa: BLE001 - a property of the program's may raise anything
        return []
    lead = "".join(f"{part}." for part in path)
    hidden = not start.startswith("_")
    found = sorted(n for n in names if n.startswith(start) and not (hidden and n[:1] == "_"))
    return [lead + name for name in found[:_MAX_NAMES]]


def _describe(error: BaseException) -> str:
    """The traceback from the user's code on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != _FILE:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace))


def _within(queue: Any, seconds: float) -> bool:
    try:
        queue.get(timeout=seconds)
    except _queue.Empty:
        return False
    return True


def _check_peer(connection: Any) -> None:
    """Only this user or root may be on the other end. Raises PermissionError."""
    credentials = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
    if struct.unpack("3i", credentials)[1] not in (0, os.geteuid(), _OVERFLOW_UID):
        raise PermissionError("another user listens there")


def _messages(connection: Any) -> Iterator[dict[str, Any]]:
    """The messages that come in; ends with the connection or with nonsense."""
    data = b""
    while len(data) < _MAX_MESSAGE:
        chunk = connection.recv(65536)
        if not chunk:
            return
        *lines, data = (data + chunk).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if not isinstance(message, dict):
                return
            yield message
