"""Green threads in every way to start one; each runs, or will run, what is named for it."""

from __future__ import annotations

import abc
import functools
import os
import sys

import eventlet

eventlet.monkey_patch()

import concurrent.futures  # noqa: E402 - green from here on
import threading  # noqa: E402


def rest():
    eventlet.sleep(3600)


def spawned():
    rest()


def unpooled():
    rest()


def pooled(count):
    rest()


def pooled_in_turn():
    rest()


def piled():
    rest()


def partly(first, second):
    rest()


def late():
    rest()


def threaded():
    rest()


def renamed():
    rest()


def decorated(function):
    @functools.wraps(function)
    def wrapper():
        function()

    return wrapper


@decorated
def behind_a_wrapper():
    rest()


class Service:
    def serve(self):
        rest()

    def __call__(self):
        rest()


class Callable:
    def __call__(self):
        rest()


class Abstract(abc.ABC):  # noqa: B024 - for its metaclass
    def __init__(self):
        rest()


class partial:  # noqa: N801 - called like functools' own
    __slots__ = ("first",)

    def __init__(self):
        self.first = "not what it calls"

    def __call__(self):
        rest()


class Worker(threading.Thread):
    def run(self):
        rest()


def main():
    eventlet.spawn(spawned)
    eventlet.spawn(Service().serve)
    eventlet.spawn(functools.partial(partly, 1), 2)
    eventlet.spawn(behind_a_wrapper)
    eventlet.spawn_n(unpooled)
    eventlet.spawn_after(3600, late)
    for callable_one in (Callable(), Abstract, partial()):
        eventlet.spawn_after(3600, callable_one)
    pool = eventlet.GreenPool(10)
    pool.spawn(pooled_in_turn)
    pool.spawn_n(pooled, 1)
    pool.spawn_n(Service())
    pile = eventlet.GreenPile(pool)
    pile.spawn(piled)
    threading.Thread(target=threaded, daemon=True).start()
    threading.Thread(target=renamed, name="other", daemon=True).start()
    Worker(daemon=True).start()
    executor = concurrent.futures.ThreadPoolExecutor(1)
    executor.submit(rest)
    eventlet.sleep(0.1)
    print("ready", f"pid={os.getpid()}", flush=True)
    eventlet.sleep(600)


sys.exit(main())
