"""Facts of a process that the kernel tells: what it is, what it maps, why we may not read it.

Everything here comes from /proc (proc(5)) and nothing from the target's memory. Names and
paths are the target's choice: they are kept as they are and escaped where they are shown.
Opened with `open`, not pathlib, whose import costs more than reading all of this.
"""

from __future__ import annotations

import os
import time

from inspector import syscalls
from inspector.errors import MigrateError, NoSuchProcess, NotPython
from inspector.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_BYTES = 16 << 20  # of one /proc file: 100,000 mappings are about 10 MB
_MAX_CHILDREN = 4096
_PF_KTHREAD = 0x00200000  # include/linux/sched.h, in the flags of /proc/PID/stat
_DELETED = " (deleted)"
_HUGE_PAGES = "/anon_hugepage (deleted)"  # anonymous memory that the kernel keeps as a file


class Mapping(Record):
    """A line of /proc/PID/maps: ``start`` up to ``end`` in the target's addresses."""

    start: int
    end: int
    permissions: str  # "rw-p"
    offset: int  # in the file
    device: str
    inode: int  # 0 for anonymous memory
    path: str  # without " (deleted)"; "" or "[heap]" for anonymous memory, named or not
    deleted: bool  # the file is gone or was replaced since it was mapped

    @property
    def writable(self) -> bool:
        """Whether the process may write here."""
        return self.permissions[1] == "w"

    @property
    def executable(self) -> bool:
        """Whether the process may run code here."""
        return self.permissions[2] == "x"

    @property
    def is_file(self) -> bool:
        """Whether a file is mapped here, and not anonymous memory or a device."""
        return self.inode != 0 and self.path.startswith("/")


class OsThread(Record):
    """An OS thread as the kernel sees it."""

    tid: int  # as seen from here
    inner_tid: int  # as the thread itself sees it: differs in a PID namespace of its own
    name: str
    state: str  # R running, S sleeping, D in the kernel, T stopped, t traced, Z ended
    system_call: str | None  # "epoll_wait"; "" for none, None when it runs or we may not know


class Process(Record):
    """What a process is. ``state`` is a letter as for `OsThread`."""

    pid: int
    ppid: int
    inner_pid: int  # its PID in its own namespace
    state: str
    started: int  # clock ticks since boot: tells a process from a later one with its PID
    uid: int  # effective
    command: str  # arguments joined by blanks; "[name]" where there are none
    executable: str  # "" when it may not be known


def look_up(pid: int) -> Process:
    """What process ``pid`` is, when it is one that can be read at all.

    Raises NoSuchProcess (gone, ended but not reaped, or the id of a mere thread) and
    NotPython (a kernel thread). Does not check that we may read its memory.
    """
    try:
        fields = _stat(f"/proc/{pid}/stat")
        status = read_status(f"/proc/{pid}/status")
    except (FileNotFoundError, ProcessLookupError):
        raise missing(pid) from None
    except PermissionError:
        raise explain_refusal(pid) from None
    group = int(status.get("Tgid", pid))
    if group != pid:
        raise NoSuchProcess(
            f"{pid} is a thread of process {group}, not a process", f"give its process: {group}"
        )
    state = fields[0]
    if state in "ZX":
        raise NoSuchProcess(
            f"process {pid} has ended and waits for its parent {fields[1]} to collect it"
        )
    if int(fields[6]) & _PF_KTHREAD:
        raise NotPython(f"process {pid} is a thread of the kernel, not a Python process")
    return Process(
        pid=pid,
        ppid=int(fields[1]),
        inner_pid=int(status.get("NSpid", str(pid)).split()[-1]),
        state=state,
        started=int(fields[19]),
        uid=int(status.get("Uid", "0 0").split()[1]),
        command=_command(pid, status.get("Name", "?")),
        executable=executable(pid),
    )


def is_same(process: Process) -> bool:
    """Whether the process is still there and no other one has taken its PID."""
    try:
        fields = _stat(f"/proc/{process.pid}/stat")
    except OSError:
        return False
    return int(fields[19]) == process.started and fields[0] not in "ZX"


def parent(pid: int) -> int:
    """The process's parent as it is now, 0 when there is none or the process is gone."""
    try:
        return int(_stat(f"/proc/{pid}/stat")[1])
    except OSError:
        return 0


def age(pid: int) -> float:
    """Seconds since the process was started, by fork or the like; 0 when it is gone."""
    try:
        started = int(_stat(f"/proc/{pid}/stat")[19]) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def mappings(pid: int) -> tuple[Mapping, ...]:
    """The process's mappings in ascending order. Raises NoSuchProcess, NotAllowed.

    NoSuchProcess also for one without any, as it is while the kernel takes it down.
    """
    try:
        text = read_text(f"/proc/{pid}/maps")
    except PermissionError:
        raise explain_refusal(pid) from None
    except OSError:
        raise missing(pid) from None
    if not text:
        raise NoSuchProcess(f"process {pid} is ending")
    return tuple(parse_mappings(text))


def parse_mappings(text: str) -> Iterator[Mapping]:
    """Mappings from the text of a maps file; lines that are none are left out."""
    for line in text.split("\n"):
        parts = line.split(None, 5)
        if len(parts) < 5:
            continue
        start, _, end = parts[0].partition("-")
        path = parts[5].replace("\\012", "\n") if len(parts) > 5 else ""
        if path.startswith("[anon:"):
            path = ""  # a name given by PR_SET_VMA_ANON_NAME, as CPython 3.15 and mimalloc do
        if path == _HUGE_PAGES:
            path, parts[4] = "", "0"
        deleted = path.endswith(_DELETED)
        yield Mapping(
            int(start, 16),
            int(end, 16),
            parts[1],
            int(parts[2], 16),
            parts[3],
            int(parts[4]),
            path.removesuffix(_DELETED) if deleted else path,
            deleted,
        )


