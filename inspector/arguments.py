"""Arguments of calls, decoded when a view asks for them: of thousands of units it draws few.

The memory that their values lie in is read with the rest of the capture, in bulk. To make
text of them is what takes time, and that can wait.
"""

from __future__ import annotations

from inspector.frames import FrameView
from inspector.memory import PAGE, BadMemory
from inspector.values import represent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from inspector.frames import Frames, Stack
    from inspector.snapshot import Frame

_ENOUGH = 512  # bytes of a str or an int that are shown, head and all
_HOLDERS = frozenset({"tuple", "dict"})  # whose items are shown as well


class Arguments:
    """Those of the units whose frames in the snapshot have none, by id of the unit."""

    def __init__(self) -> None:
        self._stacks: dict[str, tuple[Frames, Stack]] = {}
        self._known: dict[str, tuple[Frame, ...]] = {}

    def __contains__(self, unit: str) -> bool:
        return unit in self._stacks

    def add(self, unit: str, frames: Frames, stack: Stack) -> None:
        """Take in what a unit's frames are to be decoded from."""
        self._stacks[unit] = frames, stack

    def read(self) -> None:
        """Read all that `stack` will need. The process may be let go of after that."""
        values: dict[Frames, set[int]] = {}
        for frames, stack in self._stacks.values():
            wanted = values.setdefault(frames, set())
            objects = frames.objects
            pages, first = objects.memory.pages, objects.locals
            for address, (code, _) in zip(stack.addresses, stack.place.frames, strict=True):
                place = address + first
                start = (place >> 3) & 511
                end = start + len(code.arguments)
                try:
                    words = pages[place >> 12][start:end].tolist()
                    if end > 512:
                        words += pages[(place >> 12) + 1][: end - 512].tolist()
                    wanted.update(words)
                except BadMemory:
                    continue
                for index in code.argument_cells:
                    FrameView(objects, (address, code, 0)).argument(index)
        for frames, wanted in values.items():
            _read_values(frames, wanted)

    def stack(self, unit: str) -> tuple[Frame, ...]:
        """The unit's frames with their arguments."""
        known = self._known.get(unit)
        if known is None:
            frames, stack = self._stacks[unit]
            known = self._known[unit] = frames.show(stack)
        return known

    def alike(self, units: Sequence[str], place: int) -> bool:
        """Whether units have the same arguments in a call that all of them stand in."""
        first = units[0]
        frames, stack = self._stacks[first]
        wanted = _words(frames, stack, place)
        for unit in units:
            if _words(*self._stacks[unit], place) != wanted:  # equal ones may be elsewhere
                args = self.stack(first)[place].args
                return all(self.stack(one)[place].args == args for one in units)
        return True


def _words(frames: Frames, stack: Stack, place: int) -> list[int] | None:
    """The arguments of a call as its frame has them, None where it cannot be read."""
    objects = frames.objects
    count = len(stack.place.frames[place][0].arguments)
    try:
        return objects.memory.words(stack.addresses[place] + objects.locals, count)
    except BadMemory:
        return None


def _read_values(frames: Frames, words: set[int]) -> None:
    """Read the memory of values, with what their types are called and what containers hold."""
    objects = frames.objects
    pages, tag = objects.memory.pages, objects.tag
    holders: dict[int, bool] = {}  # by address of the type
    for word in words:
        value = word & tag
        try:
            pointer = pages[(value + 8) >> 12][((value + 8) >> 3) & 511] if value else 0
            holds = holders.get(pointer)
            if holds is None:
                holds = bool(pointer) and objects.type_at(pointer).shape in _HOLDERS
                holders[pointer] = holds
            if holds:
                represent(objects, value)
            elif value & (PAGE - 1) > PAGE - _ENOUGH:
                pages[(value >> 12) + 1]
        except BadMemory:
            continue
