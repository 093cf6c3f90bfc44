"""Durations on the command line: ``30s``, ``500ms``, ``5m``, ``1.5h``, or plain seconds."""

from __future__ import annotations

import re
from typing import Any

import click

_UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Duration(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A positive number of seconds."""

    name = "duration"

    def __init__(self, least: float = 0.0) -> None:
        self._least = least  # seconds

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds of ``value``; a usage error for anything else."""
        if isinstance(value, int | float):
            return float(value)
        match = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|m|h|d|)", str(value).strip())
        seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
        if not 0 < seconds < 1e9:
            self.fail(f"{value!r} is no duration: give 30s, 500ms, 5m or 1h", param, ctx)
        if seconds < self._least:
            self.fail(f"{value} is too short: {self._least * 1000:g}ms at least", param, ctx)
        return seconds
