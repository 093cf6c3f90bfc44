"""The ELF reader against pyelftools on real files, and against damage."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.elf import Elf, NotElf
from tests.interpreters import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import TargetPython

VTABLES = ("_ZTVN8greenlet12UserGreenletE", "_ZTVN8greenlet12MainGreenletE")
NAMES = ("_PyRuntime", "PyLong_FromLong", "main", "_start", "no_such_symbol", *VTABLES)
LIBRARY = """
import sysconfig, pathlib, greenlet._greenlet, _ctypes
print(greenlet._greenlet.__file__, _ctypes.__file__, sep="\\n")
for line in pathlib.Path("/proc/self/maps").read_text().splitlines():
    if "r-xp" in line and "/" in line: print(line.split(None, 5)[5])
"""


def reader(data: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, size: data[offset : offset + size]


def open_elf(path: Path) -> Elf:
    return Elf(reader(path.read_bytes()))


def elf_files(python: Path) -> list[Path]:
    """Every ELF file that a running interpreter with greenlet has mapped."""
    done = subprocess.run(
        [python, "-c", LIBRARY], check=True, capture_output=True, text=True, timeout=60
    )
    return [Path(line) for line in sorted(set(done.stdout.splitlines())) if "[" not in line]


def expected_symbols(elf: ELFFile) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for section in elf.iter_sections():
        if isinstance(section, SymbolTableSection):
            for name in NAMES:
                for symbol in section.get_symbol_by_name(name) or ():
                    if symbol["st_shndx"] != "SHN_UNDEF":
                        found.setdefault(name, set()).add(symbol["st_value"])
    return found


@pytest.mark.parametrize("version", TARGETS)
def test_agrees_with_pyelftools(version: str, target_python: TargetPython) -> None:
    files = elf_files(target_python(version, "greenlet", "eventlet"))
    assert len(files) >= 4
    seen: set[str] = set()
    for path in files:
        ours = open_elf(path)
        with path.open("rb") as file:
            oracle = ELFFile(file)
            for section in oracle.iter_sections():
                if section["sh_addr"] and section["sh_flags"] & 2:
                    found = ours.section(section.name)
                    assert found is not None
                    assert (found.address, found.size) == (section["sh_addr"], section["sh_size"])
            assert ours.section(".no_such_section") is None
            assert [s.address for s in ours.segments] == [
                s["p_vaddr"] for s in oracle.iter_segments("PT_LOAD")
            ]
            symbols = expected_symbols(oracle)
        found_symbols = ours.symbols(NAMES)
        assert found_symbols.keys() == symbols.keys()
        assert all(found_symbols[name] in symbols[name] for name in symbols)
        seen |= found_symbols.keys()
    # The files of a CPython process with greenlet hold what attaching needs.
    assert {"_PyRuntime", *VTABLES} <= seen


def test_reads_little(tmp_path: Path, target_python: TargetPython) -> None:
    (path,) = [
        path
        for path in elf_files(target_python("3.14", "greenlet", "eventlet"))
        if path.name == "python3.14"
    ]
    data = path.read_bytes()
    total = 0

    def read(offset: int, size: int) -> bytes:
        nonlocal total
        total += size
        return data[offset : offset + size]

    assert Elf(read).section(".PyRuntime")
    assert total < 16384
    assert Elf(read).symbols(["_PyRuntime"])
    assert total < len(data) / 20


def test_stripped_and_with_symbols(tmp_path: Path) -> None:
    source = tmp_path / "x.c"
    source.write_text("int here = 7; static int hidden = 8; int main(void){return here+hidden;}")
    plain, stripped = tmp_path / "plain", tmp_path / "stripped"
    for output, options in ((plain, []), (stripped, ["-s", "-rdynamic"])):
        subprocess.run(["cc", *options, "-o", output, source], check=True, timeout=60)
    assert open_elf(plain).symbols(["here", "hidden"]).keys() == {"here", "hidden"}
    assert open_elf(stripped).symbols(["here", "hidden"]).keys() == {"here"}
    # Without a table of sections the dynamic linker's own tables say it.
    bare = tmp_path / "bare"
    data = bytearray(stripped.read_bytes())
    data[40:48], data[60:64] = bytes(8), bytes(4)  # e_shoff, e_shnum, e_shstrndx
    bare.write_bytes(data)
    assert not open_elf(bare).sections
    assert open_elf(bare).symbols(["here"]) == open_elf(stripped).symbols(["here"])


def test_bias_of_each_kind_of_file(tmp_path: Path) -> None:
    """The symbol's address plus the bias is where a running program says that it is."""
    source = tmp_path / "x.c"
    source.write_text(
        "#include <stdio.h>\nint here = 7; int main(void){char c[65536]; size_t n;"
        'FILE *f = fopen("/proc/self/maps", "r"); printf("%p\\n", (void*)&here);'
        "while ((n = fread(c, 1, sizeof c, f))) fwrite(c, 1, n, stdout); return 0;}"
    )
    for options in (["-no-pie"], ["-pie", "-fPIE"], ["-static"], ["-Wl,-z,noseparate-code"]):
        program = tmp_path / "x"
        subprocess.run(["cc", *options, "-o", program, source], check=True, timeout=60)
        output = subprocess.run([program], check=True, capture_output=True, text=True).stdout
        address, *maps = output.splitlines()
        elf = open_elf(program)
        # A small file's pages may be mapped twice; the lowest mapping is the first segment.
        start = next(line.split("-")[0] for line in maps if line.endswith(str(program)))
        bias = elf.bias(int(start, 16), 0)
        assert bias is not None
        assert bias + elf.symbols(["here"])["here"] == int(address, 16), options


@pytest.mark.parametrize(
    "data",
    [b"", b"\x7fELF", b"#!/bin/sh\n" * 20, b"\x7fELF\x01\x01" + bytes(200), bytes(64)],
)
def test_refuses_what_is_not_elf64(data: bytes) -> None:
    with pytest.raises(NotElf):
        Elf(reader(data))


SMALL = Path(sys.executable).resolve()
HEAD = SMALL.read_bytes()[:65536]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 63), st.integers(0, 255)), min_size=1, max_size=8),
    st.integers(64, len(HEAD)),
)
def test_damage_ends_in_an_answer_or_not_elf(changes: list[tuple[int, int]], size: int) -> None:
    data = bytearray(HEAD[:size])
    for at, value in changes:
        data[at] = value
    try:
        elf = Elf(reader(bytes(data)))
        elf.section(".PyRuntime")
        elf.symbols(NAMES)
        elf.bias(4096, 0)
    except NotElf:
        pass


def test_absurd_offsets_do_not_reach_the_file(tmp_path: Path) -> None:
    data = bytearray(HEAD)
    data[40:48] = b"\xff" * 8  # section headers at the end of the address space
    path = tmp_path / "x"
    path.write_bytes(data)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with pytest.raises(NotElf):
            Elf(lambda offset, size: os.pread(descriptor, size, offset))
    finally:
        os.close(descriptor)
