"""Reprs of argument values: those of plain types, bounded and cut; others by address."""

from __future__ import annotations

from inspector.memory import BadMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from inspector.objects import Objects, Type

BUILTINS = frozenset({"builtin_function_or_method", "builtin_method"})  # types of C functions
_TYPE_SUBCLASS = 1 << 31  # Py_TPFLAGS_TYPE_SUBCLASS: its instances are classes
MAX_TEXT = 60  # characters of a str or bytes that are shown
MAX_TYPE = 100  # characters of a type's name that are shown
MAX_BITS = 256  # of an int that is shown
MAX_DIGITS = -(-MAX_BITS // 30)
MAX_ITEMS = 6  # items of a tuple or dict that are shown
MAX_DEPTH = 2  # a tuple in a tuple is shown, one deeper is an address


def represent(objects: Objects, address: int, depth: int = 0) -> str:
    """What ``repr`` would say of a plain value; ``<Type at 0x..>`` for anything else.

    Never raises: what cannot be read is ``<unreadable at 0x..>``.
    """
    if not address:
        return "<unset>"
    if not depth and address in objects.shown:
        return objects.shown[address]
    try:
        kind = objects.type_of(address)
        plain = _PLAIN.get(kind.full)
        text = plain(objects, address) if plain else _represent(objects, address, kind, depth)
    except BadMemory:
        text = f"<unreadable at {address:#x}>"
    if not depth:
        objects.shown[address] = text
    return text


def _integer(objects: Objects, address: int) -> str:
    value = objects.integer(address, MAX_DIGITS)
    if value is None or value.bit_length() > MAX_BITS:
        return f"<int at {address:#x}>"
    return str(value)


def _text(objects: Objects, address: int) -> str:
    text = objects.text(address, MAX_TEXT + 1) or ""
    return repr(text) if len(text) <= MAX_TEXT else repr(text[:MAX_TEXT]) + "..."


def _bytes(objects: Objects, address: int) -> str:
    data = objects.raw_bytes(address, MAX_TEXT + 1) or b""
    return repr(data) if len(data) <= MAX_TEXT else repr(data[:MAX_TEXT]) + "..."


_PLAIN: dict[str, Callable[[Objects, int], str]] = {
    "builtins.NoneType": lambda *_: "None",
    "builtins.bool": lambda objects, address: str(bool(objects.integer(address))),
    "builtins.int": _integer,
    "builtins.float": lambda objects, address: repr(objects.floating(address)),
    "builtins.str": _text,
    "builtins.bytes": _bytes,
}


def _represent(objects: Objects, address: int, kind: Type, depth: int) -> str:
    """Of what holds other values, and of what only its type is told."""
    if kind.full == "builtins.tuple" and depth < MAX_DEPTH:
        items = [represent(objects, item, depth + 1) for item in objects.items(address, MAX_ITEMS)]
        more = objects.size(address) - len(items)
        if more > 0:
            items.append("...")
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
    if kind.full == "builtins.dict" and depth < MAX_DEPTH:
        pairs = [
            f"{represent(objects, key, depth + 1)}: {represent(objects, value, depth + 1)}"
            for key, value in objects.pairs(address, MAX_ITEMS)
        ]
        if objects.size(address) > len(pairs):
            pairs.append("...")
        return f"{{{', '.join(pairs)}}}"
    name = "".join(c if c.isprintable() else "?" for c in kind.name[:MAX_TYPE])
    cut = "..." if len(kind.name) > MAX_TYPE else ""
    return f"<{name}{cut} at {address:#x}>"


def callable_name(objects: Objects, address: int) -> str | None:
    """The qualified name of what runs when an object is called, None where it is not Python's.

    That of a function, method, partial or builtin, the name of a class, and of an object whose
    class makes it callable that class's ``__call__``. Raises BadMemory.
    """
    at, memory = objects.layout.at, objects.memory
    for _ in range(8):  # partials and methods nest
        kind = objects.type_of(address)
        match kind.full.removeprefix("builtins."):
            case "function":
                return objects.label(memory.word(address + at["function.qualname"]), 512)
            case "method":
                address = memory.word(address + at["method.func"])
            case "functools.partial":
                address = memory.word(address + at["partial.func"])
            case name if name in BUILTINS:
                definition = memory.word(address + at["builtin.definition"])
                return memory.text(memory.word(definition), 256).decode("utf-8", "replace")
            case _ if kind.flags & _TYPE_SUBCLASS:
                return objects.type_at(address).name
            case _:
                address = objects.class_attribute(kind, "__call__")
                if not address or objects.type_of(address).full != "builtins.function":
                    return None
    return None
