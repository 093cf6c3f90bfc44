"""A thread that calls and returns all the time: first one function many deep, then another.

Arguments: how deep, and how many additions the innermost function makes.
"""

import os
import sys

DEPTH, TURNS = map(int, sys.argv[1:])


def left_leaf():
    add()


def right_leaf():
    add()


def add():
    total = 0
    for number in range(TURNS):
        total += number


def left(depth):
    return left(depth - 1) if depth else left_leaf()


def right(depth):
    return right(depth - 1) if depth else right_leaf()


print(f"ready pid={os.getpid()}", flush=True)
while True:
    left(DEPTH)
    right(DEPTH)
