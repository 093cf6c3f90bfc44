"""Names of the system calls in which a thread may wait, by number and machine.

Source: the kernel's asm/unistd_64.h of x86 and asm-generic/unistd.h (arm64, riscv64).
"""

from __future__ import annotations

import os

# fmt: off
_X86_64 = {
    0: "read", 1: "write", 2: "open", 3: "close", 4: "stat", 7: "poll", 8: "lseek", 9: "mmap",
    11: "munmap", 16: "ioctl", 17: "pread64", 18: "pwrite64", 19: "readv", 20: "writev",
    23: "select", 24: "sched_yield", 28: "madvise", 34: "pause", 35: "nanosleep", 40: "sendfile",
    42: "connect", 43: "accept", 44: "sendto", 45: "recvfrom", 46: "sendmsg", 47: "recvmsg",
    59: "execve", 61: "wait4", 65: "semop", 69: "msgsnd", 70: "msgrcv", 72: "fcntl", 73: "flock",
    74: "fsync", 75: "fdatasync", 82: "rename", 83: "mkdir", 87: "unlink", 128: "rt_sigtimedwait",
    130: "rt_sigsuspend", 202: "futex", 208: "io_getevents", 217: "getdents64", 220: "semtimedop",
    230: "clock_nanosleep", 232: "epoll_wait", 234: "tgkill", 243: "mq_timedreceive",
    247: "waitid", 257: "openat", 262: "newfstatat", 263: "unlinkat", 270: "pselect6",
    271: "ppoll", 275: "splice", 281: "epoll_pwait", 288: "accept4", 299: "recvmmsg",
    307: "sendmmsg", 332: "statx", 426: "io_uring_enter", 441: "epoll_pwait2",
}
_GENERIC = {
    4: "io_getevents", 22: "epoll_pwait", 25: "fcntl", 29: "ioctl", 32: "flock", 35: "unlinkat",
    56: "openat", 57: "close", 61: "getdents64", 62: "lseek", 63: "read", 64: "write",
    65: "readv", 66: "writev", 67: "pread64", 68: "pwrite64", 71: "sendfile", 72: "pselect6",
    73: "ppoll", 76: "splice", 79: "newfstatat", 82: "fsync", 83: "fdatasync", 95: "waitid",
    98: "futex", 101: "nanosleep", 115: "clock_nanosleep", 124: "sched_yield", 131: "tgkill",
    133: "rt_sigsuspend", 137: "rt_sigtimedwait", 183: "mq_timedreceive", 188: "msgrcv",
    189: "msgsnd", 192: "semtimedop", 193: "semop", 202: "accept", 203: "connect", 206: "sendto",
    207: "recvfrom", 211: "sendmsg", 212: "recvmsg", 215: "munmap", 221: "execve", 222: "mmap",
    233: "madvise", 242: "accept4", 243: "recvmmsg", 260: "wait4", 269: "sendmmsg", 291: "statx",
    426: "io_uring_enter", 441: "epoll_pwait2",
}
# fmt: on
_TABLES = {"x86_64": _X86_64, "aarch64": _GENERIC, "riscv64": _GENERIC}


def name(number: int) -> str:
    """The name of a system call of this machine, "" for -1 (none), its number if unknown."""
    if number < 0:
        return ""
    return _TABLES.get(os.uname().machine, {}).get(number) or f"system call {number}"
