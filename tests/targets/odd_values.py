"""Tasks whose one argument is a value that is odd to show, and what is to be shown of it.

Argument: a file for the expected texts, a JSON object by task name.
"""

import asyncio
import json
import os
import sys
from pathlib import Path


def without_first(count, size):
    made = dict.fromkeys(range(size))
    for number in range(count):
        del made[number]
    return made


class Text(str):
    __slots__ = ()


class Odd:
    pass


Odd.__name__ = "o\x1b[1m\nd" + "d" * 200

# Each with what is to be shown; of those without one, their type and address.
VALUES = {
    "large tuple": (tuple(range(2_000_000)), "(0, 1, 2, 3, 4, 5, ...)"),
    "large dict": (dict.fromkeys(range(1_500_000)), "{0: None, 1: None, 2: None, 3: None, "
                   "4: None, 5: None, ...}"),
    "large text": ("z" * 3_000_000, repr("z" * 60) + "..."),
    "large bytes": (b"z" * 3_000_000, repr(b"z" * 60) + "..."),
    "large int": (1 << 100_000, None),
    "one left of many": (without_first(999, 1000), "{999: None}"),
    "first ones gone": (without_first(8, 9), "{8: None}"),
    "half gone": (without_first(10, 20), "{10: None, 11: None, 12: None, 13: None, 14: None, "
                  "15: None, ...}"),
    "all gone": (without_first(9, 9), "{}"),
    "nan": (float("nan"), "nan"),
    "infinite": (-float("inf"), "-inf"),
    "minus zero": (-0.0, "-0.0"),
    "smallest": (5e-324, "5e-324"),
    "two digits": (-(1 << 60) - 1, str(-(1 << 60) - 1)),
    "256 bits": ((1 << 256) - 1, str((1 << 256) - 1)),
    "257 bits": (1 << 256, None),
    "true": (True, "True"),
    "controls": ("\x1b[31m\0\n", r"'\x1b[31m\x00\n'"),
    "surrogate": ("\ud800", r"'\ud800'"),
    "wide surrogate": ("\U0001f600\ud800", repr("\U0001f600\ud800")),
    "60 wide ones": ("\U0001f600" * 60, repr("\U0001f600" * 60)),
    "61 wide ones": ("\U0001f600" * 61, repr("\U0001f600" * 60) + "..."),
    "str subclass": (Text("no"), None),
    "type with controls": (Odd(), "o?[1m?d" + "d" * 93 + "..."),
    "ellipsis": (..., None),
}  # fmt: skip


async def hold(value, /):
    await asyncio.get_running_loop().create_future()


async def main(path):
    tasks, shown = [], {}
    for name, (value, text) in VALUES.items():
        tasks.append(asyncio.create_task(hold(value), name=name))
        if text is None or name == "type with controls":
            text = f"<{text or type(value).__name__} at {id(value):#x}>"
        shown[name] = text
    await asyncio.sleep(0)
    Path(path).write_text(json.dumps(shown))
    print(f"ready pid={os.getpid()}", flush=True)
    await asyncio.gather(*tasks)


asyncio.run(main(sys.argv[1]))
