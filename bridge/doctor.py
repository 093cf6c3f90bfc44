"""What stands between us and a picture of a process: every check by name, with its cure.

The texts of what fails are those of the errors that any other command would end with; what
this adds is what passed, what deserves a note, and the order in which to look.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bridge import redact, words
from bridge.escape import clean
from inspector import access, process
from inspector.attach import attach
from inspector.capture import Capture, Options, take
from inspector.errors import MigrateError, NoSuchProcess, NotAllowed, NotPython
from inspector.memory import BadMemory

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from bridge.style import Style
    from inspector.access import Circumstances
    from inspector.attach import Target
    from inspector.process import Process
    from inspector.snapshot import Snapshot

FORMAT = "eventlet-migrate/diagnosis"
FORMAT_VERSION = 1

Verdict = Literal["ok", "note", "problem"]

_NOT_ALL_READ = 3  # the exit status of a picture with holes
_FIRST_REMOTE = 14  # sys.remote_exec is there from 3.14 on
# By the module that has to be there for them; greenlet alone is SQLAlchemy's or gevent's.
_WORLDS = {"asyncio.tasks": "asyncio", "eventlet": "eventlet", "greenlet": "greenlet"}
_COLORS = {"ok": "faint", "note": "state", "problem": "alarm"}
_LIBRARIES = ("libpython3", "_asyncio.", "_greenlet.")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. Texts are safe to show; ``cure`` may have several lines."""

    name: str
    verdict: Verdict
    text: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All checks in the order to read them, and the exit status that ``ps`` would have."""

    pid: int
    command: str  # "" when there is no such process
    checks: tuple[Check, ...]
    exit_status: int


def examine(pid: int, style: Style) -> Diagnosis:
    """Look at process ``pid`` and at the way there. ``style`` is the terminal's."""
    examination = _Examination(pid)
    try:
        examination.run()
    except MigrateError as error:
        examination.fail(error)
    examination.checks.append(_terminal(style))
    return Diagnosis(pid, examination.command, tuple(examination.checks), examination.exit_status)


class _Examination:
    """Runs the checks until one fails for good; keeps what they said."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.command = ""
        self.exit_status = 0
        self.checks: list[Check] = []

    def run(self) -> None:
        """Raises what ``ps`` would end with."""
        found = process.look_up(self.pid)
        self.command = clean(redact.text(found.command))
        self.checks.append(Check("process", "ok", self.command))
        self.checks.append(_state(found))
        try:
            facts = access.circumstances(self.pid)
        except OSError:
            raise process.missing(self.pid) from None
        self.checks += _container(facts)
        target = attach(self.pid)
        try:
            self.checks += _passed(facts)
            self.checks.append(Check("version", "ok", f"CPython {target.layout.version}"))
            self.checks.append(_program(target))
            snapshot = take(self.pid, Options(args=False))
            self.checks.append(_worlds(target, snapshot))
            self._picture(snapshot)
            self.checks.append(_remote(target))
        finally:
            target.close()

    def fail(self, error: MigrateError) -> None:
        """Note ``error`` under the check that it belongs to."""
        self.exit_status = error.exit_status
        if isinstance(error, NotAllowed):
            self.checks += self._refused(error)
            return
        name = "process" if isinstance(error, NoSuchProcess) else "version"
        if isinstance(error, NotPython):
            name = "python"
        self.checks.append(Check(name, "problem", error.message, error.hint))

    def _refused(self, error: NotAllowed) -> Iterator[Check]:
        """Every check of the kernel's, those that let us pass as well."""
        try:
            facts = access.circumstances(self.pid)
        except OSError:
            yield Check("access", "problem", error.message, error.hint)
            return
        found = access.reasons(facts)
        yield from _passed(facts, but={obstacle.check for obstacle in found})
        for obstacle in found:
            yield Check(obstacle.check, "problem", obstacle.reason, obstacle.cure)

    def _picture(self, snapshot: Snapshot) -> None:
        facts = snapshot.completeness
        text = f"{facts.units_read:,} units read in {facts.capture_ms:.0f} ms"
        if missing := words.completeness(facts):
            self.checks.append(Check("picture", "note", f"{text}; {missing}"))
        else:
            self.checks.append(Check("picture", "ok", f"{text}, complete"))
        if facts.units_failed or facts.notes:
            self.exit_status = _NOT_ALL_READ


def _state(found: Process) -> Check:
    if found.state == "T":
        return Check(
            "state",
            "note",
            "it is stopped (SIGSTOP, or Ctrl-Z in its shell): the picture is of the moment before",
            f"let it go on: kill -CONT {found.pid}",
        )
    if found.state == "t":
        return Check(
            "state",
            "note",
            "a debugger or tracer has stopped it: the picture is of that moment",
            f"see which one: grep TracerPid /proc/{found.pid}/status",
        )
    if found.state == "D":
        return Check(
            "state",
            "note",
            "it is in the kernel and cannot be interrupted (a disk or network file system?)",
            f"see where: sudo cat /proc/{found.pid}/stack",
        )
    return Check("state", "ok", "it runs" if found.state == "R" else "it runs, asleep just now")


