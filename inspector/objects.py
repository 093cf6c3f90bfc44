"""Python objects of a target, by address: types, attributes, containers, plain values.

The API for rules that look into objects (`inspector.waits`)::

    objects.type_of(address).name            "Semaphore" (no module), .full with it
    objects.attribute(address, "counter")    address of the value, 0 where there is none
    objects.integer(address)                 int, None when it is not one
    objects.text(address)                    str (cut at ``limit``), None when it is not one
    objects.label(address)                   the same, with an ellipsis where it was cut
    objects.real(address)                    float or int as float, else None
    objects.items(address, limit)            addresses in a list, tuple, set or deque
    objects.pairs(address, limit)            (key, value) addresses of a dict
    objects.entry(address, "name")           a dict's value for a str key, 0 where none
    objects.is_none(address)

Everything is bounded, and raises `BadMemory` where memory makes no sense. An address is
only a number: nothing is known of it before its type was asked for.
"""

from __future__ import annotations

from inspector.memory import BadMemory
from inspector.plain import Plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.layouts import Layout
    from inspector.memory import Memory

_INLINE_VALUES = 1 << 2  # Py_TPFLAGS_INLINE_VALUES, 3.13+
_MANAGED_DICT = 1 << 4  # Py_TPFLAGS_MANAGED_DICT, 3.11+ (3.11 calls it inline values)
_DICT = 1 << 29
_HEAPTYPE = 1 << 9
_READY = 1 << 12
_SHAPES = frozenset(
    {"int", "float", "str", "bytes", "list", "tuple", "set", "frozenset", "dict", "deque"}
)
_PLAIN = {f"builtins.{name}" for name in _SHAPES} | {"collections.deque"}
_SPLIT_KEYS, _GENERAL_KEYS = 2, 0
_MAX_MRO = 64
_MAX_COUNT = 1 << 40  # items that a container may say it has; no more are read than asked for
_MAX_SLOTS = 1 << 24  # of a dict or set that are looked through
_MAX_NAMES = 1 << 15  # in a module or class
_STEP = 64  # slots of a dict read together
_DEQUE_BLOCK = 64  # BLOCKLEN of Modules/_collectionsmodule.c


class Type:
    """A type of the target. ``full`` is "eventlet.hubs.epolls.Hub", ``name`` its last part."""

    __slots__ = ("address", "basicsize", "dictoffset", "flags", "full", "has_dict", "mro", "name",
                 "shape", "slots")  # fmt: skip

    def __init__(self, address: int, name: str, flags: int, basicsize: int) -> None:
        self.address = address
        self.name = name
        self.full = name
        self.flags = flags
        self.basicsize = basicsize
        self.dictoffset = 0
        self.has_dict = False
        self.shape = ""  # the builtin it is or derives from: one of _SHAPES, "" for others
        self.mro: tuple[int, ...] = ()
        self.slots: dict[str, int] = {}  # attribute -> offset of its __slots__ member


