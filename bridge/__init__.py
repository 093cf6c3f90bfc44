"""One picture of both worlds: who waits for whom across green threads and asyncio tasks.

A program can log itself: ``import bridge``, then ``log.warning(bridge.format_pstree())``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bridge.here import format_ps, format_pstree, snapshot

__all__ = ["format_ps", "format_pstree", "snapshot"]


def __getattr__(name: str) -> object:
    # The package is imported by code that only wants one of its modules, and soon.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from bridge import here

    # From the second use on nothing is imported: it may be in a signal handler.
    globals().update({one: getattr(here, one) for one in __all__})
    return getattr(here, name)
