"""Lacks what the first argument names, as a console finds out, and goes on: a line ``tick``.

``expose`` as the second argument offers a console.
"""

import asyncio
import os
import resource
import sys

lack, *more = sys.argv[1:]
if "expose" in more:
    from bridge.console import expose

    expose()


def refuse(event, _):
    if event == "_thread.start_new_thread" and lack == "threads":
        raise RuntimeError("no threads here")
    if event == "cpython.remote_debugger_script" and lack == "scripts":
        raise RuntimeError("no scripts here")


def take(what):
    if what == "descriptors":
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 4096))
        try:
            while True:
                os.dup(1)
        except OSError:
            return
    elif what == "streams":
        del sys.stdin, sys.stdout
    elif what == "open":
        import builtins

        builtins.open = None
    elif what == "library":
        sys.path[:] = []
    else:
        sys.addaudithook(refuse)


async def main():
    print(f"ready pid={os.getpid()}", flush=True)
    take(lack)
    while True:
        await asyncio.sleep(0.2)
        os.write(1, b"tick\n")


asyncio.run(main())
