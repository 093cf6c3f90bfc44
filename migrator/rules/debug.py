"""``eventlet.debug`` and what pokes in the hub behind it.

Facts: eventlet 0.41.3, ``eventlet/debug.py`` and ``eventlet/hubs/hub.py``.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from migrator.findings import Advice
from migrator.mocked import replacement
from migrator.rules import Family, Rule

if TYPE_CHECKING:
    from migrator.findings import Stage
    from migrator.names import Use

_D = "eventlet.debug."
_LOOP = "asyncio.get_running_loop()"
_NO_LOOP = (
    "no event loop runs here: this is not inside async def; call it once the loop runs, "
    "or set PYTHONASYNCIODEBUG=1 before it is made (threshold 0.1 s)"
)
_SWAP = "bridge.debug has the same name and acts on the hub and on the loop"
_AS_MOCKED = "follows the production line that it names; rewrite both in one run"


def _swap(name: str) -> Advice:
    return Advice("safe", f"bridge.debug.{name}")


def _argument(use: Use, name: str, place: int, default: str) -> str | None:
    """The source of an argument; None when it cannot be told (star arguments)."""
    if use.call is None:
        return None
    if any(isinstance(one, ast.Starred) for one in use.call.args):
        return None
    if any(keyword.arg is None for keyword in use.call.keywords):
        return None
    for keyword in use.call.keywords:
        if keyword.arg == name:
            return ast.unparse(keyword.value)
    return ast.unparse(use.call.args[place]) if len(use.call.args) > place else default


def _not_a_plain_call(use: Use, stage: Stage) -> Advice | None:
    if use.kind == "string" and isinstance(use.node, ast.Call) and replacement(use.node) is None:
        asked = "it is asked whether the name is there: remove that with what depends on it"
        return Advice("manual", None, asked) if stage == "asyncio" else None
    if use.kind == "string":
        return Advice("unsafe", None, _AS_MOCKED)
    if use.kind == "store":
        return Advice("manual", None, "the name is replaced at run time; rewrite the replacement")
    if stage == "asyncio" and use.kind != "import" and not use.statement:
        return Advice(
            "manual", None, "the function is used as a value; decide what takes its place"
        )
    return None


def _loop_debug(use: Use, stage: Stage) -> Advice | None:
    special = _not_a_plain_call(use, stage)
    if special or stage == "bridge":
        return special
    state = _argument(use, "state", 0, "False")
    if state is None:
        return Advice("manual", None, "the arguments cannot be told from the source")
    text = f"loop = {_LOOP}; loop.set_debug({state})"
    if use.api.endswith("hub_blocking_detection"):
        resolution = _argument(use, "resolution", 1, "1")
        text += f"; loop.slow_callback_duration = {resolution}"
    else:
        text = f"{_LOOP}.set_debug({state})"
    if use.in_async:
        return Advice("safe", text)
    return Advice("manual", text, _NO_LOOP)


def _readers(use: Use, stage: Stage) -> Advice | None:
    if use.kind == "import":
        return None
    if use.kind == "string" and not isinstance(use.node, ast.Call):
        return Advice("unsafe", None, _AS_MOCKED)
    state = _argument(use, "state", 0, "True")
    if use.kind != "call" or state is None:
        return Advice("manual", None, f"it is used as a value, and {_NO_READERS}")
    try:
        allows = not ast.literal_eval(state)
    except ValueError:
        return Advice("manual", None, f"whether {state} is False cannot be told: {_NO_READERS}")
    if allows:
        return None
    return Advice("safe", "" if stage == "asyncio" else "bridge.debug.hub_prevent_multiple_readers")


_NO_READERS = (
    "hub_prevent_multiple_readers(False) raises RuntimeError on Eventlet's asyncio hub: give "
    "the socket one reader task (or green thread) that puts what it reads on a queue"
)

FAMILY = Family(
    name="debug",
    prefix="EVT1",
    title="Debugging hooks",
    intro=(
        "Eventlet's hooks act on its hub. While both worlds run, `bridge.debug` offers the same "
        "names and acts on the hub and the asyncio loop alike; in the end asyncio's own debug "
        "mode and `migrate ps` take their place."
    ),
    fixes="migrator.fixes.debug",
    rules=(
        Rule(
            "EVT101",
            "debug-import",
            "`eventlet.debug` is imported",
            ("eventlet.debug", "eventlet.debug.*"),
            "The module acts on Eventlet's hub only.",
            "import bridge.debug while both run; drop it when its uses are gone",
            Advice("safe", "bridge.debug"),
            Advice("safe", "", None),
            ("from eventlet import debug", "from bridge import debug"),
            lambda use, _: Advice("unsafe", None, _AS_MOCKED) if use.kind == "string" else None,
            safety=(
                "The import goes or changes with its uses, and stays while anything needs it: a "
                "use that "
                "is left, `__all__`, a doctest, another module of the project. `import "
                "eventlet.debug` "
                "that also bound `eventlet` leaves `import eventlet`. An import that nothing in "
                "the "
                "file reads is left: other modules may rely on it."
            ),
        ),
        Rule(
            "EVT102",
            "hub-exceptions",
            "`hub_exceptions` makes the hub print exceptions",
            (_D + "hub_exceptions",),
            "asyncio has no hub that prints: a lost exception goes to the loop's exception "
            "handler. It also set `greenpool.DEBUG`.",
            "bridge.debug.hub_exceptions; on asyncio it goes (loop.set_exception_handler)",
            _swap("hub_exceptions"),
            Advice(
                "unsafe",
                "",
                "asyncio reports lost exceptions through loop.call_exception_handler and never "
                "prints from a hub; the call also set greenpool.DEBUG",
            ),
            ("debug.hub_exceptions(True)", "bridge.debug.hub_exceptions(True)"),
            _not_a_plain_call,
            safety=(
                "In the end the call is deleted when its result is not used and its argument is a "
                "constant; otherwise it is left. All calls of a file go, or none: they switch "
                "one thing "
                "on and off. It stays where `greenpool.DEBUG` is saved and restored around it."
            ),
        ),
        Rule(
            "EVT103",
            "hub-blocking-detection",
            "`hub_blocking_detection` raises in code that blocks the hub",
            (_D + "hub_blocking_detection",),
            "asyncio logs a slow callback after it returns (0.1 s by default); Eventlet raises "
            "inside it from SIGALRM (1 s by default).",
            "bridge.debug.hub_blocking_detection; on asyncio loop.set_debug and "
            "loop.slow_callback_duration",
            _swap("hub_blocking_detection"),
            Advice("manual", f"{_LOOP}.set_debug(True)", _NO_LOOP),
            (
                "debug.hub_blocking_detection(True, resolution=0.5)",
                "loop = asyncio.get_running_loop()\nloop.set_debug(True)\n"
                "loop.slow_callback_duration = 0.5",
            ),
            _loop_debug,
            safety=(
                "Safe directly inside `async def`, where a loop runs. Elsewhere `--unsafe` writes "
                "`PYTHONASYNCIODEBUG`, unless the resolution is computed by a call. A local "
                "name `loop` "
                "that is taken is avoided."
            ),
        ),
        Rule(
            "EVT104",
            "hub-prevent-multiple-readers",
            "`hub_prevent_multiple_readers` lets several green threads read one socket",
            (_D + "hub_prevent_multiple_readers",),
            "An asyncio loop has one reader per file descriptor, and so has Eventlet's asyncio "
            "hub: the call raises RuntimeError there and locks the road to the migration.",
            "one reader and a queue: it raises RuntimeError on Eventlet's asyncio hub",
            Advice("manual", None, _NO_READERS),
            Advice("manual", None, _NO_READERS),
            None,
            _readers,
            safety=(
                "With `False`, or a value that is not known, it is refused at both stages. With "
                "`True` "
                "it follows, and in the end goes, as asyncio allows one reader anyway; but not "
                "while "
                "another call in the file is left."
            ),
        ),
        *(
            Rule(
                code,
                name.replace("_", "-"),
                f"`{name}` keeps a stack with every {what}",
                (_D + name,),
                "asyncio's debug mode does it for handles and timers.",
                f"bridge.debug.{name}; on asyncio loop.set_debug",
                _swap(name),
                Advice(
                    "unsafe", f"{_LOOP}.set_debug(True)", f"{_NO_LOOP}: {_LOOP}.set_debug(True)"
                ),
                (f"debug.{name}(True)", f"{_LOOP}.set_debug(True)"),
                _loop_debug,
            )
            for code, name, what in (
                ("EVT105", "hub_listener_stacks", "listener"),
                ("EVT106", "hub_timer_stacks", "timer"),
            )
        ),
        Rule(
            "EVT107",
            "tpool-exceptions",
            "`tpool_exceptions` prints exceptions of the thread pool",
            (_D + "tpool_exceptions",),
            "`asyncio.to_thread` delivers the exception to the awaiter.",
            "bridge.debug.tpool_exceptions; on asyncio it goes",
            _swap("tpool_exceptions"),
            Advice("safe", ""),
            None,
            _not_a_plain_call,
            safety=(
                "Deleted when its result is not used and evaluating its argument does nothing."
            ),
        ),
        Rule(
            "EVT108",
            "spew",
            "`spew` traces every line that runs",
            (_D + "spew", _D + "Spew"),
            "It is `sys.settrace` with a printer; nothing in it needs Eventlet.",
            "the same name in bridge.debug; on asyncio `python -m trace` or sys.settrace",
            Advice("safe", "bridge.debug.spew"),
            Advice(
                "manual", "sys.settrace(...)", "write the trace function, or run python -m trace"
            ),
            None,
            lambda use, stage: (
                _swap(use.api.rpartition(".")[2])
                if stage == "bridge" and use.kind not in ("string", "store")
                else _not_a_plain_call(use, "bridge")
            ),
        ),
        Rule(
            "EVT109",
            "unspew",
            "`unspew` ends the trace",
            (_D + "unspew",),
            "It is `sys.settrace(None)`.",
            "bridge.debug.unspew; on asyncio sys.settrace(None)",
            _swap("unspew"),
            Advice("safe", "sys.settrace(None)"),
            ("debug.unspew()", "sys.settrace(None)"),
            _not_a_plain_call,
        ),
        Rule(
            "EVT110",
            "format-hub",
            "the hub's listeners, timers or threads are formatted as text",
            tuple(
                _D + name
                for name in (
                    "format_hub_listeners",
                    "format_hub_timers",
                    "format_threads_info",
                    "format_asyncio_info",
                )
            ),
            "asyncio shows tasks (`asyncio.all_tasks`, and `format_call_graph` from 3.14 on); "
            "listeners and timers have no public equivalent.",
            "the same name in bridge.debug; on asyncio asyncio.format_call_graph, or "
            "`migrate ps PID` from outside",
            Advice("safe", "bridge.debug"),
            Advice(
                "unsafe",
                '"\\n".join(map(asyncio.format_call_graph, asyncio.all_tasks()))',
                "shows tasks: a loop's listeners and timers have no public equivalent",
            ),
            None,
            lambda use, stage: (
                _swap(use.api.rpartition(".")[2])
                if stage == "bridge" and use.kind not in ("string", "store")
                else None
            ),
            safety=(
                "In the end only inside `async def`: `asyncio.all_tasks()` needs a running loop. "
                "`format_call_graph` needs Python 3.14."
            ),
        ),
        Rule(
            "EVT120",
            "hub-internals",
            "the hub's debug switches are used behind the public functions",
            (
                *(
                    f"eventlet.hubs.get_hub().{name}"
                    for name in (
                        "debug_exceptions",
                        "debug_blocking",
                        "debug_blocking_resolution",
                        "set_debug_listeners",
                        "set_timer_exceptions",
                        "get_readers",
                        "get_writers",
                        "get_timers_count",
                        "listeners",
                        "readers",
                        "writers",
                        "timers",
                        "next_timers",
                    )
                ),
                "eventlet.hubs.hub.g_prevent_multiple_readers",
            ),
            "They are private to Eventlet's hubs; the asyncio hub has some, a loop none.",
            "use the public function of bridge.debug that it bypasses",
            Advice("manual", None, "private state of the hub: use the public function instead"),
            Advice("manual", None, "an asyncio loop has no such state"),
        ),
        Rule(
            "EVT121",
            "greenpool-debug",
            "`greenpool.DEBUG` is read or set",
            ("eventlet.greenpool.DEBUG",),
            "It makes green pools print exceptions; `hub_exceptions` sets it too.",
            "bridge.debug.hub_exceptions sets it; asyncio has no such switch",
            Advice("manual", None, "often saved and restored: goes or stays as one unit"),
            Advice("manual", None, "often saved and restored: goes or stays as one unit"),
        ),
        *(
            Rule(
                code,
                name,
                summary,
                (api,),
                "asyncio knows its tasks: nothing has to search the heap.",
                "asyncio.all_tasks and print_call_graph; `migrate ps PID` from outside",
                Advice("manual", None, "shows green threads only; migrate ps shows both worlds"),
                Advice("manual", "asyncio.all_tasks()", "the report's shape is the project's own"),
            )
            for code, name, summary, api in (
                ("EVT130", "gc-walk", "the heap is searched for greenlets", "gc greenlet walk"),
                (
                    "EVT131",
                    "gr-frame",
                    "a greenlet's stack is taken from `gr_frame`",
                    "greenlet.gr_frame dump",
                ),
                (
                    "EVT132",
                    "greenthread-by-name",
                    "a green thread is told by its type's name",
                    "greenlet type name test",
                ),
                (
                    "EVT133",
                    "guru-meditation",
                    "a guru meditation report has a section of green threads",
                    "guru meditation green threads",
                ),
            )
        ),
    ),
)
