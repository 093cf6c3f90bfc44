"""The tool's end of a console: open a private room, have the target come to it, talk.

The room is a folder of the target's user that nobody else may enter, with a socket in it.
The tool listens there until the target has connected, once, then the room is gone. So
there is nothing to connect to before, after, or for others meanwhile (root aside).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bridge import ptrace
from bridge.console import FOLDERS
from bridge.console_server import PARTS
from bridge.escape import clean
from bridge.remote import summon
from inspector import process
from inspector.errors import MigrateError, NoSuchProcess, NotAllowed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.remote import Summons

ANSWER_WITHIN = 4.5  # seconds for a target to connect and say hello
_ASK_AGAIN = 0.5  # seconds after which a target that sleeps on is woken once more
_OTHERS_AFTER = 2  # times that the main thread is woken alone
_BY_SIGNAL, _STOPPED = "T", "Tt"  # the latter also by a tracer
_REFUSALS = 2  # times that the code may be taken and not be run
_DESCRIPTORS = 4  # that the target needs: a file at a time, the socket, a hub's pipe
_MOST_STACK = 20  # frames that are told of a target that does not answer
_NO_LIBRARY = (
    "it sees its standard library no more: it has changed its root, its user or its path;\n"
    "import bridge.console in the program before that brings what a console needs"
)
_MAX_MESSAGE = 64 << 20  # bytes; a repr can be long


class Stuck(MigrateError):  # noqa: N818 - names the condition
    """The target did not answer: its main thread does not get to run Python code."""

    exit_status: ClassVar[int] = 1


class Link:
    """An open console. Messages are those of `bridge.console_server`."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._data = b""
        self.hello: dict[str, Any] = {}

    def send(self, **message: object) -> None:
        """Send a message. Raises NoSuchProcess when the other end is gone."""
        try:
            self._connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            raise _ended() from None

    def receive(self, seconds: float | None = None) -> dict[str, Any]:
        """The next message. Raises TimeoutError, and NoSuchProcess at the end of them.

        A KeyboardInterrupt loses nothing: the next call goes on where this one was.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self._data:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.001)
            self._connection.settimeout(left)
            try:
                chunk = self._connection.recv(1 << 16)
            except TimeoutError:
                raise
            except OSError:
                chunk = b""
            if not chunk or len(self._data) > _MAX_MESSAGE:
                raise _ended()
            self._data += chunk
        line, _, self._data = self._data.partition(b"\n")
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        return message if isinstance(message, dict) else {}


def _ended() -> NoSuchProcess:
    return NoSuchProcess("the process has ended or closed the console")


@contextlib.contextmanager
def open_link(pid: int) -> Iterator[Link]:
    """A console in the process ``pid``, closed at the end of the block.

    Raises NoSuchProcess, NotAllowed, NotPython, UnsupportedPython, and Stuck when the
    target does not answer within `ANSWER_WITHIN` seconds.
    """
    deadline = time.monotonic() + ANSWER_WITHIN
    while (about := process.look_up(pid)).state in _STOPPED:
        if about.state == _BY_SIGNAL or time.monotonic() > deadline - ANSWER_WITHIN / 2:
            raise stuck(about)
        time.sleep(0.01)  # another console stops it for a moment only
    _check_descriptors(about)
    # What was asked is withdrawn before the room is gone.
    with (
        summon(pid) as way,
        _room(about) as (here, there),
        way,
        _listener(here) as listener,
    ):
        _give_away(here, about)
        call = _Call(about, way, here, there)
        connection = _accept(listener, call, deadline)
    with connection:
        link = Link(connection)
        link.hello = _greet(link, call, deadline)
        yield link
        with contextlib.suppress(NoSuchProcess):
            link.send(op="close")


def _check_descriptors(about: process.Process) -> None:
    """Raise Stuck when the process has too few descriptors left to open a console with."""
    pid = about.pid
    with contextlib.suppress(OSError, ValueError):  # not ours to read, or without a limit
        limits = Path(f"/proc/{pid}/limits").read_text()
        soft, hard = next(
            line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files")
        )
        used = sum(int(number) < int(soft) for number in os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
        if int(soft) - used < _DESCRIPTORS:
            more = int(soft) + 64
            cure = f"{more}:" if hard == "unlimited" or more <= int(hard) else f"{more}:{more}"
            raise Stuck(
                f"process {pid} cannot open a console: "
                f"{used:,} of the {int(soft):,} file descriptors it may have are in use",
                f"let it have more: sudo prlimit --pid {pid} --nofile={cure}",
            )


# Run by the target in a namespace of its own. Of several threads that were asked, the one
# that gets hold of ``wanted`` opens the console; one that has just been importing what it
# needs puts it back. What the parts import of each other comes from `parts`, not sys.modules.
_START = """\
import builtins, io, os, sys, types
wanted, taken = {folder!r} + "/wanted", {folder!r} + "/taken"
try:
    os.rename(wanted, taken)
