from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inspector import access
from inspector.access import Circumstances, Container, Party
from inspector.errors import NotAllowed
from tests.programs import ROOT

if TYPE_CHECKING:
    from tests.conftest import StartTarget

PTRACE = 1 << 19
ALL = (1 << 41) - 1
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
BECOME_NOBODY = "os.setgroups([]); os.setgid(65534); os.setuid(65534)"
NAMESPACES = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


def party(uid: int = 1000, capabilities: int = 0, namespace: str = "user:[1]") -> Party:
    return Party(frozenset({uid}), frozenset({uid}), capabilities, capabilities, namespace)


def facts(**changes: object) -> Circumstances:
    plain = Circumstances(
        pid=4711,
        inner_pid=4711,
        us=party(),
        target=party(),
        dumpable=True,
        ptrace_scope=0,
        descends_from_us=False,
        container=None,
        contained=False,
    )
    return plain._replace(**changes)  # type: ignore[arg-type]


def checks(**changes: object) -> list[str]:
    return [obstacle.check for obstacle in access.obstacles(facts(**changes))]


def test_nothing_stands_between_equals() -> None:
    assert checks() == []


# Each refusal that the kernel has, by the facts that lead to it: a kernel with Yama, a
# container engine and another user are not at hand everywhere.
@pytest.mark.parametrize(
    ("changes", "check", "reason", "cure"),
    [
        ({"target": None}, "visible", "hidepid", "sudo migrate ps 4711"),
        ({"target": party(33)}, "user", "user 33, and you are user 1000", "sudo -u '#33' migrate"),
        ({"target": party(0)}, "user", "it belongs to user 0", "run as root: sudo migrate ps 4711"),
        (
            {"us": party(0), "target": party(33)},
            "user",
            "root lacks CAP_SYS_PTRACE",
            "--cap-add=SYS_PTRACE",
        ),
        (
            {"target": party()._replace(gids=frozenset({100}))},
            "user",
            "of another group (100) than you (1000)",
            "sudo",
        ),
        (
            {"us": party(0, ALL, "user:[2]"), "target": party(0, ALL)},
            "user namespace",
            "another user namespace",
            "root of the machine",
        ),
        ({"target": party(1000, 1 << 10)}, "capabilities", "you lack", "sudo migrate ps 4711"),
        (
            {"us": party(0, 1), "target": party(0, 3), "contained": True},
            "capabilities",
            "you lack",
            "securityContext.capabilities.add: [SYS_PTRACE]",
        ),
        ({"dumpable": False}, "protected", "PR_SET_DUMPABLE", "sudo migrate ps 4711"),
        ({"ptrace_scope": 1}, "ptrace_scope", "ptrace_scope is 1", "kernel.yama.ptrace_scope=0"),
        ({"ptrace_scope": 2}, "ptrace_scope", "ptrace_scope is 2", "sudo migrate ps 4711"),
        (
            {"ptrace_scope": 1, "contained": True},
            "ptrace_scope",
            "ptrace_scope is 1",
            "--cap-add=SYS_PTRACE",
        ),
        (
            {"ptrace_scope": 3, "us": party(0, ALL)},
            "ptrace_scope",
            "root included",
            "restart",
        ),
    ],
)
def test_names_the_check_and_the_cure(
    changes: dict[str, object], check: str, reason: str, cure: str
) -> None:
    assert checks(**changes) == [check]
    error = access.refusal(facts(**changes))
    assert isinstance(error, NotAllowed)
    assert error.message.startswith("not allowed to read process 4711: ")
    assert "\n" not in error.message
    assert reason in error.message
    assert cure in error.hint


def test_root_with_its_capabilities_passes_all_but_the_strictest() -> None:
    root = party(0, ALL)
    other = party(33, ALL)
    assert checks(us=root, target=other, dumpable=False, ptrace_scope=2) == []


def test_a_child_may_be_read_under_the_usual_yama() -> None:
    assert checks(ptrace_scope=1, descends_from_us=True) == []
    assert checks(ptrace_scope=2, descends_from_us=True) == ["ptrace_scope"]


def test_a_refusal_without_a_known_reason_names_the_rest() -> None:
    error = access.refusal(facts())
    assert "AppArmor" in error.message
    assert "dmesg" in error.hint


