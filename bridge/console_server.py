"""The part of `migrate console` that runs inside the target.

On 3.14 and later this file's text is what the target is made to run, so it is standard
library only, imports nothing of this project and leaves no module behind. On older targets
`bridge.console` imports it. Either way the entry is `start`, called in the main thread, or
in another where that one does not get to it, in whatever was running there: it returns at
once.

The target never listens. The tool does, on ``folder/s``; a thread here connects to it,
checks who that is, and carries messages, one JSON object a line. The code that the user
types runs where the program's own code runs (`World`): in the thread of the asyncio loop,
which also runs what is awaited; in a green thread of the Eventlet hub; or, where neither
is or gets to it within `PATIENCE`, in a thread of its own.

From the tool: run (source, one: a prompt's line, answer "more" if unfinished), complete,
interrupt, close. To the tool: asleep, hello, out, note, view, more, done, completions.
"""

from __future__ import annotations

import _queue
import _socket
import ast
import builtins
import codeop
import contextvars
import importlib.machinery
import inspect
import io
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
_PIECE = 1 << 16  # characters of output that are sent together
_MAX_WAITING = 1 << 26  # characters of output; what is printed beyond them is dropped
_ENTRY = 50  # characters that one more text waiting is worth
_MAX_ERROR = 1 << 20  # characters of a traceback
_MAX_NAMES = 500  # completions
_FILE = "<console>"
_OVERFLOW_UID = 65534  # what root outside of this user namespace looks like

# The session whose code runs in this context: its tasks inherit it, other units have none.
_session: contextvars.ContextVar[Session | None] = contextvars.ContextVar("console", default=None)


def start(folder: str, interrupted: FrameType | None) -> None:
    """Open a session with the tool that listens in ``folder``; returns at once.

    ``interrupted`` is the frame in which this thread has been interrupted for it.

    Raises PermissionError when the folder is not this user's own and closed to others.
    """
    state = os.lstat(folder)
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid() or state.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a private folder of this process's user")
    session = Session(_find_world(interrupted))
    _start_thread(lambda: session.serve(f"{folder}/s"))


def _unpatched_threads() -> Any:
    """The module `_thread` as it was before Eventlet or gevent made it green.

    `threading` is of no use even where it is not: whatever was interrupted may hold its lock.
    """
    importer: Any = importlib.machinery.BuiltinImporter
    module = importer.create_module(importer.find_spec("_thread"))
    importer.exec_module(module)
    return module


_threads = _unpatched_threads()


def _start_thread(run: Callable[[], None]) -> None:
    """Start an OS thread, also where others start green ones."""
    _threads.start_new_thread(_named, (run,))


def _named(run: Callable[[], None]) -> None:
    if hasattr(_threads, "set_name"):  # from 3.14 on
        _threads.set_name("migrate-console")
    run()