except FileNotFoundError:
    pass
else:
    parts = {{}}
    def find(name, *rest):
        return parts[name] if rest[-1] else __import__(name, *rest)
    try:
        for name in {parts!r}:
            part = parts[name] = types.ModuleType(name)
            part.__builtins__ = vars(builtins) | {{"__import__": find, "__lazy_import__": find}}
            with io.open({folder!r} + f"/{{name}}.py", encoding="utf-8") as file:
                text = file.read()
            exec(compile(text, f"<migrate {{name}}>", "exec", dont_inherit=True), vars(part))
        part.start({folder!r}, sys._getframe().f_back)
    except Exception as error:
        if "partially initialized" in str(error):
            os.rename(taken, wanted)
        else:
            text = f"{{type(error).__name__}}: {{error}}".encode(errors="replace")
            os.symlink(text.replace(b"\\0", b"?")[:500], os.fsencode({folder!r} + "/error"))
"""


@contextlib.contextmanager
def _room(about: process.Process) -> Iterator[tuple[Path, str]]:
    """A private folder in the target's file system: the path here, and there."""
    root = f"/proc/{about.pid}/root" if _other_files(about.pid) else ""
    # In another file system a link could lead back into ours.
    bases = [root + base for base in FOLDERS if not (root and Path(root + base).is_symlink())]
    for here in (_furnished(base, root, about) for base in bases):
        if here is not None:
            break
    else:
        raise NotAllowed(
            f"no folder for the console's socket in process {about.pid}'s file system",
            f"one of {', '.join(FOLDERS)} must be there, writable and not full",
        )
    try:
        yield here, str(here).removeprefix(root)
    finally:
        shutil.rmtree(here, ignore_errors=True)


def _furnished(base: str, root: str, about: process.Process) -> Path | None:
    """A new folder with what the target is to run; None where it cannot be made."""
    try:
        here = Path(tempfile.mkdtemp(prefix=f"migrate-console-{about.inner_pid}-", dir=base))
    except OSError:
        return None
    try:
        for part in PARTS:
            (here / f"{part}.py").write_bytes(Path(__file__).with_name(f"{part}.py").read_bytes())
        start = _START.format(folder=str(here).removeprefix(root), parts=PARTS)
        (here / "start.py").write_text(start)
        (here / "wanted").touch()
    except OSError:  # a full disk
        shutil.rmtree(here, ignore_errors=True)
        return None
    return here


def _other_files(pid: int) -> bool:
    """Whether the process sees another file system than we do: a container, a chroot."""
    try:
        theirs, ours = Path(f"/proc/{pid}/root").stat(), Path("/").stat()
        return (
            os.readlink(f"/proc/{pid}/ns/mnt") != os.readlink("/proc/self/ns/mnt")  # noqa: PTH115
            or (theirs.st_dev, theirs.st_ino) != (ours.st_dev, ours.st_ino)
        )
    except OSError:
        return False


@contextlib.contextmanager
def _listener(here: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(here / "s"))
        listener.listen(1)
        listener.settimeout(_ASK_AGAIN)
        yield listener


def _give_away(here: Path, about: process.Process) -> None:
    """Make the folder and all that is in it the target's user's."""
    if about.uid == os.geteuid():
        return
    group = here.stat().st_gid
    for path in (*here.iterdir(), here):
        os.chown(path, about.uid, group)


