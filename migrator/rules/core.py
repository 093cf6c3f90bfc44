"""Eventlet itself: the bare import, and whatever no other family owns."""

from __future__ import annotations

from migrator.rules import Family, by_hand

FAMILY = Family(
    name="core",
    prefix="EVT0",
    title="Eventlet itself",
    intro="The package's import, and names of it that no other rule owns.",
    rules=(
        by_hand(
            "EVT001",
            "eventlet-import",
            "`eventlet` is imported, or named as a whole",
            "eventlet",
            "As long as it is imported, the process depends on Eventlet.",
            "goes with the last use of Eventlet in the file",
            asyncio="",
            because="goes with the last use of Eventlet in the file",
        ),
        by_hand(
            "EVT002",
            "eventlet-other",
            "an Eventlet name that no other rule owns is used",
            "eventlet.*",
            "Eventlet is being retired; each of its names needs a place to go.",
            "has no direct counterpart in asyncio",
            asyncio=None,
            because="decide what takes its place",
        ),
        by_hand(
            "EVT099",
            "mention",
            "a comment, docstring or text speaks of Eventlet (only with `--mentions`)",
            "mention:*",
            "Comments outlive the code they explain.",
            "look whether the text is still true",
            asyncio=None,
            because="text is never rewritten",
            keep="text is never rewritten",
        ),
    ),
)
