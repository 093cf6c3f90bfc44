"""Fixtures for every test: interpreters of the supported versions, programs to inspect."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.interpreters import SCARCE, NoInterpreter, environment
from tests.programs import running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.programs import Program


class TargetPython(Protocol):
    """Gives the python of an environment."""

    def __call__(self, version: str, *requirements: str) -> Path:
        """``version`` such as "3.14", with ``requirements`` installed."""


class StartTarget(Protocol):
    """Starts a program and waits for its ready line; it ends with the test."""

    def __call__(
        self,
        python: Path,
        script: str | Path,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        ready: str = "ready",
        seconds: float = 30,
    ) -> Program:
        """``script`` is a path below the checkout's root: tests/targets/.., samples/..."""


def _target_python(version: str, *requirements: str) -> Path:
    try:
        return environment(version, requirements)
    except NoInterpreter as error:
        # A build machine must not go green because it could not run what every one can.
        if os.environ.get("CI") == "true" and version not in SCARCE:
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def target_python() -> TargetPython:
    """``target_python("3.14", "greenlet", "eventlet")``: a python that has them.

    Where there is no way to get it the test skips, and fails under ``CI=true`` unless it is scarce.
    """
    return _target_python


@pytest.fixture
def start_target() -> Iterator[StartTarget]:
    """``start_target(python, "samples/x.py", "--port", "0")``: a running Program."""
    with contextlib.ExitStack() as stack:

        def start(
            python: Path,
            script: str | Path,
            *arguments: str,
            env: Mapping[str, str] | None = None,
            ready: str = "ready",
            seconds: float = 30,
        ) -> Program:
            return stack.enter_context(
                running(python, script, *arguments, env=env, ready=ready, seconds=seconds)
            )

        yield start