class Objects(Plain):
    """A view of the target's objects through one capture of its memory."""

    def __init__(self, memory: Memory, layout: Layout) -> None:
        super().__init__(memory, layout)
        self._keys: dict[int, dict[str, int]] = {}  # cached keys of instances -> index
        self._strings: dict[int, str] = {}
        # Values as they are shown (`inspector.values`): they are handed on from call to call.
        self.shown: dict[int, str] = {}
        at = layout.at
        self._items_at = at["tuple.ob_item"]
        # Of frames: where their locals begin, and the bits of a reference that make the address.
        self.locals, self.tag = at["frame.localsplus"], ~at["frame.tag"]

    def beside(self, memory: Memory) -> Objects:
        """The same through another capture: what is known of types and names is shared."""
        other = object.__new__(Objects)
        other.__dict__.update(self.__dict__)
        other.memory = memory
        other.shown = {}
        return other

    # types

    def is_none(self, address: int) -> bool:
        """Whether this is None."""
        return self.type_of(address).name == "NoneType"

    def type_at(self, address: int) -> Type:
        """The type at ``address`` itself. Raises BadMemory when there is none."""
        found = self._types.get(address)
        if found is not None:
            return found
        at, memory = self.layout.at, self.memory
        flags = memory.word(address + at["type.tp_flags"])
        name = memory.text(memory.word(address + at["type.tp_name"]), 256)
        basicsize = memory.word(address + at["type.tp_basicsize"])
        if not flags & _READY or not name or basicsize > 1 << 20:
            raise BadMemory(f"no type at {address:#x}")
        text = name.decode("utf-8", "replace")
        kind = Type(address, text.rpartition(".")[2], flags, basicsize)
        kind.full = text
        kind.dictoffset = memory.signed(address + at["type.tp_dictoffset"])
        self._types[address] = kind
        mro = memory.word(address + at["type.tp_mro"])
        kind.mro = tuple(self._tuple(mro, _MAX_MRO)) if mro else (address,)
        kind.has_dict = bool(flags & _MANAGED_DICT) or kind.dictoffset != 0
        if flags & _HEAPTYPE:
            self._describe_heap_type(kind, "." in text)
        elif "." not in text:
            kind.full = f"builtins.{text}"
        for base in kind.mro:
            plain = kind if base == address else self.type_at(base)
            if plain.full in _PLAIN:
                kind.shape = plain.name
                break
        return kind

    def _describe_heap_type(self, kind: Type, dotted: bool) -> None:
        """A class statement's type keeps module and qualified name elsewhere."""
        at = self.layout.at
        namespace = self.memory.word(kind.address + at["type.tp_dict"])
        if not dotted:
            module = self.text(self.entry(namespace, "__module__"))
            place = kind.address + at["heaptype.ht_cached_keys"] - 8  # ht_qualname
            qualname = self.label(self.memory.word(place))
            kind.full = f"{module}.{qualname or kind.name}" if module else kind.name

    def class_attribute(self, kind: Type, name: str) -> int:
        """The address of what the type or the first of its bases defines, 0 where none does."""
        for base in kind.mro:
            namespace = self.memory.word(base + self.layout.at["type.tp_dict"])
            found = self.entry(namespace, name) if namespace else 0
            if found:
                return found
        return 0

    def _slot(self, kind: Type, name: str) -> int:
        """The offset of a __slots__ member (also of C members), -1 when there is none."""
        known = kind.slots.get(name)
        if known is not None:
            return known
        at, memory = self.layout.at, self.memory
        found = -1
        descriptor = self.class_attribute(kind, name)
        if descriptor and self.type_of(descriptor).name == "member_descriptor":
            definition = memory.word(descriptor + at["member.def"])
            found = memory.word(definition + at["memberdef.offset"])
        if not -1 <= found < kind.basicsize:
            raise BadMemory(f"member {name} outside its object")
        kind.slots[name] = found
        return found

    def attribute(self, address: int, name: str) -> int:
        """The address of the instance attribute, 0 when the instance has none such.

        Looks where CPython would: managed dict, inline values, __dict__, __slots__.
        """
        memory = self.memory
        pages = memory.pages
        pointer = pages[(address + 8) >> 12][((address + 8) >> 3) & 511]
        kind = self._types.get(pointer) or self.type_at(pointer)
        if not kind.has_dict:
            offset = kind.slots.get(name)
            if offset is None:
                offset = self._slot(kind, name)
            place = address + offset
            return pages[place >> 12][(place >> 3) & 511] if offset >= 0 else 0
        at = self.layout.at
        if kind.flags & _MANAGED_DICT:
            dictionary = memory.word(address - 24)
            minor = self.layout.minor
            values = 0
            if minor == 11:
                values = memory.word(address - 32)
            elif minor == 12 and dictionary & 1:  # tagged: the values themselves
                dictionary, values = 0, dictionary + 1
            elif minor >= 13 and kind.flags & _INLINE_VALUES:
                values = address + kind.basicsize
            if dictionary:
                found = self.entry(dictionary, name)
            elif values:
                keys = memory.word(kind.address + at["heaptype.ht_cached_keys"])
                index = self._cached_keys(keys).get(name) if keys else None
                found = 0
                if index is not None:
                    found = memory.word(values + at["values.first"] + 8 * index)
            else:
                found = 0
            if found:
                return found
        elif kind.dictoffset > 0:
            dictionary = memory.word(address + kind.dictoffset)
            if dictionary and (found := self.entry(dictionary, name)):
                return found
        offset = self._slot(kind, name)
        return memory.word(address + offset) if offset >= 0 else 0

    def slot(self, address: int, name: str) -> int:
        """Where an object keeps a __slots__ member, in bytes from its start; -1 for none such."""
        return self._slot(self.type_of(address), name)

    def slots(self, address: int, names: tuple[str, ...]) -> list[int]:
        """Several __slots__ members of one object, 0 for those that it has not."""
        kind = self.type_of(address)
        words = self.memory.words(address, kind.basicsize >> 3)
        offsets = [kind.slots.get(name) or self._slot(kind, name) for name in names]
        return [words[offset >> 3] if offset > 0 else 0 for offset in offsets]

    def _cached_keys(self, keys: int) -> dict[str, int]:
        """Names of instance attributes of a type -> index of their values."""
        known = self._keys.get(keys)
        if known is None:
            known = {}
            for index, (key, _) in enumerate(self._entries(keys, 0, 64)):
                if key and (name := self.text(key)) is not None:
                    known[name] = index
            self._keys[keys] = known
        return known

    # containers

    def _tuple(self, address: int, limit: int) -> list[int]:
        return self.memory.words(address + self._items_at, min(self._count(address), limit))

    def _count(self, address: int) -> int:
        """How many items a list or tuple says that it has. Raises BadMemory."""
        place = address + self._size_at
        count = self.memory.pages[place >> 12][(place >> 3) & 511]
        if count > _MAX_COUNT:
            raise BadMemory(f"{count} items at {address:#x}")
        return count

    def items(self, address: int, limit: int = 1024) -> list[int]:
        """Addresses of the first ``limit`` items of a list, tuple, set or deque, else none."""
        shape = self.type_of(address).shape
        memory, at = self.memory, self.layout.at
        if shape == "tuple":
            return self._tuple(address, limit)
        if shape == "list":
            count = self._count(address)
            if not count:
                return []
            # list.ob_item is a pointer to the items, null as long as there were none
            return memory.words(memory.word(address + at["list.ob_item"]), min(count, limit))
        if shape in ("set", "frozenset"):
            return self._set(address, limit)
        return self._deque(address, limit) if shape == "deque" else []

    def size(self, address: int) -> int:
        """How many items a list, tuple, set, deque or dict holds. Raises BadMemory."""
        is_set = self.type_of(address).shape in ("set", "frozenset")
        # dict.ma_used and a deque's size are where a tuple's size is
        where = self.layout.at["set.used"] if is_set else self._size_at
        count = self.memory.word(address + where)
        if count > _MAX_COUNT:
            raise BadMemory(f"{count} items at {address:#x}")
        return count

    def _set(self, address: int, limit: int) -> list[int]:
        at, memory = self.layout.at, self.memory
        slots = memory.word(address + at["set.mask"]) + 1
        if slots > _MAX_SLOTS:
            raise BadMemory(f"a set of {slots} slots at {address:#x}")
        table = memory.word(address + at["set.table"])
        found: list[int] = []
        for start in range(0, slots, 256):
            if len(found) >= limit:
                break
            entries = memory.words(table + 16 * start, 2 * min(256, slots - start))
            # A removed entry keeps a dummy key with the hash -1.
            for key, hashed in zip(entries[::2], entries[1::2], strict=True):
                if key and hashed != 0xFFFFFFFFFFFFFFFF:
                    found.append(key)
        return found[:limit]

    def _deque(self, address: int, limit: int) -> list[int]:
        at, memory = self.layout.at, self.memory
        left = min(memory.word(address + at["deque.size"]), limit)
        block = memory.word(address + at["deque.leftblock"])
        index = memory.word(address + at["deque.leftindex"])
        found: list[int] = []
        while left > 0:
            if not 0 <= index < _DEQUE_BLOCK or not block:
                raise BadMemory(f"a torn deque at {address:#x}")
            count = min(left, _DEQUE_BLOCK - index)
            found += memory.words(block + 8 + 8 * index, count)
            left -= count
            index = 0
            block = memory.word(block + 8 + 8 * _DEQUE_BLOCK)
        return found

    def pairs(self, address: int, limit: int = 1024) -> list[tuple[int, int]]:
        """(key, value) addresses of the first ``limit`` entries of a dict, else none."""
        if not self.type_of(address).flags & _DICT:
            return []
        at, memory = self.layout.at, self.memory
        keys = memory.word(address + at["dict.ma_keys"])
        values = memory.word(address + at["dict.ma_values"])
        found: list[tuple[int, int]] = []
        step = max(limit, _STEP)
        for start in range(0, _MAX_SLOTS, step):
            slots = self._entries(keys, values, step, start)
            found += [pair for pair in slots if pair[0] and pair[1]]
            if len(slots) < step or len(found) >= limit:
                break
        return found[:limit]

    def _entries(self, keys: int, values: int, limit: int, start: int = 0) -> list[tuple[int, int]]:
        """Up to ``limit`` slots of a keys object from ``start``, in index order, empty ones too."""
        at, memory = self.layout.at, self.memory
        log2_index_bytes = memory.u8(keys + at["keys.log2_index_bytes"])
        kind = memory.u8(keys + at["keys.kind"])
        used = memory.word(keys + at["keys.nentries"])
        if log2_index_bytes > 40 or kind > _SPLIT_KEYS or used > _MAX_COUNT:
            raise BadMemory(f"no dict keys at {keys:#x}")
        step = 3 if kind == _GENERAL_KEYS else 2
        first = keys + at["keys.indices"] + (1 << log2_index_bytes) + 8 * step * start
        words = memory.words(first, step * max(0, min(used - start, limit)))
        names = words[step - 2 :: step]
        if values:
            found = memory.words(values + at["values.first"] + 8 * start, len(names))
        else:
            found = words[step - 1 :: step]
        return list(zip(names, found, strict=True))

    def entry(self, dictionary: int, name: str) -> int:
        """The address of a dict's value for the str key ``name``, 0 when there is none."""
        at, memory = self.layout.at, self.memory
        keys = memory.word(dictionary + at["dict.ma_keys"])
        values = memory.word(dictionary + at["dict.ma_values"])
        for key, value in self._entries(keys, values, _MAX_NAMES):
            if key and self._key(key) == name:
                return value
        return 0

    def entries(self, dictionary: int, names: set[str]) -> dict[str, int]:
        """The values of several str keys of a large dict, in one pass over it."""
        at, memory = self.layout.at, self.memory
        lengths = {len(name) for name in names}
        keys = memory.word(dictionary + at["dict.ma_keys"])
        values = memory.word(dictionary + at["dict.ma_values"])
        pairs = self._entries(keys, values, _MAX_NAMES)
        memory.prefetch(key for key, _ in pairs if key)
        found: dict[str, int] = {}
        for key, value in pairs:
            if key and value and memory.word(key + self._length_at) in lengths:
                name = self.text(key, 256)
                if name in names:
                    found[name] = value
        return found

    def _key(self, address: int) -> str | None:
        """A dict key's text, remembered: attribute names are read again and again."""
        known = self._strings.get(address)
        if known is None:
            known = self.text(address, 256)
            if known is not None:
                self._strings[address] = known
        return known
