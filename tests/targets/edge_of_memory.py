"""A task whose awaitable is the last object before memory that is not there.

Prints ``ready`` once it waits.
"""

import asyncio
import ctypes
import mmap
import os

PAGE = mmap.PAGESIZE
HEAD = 16  # bytes of an object with nothing but a head


class Iterator:
    __slots__ = ()

    def __iter__(self):
        return self

    def __next__(self):
        future = asyncio.get_running_loop().create_future()
        future._asyncio_future_blocking = True
        KEPT.append(future)
        return future


KEPT = [Iterator()]


def moved_to_the_edge(value):
    memory = mmap.mmap(-1, 2 * PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    place = start + PAGE - HEAD
    ctypes.memmove(place, id(value), HEAD)
    ctypes.c_uint32.from_address(place).value = 1000  # references, so that it is never freed
    if ctypes.CDLL(None).munmap(ctypes.c_void_p(start + PAGE), ctypes.c_size_t(PAGE)):
        raise OSError("munmap")
    KEPT.append(memory)
    return ctypes.cast(place, ctypes.py_object).value


class Awaitable:
    def __await__(self):
        return moved_to_the_edge(KEPT[0])


async def wait():
    await Awaitable()


async def main():
    task = asyncio.create_task(wait(), name="at the edge")
    await asyncio.sleep(0.1)
    print(f"ready pid={os.getpid()}", flush=True)
    await task


asyncio.run(main())
