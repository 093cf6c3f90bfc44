"""Fixtures for the tests of the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.consoles import TARGET
from tests.programs import ROOT

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython
    from tests.programs import Program


@pytest.fixture
def start(target_python: TargetPython, start_target: StartTarget) -> Any:
    """Starts `TARGET`: a version, then the world that it is to be, by its name."""

    def start(version: str, *arguments: str, **environment: str) -> Program:
        python = target_python(version, "greenlet", "eventlet")
        environment = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **environment}
        return start_target(python, TARGET, *arguments, env=environment)

    return start
