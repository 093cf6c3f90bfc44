"""The file of a capture: a header and runs of memory, compressed, every length bounded.

Version 1: the line ``eventlet-migrate capture 1``, then one zlib stream of

- the length of the header (8 bytes, little-endian) and the header, JSON: what /proc said of
  the process, where the runtime lies, the clocks, which reading each run is from;
- for each run of memory its address (8 bytes), its length (4 bytes) and its bytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import zlib
from typing import TYPE_CHECKING, Any

from inspector.errors import MigrateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VERSION = 1
_MAGIC = b"eventlet-migrate capture "
_LEVEL = 1  # zlib's fastest: a third of the size in a tenth of the time of the best
_MAX_EXPANDED = 1 << 30  # bytes of one capture, expanded: 100,000 units are half of that
_MAX_RUN = 1 << 16
_MAX_RATIO = 200  # of what is expanded to what is read of a file: memory comes to 10
_ANY_RATIO = 64 << 20  # bytes expanded before that is looked at
_MAX_HEADER = 64 << 20
_MAX_ADDRESS = 1 << 57  # five-level page tables
_CHUNK = 1 << 20
_RUN = struct.Struct("<QI")
_LENGTH = struct.Struct("<Q")


class DamagedCapture(UsageError):  # noqa: N818 - names the condition
    """The file is no capture, or not whole."""


def write(path: str, header: dict[str, Any], runs: Iterable[tuple[int, bytes]]) -> None:
    """Write a capture for its owner only, whole or not at all. Raises UsageError."""
    _write(path, _encode(header, runs))


def read(path: str) -> tuple[dict[str, Any], list[tuple[int, bytes]]]:
    """Header and runs of a capture; their fields are still to be checked. Raises UsageError."""
    try:
        with open(path, "rb") as file:
            return _decode(file)
    except OSError as error:
        raise UsageError(f"cannot read {path!a}: {error.strerror}") from None


@contextlib.contextmanager
def as_one_error() -> Iterator[None]:
    """Whatever is wrong with a file is one error."""
    try:
        yield
    except MigrateError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, struct.error, zlib.error,
            RecursionError) as error:  # fmt: skip
        raise DamagedCapture(f"the capture is damaged: {ascii(str(error))[:120]}") from None


def _encode(header: dict[str, Any], runs: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    yield _MAGIC + b"%d\n" % VERSION
    packer = zlib.compressobj(_LEVEL)
    # Names and paths of a process may be no UTF-8: JSON escapes their surrogates.
    text = json.dumps({k: _plain(v) for k, v in header.items()}).encode("ascii")
    yield packer.compress(_LENGTH.pack(len(text)) + text)
    for address, data in runs:
        yield packer.compress(_RUN.pack(address, len(data)) + data)
    yield packer.flush()


def _plain(value: Any) -> Any:
    return value._asdict() if hasattr(value, "_asdict") else value


def _write(path: str, pieces: Iterable[bytes]) -> None:
    scratch = f"{path}.{os.getpid()}"
    try:
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.writelines(pieces)
        os.replace(scratch, path)
    except OSError as error:
        raise UsageError(f"cannot write {path!a}: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(scratch)


def _decode(file: Any) -> tuple[dict[str, Any], list[tuple[int, bytes]]]:
    line = file.readline(64)
    if not line.startswith(_MAGIC):
        raise DamagedCapture("this file is no capture", "migrate ps --record FILE PID makes one")
    if line != _MAGIC + b"%d\n" % VERSION:
        raise DamagedCapture(
            f"a capture of another version than {VERSION}", "use the migrate that recorded it"
        )
    stream = _Expanded(file)
    with as_one_error():
        (length,) = _LENGTH.unpack(stream.take(_LENGTH.size))
        if length > _MAX_HEADER:
            raise ValueError("header too long")
        header = json.loads(stream.take(length))
        runs = []
        while head := stream.take(_RUN.size, may_end=True):
            address, size = _RUN.unpack(head)
            if size > _MAX_RUN or address > _MAX_ADDRESS:
                raise ValueError("no run of memory")
            runs.append((address, stream.take(size)))
    if not isinstance(header, dict):
        raise DamagedCapture("the capture is damaged")
    return header, runs


class _Expanded:
    """The zlib stream of a file, expanded bit by bit and not beyond a limit."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._unpacker = zlib.decompressobj()
        self._ready = bytearray()
        self._at = 0
        self._read = 0
        self._total = 0

    def take(self, size: int, *, may_end: bool = False) -> bytes:
        """The next ``size`` bytes; none at the end where that may be. Raises ValueError."""
        while len(self._ready) - self._at < size and self._fill():
            pass
        found = bytes(self._ready[self._at : self._at + size])
        self._at += len(found)
        if len(found) < size and not (may_end and not found and self._unpacker.eof):
            raise ValueError("cut short")
        return found

    def _fill(self) -> bool:
        data = self._unpacker.unconsumed_tail
        if not data:
            data = self._file.read(_CHUNK)
            self._read += len(data)
        if not data or self._unpacker.eof:
            return False
        more = self._unpacker.decompress(data, _CHUNK)
        self._total += len(more)
        bomb = self._total > max(_ANY_RATIO, _MAX_RATIO * self._read)
        if bomb or self._total > _MAX_EXPANDED:
            raise ValueError("too long")
        del self._ready[: self._at]
        self._at = 0
        self._ready += more
        return True
