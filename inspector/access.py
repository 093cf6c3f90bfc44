"""Why the kernel lets us read a process or does not: each of its checks by name.

The checks are those of ptrace(2), "Ptrace access mode checking", and of the Yama module
(Documentation/admin-guide/LSM/Yama.rst). The kernel says no more than EACCES, so this is a
reconstruction from what /proc shows to everybody; it explains a refusal, it predicts none.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from inspector.errors import MigrateError, NotAllowed
from inspector.process import read_status, read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_CAP_SYS_PTRACE = 19  # include/uapi/linux/capability.h
_FIRST_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO, include/linux/proc_ns.h
# Sources: the cgroup drivers of runc (``docker-ID.scope``, ``docker/ID``), containerd and
# CRI-O (``cri-containerd-ID.scope``), kubelet (``..podUID``), podman and lxc. The patterns
# take no character that would be special in a command line.
_ID = r"(?P<name>[0-9a-f]{12,})"
_CONTAINERS = {
    "kubernetes": rf"/kubepods.*pod(?P<pod>[0-9a-f][\w-]*)(\.slice)?/([a-z-]+-)?{_ID}",
    "docker": rf"/docker[-/]{_ID}",
    "podman": rf"/libpod-{_ID}",
    "lxc": r"/lxc(\.payload\.|/)(?P<name>[\w.-]+)",
}
# Where sudo looks unless it is told otherwise: ``secure_path`` in sudoers.
_SECURE_PATH = frozenset(
    f"{root}{folder}" for root in ("", "/usr", "/usr/local") for folder in ("/bin", "/sbin")
)
_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")


class Party(NamedTuple):
    """One side of the question, as /proc/PID/status and /proc/PID/ns tell it."""

    uids: frozenset[int]  # real, effective and saved; of ours, the one for files
    gids: frozenset[int]
    effective: int  # capabilities, one bit each
    permitted: int
    user_namespace: str = ""  # "user:[4026531837]", "" when we may not know

    @property
    def may_trace(self) -> bool:
        """Whether it has CAP_SYS_PTRACE, in its own user namespace."""
        return bool(self.effective >> _CAP_SYS_PTRACE & 1)


class Container(NamedTuple):
    """What a process's control group says that it runs in."""

    engine: str  # "docker", "kubernetes", "podman", "lxc"
    name: str  # the container's id, shortened, or its name
    pod: str = ""  # the pod's UID
    pod_name: str = ""  # "" where its processes may not be asked
    namespace: str = ""


class Circumstances(NamedTuple):
    """All that the checks look at."""

    pid: int
    inner_pid: int  # as the process sees itself; differs from ``pid`` in a PID namespace
    us: Party
    target: Party | None  # None where /proc hides the processes of others
    dumpable: bool
    ptrace_scope: int | None  # None without Yama
    descends_from_us: bool
    container: Container | None  # of the target
    contained: bool  # whether we are in a container ourselves
    called: str = "migrate"  # what sudo finds us by


class Obstacle(NamedTuple):
    """A check that does not pass. ``cure`` is a command or an instruction, a line or more."""

    check: str
    reason: str
    cure: str


def explain(pid: int) -> MigrateError:
    """The error for a process that we were refused, or that has ended since."""
    try:
        return refusal(circumstances(pid))
    except (FileNotFoundError, ProcessLookupError):
        from inspector.mistaken import missing

        return missing(pid)


def refusal(facts: Circumstances) -> NotAllowed:
    """The error that names the first reason, and what to do about it."""
    first = reasons(facts)[0]
    cure = first.cure
    if way_in := enter(facts):
        cure += f"\nor enter its container:\n{way_in}"
    return NotAllowed(f"not allowed to read process {facts.pid}: {first.reason}", cure)


def reasons(facts: Circumstances) -> list[Obstacle]:
    """Why we were refused, never empty: where every check passes it is one that does not show."""
    return list(obstacles(facts)) or [
        Obstacle(
            "security module",
            "a security module of the kernel (AppArmor, SELinux) or a seccomp filter forbids it",
            "see the kernel's log for what was denied: sudo dmesg | tail",
        )
    ]


def obstacles(facts: Circumstances) -> Iterator[Obstacle]:
    """The checks that do not pass, in the kernel's order."""
    for check, find in CHECKS.items():
        if found := find(facts):
            yield Obstacle(check, *found)


