"""Replace a file whole: at any moment, killed or not, it holds the old text or the new one."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.errors import MigrateError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CAUSES = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "its folder cannot be written to",
    errno.EPERM: "the system does not let it be replaced",
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
    changes nothing, also when the file holds neither ``old`` nor ``new`` any more.
    """
    real = Path(os.path.realpath(path))
    kept = None
    try:
        before = real.stat()
        if not stat.S_ISREG(before.st_mode):
            raise NotWritten(f"{path}: not a regular file")
        now = real.read_bytes()
        if now == new:  # by another name of it, or another run
            return Written(real, None, ())
        if now != old:
            raise NotWritten(f"{path}: it changed while it was looked at", "run migrate again")
        if backup:
            with _beside(real.parent) as file:
                _fill(file, old, real, before)
                kept = _keep(file, real)
        with _beside(real.parent) as file:
            notes = _fill(file, new, real, before)
            file.rename_over(real)
        _sync_folder(real.parent)
    except OSError as error:
        if kept is not None:  # the file is as it was, and needs no backup
            kept.unlink(missing_ok=True)
        raise NotWritten(f"{path}: not written: {_cause(error)}") from error
    if before.st_nlink > 1:
        notes.append(f"{before.st_nlink - 1} other hard link(s) keep the old text")
    return Written(real, kept, tuple(notes))


def create_file(path: Path, data: bytes) -> Written:
    """Write a file that is not there yet, whole. Raises NotWritten, also when it is there."""
    umask = os.umask(0)
    os.umask(umask)
    try:
        with _beside(path.parent) as file:
            file.write(data)
            os.fchmod(file.descriptor, 0o666 & ~umask)
            os.fsync(file.descriptor)
            file.link_to(path)  # unlike rename, it refuses a name that is taken
        _sync_folder(path.parent)
    except OSError as error:
        raise NotWritten(f"{path}: not written: {_cause(error)}") from error
    return Written(path, None, ())


@dataclass(frozen=True, slots=True)
class _Beside:
    """An open file in the folder of another: renaming or linking it is atomic.

    ``path`` leads to it. On Linux it has no name in the folder until it is whole, so that
    nothing is left of it when we are killed; elsewhere a temporary one.
    """

    descriptor: int
    path: Path
    named: bool

    def write(self, data: bytes) -> None:
        with open(self.descriptor, "wb", closefd=False) as file:
            file.write(data)

    def link_to(self, name: Path) -> None:
        """Give it a name; raises FileExistsError when that is taken."""
        # Naming a folder, ignored beside an absolute path, makes it follow the link in /proc.
        os.link(self.path, name, src_dir_fd=0, follow_symlinks=True)

    def rename_over(self, real: Path) -> None:
        """Put it in the place of ``real``. For that it needs a name, if only for an instant."""
        name = self.path
        if not self.named:
            name = real.with_name(f".migrate-{secrets.token_hex(4)}.tmp")
            self.link_to(name)
        try:
            name.replace(real)
        except BaseException:
            name.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[_Beside]:
    descriptor = _open_unnamed(folder)
    if descriptor is not None:
        file = _Beside(descriptor, Path(f"/proc/self/fd/{descriptor}"), named=False)
    else:
        descriptor, name = tempfile.mkstemp(prefix=".migrate-", suffix=".tmp", dir=folder)
        file = _Beside(descriptor, Path(name), named=True)
    try:
        yield file
    finally:
        os.close(descriptor)
        if file.named:
            file.path.unlink(missing_ok=True)


def _open_unnamed(folder: Path) -> int | None:
    """A file without a name; None where the system or the file system has no such thing."""
    try:
        descriptor = os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600)
    except (AttributeError, OSError):
        return None  # what is wrong with the folder, mkstemp will say
    if os.path.lexists(f"/proc/self/fd/{descriptor}"):
        return descriptor
    os.close(descriptor)
    return None


def _fill(file: _Beside, data: bytes, real: Path, like: os.stat_result) -> list[str]:
    """Write ``data`` with the metadata of ``real``; what cannot be kept, one line each."""
    file.write(data)
    notes = _copy_metadata(real, file.descriptor, like)
    os.fsync(file.descriptor)
    return notes


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


def _keep(file: _Beside, real: Path) -> Path:
    """Keep the old file under a free name; never over an earlier backup."""
    number = 0
    while True:
        kept = real.with_name(f"{real.name}.orig{f'.{number}' if number else ''}")
        try:
            file.link_to(kept)
        except FileExistsError:
            number += 1
        else:
            return kept


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
