"""Greenlets that can run again, and those that cannot: returned, killed, of an ended thread.

Prints ``ready pid=.. alive=ID,.. main=ID`` once greenlet calls dead what is.
"""

import os
import threading
import time

from greenlet import getcurrent, greenlet

made = {}


def switch_away():
    getcurrent().parent.switch()


class Runs(greenlet):
    def run(self):
        switch_away()


def in_a_thread_that_ends():
    made["thread's main"] = getcurrent()
    made["suspended in it"] = greenlet(switch_away)
    made["suspended in it"].switch()
    made["made in it, never started"] = greenlet(switch_away)


thread = threading.Thread(target=in_a_thread_that_ends)
thread.start()
thread.join()
made["returned"] = greenlet(int)
made["returned"].switch()
made["killed"] = Runs()
made["killed"].switch()
made["killed"].throw()
made["never started"] = Runs()
made["nothing to run"] = greenlet()
made["suspended"] = Runs()
made["suspended"].switch()
made["suspended in C, without a frame"] = greenlet(getcurrent().switch)
made["suspended in C, without a frame"].switch()
deadline = time.monotonic() + 20
while not (made["thread's main"].dead and made["suspended in it"].dead):
    assert time.monotonic() < deadline
    getcurrent()  # greenlet clears up after a thread when another one calls it
    time.sleep(0.01)

alive = ",".join(f"{id(one):#x}" for one in made.values() if not one.dead)
print(f"ready pid={os.getpid()} alive={alive} main={id(getcurrent()):#x}", flush=True)
while True:
    time.sleep(1000)
