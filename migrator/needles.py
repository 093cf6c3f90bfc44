"""The words without one of which a file cannot matter, searched for in all bytes of a project."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import TypeAlias

    Holds: TypeAlias = Callable[[bytes, Collection[bytes]], bool]

# A file without any of these uses nothing that a rule knows, unless through a facade.
# Plain searches: one regular expression for all of them is ten times slower.
NEEDLES = (b"ventlet", b"VENTLET", b"greenlet", b"GreenThread", b"gr_frame")
# Part of nearly all names that a facade gives to those who look for debugging, or of none.
STAR = (b"import *", b"import*")
LEADING = (b"debug", b"hubs", b"hub_", b"get_hub", b"backdoor", b"greenpool", b"spew", *STAR)

# Words that only the debug and backdoor families know.
_DEBUG_WORDS = (
    *(b"backdoor", b"spew", b"Spew", b"prevent_multiple_readers", b"tpool_exceptions"),
    *(b"hub_exceptions", b"hub_blocking_detection", b"hub_listener_stacks", b"hub_timer_stacks"),
    *(b"format_hub_", b"format_threads_info", b"format_asyncio_info"),
    *(b"greenpool.DEBUG", b"import DEBUG", b"GreenThreadReport", b"GreenThreadModel", b"gr_frame"),
    *(b"eventlet.debug", b"eventlet as ", *STAR),
)
# getattr(eventlet, "debug"), patch.object(name, "debug"); loggers have a debug as well
_BY_NAME = re.compile(rb"""debug['"]""")
_BEFORE_NAME = re.compile(
    rb"(?:(?:attr|object)\(\s*[^,()]+(?<!\bLOG)(?<!\blog)(?<!\blogger)(?<!\blogging)|eventlet\s*)"
    rb""",\s*(?:\w+\s*=\s*)?['"]$"""
)
_AROUND = 500  # bytes around a name in which its call starts, or its comparison stands
# Common words, and what has to be found beside them: searched for only where they are.
_DEBUG_FORMS = (
    (b"debug", re.compile(rb"import\b(?:[^\n]*|\s*\([^)]*)\bdebug\b")),
    (
        b"get_hub",
        re.compile(
            rb"""[.'"](?:debug_(?:exceptions|blocking)|set_(?:debug_listeners|timer_exceptions)|"""
            rb"(?:get_)?(?:readers|writers)|get_timers_count|listeners|(?:next_)?timers)\b"
            rb"|import\b[^\n]*\bhubs\b"  # other files may use it
        ),
    ),
)
_GREENLETS = (b"greenlet", b"GreenletExit", b"GreenThread")
# A name of a type beside this is compared with it.
_TYPE_NAME = re.compile(rb"""(['"])(?:greenlet|GreenletExit|GreenThread)\1""")
_COMPARED = b".__name__"
# A new name for Eventlet, which other files may use.
_PLAIN = re.compile(rb"eventlet\b(?!\s*\.\s*(?!hubs|debug|backdoor))")
_RENAMES = re.compile(rb"(?:=|\breturn|\byield|\blambda:)[\s(]*$")


def may_matter(data: bytes) -> bool:
    """Whether the bytes hold a word that a rule could know."""
    return holds_any(data, NEEDLES)


def holds_any(data: bytes, words: Collection[bytes]) -> bool:
    """Whether one of the words stands in the bytes."""
    return any(word in data for word in words)


def may_debug(data: bytes, holds: Holds = holds_any) -> bool:
    """Whether a file that matters may matter for the debug and backdoor families.

    It holds a word of theirs, or a new name for Eventlet that other files may use.
    """
    return (
        holds(data, _DEBUG_WORDS)
        or any(holds(data, (word,)) and form.search(data) for word, form in _DEBUG_FORMS)
        or (holds(data, (b"get_objects",)) and holds(data, _GREENLETS))
        or _renames(data)
        or _tells_type(data, holds)
        or _asks_by_name(data)
    )


def _renames(data: bytes) -> bool:
    """Whether Eventlet itself may go by another name here."""
    return any(
        _RENAMES.search(data, max(0, match.start() - 20), match.start())
        for match in _PLAIN.finditer(data)
    )


def _tells_type(data: bytes, holds: Holds) -> bool:
    """Whether it may compare the name of a type with that of a greenlet's."""
    return holds(data, (_COMPARED,)) and any(
        data.find(_COMPARED, max(0, match.start() - _AROUND), match.end() + _AROUND) >= 0
        for match in _TYPE_NAME.finditer(data)
    )


def _asks_by_name(data: bytes) -> bool:
    """Whether it may ask something for its attribute "debug"."""
    return any(
        _BEFORE_NAME.search(data, max(0, match.start() - _AROUND), match.start())
        for match in _BY_NAME.finditer(data)
    )


def for_many() -> Holds:
    """`holds_any` in a fifth of the time, where the C library has a search of its own.

    To load ctypes takes as long as to search a hundred files.
    """
    try:
        import ctypes

        library = ctypes.PyDLL(None)
        find, length = library.strstr, library.strlen
    except (ImportError, OSError, TypeError, AttributeError):
        return holds_any
    find.restype = ctypes.c_void_p
    find.argtypes = [ctypes.c_char_p] * 2
    length.restype = ctypes.c_size_t
    length.argtypes = [ctypes.c_char_p]

    def search(data: bytes, words: Collection[bytes]) -> bool:
        for word in words:
            if find(data, word):
                return True
        # Text ends at a NUL byte for it.
        return length(data) < len(data) and holds_any(data, words)

    return search
