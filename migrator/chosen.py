"""How Eventlet is chosen: by settings, on command lines, as a requirement.

Python code says it as configuration files do; both look for it with these.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from migrator import strings

if TYPE_CHECKING:
    from collections.abc import Iterator

# gunicorn -k, celery -P, --worker-class, --pool; quotes, commas and line breaks of YAML
# and JSON lists may stand between a flag and its value.
# Behind them Eventlet by its short name, or by the class that the short name means.
# A shell may have it as what a variable is by default.
CHOICE = (
    r"eventlet|egg:gunicorn#eventlet|gunicorn\.workers\.geventlet\.\w+|"
    r"celery\.concurrency\.eventlet:\w+"
)
CHOSEN = rf"(?:\$\{{\w+:?[-=])?({CHOICE})\b(?![\w.-])"
_COMMAND_LINE = re.compile(
    r"(?:^|[\s\"'=\[,])(?:-[kP]|--worker-class|--pool|--async-mode|--concurrency(?:=\w+,)*)"
    r"[\s\"',=]*(?:-\s*[\"']?)?" + CHOSEN
)
TESTS = re.compile(r"\b(?:py\.?test|stestr|unittest|nosetests)\b")  # whose -k chooses tests
# Settings whose value "eventlet" chooses Eventlet: gunicorn, Socket.IO, celery, coverage,
# oslo.messaging, os-ken, bottle and other servers; with a prefix of the project's own.
KEY = (
    r"(?:[\w.-]*[_.-])?(?:async[_-]?(?:method|mode|type)|"
    r"(?:backend|executor|hub|server)(?:[_-]type)?|event[_-]?loop(?:[_-]manager)?|"
    r"concurrency(?:[_-](?:backend|library))?|pool(?:[_-]cls)?|worker[_-]?class)"
)
SETTING = re.compile(KEY, re.IGNORECASE)
# One requirement: "eventlet", "eventlet[x]>=0.33; marker". Group 1 is the distribution.
REQUIREMENT = re.compile(
    r"(eventlet|greenlet)\s*(?:\[[\w,\s-]*\]\s*)?(?:[<>=!~;@(].*)?$", re.IGNORECASE
)
EXTRA = re.compile(r"[\w.]\s?\[(?:[\w-]+,\s*)*(eventlet)(?:,\s*[\w-]+)*\]")
# What PyInstaller and Nuitka are told to bundle.
_BUNDLED = re.compile(
    r"--(?:hidden-?import|collect-(?:all|submodules|data)|copy-metadata|include-(?:module|package))"
    r"[\s=\"',]+([\w.]+)"
)


def command_lines(text: str) -> Iterator[re.Match[str]]:
    """Where a command line chooses Eventlet."""
    for match in _COMMAND_LINE.finditer(text):
        if "-k" not in match[0] or not TESTS.search(text, 0, match.start()):
            yield match


def bundled(text: str) -> Iterator[tuple[str, int, int]]:
    """The modules of Eventlet that a command line bundles with a program."""
    for match in _BUNDLED.finditer(text):
        if match[1] == "eventlet" or strings.eventlet_part(match[1]) == match[1]:
            yield match[1], *match.span(1)
