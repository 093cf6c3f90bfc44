"""Facts of a process that the kernel tells: what it is, what it maps, why we may not read it.

Everything here comes from /proc (proc(5)) and nothing from the target's memory. Names and
paths are the target's choice: they are kept as they are and escaped where they are shown.
Opened with `open`, not pathlib, whose import costs more than reading all of this.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from inspector.errors import MigrateError, NoSuchProcess, NotAllowed, NotPython

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_BYTES = 16 << 20  # of one /proc file: 100,000 mappings are about 10 MB
_MAX_CHILDREN = 4096
_PF_KTHREAD = 0x00200000  # include/linux/sched.h, in the flags of /proc/PID/stat
_CAP_SYS_PTRACE = 19
_DELETED = " (deleted)"


class Mapping(NamedTuple):
    """A line of /proc/PID/maps: ``start`` up to ``end`` in the target's addresses."""

    start: int
    end: int
    permissions: str  # "rw-p"
    offset: int  # in the file
    device: str
    inode: int  # 0 for anonymous memory
    path: str  # without " (deleted)"; "" or "[heap]" for anonymous memory
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


class OsThread(NamedTuple):
    """An OS thread as the kernel sees it."""

    tid: int  # as seen from here
    inner_tid: int  # as the thread itself sees it: differs in a PID namespace of its own
    name: str
    state: str  # R running, S sleeping, D in the kernel, T stopped, t traced, Z ended
    system_call: int | None  # its number on this machine, -1 for none, None when it runs or hidden


class Process(NamedTuple):
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
        status = _status(f"/proc/{pid}/status")
    except (FileNotFoundError, ProcessLookupError):
        raise _no_such_process(pid) from None
    except PermissionError:
        raise _refused(pid, None) from None
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
        executable=_executable(pid),
    )


def is_same(process: Process) -> bool:
    """Whether the process is still there and no other one has taken its PID."""
    try:
        fields = _stat(f"/proc/{process.pid}/stat")
    except OSError:
        return False
    return int(fields[19]) == process.started and fields[0] not in "ZX"


def mappings(pid: int) -> tuple[Mapping, ...]:
    """The process's mappings in ascending order. Raises NoSuchProcess, NotAllowed."""
    try:
        text = _read(f"/proc/{pid}/maps")
    except PermissionError:
        raise explain_refusal(pid) from None
    except OSError:
        raise _no_such_process(pid) from None
    return tuple(parse_mappings(text))


def parse_mappings(text: str) -> Iterator[Mapping]:
    """Mappings from the text of a maps file; lines that are none are left out."""
    for line in text.split("\n"):
        parts = line.split(None, 5)
        if len(parts) < 5:
            continue
        start, _, end = parts[0].partition("-")
        path = parts[5].replace("\\012", "\n") if len(parts) > 5 else ""
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
            status = _status(f"{folder}/status")
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


def explain_refusal(pid: int) -> MigrateError:
    """Why the kernel does not let us read ``pid``, with the cure that fits.

    The checks are those of ptrace(2), "Ptrace access mode checking", in its order.
    """
    try:
        status = _status(f"/proc/{pid}/status")
    except (FileNotFoundError, ProcessLookupError):
        return _no_such_process(pid)
    except PermissionError:
        status = None
    return _refused(pid, status)


def _refused(pid: int, status: dict[str, str] | None) -> NotAllowed:
    message = f"not allowed to read process {pid}"
    ours = _status("/proc/self/status")
    capable = int(ours.get("CapEff", "0"), 16) >> _CAP_SYS_PTRACE & 1
    if status is None:
        return NotAllowed(message, "run as root: /proc is mounted so that it hides other users")
    uids = {int(uid) for uid in status.get("Uid", "").split()[:3]}
    if uids != {os.geteuid()} and not capable:
        owner = ", ".join(str(uid) for uid in sorted(uids))
        return NotAllowed(
            f"{message}: it belongs to user {owner}, and you are user {os.geteuid()}",
            f"run as that user or as root: sudo migrate .. {pid}",
        )
    if status.get("NSpid", "").count("\t") != ours.get("NSpid", "").count("\t") or _in_container():
        return NotAllowed(
            f"{message}: a container stands between",
            "run outside of the container as root, or start the container that runs migrate\n"
            "with --cap-add=SYS_PTRACE (Kubernetes: securityContext.capabilities.add)",
        )
    scope = _ptrace_scope()
    if scope == 3:
        return NotAllowed(
            f"{message}: kernel.yama.ptrace_scope is 3, which forbids it to everybody",
            "it can be lowered only by a restart with another setting (see /etc/sysctl.d)",
        )
    if scope and not capable:
        return NotAllowed(
            f"{message}: kernel.yama.ptrace_scope is {scope}",
            f"run as root: sudo migrate .. {pid}\n"
            "or allow it until the next start: sudo sysctl kernel.yama.ptrace_scope=0",
        )
    if not capable:
        return NotAllowed(
            f"{message}: it has more privileges than you, or forbids to be read (PR_SET_DUMPABLE)",
            f"run as root: sudo migrate .. {pid}",
        )
    return NotAllowed(
        message, "a security module of the kernel (AppArmor, SELinux, seccomp) forbids it"
    )


def _no_such_process(pid: int) -> NoSuchProcess:
    """The error for a PID that is not there; says so if it is one inside a container."""
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        try:
            inner = _status(f"/proc/{name}/status").get("NSpid", "").split()
        except OSError:
            continue
        if len(inner) > 1 and inner[-1] == str(pid):
            return NoSuchProcess(
                f"no process {pid} here",
                f"inside a container that is the PID of process {name} (seen from here)",
            )
    return NoSuchProcess(f"no process {pid}")


def _ptrace_scope() -> int:
    try:
        with open("/proc/sys/kernel/yama/ptrace_scope") as file:
            return int(file.read(16))
    except (OSError, ValueError):
        return 0


def _in_container() -> bool:
    """Whether we ourselves lack what the machine's root has: a container's mark."""
    return os.geteuid() == 0 and any(
        os.path.exists(mark) for mark in ("/.dockerenv", "/run/.containerenv")
    )


def _command(pid: int, name: str) -> str:
    try:
        arguments = _read(f"/proc/{pid}/cmdline").rstrip("\0").split("\0")
    except OSError:
        arguments = []
    return " ".join(arguments) or f"[{name}]"


def _executable(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/exe").removesuffix(_DELETED)
    except OSError:
        return ""


def _stat(path: str) -> list[str]:
    """Fields of a stat file from the state on; the name before may hold anything."""
    fields = _read(path).rpartition(")")[2].split()
    if len(fields) < 20:
        raise ProcessLookupError(path)
    return fields


def _status(path: str) -> dict[str, str]:
    found = {}
    for line in _read(path).split("\n"):
        key, _, value = line.partition(":")
        found[key] = value.strip()
    return found


def _system_call(path: str) -> int | None:
    try:
        with open(path) as file:
            return int(file.read(512).split()[0])
    except (OSError, ValueError, IndexError):
        return None  # "running", or not ours to see


def _read(path: str) -> str:
    """A /proc file's text; bytes that are no UTF-8 survive as surrogates. Raises OSError."""
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        return file.read(_MAX_BYTES)