def open_mapped(pid: int, mapping: Mapping) -> int:
    """A descriptor of the very file that is mapped, also in a container or when replaced.

    Ways, in order: the path below the process's root if it is still that inode; the
    mapping's own link (needs CAP_CHECKPOINT_RESTORE); the executable's. Raises OSError.
    """
    try:
        found = os.open(f"/proc/{pid}/root{mapping.path}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        found = -1
    if found >= 0:
        if _is_mapped_file(os.fstat(found), mapping):
            return found
        os.close(found)
    link = f"/proc/{pid}/map_files/{mapping.start:x}-{mapping.end:x}"
    try:
        return os.open(link, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        executable = os.open(f"/proc/{pid}/exe", os.O_RDONLY | os.O_CLOEXEC)
        if os.fstat(executable).st_ino == mapping.inode:
            return executable
        os.close(executable)
        raise


def _is_mapped_file(found: os.stat_result, mapping: Mapping) -> bool:
    # Overlay file systems report another device for the mapping than for the file, and
    # some another inode; a file that was not deleted is then taken at its word.
    return found.st_ino == mapping.inode or not mapping.deleted


def threads(pid: int) -> tuple[OsThread, ...]:
    """The process's OS threads in ascending order; none when it is gone."""
    try:
        tids = sorted(int(name) for name in os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return ()
    found = []
    for tid in tids:
        folder = f"/proc/{pid}/task/{tid}"
        try:
            status = read_status(f"{folder}/status")
        except OSError:
            continue  # it ended meanwhile
        found.append(
            OsThread(
                tid,
                int(status.get("NSpid", str(tid)).split()[-1]),
                status.get("Name", ""),
                status.get("State", "?")[:1],
                _system_call(f"{folder}/syscall"),
            )
        )
    return tuple(found)


def count_sockets(pid: int) -> int:
    """How many sockets the process has open, 0 when it is gone or may not be looked at."""
    folder = f"/proc/{pid}/fd"
    found = 0
    try:
        for number in os.listdir(folder):
            try:
                found += os.readlink(f"{folder}/{number}").startswith("socket:")
            except OSError:
                continue  # it was closed meanwhile
    except OSError:
        pass
    return found


def clock_ahead(pid: int) -> float:
    """Seconds by which the process's CLOCK_MONOTONIC is ahead of ours; see time_namespaces(7)."""
    ours, theirs = "/proc/self", f"/proc/{pid}"
    try:
        if os.readlink(f"{ours}/ns/time") == os.readlink(f"{theirs}/ns/time"):
            return 0.0
        return _clock_offset(theirs) - _clock_offset(ours)
    except (OSError, ValueError):  # no such namespaces here, or the process is ending
        return 0.0


def _clock_offset(folder: str) -> float:
    _, seconds, nanoseconds = read_text(f"{folder}/timens_offsets").partition("\n")[0].split()
    return int(seconds) + int(nanoseconds) / 1e9


def children(pid: int) -> tuple[int, ...]:
    """PIDs of the process's children, ascending; bounded, none when it is gone."""
    found: set[int] = set()
    try:
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/children") as file:
                found.update(int(child) for child in file.read(_MAX_BYTES).split())
    except FileNotFoundError:
        found.update(_children_by_search(pid))  # a kernel without CONFIG_PROC_CHILDREN
    except OSError:
        pass
    return tuple(sorted(found)[:_MAX_CHILDREN])


def _children_by_search(pid: int) -> Iterator[int]:
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                if int(_stat(f"/proc/{name}/stat")[1]) == pid:
                    yield int(name)
            except OSError:
                continue


def missing(pid: int) -> MigrateError:
    """The error for a process that is not there, with what its PID may mean instead."""
    from inspector import mistaken

    return mistaken.missing(pid)


def explain_refusal(pid: int) -> MigrateError:
    """Why the kernel does not let us read ``pid``, with the cure that fits."""
    from inspector import access

    return access.explain(pid)


def _command(pid: int, name: str) -> str:
    try:
        arguments = read_text(f"/proc/{pid}/cmdline").rstrip("\0").split("\0")
    except OSError:
        arguments = []
    return " ".join(arguments) or f"[{name}]"


def executable(pid: int) -> str:
    """The path of the process's program in its own file system; "" when it may not be known."""
    try:
        return os.readlink(f"/proc/{pid}/exe").removesuffix(_DELETED)
    except OSError:
        return ""


def _stat(path: str) -> list[str]:
    """Fields of a stat file from the state on; the name before may hold anything."""
    fields = read_text(path).rpartition(")")[2].split()
    if len(fields) < 20:
        raise ProcessLookupError(path)
    return fields


def read_status(path: str) -> dict[str, str]:
    """The lines of a status file by their keys. Raises OSError."""
    found = {}
    for line in read_text(path).split("\n"):
        key, _, value = line.partition(":")
        found[key] = value.strip()
    return found


def _system_call(path: str) -> str | None:
    try:
        with open(path) as file:
            return syscalls.name(int(file.read(512).split()[0]))
    except (OSError, ValueError, IndexError):
        return None  # "running", or not ours to see


def read_text(path: str) -> str:
    """A /proc file's text; bytes that are no UTF-8 survive as surrogates. Raises OSError."""
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        return file.read(_MAX_BYTES)