def _accept(listener: socket.socket, call: _Call, deadline: float) -> socket.socket:
    """The target's connection. Others that manage to connect are turned away."""
    pid = call.about.pid
    error = Path(listener.getsockname()).with_name("error")
    while time.monotonic() < deadline:
        call()
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            if not process.is_same(call.about):
                raise NoSuchProcess(f"process {pid} has ended") from None
            if text := _left_in(error):
                hint = _NO_LIBRARY if text.startswith("ModuleNotFoundError") else ""
                raise Stuck(f"process {pid} cannot open a console: {text}", hint) from None
            continue
        size = struct.calcsize("3i")
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        if struct.unpack("3i", peer)[0] == pid:
            return connection
        connection.close()
    raise stuck(call.about)


def _left_in(error: Path) -> str:
    """What `console_server.complain` has said by this link, safe to show; "" for nothing."""
    try:
        return clean(os.readlink(os.fsencode(error)).decode(errors="replace"))  # noqa: PTH115
    except OSError:
        return ""


def _greet(link: Link, call: _Call, deadline: float) -> dict[str, Any]:
    while True:
        try:
            message = link.receive(max(deadline - time.monotonic(), 0.001))
        except TimeoutError:
            raise stuck(call.about) from None
        if message.get("op") == "hello":
            return message
        if message.get("op") == "asleep" and message.get("in_hub"):
            call.end_wait()


def stuck(about: process.Process) -> Stuck:
    """The error that says where a target hangs that does not answer."""
    message = f"process {about.pid} does not answer"
    if about.state in _STOPPED:
        return Stuck(f"{message}: it is stopped", f"let it go on first: kill -CONT {about.pid}")
    hint = "its main thread does not get to run Python code: it waits in C"
    with contextlib.suppress(MigrateError):
        from inspector import capture

        main = [t for t in capture.take(about.pid).threads if t.tid == about.pid]
        for frame in main[0].stack[:_MOST_STACK] if main else ():
            hint += clean(f"\n  {frame.function}  {frame.file}:{frame.line}").replace("\\n", "\n")
    return Stuck(message, f"{hint}\nmigrate pstree {about.pid} shows all of it")


class _Call:
    """Calls the target's threads until one comes: the main one, and soon the others as well."""

    def __init__(self, about: process.Process, way: Summons, here: Path, there: str) -> None:
        self.about = about
        self._way = way
        self._wanted = here / "wanted"
        self._path = f"{there}/start.py"
        self._times = self._refusals = 0
        self._wait: ptrace.Call | None = None

    def __call__(self) -> None:
        """Call once more. A wait that is interrupted for it goes on afterwards."""
        # Seen before: a signal that asks ends the wait, and then there may be none to see.
        self._wake()
        if self._wanted.exists():  # nobody has come for it
            self._refusals += self._way.was_heard()
            if self._refusals >= _REFUSALS:
                raise Stuck(
                    f"process {self.about.pid} cannot open a console: "
                    "its Python took the code and could not run it",
                    "its stderr says why: an audit hook or a filter of system calls that forbids\n"
                    "it, or the recursion limit",
                )
            self._way.ask(self._path, self._times)
            if self._times == _OTHERS_AFTER:
                self._way.ask_others(self._path)
            self._wake()  # so that it finds that; and before, a hub may have been between two waits
        self._times += 1

    def end_wait(self) -> None:
        """End the main thread's wait, as if its time were up."""
        if self._wait is not None:
            with contextlib.suppress(OSError):
                ptrace.expire(self._way.tid, self._wait)

    def _wake(self) -> None:
        tid = self._way.tid
        try:
            self._wait = ptrace.interrupt(tid) or self._wait
        except OSError:  # may not be traced, or somebody does so already
            if process.look_up(self.about.pid).state not in _STOPPED:
                # Makes epoll_wait look up, as being traced does.
                _signal(tid, signal.SIGSTOP)
                _signal(tid, signal.SIGCONT)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        raise NoSuchProcess(f"process {pid} has ended") from None
    except PermissionError:
        raise NotAllowed(f"not allowed to wake process {pid}") from None
