"""Golden pictures of the four samples, kept in tests/bridge/pictures/ for people to look at.

    PICTURES=update python -m pytest tests/bridge/test_pictures.py     after a change on purpose

What differs from run to run is named (ADDRESS, TID, PORT, ..) and siblings are sorted, since
the order of greenlets is that of their addresses.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.live import migrate, rows
from tests.programs import ROOT

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython

PICTURES = Path(__file__).parent / "pictures"
SAMPLES = {
    "asyncio_service": "samples/asyncio_service.py",
    "deadlock": "samples/deadlock.py",
    "eventlet_service": "samples/eventlet_service",
    "hybrid_service": "samples/hybrid_service.py",
}
# Most telling first: each takes what it knows out of the text.
NAMED = [
    (re.escape(str(ROOT)), "ROOT"),
    (r"0x[0-9a-f]+", "ADDRESS"),
    (r"'127\.0\.0\.1', \d+", "'127.0.0.1', PORT"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"\bfd \d+", "fd N"),
    (r"tid \d+", "tid TID"),
    (r"(  >?)\d+\.\ds$", r"\1SECONDSs"),
    (r"(\d+m )?\d+(\.\d)?s? ?s? left", "TIME left"),
    (r"in epoll_p?wait2?\b", "in epoll_wait"),
    (r"next timer in [\dm .s]+", "next timer in TIME"),
    (r"(timeout=|select\(|wait\(|poll\()-?\d+\.\d+", r"\1SECONDS"),
    (r"(?<=\.py):\d+", ":LINE"),
    (r"main\(\d+\)", "main(PORT)"),
    (r"\(shown (above|below)\)", "(shown elsewhere)"),
    (r"starts in [\dms. ]*[ms](?=[\] ])", "starts in TIME"),
    (r"[^,(]*…", "…"),  # where a call is cut depends on the lengths of addresses
]


def named(text: str) -> str:
    for pattern, name in NAMED:
        text = re.sub(pattern, name, text, flags=re.MULTILINE)
    return text


def sorted_tree(text: str) -> str:
    """The tree as an indented list, siblings in the order of their text."""
    root: list[tuple[str, list]] = []  # type: ignore[type-arg]
    levels = [root]
    after = []
    for line in text.splitlines():
        match = re.fullmatch(r"((?:│   |    )*)(?:├── |└── )(.*)", line)
        if match is None:
            after.append(line)
            continue
        depth = len(match[1]) // 4
        children: list[tuple[str, list]] = []  # type: ignore[type-arg]
        levels[depth].append((match[2], children))
        levels[depth + 1 :] = [children]
    pending = [(0, branch) for branch in sorted(root, reverse=True)]
    lines = []
    while pending:
        depth, (line, children) = pending.pop()
        lines.append("  " * depth + line)
        pending += ((depth + 1, child) for child in sorted(children, reverse=True))
    return "\n".join([*lines, *after]) + "\n"


def sorted_table(text: str) -> str:
    columns = ("kind", "task_name", "awaiter_name", "waits_on", "coroutine_chain")
    return "".join(
        sorted(" | ".join(row[column] for column in columns) + "\n" for row in rows(text))
    )


@pytest.mark.parametrize("sample", SAMPLES)
def test_looks_as_it_did(
    sample: str, start_target: StartTarget, target_python: TargetPython
) -> None:
    needs = () if sample == "asyncio_service" else ("greenlet", "eventlet")
    target = start_target(target_python("3.14", *needs), SAMPLES[sample])
    found = {
        "pstree": sorted_tree(named(migrate("pstree", target.pid).stdout)),
        "ps": named(sorted_table(migrate("ps", target.pid).stdout)),
    }
    for view, text in found.items():
        picture = PICTURES / f"{sample}.{view}.txt"
        if os.environ.get("PICTURES") == "update":
            picture.parent.mkdir(exist_ok=True)
            picture.write_text(text)
        assert text == picture.read_text()
