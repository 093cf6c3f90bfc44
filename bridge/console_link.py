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

from bridge import console_server, ptrace
from bridge.console import FOLDERS
from bridge.escape import clean
from bridge.remote import summon
from inspector import process
from inspector.errors import MigrateError, NoSuchProcess, NotAllowed

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER_WITHIN = 4.5  # seconds for a target to connect and say hello
_ASK_AGAIN = 0.5  # seconds after which a target that sleeps on is woken once more
_STOPPED = "Tt"  # by a signal, by a tracer
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
    about = process.look_up(pid)
    if about.state in _STOPPED:
        raise stuck(about)
    deadline = time.monotonic() + ANSWER_WITHIN
    wake = _Wake(pid)
    with summon(pid) as way, _room(about) as (here, there), _listener(here) as listener:
        (here / "server.py").write_bytes(Path(console_server.__file__).read_bytes())
        (here / "start.py").write_text(_START.format(folder=there))
        _give_away(here, about)
        # Seen beforehand: a signal that asks ends the wait, and then there may be none to see.
        wake()
        way.ask(f"{there}/start.py")
        connection = _accept(listener, about, wake, deadline)
    with connection:
        link = Link(connection)
        link.hello = _greet(link, about, wake, deadline)
        yield link
        with contextlib.suppress(NoSuchProcess):
            link.send(op="close")


# Run by the target in a namespace of its own; what it defines stays in `server`.
_START = """\
import sys
try:
    server = {{"__name__": "_migrate_console"}}
    with open({folder!r} + "/server.py", encoding="utf-8") as file:
        exec(compile(file.read(), "<migrate console>", "exec", dont_inherit=True), server)
    server["start"]({folder!r}, sys._getframe().f_back)
except Exception as error:
    with open({folder!r} + "/error", "w", encoding="utf-8") as file:
        file.write(f"{{type(error).__name__}}: {{error}}")
"""


@contextlib.contextmanager
def _room(about: process.Process) -> Iterator[tuple[Path, str]]:
    """A private folder of the target's user, in its file system: the path here, and there."""
    root = f"/proc/{about.pid}/root" if _other_files(about.pid) else ""
    for base in FOLDERS:
        try:
            here = Path(
                tempfile.mkdtemp(prefix=f"migrate-console-{about.inner_pid}-", dir=root + base)
            )
        except OSError:
            continue
        break
    else:
        raise NotAllowed(
            f"no folder for the console's socket in process {about.pid}'s file system",
            f"one of {', '.join(FOLDERS)} must be there and writable",
        )
    try:
        yield here, str(here).removeprefix(root)
    finally:
        shutil.rmtree(here, ignore_errors=True)


def _other_files(pid: int) -> bool:
    """Whether the process sees another file system than we do: a container, a chroot."""
    try:
        theirs, ours = Path(f"/proc/{pid}/root/.").stat(), Path("/").stat()
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


def _accept(
    listener: socket.socket, about: process.Process, wake: _Wake, deadline: float
) -> socket.socket:
    """The target's connection. Others that manage to connect are turned away."""
    error = Path(listener.getsockname()).with_name("error")
    while time.monotonic() < deadline:
        wake()
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            if not process.is_same(about):
                raise NoSuchProcess(f"process {about.pid} has ended") from None
            if error.exists():
                text = clean(error.read_text(encoding="utf-8", errors="replace")[:500])
                raise Stuck(f"process {about.pid} cannot open a console: {text}") from None
            continue
        size = struct.calcsize("3i")
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        if struct.unpack("3i", peer)[0] == about.pid:
            return connection
        connection.close()
    raise stuck(about)


def _greet(link: Link, about: process.Process, wake: _Wake, deadline: float) -> dict[str, Any]:
    while True:
        try:
            message = link.receive(max(deadline - time.monotonic(), 0.001))
        except TimeoutError:
            raise stuck(about) from None
        if message.get("op") == "hello":
            return message
        if message.get("op") == "asleep" and message.get("in_hub"):
            wake.for_good()


def stuck(about: process.Process) -> Stuck:
    """The error that says where a target hangs that does not answer."""
    message = f"process {about.pid} does not answer"
    if about.state in _STOPPED:
        return Stuck(f"{message}: it is stopped", f"let it go on first: kill -CONT {about.pid}")
    hint = "its main thread does not get to run Python code: it waits in C"
    with contextlib.suppress(MigrateError):
        from inspector import capture

        main = [t for t in capture.take(about.pid).threads if t.tid == about.pid]
        for frame in main[0].stack if main else ():
            hint += clean(f"\n  {frame.function}  {frame.file}:{frame.line}").replace("\\n", "\n")
    return Stuck(message, f"{hint}\nmigrate pstree {about.pid} shows all of it")


class _Wake:
    """Wakes the target's main thread, whose tid is the PID: when it wakes it does as asked."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._wait: ptrace.Call | None = None

    def __call__(self) -> None:
        """Interrupt what it waits in; the wait goes on afterwards."""
        try:
            self._wait = ptrace.interrupt(self._pid) or self._wait
        except OSError:  # may not be traced, or somebody does so already
            if process.look_up(self._pid).state not in _STOPPED:
                # Makes epoll_wait look up, as being traced does.
                _signal(self._pid, signal.SIGSTOP)
                _signal(self._pid, signal.SIGCONT)

    def for_good(self) -> None:
        """End the wait that was interrupted last, as if its time were up."""
        if self._wait is not None:
            with contextlib.suppress(OSError):
                ptrace.expire(self._pid, self._wait)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        raise NoSuchProcess(f"process {pid} has ended") from None
    except PermissionError:
        raise NotAllowed(f"not allowed to wake process {pid}") from None
