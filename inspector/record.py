"""Named tuples that cost little to define: ``typing.NamedTuple`` for those in a hurry.

``migrate ps`` of a small process has 50 ms for everything. To import ``typing`` takes 5 of
them, and each class it makes another half: it compiles every annotation. What is loaded for
``ps`` therefore says ``TYPE_CHECKING = False`` itself, which type checkers take for true, and
makes its tuples here. For a type checker a `Record` is a ``typing.NamedTuple``.
"""

from __future__ import annotations

__all__ = ["Record"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as Record
else:
    from _collections import _tuplegetter

    class _RecordType(type):
        def __new__(mcs, name, bases, namespace):
            """Make the class of the annotated names, in their order, with their defaults."""
            names = tuple(namespace.get("__annotations__", ()))
            if names:
                defaults = tuple([namespace[name] for name in names if name in namespace])
                listed = ", ".join(names)
                make = eval(  # noqa: S307 - our own class statements; as collections.namedtuple
                    f"lambda _cls, {listed}: _new(_cls, ({listed},))", {"_new": tuple.__new__}
                )
                make.__defaults__ = defaults
                namespace.update(
                    {name: _tuplegetter(place, "") for place, name in enumerate(names)},
                    __slots__=(),
                    __new__=make,
                    __match_args__=names,
                    _fields=names,
                )
            return super().__new__(mcs, name, bases, namespace)

    class Record(tuple, metaclass=_RecordType):
        """A tuple with named fields; what else a named tuple can is here as far as it is used."""

        __slots__ = ()
        _make = classmethod(tuple.__new__)

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def _replace(self, **changes):
            return type(self)(**(self._asdict() | changes))

        def __repr__(self):
            values = ", ".join([f"{name}={value!r}" for name, value in self._asdict().items()])
            return f"{type(self).__name__}({values})"

        def __getnewargs__(self):
            return tuple(self)
