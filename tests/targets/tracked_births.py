"""Spawns one unit in every way, then says what `bridge.tracking` has recorded of each.

With ``late`` the records are asked for after eventlet has been imported.
"""

import asyncio
import importlib.util
import json
import os
import sys
import time
from pathlib import Path

if "late" in sys.argv:
    import eventlet

if "launched" in sys.argv:
    tracking = sys.modules["_eventlet_migrate_tracking"]
else:
    path = Path(__file__).parents[2] / "bridge" / "tracking.py"
    spec = importlib.util.spec_from_file_location("bridge_tracking", path)
    tracking = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tracking)
    tracking.install()
    tracking.install()  # twice is once

import eventlet
import greenlet

units = {}  # way -> (unit, id of the spawner or None for the main greenlet)
before = time.monotonic()


def idle():
    eventlet.sleep(600)


class Own(greenlet.greenlet):
    def __init__(self, run):
        greenlet.greenlet.__init__(self, run)


def spawn_all():
    me = greenlet.getcurrent()
    pool = eventlet.GreenPool(4)
    units["spawn"] = eventlet.spawn(idle), me
    units["spawn_n"] = eventlet.spawn_n(idle), me
    units["spawn_after"] = eventlet.spawn_after(0.01, idle), me
    units["spawn_after_local"] = eventlet.greenthread.spawn_after_local(0.01, idle), me
    units["pool"] = pool.spawn(idle), me
    units["raw"] = greenlet.greenlet(idle), me
    units["own"] = Own(idle), me
    units["own_parent"] = greenlet.greenlet(run=idle, parent=me.parent), me


class Picky(asyncio.Task):
    """What a factory of the program's own makes."""


async def nap():
    await asyncio.sleep(600)


async def spawn_tasks():
    me = asyncio.current_task()
    loop = asyncio.get_running_loop()
    units["run"] = me, greenlet.getcurrent()
    units["create_task"] = asyncio.create_task(nap(), name="named"), me
    group = asyncio.TaskGroup()
    await group.__aenter__()
    units["group"] = group.create_task(nap()), me
    units["ensure_future"] = asyncio.ensure_future(nap()), me
    loop.set_task_factory(lambda loop, coro, **kwargs: Picky(coro, loop=loop, **kwargs))
    units["factory"] = asyncio.create_task(nap()), me
    assert type(units["factory"][0]) is Picky
    if hasattr(asyncio, "eager_task_factory"):
        loop.set_task_factory(asyncio.eager_task_factory)
        units["eager"] = asyncio.create_task(nap()), me
    loop.set_debug(True)
    traceback = loop.create_task(nap())._source_traceback
    assert not any(frame.filename == tracking.__file__ for frame in traceback), traceback
    report()
    if "stay" in sys.argv:
        await asyncio.sleep(3600)
    os._exit(0)


def report():
    for way, (unit, spawner) in units.items():
        birth = tracking.birth(unit)
        line = {
            "way": way,
            "id": f"{'task' if isinstance(unit, asyncio.Future) else 'green'}:{id(unit):#x}",
            "by": id(spawner),
            "at": time.time() - time.monotonic() + birth.at,
            "line": birth.line,
            "file": Path(birth.file).name,
            "source": Path(birth.file).read_text().splitlines()[birth.line - 1].strip(),
            "parent": birth.parent == id(spawner),
            "time": before <= birth.at <= time.monotonic(),
            "greenlet": isinstance(unit, (greenlet.greenlet, asyncio.Task)),
        }
        print(json.dumps(line), flush=True)
    assert isinstance(greenlet.getcurrent(), greenlet.greenlet)  # the main one, unrecorded
    assert tracking.birth(greenlet.getcurrent()) is None
    print("done", flush=True)


print("ready", flush=True)
spawner = eventlet.spawn(spawn_all)
spawner.wait()
asyncio.run(spawn_tasks())
