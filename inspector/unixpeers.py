"""Which Unix sockets are connected to which: what /proc/net/unix does not say.

The kernel tells it over netlink, as to ss(8): see sock_diag(7). It answers for the network
namespace of who asks.
"""

from __future__ import annotations

import _socket  # socket itself takes 5 ms to import
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_SOCK_DIAG = 4  # NETLINK_SOCK_DIAG
_BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY
_ASK_FOR_ALL = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_CONNECTED = 1 << 1  # of TCP_ESTABLISHED
_SHOW_PEER, _PEER = 4, 2  # UDIAG_SHOW_PEER, UNIX_DIAG_PEER
_header = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_request = struct.Struct("=BBHIIIII")  # unix_diag_req
_message = struct.Struct("=BBBBI8x")  # unix_diag_msg: the last is the inode
_attribute = struct.Struct("=HHI")  # rtattr of one 32-bit number
_MAX_ANSWERS = 4096  # of 32 KiB each
_SECONDS = 2.0  # for an answer


def peers() -> dict[int, int]:
    """Inode of each connected socket -> that of its peer. Raises OSError."""
    ask = _request.pack(_socket.AF_UNIX, 0, 0, _CONNECTED, 0, _SHOW_PEER, -1 & 0xFFFFFFFF, 0)
    kernel = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW, _SOCK_DIAG)
    try:
        kernel.settimeout(_SECONDS)
        kernel.send(_header.pack(_header.size + len(ask), _BY_FAMILY, _ASK_FOR_ALL, 1, 0) + ask)
        found: dict[int, int] = {}
        for _ in range(_MAX_ANSWERS):
            more = False
            for kind, body in _messages(kernel.recv(1 << 15)):
                more = kind == _BY_FAMILY
                if more:
                    found.update(_pair(body))
            if not more:
                break
        return found
    finally:
        kernel.close()


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _header.size:
        length, kind, _, _, _ = _header.unpack_from(data)
        if length < _header.size:
            return
        yield kind, data[_header.size : length]
        data = data[length + 3 & ~3 :]


def _pair(body: bytes) -> Iterator[tuple[int, int]]:
    """The inodes of a socket and of its peer, where the message has both."""
    if len(body) >= _message.size:
        inode = _message.unpack_from(body)[-1]
        for at in range(_message.size, len(body) - _attribute.size + 1, _attribute.size):
            length, kind, peer = _attribute.unpack_from(body, at)
            if length == _attribute.size and kind == _PEER:
                yield inode, peer
