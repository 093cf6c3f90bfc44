"""Do a thing when a module is there: now if it is, else right after its first import.

A rewritten program may set its debug switches before anything imported Eventlet (the
import that went away with the rewrite was the first one) or asyncio. The switches must
not be lost, and must not force either import.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_waiting: dict[str, dict[str, Callable[[], None]]] = {}


def when_imported(module: str, purpose: str, action: Callable[[], None]) -> None:
    """Call ``action`` once ``module`` is imported. The last one of a ``purpose`` wins."""
    if module in sys.modules:
        action()
        return
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    actions = _waiting.setdefault(module, {})
    actions.pop(purpose, None)  # so that actions run in the order of the calls
    actions[purpose] = action


class _Finder:
    """Finds as the others do, and puts a loader in between that tells when it is done."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _waiting:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = cast("Loader", _Loader(spec.loader))
                return spec
        return None


class _Loader:
    """Stands in for a loader until the module ran, then steps aside."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        for action in _waiting.pop(module.__name__, {}).values():
            action()


_finder: Any = _Finder()
