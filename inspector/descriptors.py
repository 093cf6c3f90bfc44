"""What a process's file descriptors are connected to: ``127.0.0.1:5672``, a path, a pipe.

Sources: proc(5) and the kernel's Documentation/networking/proc_net_tcp. The tables are
those of the process's own network namespace, which need not be ours.
"""

from __future__ import annotations

import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_BYTES = 64 << 20  # of one table; a busy proxy's 100,000 connections are 15 MB
_LISTENING = "0A"  # TCP_LISTEN in include/net/tcp_states.h
_NAMELESS = "unix socket"
_UNIX_LISTENING = 0x10000  # __SO_ACCEPTCON


class Descriptors:
    """The descriptors of a process; the tables are read once, when first needed."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._sockets: dict[str, str] | None = None
        self._unix: dict[int, int] | None = None

    def peer(self, descriptor: int) -> str | None:
        """What the other end is, in a few words; None when it cannot be told.

        A connected socket's peer; ``listening on A:P``; a path for files and Unix sockets;
        ``pipe``; ``eventfd`` and the like.
        """
        try:
            link = os.readlink(f"/proc/{self._pid}/fd/{descriptor}")
        except OSError:
            return None
        kind, _, inode = link.partition(":")
        if kind == "socket":
            if self._sockets is None:
                self._sockets = dict(_sockets(self._pid))
            inode = inode.strip("[]")
            found = self._sockets.get(inode)
            return self._far_end(inode) if found == _NAMELESS else found
        if kind == "pipe":
            return "pipe"
        if kind == "anon_inode":
            return inode.strip("[]")  # eventfd, timerfd, inotify, ..
        return link

    def _far_end(self, inode: str) -> str:
        """The path that a client of a Unix socket is connected to, where the kernel says it."""
        if self._unix is None:
            self._unix = {}
            if _in_our_network(self._pid):
                from inspector.unixpeers import peers

                try:
                    self._unix = peers()
                except OSError:
                    pass  # not every kernel tells it
        return (self._sockets or {}).get(str(self._unix.get(int(inode), 0)), _NAMELESS)


def _in_our_network(pid: int) -> bool:
    try:
        return os.readlink("/proc/self/ns/net") == os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return False


def clients(pid: int) -> frozenset[str]:
    """The peers whose connections were accepted, as `Descriptors.peer` names them.

    The near end of such a connection has an address that is listened on.
    """
    near: dict[str, list[str]] = {}  # port -> far ends
    ports = set()
    for name in ("tcp", "tcp6"):
        for line in _lines(f"/proc/{pid}/net/{name}"):
            fields = line.split()
            if len(fields) > 9:
                port = fields[1].rpartition(":")[2]
                if fields[3] == _LISTENING:
                    ports.add(port)
                else:
                    near.setdefault(port, []).append(fields[2])
    found = {_address(far) for port in ports for far in near.get(port, ())}
    # A Unix socket has a path of its own where one listens and where one was accepted.
    unix = _unix_sockets(_lines(f"/proc/{pid}/net/unix"))
    return frozenset(found | {peer for _, peer in unix if peer.startswith(("/", "@"))})


def _sockets(pid: int) -> Iterator[tuple[str, str]]:
    """(inode, peer) of every socket in the process's network namespace."""
    for name in ("tcp", "tcp6", "udp", "udp6"):
        for line in _lines(f"/proc/{pid}/net/{name}"):
            fields = line.split()
            if len(fields) > 9:
                yield fields[9], _peer(fields[1], fields[2], fields[3])
    yield from _unix_sockets(_lines(f"/proc/{pid}/net/unix"))


def _peer(local: str, remote: str, state: str) -> str:
    if state == _LISTENING:
        return f"listening on {_address(local)}"
    address, _, port = remote.partition(":")
    if int(port, 16) == 0 and not address.strip("0"):
        return f"bound to {_address(local)}"
    return _address(remote)


def _address(text: str) -> str:
    """``0100007F:1F90`` as ``127.0.0.1:8080``: 32-bit words in the machine's byte order."""
    from _socket import AF_INET, AF_INET6, inet_ntop  # socket itself takes 5 ms to import

    address, _, port = text.partition(":")
    words = [int(address[at : at + 8], 16) for at in range(0, len(address), 8)]
    raw = struct.pack(f"={len(words)}I", *words)
    if len(raw) == 4:
        return f"{inet_ntop(AF_INET, raw)}:{int(port, 16)}"
    if raw.startswith(bytes(10) + b"\xff\xff"):
        return f"{inet_ntop(AF_INET, raw[12:])}:{int(port, 16)}"
    return f"[{inet_ntop(AF_INET6, raw)}]:{int(port, 16)}"


def _unix_sockets(lines: list[str]) -> Iterator[tuple[str, str]]:
    """A connected socket's own line shows no path on the client's side, just as in ss(8)."""
    for line in lines:
        fields = line.split(None, 7)  # Num RefCount Protocol Flags Type St Inode Path
        if len(fields) < 7:
            continue
        path = fields[7] if len(fields) > 7 else ""
        if path and int(fields[3], 16) & _UNIX_LISTENING:
            path = f"listening on {path}"
        yield fields[6], path or _NAMELESS


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            return file.read(_MAX_BYTES).split("\n")[1:]
    except OSError:
        return []