def enter(facts: Circumstances) -> str:
    """The commands that lead into the target's PID namespace; "" when it is ours."""
    if facts.inner_pid == facts.pid:
        return ""
    inner, container = facts.inner_pid, facts.container
    lines = [f"sudo nsenter --target {facts.pid} --all -- migrate ps {inner}"]
    if container and container.engine == "docker":
        lines.append(f"docker exec --privileged --user 0 {container.name} migrate ps {inner}")
    elif container and container.engine == "podman":
        lines.append(f"podman exec --privileged --user 0 {container.name} migrate ps {inner}")
    elif container and container.engine == "kubernetes":
        namespace = f"-n {container.namespace} " if container.namespace else ""
        pod = container.pod_name or "POD"
        unnamed = "" if container.pod_name else f"; POD is the one with the UID {container.pod}"
        lines += [
            f"kubectl debug -it {namespace}{pod} --target=CONTAINER --profile=general "
            "--image=python:3.14 -- sh -c 'pip install -q eventlet-migrate && migrate ps "
            f"{inner}'",
            f"# CONTAINER: kubectl get pod {namespace}{pod} "
            f"-o jsonpath='{{.spec.containers[*].name}}'{unnamed}",
        ]
    return "\n".join(f"  {line}" for line in lines)


def _hidden(facts: Circumstances) -> tuple[str, str] | None:
    if facts.target is not None:
        return None
    return (
        "/proc is mounted so that it hides the processes of other users (hidepid)",
        f"run as root: {_sudo(facts)}",
    )


def _user(facts: Circumstances) -> tuple[str, str] | None:
    us, target = facts.us, facts.target
    if target is None or us.may_trace or (us.uids, us.gids) == (target.uids, target.gids):
        return None
    if us.uids == {0}:
        return (
            f"it belongs to {_users(target)}, and root lacks CAP_SYS_PTRACE here",
            _add_capability(facts),
        )
    if us.uids == target.uids:
        return (
            f"it is of another group ({_numbers(target.gids)}) than you ({_numbers(us.gids)})",
            f"run as root: {_sudo(facts)}",
        )
    cure = f"run as root: {_sudo(facts)}"
    if len(target.uids) == 1 and 0 not in target.uids:
        them = f"sudo -u '#{min(target.uids)}' {facts.called} ps {facts.pid}"
        cure = f"run as that user: {them}\nor {cure}"
    return f"it belongs to {_users(target)}, and you are {_users(us)}", cure


def _user_namespace(facts: Circumstances) -> tuple[str, str] | None:
    us, target = facts.us, facts.target
    if target is None or not us.user_namespace or not target.user_namespace:
        return None
    if us.user_namespace == target.user_namespace:
        return None
    return (
        "it is in another user namespace, where your rights do not count",
        f"run as root of the machine itself: {_sudo(facts)}",
    )


def _capabilities(facts: Circumstances) -> tuple[str, str] | None:
    us, target = facts.us, facts.target
    if target is None or us.may_trace or not target.permitted & ~us.permitted:
        return None
    if us.uids == {0}:
        return "it has capabilities that you lack", _add_capability(facts)
    return "it has capabilities that you lack", f"run as root: {_sudo(facts)}"


def _dumpable(facts: Circumstances) -> tuple[str, str] | None:
    if facts.dumpable or facts.us.may_trace:
        return None
    return (
        "it is protected (PR_SET_DUMPABLE: it has changed its user, its program file is "
        "unreadable, or it asked for it)",
        f"run as root: {_sudo(facts)}",
    )


def _yama(facts: Circumstances) -> tuple[str, str] | None:
    scope = facts.ptrace_scope or 0
    if scope >= 3:
        return (
            "kernel.yama.ptrace_scope is 3, which forbids it to everybody, root included",
            "only a restart of the machine with a lower setting helps: see /etc/sysctl.d",
        )
    if scope == 0 or facts.us.may_trace or (scope == 1 and facts.descends_from_us):
        return None
    if facts.contained:
        return f"kernel.yama.ptrace_scope is {scope}", _add_capability(facts)
    return (
        f"kernel.yama.ptrace_scope is {scope}",
        f"run as root: {_sudo(facts)}\n"
        "or allow it until the next start: sudo sysctl kernel.yama.ptrace_scope=0",
    )


# In the kernel's order: credentials, then what the process asked for, then the modules.
CHECKS: dict[str, Callable[[Circumstances], tuple[str, str] | None]] = {
    "visible": _hidden,
    "user": _user,
    "user namespace": _user_namespace,
    "capabilities": _capabilities,
    "protected": _dumpable,
    "ptrace_scope": _yama,
}


