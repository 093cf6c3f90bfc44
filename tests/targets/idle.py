"""Has asyncio and greenlet loaded, a second thread, and then waits in one of several ways.

idle.py [WAY]    sleep (default), gil (in C with the GIL held), spin (Python code)
"""

from __future__ import annotations

import _asyncio  # noqa: F401 - so that it is mapped
import contextlib
import ctypes
import sys
import threading
import time

with contextlib.suppress(ImportError):
    import greenlet  # noqa: F401

way = sys.argv[1] if len(sys.argv) > 1 else "sleep"
threading.Thread(target=time.sleep, args=(600,), name="second", daemon=True).start()
print("ready", flush=True)
if way == "gil":
    ctypes.PyDLL(None).sleep(600)  # PyDLL, unlike CDLL, keeps the GIL
elif way == "spin":
    while True:
        pass
else:
    time.sleep(600)
