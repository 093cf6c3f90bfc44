"""The part of `migrate console` that runs inside the target.

On 3.14 and later the texts of `PARTS`, this file among them, are what the target is made to
run, so they are standard library only, import nothing else of this project and leave no
module behind. On older targets `bridge.console` imports them. Either way the entry is `start`,
called in the main thread, or in another where that one does not get to it, in whatever was
running there: it returns at once.

The target never listens. The tool does, on ``folder/s``; a thread here connects to it,
checks who that is, and carries messages, one JSON object a line. What the user types
(`Code`) runs where the program's own code runs (`World`).

From the tool: run (source, one: a prompt's line, answer "more" if unfinished), complete,
interrupt, close. To the tool: asleep, hello, out, note, view, more, done, completions.
"""

from __future__ import annotations

import _queue
import _socket
import json
import os
import stat
import struct
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .console_code import INVALID, Code, Streams, describe
from .console_worlds import World, find_world, start_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

PARTS = (  # in the order of their imports
    "console_code",
    "console_alarm",
    "console_worlds",
    "console_server",
)
PROTOCOL = 1
PATIENCE = 2.0  # seconds that a loop or hub gets to take its first job
OFFER = "_eventlet_migrate_console"  # sys.modules: what `bridge.console` was given to offer
_MAX_MESSAGE = 1 << 22  # bytes
_PIECE = 1 << 16  # characters of output that are sent together
_MAX_WAITING = 1 << 26  # characters of output; what is printed beyond them is dropped
_MAX_COMPLAINT = 500  # bytes
_ENTRY = 50  # characters that one more text waiting is worth
_OVERFLOW_UID = 65534  # what root outside of this user namespace looks like


def start(folder: str, interrupted: FrameType | None) -> None:
    """Open a session with the tool that listens in ``folder``; returns at once.

    ``interrupted`` is the frame in which this thread has been interrupted for it.

    Raises PermissionError when the folder is not this user's own and closed to others.
    """
    state = os.lstat(folder)
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid() or state.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a private folder of this process's user")
    session = Session(find_world(interrupted))
    start_thread(lambda: session.serve(folder))


def complain(folder: str, error: Exception) -> None:
    """Tell the tool that listens in ``folder`` why nobody comes.

    By a link to nowhere: there may be no descriptor left to write a file with.
    """
    text = f"{type(error).__name__}: {error}".encode(errors="replace").replace(b"\0", b"?")
    with suppress(OSError):
        os.symlink(text[:_MAX_COMPLAINT], os.fsencode(f"{folder}/error"))  # noqa: PTH211


