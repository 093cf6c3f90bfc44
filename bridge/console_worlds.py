"""Where the console's code runs, inside the target: where the program's own code runs.

That is the thread of the asyncio loop, which also runs what is awaited; a green thread of
the Eventlet hub; or, where neither is, a thread of its own. Like `bridge.console_server`,
which it is sent with, standard library only. It knows nothing of what it runs.
"""

from __future__ import annotations

import _queue
import importlib.machinery
import os
import posix
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .console_alarm import Alarm

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Callable
    from types import FrameType


def _unpatched_threads() -> Any:
    """The module `_thread` as it was before Eventlet or gevent made it green.

    `threading` is of no use even where it is not: whatever was interrupted may hold its lock.
    """
    importer: Any = importlib.machinery.BuiltinImporter
    module = importer.create_module(importer.find_spec("_thread"))
    importer.exec_module(module)
    return module


_threads = _unpatched_threads()


def start_thread(run: Callable[[], None]) -> None:
    """Start an OS thread, also where others start green ones."""
    _threads.start_new_thread(_named, (run,))


def _named(run: Callable[[], None]) -> None:
    if hasattr(_threads, "set_name"):  # from 3.14 on
        _threads.set_name("migrate-console")
    run()


class World:
    """Where code runs. This one, the last resort, gives it a thread of its own."""

    name = "a thread of its own"
    in_hub_wait = False
    stopped = False  # what runs, or is about to
    _thread = 0
    _raised = False
    _loop: Any = None
    _task: Any = None  # what awaits on the loop

    def __init__(self) -> None:
        self._alarm = Alarm(_threads.allocate_lock())

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
            coroutine, error = _call(context, lambda: self._begin(step))
            if coroutine is not None:
                error = _call(context, lambda: self._run_loop(coroutine))[1]
            self._end(error, done)

        start_thread(code)

    def _run_loop(self, coroutine: Any) -> None:
        import asyncio

        async def main() -> None:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            await _carry_on(self, coroutine)

        try:
            asyncio.run(main())
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        finally:
            self._task = None

    def _begin(self, step: Callable[[], Any]) -> Any:
        self._alarm.set(_threads.get_ident(), self._rung)
        if self.stopped:  # before it began
            raise KeyboardInterrupt
        return step()

    def interrupt(self) -> None:
        """Stop the code that runs, if any: KeyboardInterrupt, as at any other prompt."""
        self.stopped = True
        if (task := self._task) is not None:
            with suppress(RuntimeError):  # the loop has been closed
                self._loop.call_soon_threadsafe(task.cancel)
        if self._alarm.ring():
            return
        import ctypes  # noqa: F401 - it takes its time: before the look, not after it

        # No other thread runs between this look and the call: a slice lasts 5 ms.
        if _is_caught(sys._current_frames().get(self._thread)):
            self._raised = True
            _raise_in(self._thread, KeyboardInterrupt)

    def _rung(self, _number: int, frame: FrameType | None) -> None:
        """Take the alarm, in the thread where the code runs."""
        if _is_caught(frame):
            raise KeyboardInterrupt

    def close(self) -> None:
        """Let go of the program."""

    def _end(
        self, error: BaseException | None, done: Callable[[BaseException | None], None]
    ) -> None:
        self._alarm.put_away()
        if self._raised:  # and has not arrived yet: it must not hit the program
            self._raised = False
            _raise_in(self._thread, None)
        done(error)


async def _carry_on(world: World, coroutine: Any) -> None:
    if world.stopped:  # since it was made
        coroutine.close()
        raise KeyboardInterrupt
    await coroutine


# All that runs below these is caught, whatever it raises.
_CATCHING = (World._begin.__code__, _carry_on.__code__)


def _is_caught(frame: FrameType | None) -> bool:
    """Whether an exception that is raised in this innermost frame ends at the console.

    A task that was started at the prompt and now runs by itself would take the loop with it.
    """
    while frame is not None:
        if frame.f_code in _CATCHING:
            return True
        frame = frame.f_back
    return False


class LoopWorld(World):
    """The thread of a running asyncio loop."""

    name = "the asyncio loop"

    def __init__(self, loop: Any, thread: int) -> None:
        super().__init__()
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
            coroutine, error = _call(context, lambda: self._begin(step))
            if coroutine is None:
                self._end(error, done)
                return
            guarded = _harmless(self, coroutine)
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
        super().__init__()
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
            coroutine, error = _call(context, lambda: self._begin(step))
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
            _harmless(self, coroutine), name="migrate console", context=context.copy()
        )
        task.add_done_callback(lambda _: finished.send(None))
        try:
            finished.wait()
        except BaseException:
            task.cancel()
            raise
        if (error := _outcome(task)) is not None:
            raise error


async def _harmless(world: World, coroutine: Any) -> BaseException | None:
    """Await it; what would end the event loop, if a task raised it, is returned instead."""
    try:
        await _carry_on(world, coroutine)
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


def find_world(interrupted: FrameType | None) -> World:
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
                world = LoopWorld(loop, other)
                known = getattr(sys.modules.get("threading"), "_active", {}).get(other)
                world.name += f" of thread {getattr(known, 'name', other)}"
                return world
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
