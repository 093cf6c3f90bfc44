"""Eventlet itself: the bare import, and whatever no other family owns."""

from __future__ import annotations

from migrator.findings import Advice
from migrator.rules import Family, Rule

_KEPT = Advice("manual", None, "goes with the last use of Eventlet in the file")

FAMILY = Family(
    name="core",
    prefix="EVT0",
    title="Eventlet itself",
    intro="The package's import, and names of it that no other rule owns.",
    rules=(
        Rule(
            "EVT001",
            "eventlet-import",
            "`eventlet` is imported",
            ("eventlet",),
            "As long as it is imported, the process depends on Eventlet.",
            "goes with the last use of Eventlet in the file",
            _KEPT,
            _KEPT,
        ),
        Rule(
            "EVT002",
            "eventlet-other",
            "an Eventlet name that no other rule owns is used",
            ("eventlet.*",),
            "Eventlet is being retired; each of its names needs a place to go.",
            "has no direct counterpart in asyncio",
            Advice("manual", None, "keep it while both worlds run"),
            Advice("manual", None, "decide what takes its place"),
        ),
    ),
)
