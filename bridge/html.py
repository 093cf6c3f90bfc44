"""``pstree --html``: one self-contained page with the tree, and the JSON document inside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bridge import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.graph import Graph

_PLACE = "{{snapshot}}"


def chunks(graphs: Sequence[Graph], version: str, show_secrets: bool = False) -> Iterator[str]:
    """The page, a piece at a time; it fetches nothing and works from a file."""
    before, after = Path(__file__).with_name("page.html").read_text("utf-8").split(_PLACE)
    yield before
    for chunk in schema.chunks(graphs, version, show_secrets):
        # Nothing in the data may end the script element that holds it.
        yield chunk.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    yield after
