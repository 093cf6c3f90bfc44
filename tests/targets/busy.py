"""A thread that calls and returns all the time: first one function many deep, then another.

Argument: how many additions the innermost function makes.
"""

import os
import sys

TURNS = int(sys.argv[1])


def add():
    total = 0
    for number in range(TURNS):
        total += number


def left(depth):
    return left(depth - 1) if depth else add()


def right(depth):
    return right(depth - 1) if depth else add()


print(f"ready pid={os.getpid()}", flush=True)
while True:
    left(30)
    right(30)