def _container(facts: Circumstances) -> Iterator[Check]:
    container = facts.container
    if container is None and facts.inner_pid == facts.pid:
        return
    where = f"{container.engine} container {container.name}" if container else "a PID namespace"
    inner = f", where its PID is {facts.inner_pid}" if facts.inner_pid != facts.pid else ""
    text = f"it runs in {where}{inner}; from here it is read without entering that"
    way_in = access.enter(facts)
    yield Check("container", "note", text, way_in and f"to look from inside:\n{way_in}")


def _passed(facts: Circumstances, but: Container[str] = ()) -> Iterator[Check]:
    """The checks of the kernel that do not stand in the way."""
    by_right = "; you have CAP_SYS_PTRACE" if facts.us.may_trace else ""
    owner = ", ".join(map(str, sorted(facts.target.uids))) if facts.target else "?"
    scope = facts.ptrace_scope
    texts = {
        "visible": "/proc shows it",
        "user": f"it belongs to user {owner}{by_right or ', as you do'}",
        "capabilities": f"it has none that would forbid it{by_right}",
        "protected": "it is not" if facts.dumpable else f"it is (PR_SET_DUMPABLE){by_right}",
        "ptrace_scope": "Yama is not in this kernel" if scope is None else f"{scope}{by_right}",
    }
    for name, text in texts.items():
        if name not in but:
            yield Check(name, "ok", text)


def _program(target: Target) -> Check:
    """Whether what the process has mapped is still what lies on the disk."""
    gone = sorted(
        {
            mapping.path
            for mapping in target.maps
            if mapping.deleted
            and (
                mapping.path == target.process.executable
                or mapping.path.rpartition("/")[2].startswith(_LIBRARIES)
            )
        }
    )
    if not gone:
        return Check("program", "ok", clean(target.process.executable))
    return Check(
        "program",
        "note",
        f"replaced or removed since the process started: {clean(', '.join(gone))}",
        "the picture is read from memory and is right; sources may be newer than what runs:\n"
        "restart the process to run what is installed",
    )


def _worlds(target: Target, snapshot: Snapshot) -> Check:
    """Which of what can be shown is loaded at all."""
    capture = Capture(target, arguments=False)
    try:
        capture.read()
    except BadMemory:
        return Check("worlds", "note", "its modules change just now", "ask again")
    loaded = [
        f"{world} {clean(capture.module_version(module) or '')}".rstrip()
        for module, world in _WORLDS.items()
        if any(module in modules for modules in capture.modules)
    ]
    if not loaded:
        return Check(
            "worlds",
            "note",
            "neither asyncio nor Eventlet is loaded: there is nothing to show but threads",
            "is it the right process? Its workers may be below it: "
            f"migrate ps --children {target.pid}",
        )
    hub = f", hub {clean(snapshot.hub)}" if snapshot.hub else ""
    return Check("worlds", "ok", ", ".join(loaded) + hub)


def _remote(target: Target) -> Check:
    """Whether code may be run in the process when the user asks for it."""
    at, memory = target.layout.at, target.memory.fresh()
    name = "remote debugging"
    if target.layout.minor < _FIRST_REMOTE:
        from bridge.remote import offers_console

        if offers_console(target):
            return Check(name, "ok", "the program offers a console: bridge.console.expose()")
        return Check(
            name,
            "note",
            f"CPython {target.layout.version} has none (3.14 and later have): only the console "
            "needs it",
            "for the console call bridge.console.expose() in the program",
        )
    try:
        interpreter = memory.word(target.runtime + at["runtime.interpreters_head"])
        enabled = memory.u32(interpreter + at["dbg.enabled"])
    except BadMemory:
        enabled = 0
    if enabled:
        return Check(name, "ok", "allowed; only the console makes use of it")
    return Check(
        name,
        "note",
        "disabled: only the console needs it",
        "restart without PYTHON_DISABLE_REMOTE_DEBUG and -X disable-remote-debug, on a Python\n"
        "that was not built with --without-remote-debug",
    )


def _terminal(style: Style) -> Check:
    if style.unicode:
        return Check("terminal", "ok", "it takes UTF-8")
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "none")
    return Check(
        "terminal",
        "note",
        f"its locale ({clean(locale)}) is not UTF-8: other characters are shown as escapes",
        "export LC_ALL=C.UTF-8 (or en_US.UTF-8)",
    )


def lines(diagnosis: Diagnosis, style: Style) -> Iterator[str]:
    """The diagnosis for people, without line ends."""
    wide = max(len(check.name) for check in diagnosis.checks)
    for check in diagnosis.checks:
        verdict = style.paint(check.verdict.ljust(7), _COLORS[check.verdict])
        yield f"{verdict}  {check.name.ljust(wide)}  {style.text(check.text)}"
        for line in check.cure.splitlines():
            yield " " * (11 + wide) + style.text(line)


def document(diagnosis: Diagnosis, version: str) -> dict[str, object]:
    """The diagnosis as JSON values; ``docs/schema/diagnosis.schema.json`` is the contract."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "tool": {"version": version, "python": platform.python_version()},
        "pid": diagnosis.pid,
        "command": diagnosis.command or None,
        "exit_status": diagnosis.exit_status,
        "checks": [
            {
                "check": check.name,
                "verdict": check.verdict,
                "text": check.text,
                "cure": check.cure or None,
            }
            for check in diagnosis.checks
        ],
    }