class Session:
    """One console: its namespace, its connection, the world that runs its code."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._namespace = {
            "__name__": "__console__",
            "__builtins__": builtins,
            # The tool looks from outside and writes the view at this place of the output.
            "ps": lambda: self.send(op="view", name="ps"),
            "pstree": lambda: self.send(op="view", name="pstree"),
        }
        self._context = contextvars.Context()
        self._context.run(_session.set, self)
        self._connection: Any = None
        self._outgoing: Any = _queue.SimpleQueue()  # messages, texts of output, None at the end
        self._waiting = self._dropped = 0  # characters
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
                self._take_offer()
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
        self._outgoing.put(message)

    def write(self, text: str) -> None:
        """Have output sent, as much as may wait for it. Never blocks."""
        if self._waiting > _MAX_WAITING:
            self._dropped += len(text)
            return
        for at in range(0, len(text), _PIECE):
            piece = text[at : at + _PIECE]
            self._waiting += len(piece) + _ENTRY
            self._outgoing.put(piece)

    def _deliver(self) -> None:
        with suppress(OSError):
            for message in self._batches():
                self._connection.sendall(json.dumps(message).encode() + b"\n")
        self._connection.close()

    def _batches(self) -> Iterator[dict[str, object]]:
        """What is to be sent; texts that wait are joined into few."""
        text = ""
        while True:
            if text and self._outgoing.empty():
                yield {"op": "out", "text": text}
                text = ""
            message = self._outgoing.get()
            if isinstance(message, str):
                self._waiting -= len(message) + _ENTRY
                text += message
                if len(text) < _PIECE:
                    continue
            if text:
                yield {"op": "out", "text": text}
                text = ""
            if self._dropped and not isinstance(message, str):
                dropped, self._dropped = self._dropped, 0
                yield {
                    "op": "note",
                    "text": f"output came too fast; characters dropped: {dropped:,}",
                }
            if message is None:
                return
            if not isinstance(message, str):
                yield message

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

    def _take_offer(self) -> None:
        """Add the names that the program offers, which may have to run code of its own."""
        offered = getattr(sys.modules.get(OFFER), "offered", None)
        taken: Any = _queue.SimpleQueue()

        def take() -> None:
            names = dict((offered() if callable(offered) else offered) or {})
            self._namespace.update(names | self._namespace)

        if offered is not None:
            self._world.run(self._context, take, taken.put)
            try:
                error = taken.get(timeout=PATIENCE)
            except _queue.Empty:
                error = TimeoutError(f"it takes longer than {PATIENCE:g} seconds")
            if error is not None:
                told = "".join(traceback.format_exception_only(error)).strip()
                self.send(op="note", text=f"what the program offers is not there: {told}")

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
        self._world.stopped = False
        self._world.run(self._context, lambda: self._step(steps), self._done)

    def _step(self, steps: list[tuple[CodeType, bool]]) -> Any:
        """Run the statements; from the first ``await`` on they come back as a coroutine."""
        for index, (code, show) in enumerate(steps):
            if self._world.stopped:  # before it began
                raise KeyboardInterrupt
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
            self.write(f"{value!r}\n")

    def _done(self, error: BaseException | None) -> None:
        self._leaving = isinstance(error, SystemExit)
        text = None if error is None or self._leaving else _describe(error)
        if text is not None and len(text) > _MAX_ERROR:
            text = f"{text[:_MAX_ERROR]}...\n"
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
    stopped = False  # what runs, or is about to
    _thread = 0
    _raised = False
    _loop: Any = None
    _task: Any = None  # what awaits on the loop

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
            self._thread = _threads.get_ident()
            coroutine, error = _call(context, step)
            if coroutine is not None:
                error = _call(context, lambda: self._run_loop(coroutine))[1]
            self._end(error, done)

        _start_thread(code)

    def _run_loop(self, coroutine: Any) -> None:
        import asyncio

        async def main() -> None:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            if self.stopped:
                coroutine.close()
                raise KeyboardInterrupt
            await coroutine

        try:
            asyncio.run(main())
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        finally:
            self._task = None

    def interrupt(self) -> None:
        """Stop the code that runs, if any: KeyboardInterrupt, as at any other prompt."""
        self.stopped = True
        if (task := self._task) is not None:
            with suppress(RuntimeError):  # the loop has been closed
                self._loop.call_soon_threadsafe(task.cancel)
        import ctypes  # noqa: F401 - it takes its time: before the look, not after it

        frame = sys._current_frames().get(self._thread)
        while frame is not None:
            # Only while a session's own call is on the stack of its thread, which catches it,
            # may the exception be raised there: a task that was started at the prompt and
            # now runs by itself would take the loop with it. No other thread runs between
            # this look and the call: a slice lasts 5 ms.
            if frame.f_code in _CATCHING:
                self._raised = True
                _raise_in(self._thread, KeyboardInterrupt)
                return
            frame = frame.f_back

    def close(self) -> None:
        """Let go of the program."""

    def _end(
        self, error: BaseException | None, done: Callable[[BaseException | None], None]
    ) -> None:
        if self._raised:  # and has not arrived yet: it must not hit the program
            self._raised = False
            _raise_in(self._thread, None)
        done(error)


class LoopWorld(World):
    """The thread of a running asyncio loop."""

    name = "the asyncio loop"

    def __init__(self, loop: Any, thread: int) -> None:
        self._loop = loop
        self._thread = thread

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
                if self.stopped:
                    self._task.cancel()

        def finish(task: Any) -> None:
            self._task = None
            self._end(_outcome(task), done)

        try:
            self._loop.call_soon_threadsafe(job)
        except RuntimeError as error:  # the loop has been closed
            done(error)


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
    thread = _threads.get_ident()
    local = getattr(sys.modules.get("eventlet.hubs"), "_threadlocal", None)
    hub = getattr(local, "hub", None)
    events: Any = sys.modules.get("asyncio.events")
    loop = events._get_running_loop() if events else None
    if hub is not None and loop in (None, getattr(hub, "loop", None)):
        with suppress(Exception):  # it may be half made
            return HubWorld(hub, thread, _in_hub_wait(interrupted))
    if loop is not None:
        return LoopWorld(loop, thread)
    if events is not None:
        for other, frame in sys._current_frames().items():
            if (loop := _loop_under(frame, events.AbstractEventLoop)) is not None:
                return LoopWorld(loop, other)
    return World()


def _loop_under(frame: FrameType | None, kind: type) -> Any:
    """The loop that runs in the thread with this innermost frame, as far as it shows."""
    found = None
    while frame is not None:
        loop = None
        if frame.f_code.co_name == "run_forever":
            loop = frame.f_locals.get("self")
        elif frame.f_globals.get("__name__") == "asyncio.runners":  # uvloop has no frames
            loop = getattr(frame.f_locals.get("self"), "_loop", None)
        elif frame.f_code.co_qualname == World._run_loop.__qualname__:
            return None  # that of another console
        if isinstance(loop, kind):
            found = loop
        frame = frame.f_back
    return found


def _in_hub_wait(frame: FrameType | None) -> bool:
    if frame is None or frame.f_code.co_name not in ("wait", "do_poll"):
        return False
    return str(frame.f_globals.get("__name__")).startswith("eventlet.hubs.")


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    import ctypes

    value = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), value)


def _ignore(*_: object) -> None:
    """The hub wants callbacks that we have no use for."""


class _Streams:
    """While open, what console code prints goes to the console, all else where it went.

    And code that asks for input, as ``help()`` and ``breakpoint()`` do, gets the end of it: the
    program's own may never come, and all would wait for it.
    """

    def __enter__(self) -> None:
        self._ours = {name: _Stream(getattr(sys, name)) for name in ("stdin", "stdout", "stderr")}
        for name, stream in self._ours.items():
            setattr(sys, name, stream)

    def __exit__(self, *_: object) -> None:
        for name, stream in self._ours.items():
            above = getattr(sys, name)
            if above is stream:
                setattr(sys, name, stream.real)
            # Those of consoles that were opened since stand before it.
            while getattr(type(above), "is_console", False):
                if above.real is stream:
                    above.real = stream.real
                above = above.real


class _Stream:
    is_console = True

    def __init__(self, real: Any) -> None:
        self.real = real  # None in a program that has no such stream

    def write(self, text: str) -> int:
        session = _session.get()
        if session is not None:
            session.write(str(text))
        elif self.real is not None:
            return int(self.real.write(text) or 0)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def readline(self, *size: int) -> str:
        return "" if _session.get() is not None else str(self.__getattr__("readline")(*size))

    def read(self, *size: int) -> str:
        return "" if _session.get() is not None else str(self.__getattr__("read")(*size))

    def __iter__(self) -> Any:
        return iter(self.readline, "")

    def fileno(self) -> int:
        if _session.get() is not None:
            raise io.UnsupportedOperation("a console has no file")
        return int(self.__getattr__("fileno")())

    def isatty(self) -> bool:
        return _session.get() is None and self.real is not None and bool(self.real.isatty())

    def __getattr__(self, name: str) -> Any:
        return getattr(io.TextIOBase() if self.real is None else self.real, name)


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
