"""Use every switch of bridge.debug on one hub and print as JSON what each one did.

Arguments: the hub's name, or "none" for a process without Eventlet.
"""

import asyncio
import contextlib
import io
import json
import logging
import os
import sys
import time

from bridge import debug

assert "eventlet" not in sys.modules
HUB = sys.argv[1]
seen = {}


def in_green_world():
    import eventlet
    from eventlet import greenpool, hubs, tpool

    def spin():
        until = time.monotonic() + 5
        while time.monotonic() < until:
            pass

    def block():
        # Some versions of CPython leave a loop's jump back out of the `try` around it: what
        # a signal raises just there is not caught but in the caller.
        try:
            spin()
        except RuntimeError as error:
            return str(error)
        return "nothing fired"

    debug.hub_blocking_detection(True, resolution=0.2)
    seen["green_blocking"] = eventlet.spawn(block).wait()
    debug.hub_blocking_detection(False)
    seen["green_blocking_off"] = eventlet.spawn(lambda: time.sleep(0.3) or "quiet").wait()

    debug.hub_listener_stacks(True)
    debug.hub_timer_stacks(True)
    reader, _ = os.pipe()
    waiting = eventlet.spawn(wait_for_pipe, reader)
    sleeping = eventlet.spawn(sleep_long)
    eventlet.sleep(0)
    seen["green_listeners"] = debug.format_hub_listeners()
    seen["green_timers"] = debug.format_hub_timers()
    seen["green_threads"] = debug.format_threads_info()
    debug.hub_listener_stacks()
    debug.hub_timer_stacks()
    waiting.kill()
    sleeping.kill()

    for state in (False, True):
        debug.hub_exceptions(state)
        debug.tpool_exceptions(state)
        seen[f"exceptions_{state}"] = [
            hubs.get_hub().debug_exceptions,
            greenpool.DEBUG,
            not tpool.QUIET,
        ]
        with contextlib.redirect_stderr(io.StringIO()) as printed:
            hubs.get_hub().schedule_call_global(0, fail_in_timer)
            eventlet.sleep(0.01)
        seen[f"timer_failure_{state}"] = printed.getvalue()

    try:
        debug.hub_prevent_multiple_readers(False)
        seen["readers"] = hubs.hub.g_prevent_multiple_readers
        debug.hub_prevent_multiple_readers(True)
    except RuntimeError as error:
        seen["readers"] = str(error)


def wait_for_pipe(reader):
    from eventlet.hubs import trampoline

    trampoline(reader, read=True)


def sleep_long():
    import eventlet

    eventlet.sleep(1000)


def fail_in_timer():
    raise ValueError("lost in a timer")


def in_asyncio_world():
    log = io.StringIO()
    logging.basicConfig(stream=log, level=logging.INFO)

    async def serve():
        loop = asyncio.get_running_loop()
        seen["loop_debug"] = [loop.get_debug(), loop.slow_callback_duration]
        time.sleep(0.3)
        await asyncio.sleep(0)
        reader, _ = os.pipe()
        register_reader(loop, reader)
        loop.call_later(1000, print)
        other = asyncio.create_task(park(), name="parked")
        await asyncio.sleep(0)
        seen["loop_listeners"] = debug.format_hub_listeners()
        seen["loop_timers"] = debug.format_hub_timers()
        seen["loop_info"] = debug.format_asyncio_info()
        other.cancel()
        loop.remove_reader(reader)
        seen["loop_warnings"] = log.getvalue()
        debug.hub_exceptions(False)
        loop.call_exception_handler({"message": "lost one"})
        debug.hub_exceptions(True)
        loop.call_exception_handler({"message": "lost two"})
        seen["loop_lost"] = log.getvalue()
        debug.hub_blocking_detection(False)
        debug.hub_listener_stacks(False)
        seen["loop_debug_off"] = [loop.get_debug(), loop.slow_callback_duration]

    # At start-up, before any loop exists: where real programs call them.
    debug.hub_blocking_detection(True, resolution=0.2)
    debug.hub_listener_stacks(True)
    with asyncio.Runner() as runner:
        runner.run(serve())


def register_reader(loop, reader):
    loop.add_reader(reader, print)


async def park():
    await asyncio.sleep(1000)


if HUB != "none":
    debug.hub_exceptions(False)  # before anything imported Eventlet: must not be lost
    assert "eventlet" not in sys.modules
    from eventlet import hubs

    seen["deferred"] = hubs.get_hub().debug_exceptions
    hubs.use_hub(HUB)
    in_green_world()
    if HUB == "asyncio":
        seen["hub_loop"] = hubs.get_hub().loop.get_debug()
        debug.hub_timer_stacks(True)
        seen["hub_loop_on"] = hubs.get_hub().loop.get_debug()
        debug.hub_timer_stacks(False)
if HUB != "asyncio":
    in_asyncio_world()
print(json.dumps(seen))
