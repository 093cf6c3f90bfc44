"""The green standard library: patching, patched imports, green sockets."""

from __future__ import annotations

from migrator.rules import Family, by_hand

FAMILY = Family(
    name="green",
    prefix="EVT6",
    title="Monkey patching and green modules",
    intro=(
        "Blocking calls of the standard library become switches. Under asyncio they block "
        "the loop: each needs an async counterpart or a thread."
    ),
    rules=(
        by_hand(
            "EVT601",
            "monkey-patch",
            "`monkey_patch` makes the standard library green",
            "eventlet.monkey_patch eventlet.patcher.monkey_patch eventlet.patcher.patch_function",
            "Every module is affected, also those that never heard of Eventlet; it goes last.",
            "remove it last, when nothing relies on green blocking calls",
            asyncio="",
            because="blocking calls anywhere in the process would block the loop",
        ),
        by_hand(
            "EVT602",
            "import-patched",
            "a module is imported with its dependencies made green, or the original is asked for",
            "eventlet.import_patched eventlet.patcher eventlet.patcher.*",
            "The module is a second copy with other sockets inside.",
            "import the module itself; run its blocking calls in asyncio.to_thread",
            asyncio="asyncio.to_thread(...)",
            because="its blocking calls would block the loop",
        ),
        by_hand(
            "EVT603",
            "green-module",
            "a green copy of a standard library module",
            "eventlet.green eventlet.green.*",
            "Its blocking calls switch to the hub.",
            "the async counterpart (streams, aiohttp, asyncio.subprocess), or asyncio.to_thread",
            asyncio=None,
            because="each module has a counterpart of its own",
            example=(
                "from eventlet.green import subprocess\n\nsubprocess.check_output(cmd)",
                "process = await asyncio.create_subprocess_exec(*cmd, stdout=PIPE)",
            ),
        ),
        by_hand(
            "EVT604",
            "green-io",
            "green sockets and pipes are used by themselves",
            "eventlet.greenio eventlet.greenio.* eventlet.support eventlet.support.* "
            "eventlet.processes eventlet.processes.* eventlet.saranwrap eventlet.saranwrap.* "
            "eventlet.util eventlet.util.*",
            "They wrap a file descriptor so that waiting for it switches to the hub.",
            "asyncio streams",
            asyncio="asyncio.open_connection(...)",
            because="a socket becomes a pair of streams",
        ),
    ),
)
