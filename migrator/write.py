"""Replace a file whole: at any moment, killed or not, it holds the old text or the new one."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from inspector.errors import MigrateError

_CAUSES = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "its folder cannot be written to",
    errno.EPERM: "its folder cannot be written to",
    errno.ENOENT: "it is gone",
}


class NotWritten(MigrateError):  # noqa: N818 - names the condition
    """The file is as it was; the message says why. Exit status 2."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was replaced (links resolved), and what could not be kept, one line each."""

    path: Path
    backup: Path | None
    notes: tuple[str, ...]


def replace_file(path: Path, old: bytes, new: bytes, *, backup: bool = False) -> Written:
    """Put ``new`` where ``old`` is, keeping mode, owner, extended attributes and links.

    A symbolic link stays one: the file it leads to is replaced. ``backup`` keeps the old
    file beside it as ``NAME.orig`` (``.orig.1``, .. when taken). Raises NotWritten, and
    changes nothing, also when the file no longer holds ``old``.
    """
    real = Path(os.path.realpath(path))
    temporary = None
    try:
        before = real.stat()
        if not stat.S_ISREG(before.st_mode):
            raise NotWritten(f"{path}: not a regular file")
        if real.read_bytes() != old:
            raise NotWritten(f"{path}: it changed while it was looked at", "run migrate again")
        kept = _keep(real, old, before) if backup else None
        temporary, notes = _write_beside(real, new, before)
        temporary.replace(real)
        temporary = None
        _sync_folder(real.parent)
    except OSError as error:
        raise NotWritten(f"{path}: not written: {_cause(error)}") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
    if before.st_nlink > 1:
        notes.append(f"{before.st_nlink - 1} other hard link(s) keep the old text")
    return Written(real, kept, tuple(notes))


def create_file(path: Path, data: bytes) -> Written:
    """Write a file that is not there yet, whole. Raises NotWritten, also when it is there."""
    umask = os.umask(0)
    os.umask(umask)
    temporary = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=".migrate-", suffix=".tmp", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(descriptor, 0o666 & ~umask)
            file.flush()
            os.fsync(descriptor)
        os.link(temporary, path)  # unlike rename, it refuses a name that is taken
        _sync_folder(path.parent)
    except OSError as error:
        raise NotWritten(f"{path}: not written: {_cause(error)}") from error
    finally:
        if temporary is not None:
            temporary.unlink()
    return Written(path, None, ())


def _write_beside(real: Path, data: bytes, like: os.stat_result) -> tuple[Path, list[str]]:
    """A synced file in the same folder (so that renaming is atomic) with ``like``'s metadata."""
    descriptor, name = tempfile.mkstemp(prefix=".migrate-", suffix=".tmp", dir=real.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            notes = _copy_metadata(real, descriptor, like)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    return Path(name), notes


def _copy_metadata(real: Path, descriptor: int, like: os.stat_result) -> list[str]:
    notes = []
    mine = os.fstat(descriptor)
    if (mine.st_uid, mine.st_gid) != (like.st_uid, like.st_gid):
        try:
            os.fchown(descriptor, like.st_uid, like.st_gid)
        except PermissionError:
            notes.append("the owner could not be kept")
    try:
        for attribute in os.listxattr(real):
            os.setxattr(descriptor, attribute, os.getxattr(real, attribute))
    except OSError as error:
        # Labels that the kernel hands out itself may not be set; a full disk is an error.
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        notes.append("not every extended attribute could be kept")
    # Last: changing the owner clears set-user-id bits.
    os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
    return notes


def _keep(real: Path, old: bytes, like: os.stat_result) -> Path:
    """Keep the old file under a free name; never over an earlier backup."""
    temporary, _ = _write_beside(real, old, like)
    number = 0
    try:
        while True:
            kept = real.with_name(f"{real.name}.orig{f'.{number}' if number else ''}")
            try:
                os.link(temporary, kept)  # unlike rename, it refuses a name that is taken
            except FileExistsError:
                number += 1
            else:
                return kept
    finally:
        temporary.unlink()


def _sync_folder(folder: Path) -> None:
    """Make the rename last. Some file systems cannot; the rename is atomic all the same."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _cause(error: OSError) -> str:
    return _CAUSES.get(error.errno or 0) or error.strerror or str(error)
