"""A stack of many frames: of the main thread, or of a green thread when a word follows."""

import os
import sys
import time

sys.setrecursionlimit(10**6)


def down(left, rest, /):
    return down(left - 1, rest) if left else rest()


def stay():
    print(f"ready pid={os.getpid()}", flush=True)
    while True:
        time.sleep(1000)


if len(sys.argv) > 2:
    import eventlet

    eventlet.spawn(down, int(sys.argv[1]), lambda: eventlet.sleep(100_000))
    eventlet.sleep(0)
    stay()
down(int(sys.argv[1]), stay)
