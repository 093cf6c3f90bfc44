"""The words without one of which a file cannot matter, searched for in all bytes of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# A file without any of these uses nothing that a rule knows, unless through a facade.
# Plain searches: one regular expression for all of them is ten times slower.
NEEDLES = (b"ventlet", b"VENTLET", b"greenlet", b"GreenThread", b"gr_frame")


def may_matter(data: bytes) -> bool:
    """Whether the bytes hold a word that a rule could know; cheap, for every file."""
    return (  # written out: a loop would double the time of a scan that finds nothing
        b"ventlet" in data
        or b"VENTLET" in data
        or b"gr_frame" in data
        or (b"reen" in data and (b"greenlet" in data or b"GreenThread" in data))
    )


def for_many() -> Callable[[bytes], bool]:
    """`may_matter` in half of the time, where the C library has a search of its own.

    To load ctypes takes as long as to search a hundred files.
    """
    try:
        import ctypes

        find = ctypes.PyDLL(None).memmem
    except (ImportError, OSError, TypeError, AttributeError):
        return may_matter
    find.restype = ctypes.c_void_p
    find.argtypes = [ctypes.c_char_p, ctypes.c_size_t] * 2

    def search(data: bytes) -> bool:
        size = len(data)
        return bool(
            find(data, size, b"ventlet", 7)
            or find(data, size, b"VENTLET", 7)
            or find(data, size, b"gr_frame", 8)
            or find(data, size, b"greenlet", 8)
            or find(data, size, b"GreenThread", 11)
        )

    return search
