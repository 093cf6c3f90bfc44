"""What is typed at the console, inside the target: compiled, run, shown, completed, caught.

Like `bridge.console_server`, which it is sent with, standard library only. It knows neither
where its code runs nor who reads what that prints.
"""

from __future__ import annotations

import ast
import builtins
import codeop
import contextvars
import inspect
import io
import keyword
import linecache
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import CodeType

# What `compile` raises for what somebody may type.
INVALID = (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError)
_MAX_ERROR = 1 << 20  # characters of a traceback
_MAX_NAMES = 500  # completions
_FILE = "<console>"
_OURS = "<migrate "  # files of the console itself, as they are compiled in the target

# Takes what is printed in this context: its tasks inherit it, other units have none.
_print: contextvars.ContextVar[Callable[[str], None] | None] = contextvars.ContextVar(
    "console", default=None
)


class Code:
    """All that is typed at one console, in one namespace and context.

    ``write`` takes what it prints and shows.
    """

    def __init__(self, names: Mapping[str, object], write: Callable[[str], None]) -> None:
        self.namespace: dict[str, Any] = {
            "__name__": "__console__",
            "__builtins__": builtins,
            **names,
        }
        self.context = contextvars.Context()
        self.context.run(_print.set, write)
        self._write = write
        self._compiler = codeop.CommandCompiler()
        self._compiler.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

    def is_unfinished(self, source: str) -> bool:
        """Whether more lines may follow at the prompt."""
        with suppress(*INVALID):  # `prepare` raises it
            return self._compiler(source, _FILE, "single") is None
        return False

    def prepare(self, source: str, one: bool) -> Callable[[], Any]:
        """Compile what is to be run by calling the result, in `context`.

        That returns a coroutine to be awaited, or None. Of a script (not ``one``) the value of
        the last expression is shown, of a prompt's line that of each. Raises `INVALID`.
        """
        steps = list(_compile(source, one))
        linecache.cache[_FILE] = (len(source), None, source.splitlines(True), _FILE)
        return lambda: self._step(steps)

    def completions(self, text: str) -> list[str]:
        """Names that ``text`` may go on to. Reading attributes may run code of the program."""
        return _completions(text, self.namespace)

    def close(self) -> None:
        """Forget the source that tracebacks were to show."""
        linecache.cache.pop(_FILE, None)

    def _step(self, steps: list[tuple[CodeType, bool]]) -> Any:
        """Run the statements; from the first ``await`` on they come back as a coroutine."""
        for index, (code, show) in enumerate(steps):
            value = eval(code, self.namespace)  # noqa: S307 - it is a console
            if code.co_flags & inspect.CO_COROUTINE:
                return self._await(value, show, steps[index + 1 :])
            if show:
                self._show(value)
        return None

    async def _await(self, value: Any, show: bool, rest: list[tuple[CodeType, bool]]) -> None:
        value = await value
        if show:
            self._show(value)
        coroutine = self._step(rest)
        if coroutine is not None:
            await coroutine

    def _show(self, value: object) -> None:
        # sys.displayhook would set builtins._, which is gettext in many programs.
        if value is not None:
            self.namespace["_"] = value
            self._write(f"{value!r}\n")


def _compile(source: str, one: bool) -> Iterator[tuple[CodeType, bool]]:
    """Code objects in order, each with whether its value is shown."""
    body = ast.parse(source, _FILE).body
    for index, statement in enumerate(body):
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        if isinstance(statement, ast.Expr) and (one or index == len(body) - 1):
            tree: Any = ast.Expression(statement.value)
            yield compile(tree, _FILE, "eval", flags, dont_inherit=True), True
        else:
            tree = ast.Module([statement], [])
            yield compile(tree, _FILE, "exec", flags, dont_inherit=True), False


def _completions(text: str, namespace: dict[str, Any]) -> list[str]:
    *path, start = text.split(".")
    try:
        if path:
            value = namespace[path[0]] if path[0] in namespace else getattr(builtins, path[0])
            for name in path[1:]:
                value = getattr(value, name)
            names = set(dir(value))
        else:
            names = {*namespace, *dir(builtins), *keyword.kwlist}
    except Exception:  # noqa: BLE001 - a property of the program's may raise anything
        return []
    lead = "".join(f"{part}." for part in path)
    hidden = not start.startswith("_")
    found = sorted(n for n in names if n.startswith(start) and not (hidden and n[:1] == "_"))
    return [lead + name for name in found[:_MAX_NAMES]]


def describe(error: BaseException) -> str:
    """The traceback from the user's code on, as much as anybody may want to read.

    Ctrl-C is raised by functions of ours, which stand at its end.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != _FILE:
        trace = trace.tb_next
    above = trace
    while above is not None:
        below = above.tb_next
        while below is not None and below.tb_frame.f_code.co_filename.startswith(_OURS):
            below = below.tb_next
        above.tb_next = below
        above = below
    text = "".join(traceback.format_exception(type(error), error, trace))
    return text if len(text) <= _MAX_ERROR else f"{text[:_MAX_ERROR]}...\n"


class Streams:
    """While open, what console code prints goes to the console, all else where it went.

    And code that asks for input, as ``help()`` and ``breakpoint()`` do, gets the end of it: the
    program's own may never come, and all would wait for it.
    """

    def __enter__(self) -> None:
        names = ("stdin", "stdout", "stderr")
        self._ours = {name: _Stream(getattr(sys, name, None)) for name in names}
        for name, stream in self._ours.items():
            setattr(sys, name, stream)

    def __exit__(self, *_: object) -> None:
        for name, stream in self._ours.items():
            above = getattr(sys, name)
            if above is stream:
                setattr(sys, name, stream.real)
            # Those of consoles that were opened since stand before it.
            while getattr(type(above), "is_console", False):
                if above.real is stream:
                    above.real = stream.real
                above = above.real


class _Stream:
    is_console = True

    def __init__(self, real: Any) -> None:
        self.real = real  # None in a program that has no such stream

    def write(self, text: str) -> int:
        ours = _print.get()
        if ours is not None:
            ours(str(text))
        elif self.real is not None:
            return int(self.real.write(text) or 0)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def readline(self, *size: int) -> str:
        return "" if _print.get() is not None else str(self.__getattr__("readline")(*size))

    def read(self, *size: int) -> str:
        return "" if _print.get() is not None else str(self.__getattr__("read")(*size))

    def __iter__(self) -> Any:
        return iter(self.readline, "")

    def fileno(self) -> int:
        if _print.get() is not None:
            raise io.UnsupportedOperation("a console has no file")
        return int(self.__getattr__("fileno")())

    def isatty(self) -> bool:
        return _print.get() is None and self.real is not None and bool(self.real.isatty())

    def __getattr__(self, name: str) -> Any:
        return getattr(io.TextIOBase() if self.real is None else self.real, name)