@pytest.mark.parametrize(
    ("container", "line"),
    [
        (None, "sudo nsenter --target 4711 --all -- migrate ps 7"),
        (Container("docker", "0123456789ab"), "docker exec --privileged --user 0 0123456789ab "),
        (Container("podman", "0123456789ab"), "podman exec --privileged --user 0 0123456789ab "),
        (
            Container("kubernetes", "0123456789ab", "5d1c-77"),
            "kubectl debug -it POD --target=CONTAINER --profile=general --image=python:3.14 -- "
            "sh -c 'pip install -q eventlet-migrate && migrate ps 7'",
        ),
        (Container("kubernetes", "0123456789ab", "5d1c-77"), "the one with the UID 5d1c-77"),
        (
            Container("kubernetes", "0123456789ab", "5d1c-77", "web-0", "shop"),
            "kubectl debug -it -n shop web-0 --target=CONTAINER --profile=general",
        ),
    ],
)
def test_a_container_is_entered_by_a_line_to_run(container: Container | None, line: str) -> None:
    changes = {"inner_pid": 7, "container": container, "target": party(0)}
    assert line in access.refusal(facts(**changes)).hint
    assert line in access.enter(facts(**changes))
    assert access.enter(facts(container=container)) == ""


ID = "4f1b9e0c2d3a" + "0" * 52


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", None),
        ("/system.slice/nginx.service", None),
        ("/user.slice/user-1000.slice/session-2.scope", None),
        (f"/docker/{ID}", Container("docker", ID[:12])),
        (f"/system.slice/docker-{ID}.scope", Container("docker", ID[:12])),
        (f"/machine.slice/libpod-{ID}.scope/container", Container("podman", ID[:12])),
        (f"/machine.slice/libpod-{ID}.scope", Container("podman", ID[:12])),
        ("/lxc.payload.web1/system.slice/x.service", Container("lxc", "web1")),
        ("/lxc/web1", Container("lxc", "web1")),
        (
            f"/kubepods/burstable/pod5d1c-77-ab/{ID}",
            Container("kubernetes", ID[:12], "5d1c-77-ab"),
        ),
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod5d1c_77_ab.slice/"
            f"cri-containerd-{ID}.scope",
            Container("kubernetes", ID[:12], "5d1c-77-ab"),
        ),
        ("/docker/$(reboot)", None),
    ],
)
def test_containers_by_their_control_group(path: str, expected: Container | None) -> None:
    assert access.container_in(f"12:pids:/\n1:name=systemd:{path}\n0::/\n") == expected


def test_this_process_by_its_own_facts() -> None:
    mine = access.circumstances(os.getpid())
    assert mine.target is not None
    assert mine.target.uids == {os.getuid()}
    assert mine.us.gids == {os.getegid()}
    assert mine.dumpable
    assert mine.descends_from_us
    assert list(access.obstacles(mine)) == []


@NEEDS_ROOT
@pytest.mark.parametrize(
    ("setup", "check"),
    [
        ("", "user"),
        # Who drops root's rights is protected until it says otherwise, or runs a program.
        (BECOME_NOBODY, "protected"),
        (f"import ctypes; {BECOME_NOBODY}; ctypes.CDLL(None).prctl(4, 1)", ""),
    ],
)
def test_refusals_of_this_kernel(
    setup: str, check: str, tmp_path: Path, start_target: StartTarget
) -> None:
    """As nobody: a process of root, one's own, and one's own that is protected."""
    script = tmp_path / "target.py"
    script.write_text(f"import os, time\n{setup}\nprint('ready', flush=True)\ntime.sleep(600)\n")
    target = start_target(Path(sys.executable), script)
    reader = (
        f"import os, sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from inspector import access\n"
        f"{BECOME_NOBODY}\n"
        f"pid = {target.pid}\n"
        "try: os.close(os.open(f'/proc/{pid}/mem', os.O_RDONLY))\n"
        "except PermissionError: print(next(access.obstacles(access.circumstances(pid))).check)\n"
    )
    done = subprocess.run([sys.executable, "-c", reader], capture_output=True, text=True)
    if access.circumstances(target.pid).ptrace_scope:
        check = check or "ptrace_scope"
    assert done.stdout.strip() == check, done.stderr


def test_a_pod_is_named_by_its_own_processes(start_target: StartTarget, tmp_path: Path) -> None:
    script = tmp_path / "target.py"
    script.write_text("import time\nprint('ready', flush=True)\ntime.sleep(600)\n")
    target = start_target(Path(sys.executable), script, env={"HOSTNAME": "web-0"})
    pod = Container("kubernetes", "0123456789ab", "5d1c-77")
    assert access._with_pod(target.pid, pod) == pod._replace(pod_name="web-0")
    hostile = start_target(Path(sys.executable), script, env={"HOSTNAME": "$(reboot)"})
    assert access._with_pod(hostile.pid, pod) == pod
    docker = Container("docker", "0123456789ab")
    assert access._with_pod(target.pid, docker) == docker