def circumstances(pid: int) -> Circumstances:
    """The facts about us and process ``pid``. Raises OSError when it is gone."""
    ours = read_status("/proc/self/status")
    us = _party(ours, "/proc/self")
    # What counts of ours are the ids for files (the fourth), which follow the effective ones.
    us = us._replace(
        uids=frozenset({int(ours["Uid"].split()[3])}), gids=frozenset({int(ours["Gid"].split()[3])})
    )
    try:
        theirs = read_status(f"/proc/{pid}/status")
    except PermissionError:
        theirs = {}
    return Circumstances(
        pid=pid,
        inner_pid=int(theirs.get("NSpid", str(pid)).split()[-1]),
        us=us,
        target=_party(theirs, f"/proc/{pid}") if theirs else None,
        dumpable=_is_dumpable(pid, theirs),
        ptrace_scope=_ptrace_scope(),
        descends_from_us=_descends(pid, os.getpid()),
        container=_with_pod(pid, container_in(_cgroup(pid))),
        contained=is_contained(),
        called=_called(),
    )


def container_in(cgroup: str) -> Container | None:
    """The container that the text of a /proc/PID/cgroup file names."""
    import re

    for engine, pattern in _CONTAINERS.items():
        if found := re.search(pattern, cgroup):
            parts = found.groupdict(default="")
            name = parts["name"] if engine == "lxc" else parts["name"][:12]
            return Container(engine, name, parts.get("pod", "").replace("_", "-"))
    return None


def is_contained() -> bool:
    """Whether we run in a container."""
    return any(map(os.path.exists, _CONTAINER_MARKS)) or has_own_pids()


def has_own_pids() -> bool:
    """Whether we run in a PID namespace that is not the machine's own."""
    return _link("/proc/self/ns/pid") not in ("", _FIRST_PID_NAMESPACE)


def _party(status: dict[str, str], folder: str) -> Party:
    return Party(
        uids=frozenset(map(int, status.get("Uid", "").split()[:3])),
        gids=frozenset(map(int, status.get("Gid", "").split()[:3])),
        effective=int(status.get("CapEff", "0"), 16),
        permitted=int(status.get("CapPrm", "0"), 16),
        user_namespace=_link(f"{folder}/ns/user"),
    )


def _cgroup(pid: int) -> str:
    try:
        return read_text(f"/proc/{pid}/cgroup")
    except OSError:
        return ""


def _with_pod(pid: int, container: Container | None) -> Container | None:
    """With the names of the pod and its namespace, which its processes know.

    Kubernetes sets ``HOSTNAME`` to the pod's name and mounts the service account's files.
    """
    if container is None or container.engine != "kubernetes":
        return container
    import re

    mounted = "var/run/secrets/kubernetes.io/serviceaccount"
    found = []
    for path, pattern in (
        (f"/proc/{pid}/environ", r"(?:^|\0)HOSTNAME=([a-z0-9.-]+)(?:\0|$)"),
        (os.path.join(f"/proc/{pid}/root", mounted, "namespace"), r"^([a-z0-9-]+)$"),
    ):
        try:
            match = re.search(pattern, read_text(path))
        except OSError:
            match = None
        found.append(match[1] if match else "")
    return container._replace(pod_name=found[0], namespace=found[1])


def _is_dumpable(pid: int, status: dict[str, str]) -> bool:
    """proc(5): the files (not the folder) of a process that is not dumpable are root's."""
    try:
        owner = os.stat(f"/proc/{pid}/status").st_uid
    except OSError:
        return True
    return owner != 0 or "0" in status.get("Uid", "0").split()


def _descends(pid: int, ancestor: int) -> bool:
    for _ in range(1000):
        if pid in (ancestor, 0):
            return pid == ancestor
        try:
            pid = int(read_status(f"/proc/{pid}/status").get("PPid", "0"))
        except OSError:
            return False
    return False


def _ptrace_scope() -> int | None:
    try:
        return int(read_text("/proc/sys/kernel/yama/ptrace_scope"))
    except (OSError, ValueError):
        return None


def _sudo(facts: Circumstances) -> str:
    return f"sudo {facts.called} ps {facts.pid}"


def _called() -> str:
    """The command as it was called: with its path where sudo would not look for it."""
    try:
        folder, name = os.path.split(os.path.abspath(sys.argv[0]))
    except (AttributeError, IndexError, OSError):  # embedded; or the folder we are in is gone
        return "migrate"
    if name != "migrate" or folder in _SECURE_PATH:
        return "migrate"
    import shlex

    return shlex.quote(f"{folder}/{name}")


def _add_capability(facts: Circumstances) -> str:
    where = "this container" if facts.contained else "whatever started this shell"
    return (
        f"give {where} the capability: docker run --cap-add=SYS_PTRACE ..; in Kubernetes\n"
        "securityContext.capabilities.add: [SYS_PTRACE]\n"
        "or run migrate on the machine itself, as root"
    )


def _users(party: Party) -> str:
    return f"user {_numbers(party.uids)}"


def _numbers(ids: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(ids)))


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