class Session:
    """One console: its connection, its code, and the world that runs it."""

    def __init__(self, world: World) -> None:
        self._world = world
        # The tool looks from outside and writes the view at this place of the output.
        views = {
            "ps": lambda: self.send(op="view", name="ps"),
            "pstree": lambda: self.send(op="view", name="pstree"),
        }
        self._code = Code(views, self.write)
        self._connection: Any = None
        self._outgoing: Any = _queue.SimpleQueue()  # messages, texts of output, None at the end
        self._waiting = self._dropped = 0  # characters
        self._leaving = False

    def serve(self, folder: str) -> None:
        """Connect, then carry messages until either side has had enough."""
        connected = False
        try:
            connection = self._connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
            start_thread(self._deliver)
            connection.connect(f"{folder}/s")
            connected = True
            _check_peer(connection)
            self._settle()
            with Streams():
                self._take_offer()
                self._converse()
        except Exception as error:  # noqa: BLE001 - OSError: the tool is gone
            if connected:
                told = "".join(traceback.format_exception_only(error)).strip()
                self.send(op="note", text=f"the console failed: {told}")
            else:
                complain(folder, error)
        finally:
            self._world.interrupt()
            self._world.close()
            self._code.close()
            self._outgoing.put(None)

    def send(self, **message: object) -> None:
        """Have a message sent. Never blocks: this may be the thread that serves requests."""
        self._outgoing.put(message)

    def write(self, text: str) -> None:
        """Have output sent, as much as may wait for it. Never blocks."""
        if self._waiting > _MAX_WAITING:
            self._dropped += len(text)
            return
        for at in range(0, len(text), _PIECE):
            piece = text[at : at + _PIECE]
            self._waiting += len(piece) + _ENTRY
            self._outgoing.put(piece)

    def _deliver(self) -> None:
        with suppress(OSError):
            for message in self._batches():
                self._connection.sendall(json.dumps(message).encode() + b"\n")
        self._connection.close()

    def _batches(self) -> Iterator[dict[str, object]]:
        """What is to be sent; texts that wait are joined into few."""
        text = ""
        while True:
            if text and self._outgoing.empty():
                yield {"op": "out", "text": text}
                text = ""
            message = self._outgoing.get()
            if isinstance(message, str):
                self._waiting -= len(message) + _ENTRY
                text += message
                if len(text) < _PIECE:
                    continue
            if text:
                yield {"op": "out", "text": text}
                text = ""
            if self._dropped and not isinstance(message, str):
                dropped, self._dropped = self._dropped, 0
                yield {
                    "op": "note",
                    "text": f"output came too fast; characters dropped: {dropped:,}",
                }
            if message is None:
                return
            if not isinstance(message, str):
                yield message

    def _settle(self) -> None:
        """Find out whether the loop or hub takes jobs; go on without it if not."""
        note = ""
        taken: Any = _queue.SimpleQueue()
        self._world.post(lambda: taken.put(True))
        if not _within(taken, 0.1):
            # A hub may be in a wait that began before our pipe was there: the tool ends it.
            self.send(op="asleep", in_hub=self._world.in_hub_wait)
            if not _within(taken, PATIENCE):
                note = f"{self._world.name} is blocked; the code runs in a thread of its own"
                self._world.close()
                self._world = World()
        self.send(
            op="hello",
            protocol=PROTOCOL,
            python=".".join(map(str, sys.version_info[:3])),
            world=self._world.name,
            note=note,
        )

    def _take_offer(self) -> None:
        """Add the names that the program offers, which may have to run code of its own."""
        offered = getattr(sys.modules.get(OFFER), "offered", None)
        taken: Any = _queue.SimpleQueue()

        def take() -> None:
            names = dict((offered() if callable(offered) else offered) or {})
            self._code.namespace.update(names | self._code.namespace)

        if offered is not None:
            self._world.run(self._code.context, take, taken.put)
            try:
                error = taken.get(timeout=PATIENCE)
            except _queue.Empty:
                error = TimeoutError(f"it takes longer than {PATIENCE:g} seconds")
            if error is not None:
                told = "".join(traceback.format_exception_only(error)).strip()
                self.send(op="note", text=f"what the program offers is not there: {told}")

    def _converse(self) -> None:
        for message in _messages(self._connection):
            match message.get("op"):
                case "run":
                    self._run(str(message.get("source", "")), bool(message.get("one")))
                case "interrupt":
                    self._world.interrupt()
                case "complete":
                    self._complete(str(message.get("text", "")))
                case "close":
                    return
            if self._leaving:
                return

    def _run(self, source: str, one: bool) -> None:
        if one and self._code.is_unfinished(source):
            self.send(op="more")
            return
        try:
            step = self._code.prepare(source, one)
        except INVALID as error:
            self._done(error)
            return
        self._world.stopped = False
        self._world.run(self._code.context, step, self._done)

    def _done(self, error: BaseException | None) -> None:
        self._leaving = isinstance(error, SystemExit)
        text = None if error is None else describe(error)
        failed = error is not None
        if isinstance(error, SystemExit):  # as the interpreter takes it: a text is a complaint
            failed = error.code not in (None, 0)
            if not failed or isinstance(error.code, int):
                text = None
            else:
                with suppress(Exception):  # of the code's own making
                    text = f"{error}\n"
        self.send(op="done", error=text, leaving=self._leaving, failed=failed)
        if self._leaving:
            with suppress(OSError):
                self._connection.shutdown(_socket.SHUT_RD)

    def _complete(self, text: str) -> None:
        # Reading attributes runs code of the program: where the rest of it runs.
        self._world.post(lambda: self.send(op="completions", names=self._code.completions(text)))


def _within(queue: Any, seconds: float) -> bool:
    try:
        queue.get(timeout=seconds)
    except _queue.Empty:
        return False
    return True


def _check_peer(connection: Any) -> None:
    """Only this user or root may be on the other end. Raises PermissionError."""
    credentials = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
    if struct.unpack("3i", credentials)[1] not in (0, os.geteuid(), _OVERFLOW_UID):
        raise PermissionError("another user listens there")


def _messages(connection: Any) -> Iterator[dict[str, Any]]:
    """The messages that come in; ends with the connection or with nonsense."""
    data = b""
    while len(data) < _MAX_MESSAGE:
        chunk = connection.recv(65536)
        if not chunk:
            return
        *lines, data = (data + chunk).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if not isinstance(message, dict):
                return
            yield message
