"""Where CPython keeps things, as data: one file a minor version, checked before trusted.

3.13 and later describe themselves (``_Py_DebugOffsets``): their files name the words of
that table in order and add what it leaves out. 3.11 and 3.12 do not: their files hold
``offsetof()`` figures of the internal headers. `COMMON` is what has stayed the same in all
of them (public headers). Offsets are bytes from the start of the object; tests compare
what comes out with the target's own view of itself on every version.
"""

from __future__ import annotations

from importlib import import_module

from inspector.errors import UnsupportedPython

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.memory import Memory

SUPPORTED = "3.11 to 3.15"

_COOKIE = b"xdebugpy"
HINT = f"supported: CPython {SUPPORTED}, 64-bit Linux, with the GIL, not built for debugging"

COMMON = {
    # Include/object.h, cpython/object.h
    "obj.ob_type": 8,
    "type.tp_name": 24,
    "type.tp_basicsize": 32,
    "type.tp_flags": 168,
    "type.tp_base": 256,
    "type.tp_dict": 264,
    "type.tp_weaklistoffset": 208,
    "type.tp_dictoffset": 288,
    "type.tp_mro": 344,
    # Objects/dictobject.c, pycore_dict.h: the keys' header, entries after the indices
    "keys.log2_index_bytes": 9,
    "keys.kind": 10,
    "keys.nentries": 24,
    "keys.indices": 32,
    # cpython/code.h: co_kwonlyargcount is two ints after co_argcount, flags are fixed
    "code.flags": 48,
    # funcobject.h, classobject.h, methodobject.h, cellobject.h, descrobject.h
    "function.qualname": 40,
    "function.code": 48,
    "function.closure": 72,
    "method.func": 16,
    "method.self": 24,
    "builtin.definition": 16,
    "builtin.method": 16,
    "builtin.self": 24,
    "cell.contents": 16,
    "member.def": 40,
    "memberdef.offset": 16,
    "module.dict": 16,
    "weakref.object": 16,
    "set.used": 24,
    "set.mask": 32,
    "set.table": 40,
    # Modules/_functoolsmodule.c, _collectionsmodule.c
    "partial.func": 16,
    "partial.args": 24,
    "deque.size": 16,
    "deque.leftblock": 24,
    "deque.leftindex": 40,
    # Objects/genobject.c: coroutine_wrapper, async_generator_asend, _athrow
    "awaiter.inner": 16,
    # Modules/_asynciomodule.c, FutureObj_HEAD
    "future.loop": 16,
    "future.callback0": 24,
    "future.callbacks": 40,
    "future.exception": 48,
    # pyerrors.h: PyException_HEAD
    "exception.args": 24,
    "exception.traceback": 40,
}


class Layout:
    """Offsets of one target. ``at["frame.previous"]`` is in bytes; ``minor`` is 14 for 3.14."""

    __slots__ = ("at", "describes_asyncio", "minor", "version")

    def __init__(
        self, version: str, minor: int, at: dict[str, int], *, describes_asyncio: bool
    ) -> None:
        self.version = version
        self.minor = minor
        self.at = at
        self.describes_asyncio = describes_asyncio  # in a table of its own, 3.14 and later


def load(memory: Memory, runtime: int, version_hex: int | None) -> Layout:
    """The layout of the target whose ``_PyRuntime`` is at ``runtime``.

    ``version_hex`` is the target's ``Py_Version`` symbol, None where it has none; a runtime
    that describes itself says its version itself. Raises UnsupportedPython for a version
    without a file, a free-threaded build, and tables that are not what the file expects.
    """
    described = memory.data(runtime, 8) == _COOKIE
    if described:
        version_hex = memory.word(runtime + 8)
    if version_hex is None:
        raise UnsupportedPython("CPython 3.10 and older is not supported", HINT)  # no Py_Version
    major, minor = version_hex >> 24 & 0xFF, version_hex >> 16 & 0xFF
    version = readable(version_hex)
    if described and memory.word(runtime + 16):
        raise UnsupportedPython(
            f"CPython {version} without the GIL (a free-threaded build) is not supported", HINT
        )
    try:
        facts = import_module(f"inspector.layouts.v{major}_{minor}")
    except ModuleNotFoundError:
        raise UnsupportedPython(f"CPython {version} is not supported", HINT) from None
    at = dict(COMMON)
    if facts.DEBUG_OFFSETS:
        if not described:
            raise UnsupportedPython(f"CPython {version} without its offset table", HINT)
        words = memory.words(runtime, len(facts.DEBUG_OFFSETS))
        at.update(zip(facts.DEBUG_OFFSETS[3:], words[3:], strict=True))
        if not all(0 <= offset < 1 << 24 for offset in words[3:]):
            raise UnsupportedPython(f"CPython {version} with an unknown offset table", HINT)
        if at["obj.ob_type"] != COMMON["obj.ob_type"]:  # the rest of COMMON is then wrong too
            raise UnsupportedPython(
                f"CPython {version} built with larger objects (to trace references?)"
                " is not supported",
                HINT,
            )
    at.update(facts.FACTS)
    return Layout(version, minor, at, describes_asyncio=bool(facts.ASYNCIO_DEBUG))


def load_asyncio(layout: Layout, memory: Memory, table: int) -> None:
    """Add the words of the target's ``AsyncioDebug`` at ``table`` to the layout.

    Raises UnsupportedPython when they cannot be offsets.
    """
    facts = import_module(f"inspector.layouts.v3_{layout.minor}")
    words = memory.words(table, len(facts.ASYNCIO_DEBUG))
    if not all(0 <= offset < 1 << 20 for offset in words):
        raise UnsupportedPython(f"CPython {layout.version} with an unknown asyncio table", HINT)
    layout.at.update(zip(facts.ASYNCIO_DEBUG, words, strict=True))
    layout.at["future.state"] = layout.at["task.is_task"] - 4  # an enum just before the flags
    layout.at["future.log_tb"] = layout.at["task.is_task"] + 2  # a bit just after them


def readable(version_hex: int) -> str:
    """PY_VERSION_HEX for people: 0x030e08f0 is 3.14.8."""
    level = {0xA: "a", 0xB: "b", 0xC: "rc"}.get(version_hex >> 4 & 0xF, "")
    text = f"{version_hex >> 24 & 0xFF}.{version_hex >> 16 & 0xFF}.{version_hex >> 8 & 0xFF}"
    return text + (f"{level}{version_hex & 0xF}" if level else "")
