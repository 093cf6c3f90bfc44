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
# Who says this may take and give what they do not name.
STAR = (b"import *", b"import*")
# Part of nearly all names that a facade gives to those who look for debugging.
LEADING = (b"debug", b"hubs", b"hub_", b"get_hub", b"backdoor", b"greenpool", b"spew", *STAR)

# Words that only the debug and backdoor families know.
_DEBUG_WORDS = (
    *(b"backdoor", b"spew", b"Spew", b"prevent_multiple_readers", b"tpool_exceptions"),
    *(b"hub_exceptions", b"hub_blocking_detection", b"hub_listener_stacks", b"hub_timer_stacks"),
    *(b"format_hub_", b"format_threads_info", b"format_asyncio_info"),
    *(b"GreenThreadReport", b"GreenThreadModel", b"gr_frame"),
    *(b"eventlet.debug", b"eventlet as ", *STAR),
)
# What may stand between the parts of an expression.
_GAP = rb"(?:[\s\\]|#[^\n]*\n)*"
# getattr(eventlet, "debug"), patch.object(name, "debug"); loggers have a debug as well
_BY_NAME = re.compile(rb"""debug['"]""")
_BEFORE_NAME = re.compile(
    rb"""(?:(?:attr|object)\([\s(]*[^,()]+(?<!\bLOG)(?<!\blog)(?<!\blogger)(?<!\blogging)\)*"""
    rb"""|eventlet[\s)'"]*),""" + _GAP + rb"""(?:\w+\s*=\s*)?\(*[rRuU]?['"]{1,3}$|['"]\.$"""
)
_AROUND = 500  # bytes around a name in which its call starts
# After import: the rest of the line, those that it goes on in, or what is in parentheses.
_LIST = rb"import\b(?:[^\n]*(?:\\\r?\n[^\n]*)*|\s*\((?:[^)#]|#[^\n]*\n)*)"
# Common words, and what has to be found beside them: searched for only where they are.
_DEBUG_FORMS = (
    (b"debug", re.compile(_LIST + rb"\bdebug\b")),
    (b"debug", re.compile(rb"eventlet" + _GAP + rb"\." + _GAP + rb"debug\b")),
    (b"DEBUG", re.compile(rb"greenpool")),
    (b".multiple(", re.compile(rb"\bdebug\s*=")),
    (b"hubs", re.compile(rb"hubs\s+" + _LIST + rb"\bhub\b")),
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
_TYPE_NAMES = tuple(b"%b%b%b" % (mark, name, mark) for name in _GREENLETS for mark in (b"'", b'"'))
_COMPARED = re.compile(rb"\.[\s\\]*__name__")
# Parts that are given to others under names that do not say Eventlet.
PARTS = (b"hubs", b"get_hub", b"greenpool")
# What may get a new name, which other files may use.
_PLAIN = re.compile(rb"eventlet\b(?!\s*\.\s*(?!hubs|debug|backdoor|greenpool\b(?!\s*\.)))")
_PLAIN_PARTS = (
    re.compile(rb"hubs\b(?!\s*\.\s*(?!get_hub|hub\b))"),
    re.compile(rb"get_hub\b(?!\(\)\.)"),
    re.compile(rb"greenpool\b(?!\s*\.)"),
)
_AS = re.compile(rb"[\s\\]+as\s")
_IMPORTS = (b"import ", b"\n\nfrom ")
_GIVES = (b"=", b"return", b"yield", b"lambda:")
_GO_ON = (b" or", b" and", b" else", b",")  # in a line that gives something
_GIVEN = re.compile(rb"=|\breturn\b|^\s*(?:or|and|else)$")
# lib = import_module("eventlet"), return sys.modules["eventlet"]
_CALLED_FOR = re.compile(
    rb"(?:(?<!eventlet)(?<!eventlet )=|\breturn)[\s(]*[\w.]*(?:import|modules|[lL]azy|resolve)\w*"
    rb"""\s*[(\[]\s*[rRuU]?['"]{1,3}$"""
)
_NEAR = 200  # bytes


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
        or _renames(data, holds)
        or (holds(data, _TYPE_NAMES) and _COMPARED.search(data) is not None)
        or _asks_by_name(data)
    )


def _renames(data: bytes, holds: Holds) -> bool:
    """Whether Eventlet itself, or a part of it, may go by another name here."""
    plain = [_PLAIN]
    if holds(data, PARTS) and b"eventlet" in data:
        plain += _PLAIN_PARTS
    return any(_is_renamed(data, *match.span()) for one in plain for match in one.finditer(data))


def _is_renamed(data: bytes, start: int, end: int) -> bool:
    """Whether the word there is given another name: ``= eventlet``, ``eventlet as``."""
    if data.startswith(_IMPORTS, start - 7):  # nearly always
        return _AS.match(data, end) is not None
    line = data[data.rfind(b"\n", 0, start) + 1 : start]
    if b"#" in line:
        return False
    if _AS.match(data, end):
        return True
    before = line.rstrip(b" \t\f(")
    if not before:
        before = _code_above(data, start)
    if before.endswith(_GIVES):
        return True
    if before.endswith((b"'", b'"')):
        return _CALLED_FOR.search(before) is not None
    if before.endswith(_GO_ON):
        line = before[before.rfind(b"\n") + 1 :]
        is_set = data[end : end + 3].lstrip().startswith(b"=")
        return not is_set and b"import" not in line and _GIVEN.search(line) is not None
    return False


def _code_above(data: bytes, start: int) -> bytes:
    """The code before a line that starts with a word, without blanks and what opens."""
    before = data[max(0, start - _NEAR) : start]
    while True:
        before = before.rstrip(b" \t\r\n\f\\(")
        line = before[before.rfind(b"\n") + 1 :]
        code, comment, _ = line.partition(b"#")
        if not comment:
            return before
        before = before[: len(before) - len(line)] + code


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
