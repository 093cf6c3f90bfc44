"""Greenlets: found by their C++ vtable, read from their ``pimpl``.

Every greenlet, of whatever Python subclass, owns a C++ object whose first word points at
one of two vtables: two constants cover all. A freed block's first word is overwritten by
the free list, so dead ones drop out. Source: src/greenlet/TGreenlet.hpp of 2.0 to 3.5,
checked against the DWARF of the wheels; the layout is told by the objects themselves.
"""

from __future__ import annotations

from inspector.frames import EMPTY
from inspector.memory import BadMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from inspector.frames import Frames, Stack
    from inspector.objects import Objects

PIMPL_AT = 32  # PyGreenlet: header, weakreflist, dict, pimpl


_JUDGES = 64  # greenlets that decide on the layout


class PimplLayout:
    """Offsets in a pimpl, for one minor version of Python and one generation of greenlet."""

    __slots__ = (
        "current_frame",
        "main",
        "own",
        "parent",
        "previous_frame",
        "run",
        "size",
        "stack_start",
        "stack_stop",
        "thread",
        "top_frame",
    )  # fmt: skip

    def __init__(self, minor: int, *, self_first: bool, missing: int) -> None:
        # 3.14 grew the saved Python state by two words before current_frame; greenlet before
        # 3.1 has _self late, not at 8; 3.2 saves one or two words less of that state.
        grown = (16 if minor >= 14 else 0) - 8 * missing
        shift = 0 if self_first else -8
        self.own = 8 if self_first else 160 + grown
        self.stack_start = 56 + shift
        self.stack_stop = 64 + shift
        self.top_frame = 104 + shift
        self.current_frame = 136 + (grown if missing >= 0 else 0) + shift
        self.previous_frame = 160 if missing < 0 else 0
        self.main = 168 + grown
        self.run = self.main + 8
        self.parent = self.main + 16
        # Of a main greenlet, whose own members begin with _self: greenlet's state of its thread.
        self.thread = self.main + 8 if self_first else self.main
        self.size = self.parent + 8


class GreenletFacts:
    """One greenlet as it was captured. ``stack`` is empty for the running one."""

    main = 0
    parent = 0
    run = 0
    running = False
    started = True
    stack_start = 0
    stack: Stack = EMPTY

    def __init__(
        self, address: int, pimpl: int, type_name: str, frames: Frames, *, is_main: bool
    ) -> None:
        self.address = address
        self.frames = frames  # of the capture it comes from
        self.pimpl = pimpl
        self.type = type_name
        self.is_main = is_main


def block_sizes(minor: int, version: str | None) -> list[int]:
    """The size classes that a pimpl is allocated in: both kinds, in greenlet ``version``.

    With None, in every version of it. To ask for one more is to read all objects of that size.
    """
    user = -(-PimplLayout(minor, self_first=True, missing=0).size // 16) * 16
    sizes = [user - 16, user]
    if minor == 12 and (version is None or version.startswith("3.0.")):
        sizes.append(user + 16)
    if minor == 14 and (version is None or version.startswith("3.2.")):
        sizes.append(user - 32)
    return sizes


def _layouts(minor: int) -> list[PimplLayout]:
    found = [
        PimplLayout(minor, self_first=self_first, missing=missing)
        for self_first in (True, False)
        for missing in (0, 1, 2)
    ]
    if minor == 12:
        found.append(PimplLayout(minor, self_first=False, missing=-1))
    if minor == 14:
        found.append(PimplLayout(minor, self_first=True, missing=3))
    return found


def pimpl_layout(
    objects: Objects, candidates: Sequence[int], vtables: Collection[int]
) -> PimplLayout | None:
    """The layout under which most candidates lead to their greenlet and its parent's pimpl.

    Most, for any word may look like a pointer once. A process whose only greenlets are main
    ones, which have no parent, decides on the former alone. None when no layout fits.
    """
    minor = objects.layout.minor
    layouts = _layouts(minor)
    for check in (_has_parent, _owner):
        for start in range(0, len(candidates), _JUDGES):  # the first ones may all be dead
            judges = candidates[start : start + _JUDGES]
            fits = [
                sum(bool(check(objects, pimpl, layout, vtables)) for pimpl in judges)
                for layout in layouts
            ]
            if max(fits):
                return layouts[fits.index(max(fits))]
    return None


def _has_parent(
    objects: Objects, pimpl: int, layout: PimplLayout, vtables: Collection[int]
) -> bool:
    """Whether a pimpl has an owner, and a parent or main greenlet that is one."""
    memory = objects.memory
    if not _owner(objects, pimpl, layout):
        return False
    for link in (layout.main, layout.parent):
        try:
            other = memory.word(memory.word(pimpl + link) + PIMPL_AT)
            if memory.word(other) in vtables and _owner(objects, other, layout):
                return True
        except BadMemory:
            continue
    return False


def _owner(objects: Objects, pimpl: int, layout: PimplLayout, *_: object) -> int:
    """The PyGreenlet that a pimpl belongs to, 0 when it is not a live pimpl."""
    memory = objects.memory
    try:
        owner = memory.word(pimpl + layout.own)
        return owner if owner and memory.word(owner + PIMPL_AT) == pimpl else 0
    except BadMemory:
        return 0


def read_greenlet(
    frames: Frames, layout: PimplLayout, pimpl: int, main_vtable: int
) -> GreenletFacts | None:
    """The facts of the greenlet at ``pimpl``; None for a dead one. Raises BadMemory.

    Dead is what greenlet calls so: it has returned, or the thread it ran in has ended.
    """
    objects = frames.objects
    word = objects.memory.word
    try:
        words = objects.memory.words(pimpl, layout.size >> 3)
        owner = words[layout.own >> 3]
        if not owner or word(owner + PIMPL_AT) != pimpl:
            return None
    except BadMemory:
        return None
    is_main = words[0] == main_vtable
    # None before it has run, and none any more when it was collected as garbage.
    main = owner if is_main else words[layout.main >> 3]
    thread = word(word(main + PIMPL_AT) + layout.thread) if main else 0
    if main and not thread:
        return None
    found = GreenletFacts(owner, pimpl, objects.type_of(owner).full, frames, is_main=is_main)
    found.stack_start = words[layout.stack_start >> 3]
    if not is_main:
        found.main = main
        found.run = words[layout.run >> 3]
        found.parent = words[layout.parent >> 3]
    if found.stack_start or is_main:
        # greenlet's state of a thread begins with the main and the current greenlet. One that
        # gevent suspends may have no frame.
        found.running = thread != 0 and word(thread + 8) == owner
        if not found.running:
            found.stack = frames.chain(words[layout.current_frame >> 3])
            if layout.previous_frame:
                start, _, copy, saved = words[layout.stack_start >> 3 :][:4]
                found.stack += frames.chain_over_stack(
                    words[layout.previous_frame >> 3], start, saved, copy
                )
    elif not words[layout.stack_stop >> 3]:
        found.started = False
    else:
        return None
    return found
