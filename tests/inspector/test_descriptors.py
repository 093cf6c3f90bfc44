"""Peers of real descriptors, as the process that opened them names them."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.descriptors import Descriptors, _address
from inspector.unixpeers import peers

if TYPE_CHECKING:
    from tests.conftest import StartTarget


def test_peers(start_target: StartTarget) -> None:
    program = start_target(Path(sys.executable), "tests/targets/sockets.py")
    descriptors = Descriptors(program.pid)
    expected = {k: v.split("|") for k, v in program.ready.items() if "|" in v}
    assert len(expected) >= 8
    for name, (descriptor, peer) in expected.items():
        assert descriptors.peer(int(descriptor)) == peer.replace("+", " "), name
    ours, other = socket.socketpair()
    with ours, other:
        inode, far = os.fstat(ours.fileno()).st_ino, os.fstat(other.fileno()).st_ino
        assert peers()[inode] == far
        assert Descriptors(os.getpid()).peer(ours.fileno()) == "unix socket"
    assert descriptors.peer(12345) is None
    assert Descriptors(4194999).peer(0) is None


def test_addresses() -> None:
    assert _address("0100007F:1F90") == "127.0.0.1:8080"
    assert _address("0000000000000000FFFF00000100007F:0050") == "127.0.0.1:80"
    assert _address("00000000000000000000000001000000:01BB") == "[::1]:443"
