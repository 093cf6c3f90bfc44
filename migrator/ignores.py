"""Which paths a walk leaves out: .gitignore files, default folders, ``--exclude``.

pathspec reads all but the plainest patterns (it knows git's rules); those of one file are
joined into one expression, since a walk asks about every path.
"""

from __future__ import annotations

import os
import re
import warnings
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Never holds a project's own source. As ruff's defaults, without build and dist, which
# some projects use as package names; git ignores them where they are output.
_NEVER = (
    ".bzr .direnv .eggs .git .git-rewrite .hg .ipynb_checkpoints .migrate_cache .mypy_cache "
    ".nox .pants.d .pyenv .pytest_cache .pytype .ruff_cache .svn .tox .venv .vscode "
    "__pycache__ __pypackages__ buck-out node_modules site-packages venv"
)
NEVER = frozenset(_NEVER.split())
# What tells a virtual environment (PEP 405; conda), whatever its folder is called.
ENVIRONMENT = frozenset({"pyvenv.cfg", "conda-meta"})

_EXCLUDES = re.compile(r"^\s*excludesfile\s*=(.*)$", re.IGNORECASE | re.MULTILINE)
_ANYWHERE = "^(?:.+/)?"  # how pathspec begins a pattern without a slash
_PLAIN = re.compile(r"(\*?)(\.?\w[\w.@+-]*)(/?)")  # a name, or how one ends
_ENDS = ("(?:(?:/)|$)", "(?:/)", "")  # how it ends one, and one of folders
_MOST = 2**20  # characters of a file that says how git is set up


class Ignores:
    """The patterns of one ignore file (or of the command line), relative to ``base``."""

    __slots__ = ("_base", "_rules")

    def __init__(self, base: str, lines: Iterable[str]) -> None:
        self._base = os.path.join(base, "")
        self._rules: list[tuple[re.Pattern[str], bool]] = []
        patterns = [pattern for line in lines if line and (pattern := _translated(line))]
        for include, group in groupby(patterns, key=itemgetter(1)):
            texts = [text for text, _ in group]
            rule = _compiled(texts) or _compiled([one for one in texts if _compiled([one])])
            if rule:
                self._rules.append((rule, include))

    def match(self, path: str, *, folder: bool) -> bool | None:
        """True: leave it out; False: a later rule keeps it; None: says nothing."""
        # What lies elsewhere can be left out by name, not by its place.
        relative = path[len(self._base) :] if path.startswith(self._base) else f"..{path}"
        relative = relative.replace(os.sep, "/")
        if folder:
            relative += "/"
        for rule, include in reversed(self._rules):
            if rule.match(relative):
                return include
        return None


def _compiled(texts: Sequence[str]) -> re.Pattern[str] | None:
    """One expression for all; None for none, and where one makes no sense ("[z-a]")."""
    if not texts:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # "[[" is plain to git
            return re.compile(_joined(texts))
    except re.error:
        return None


def _joined(texts: Iterable[str]) -> str:
    """One expression for all. What many of them start or end with is in it once."""
    parts: dict[tuple[str, str], list[str]] = {}
    for text in texts:
        start = _ANYWHERE if text.startswith(_ANYWHERE) else ""
        end = next(end for end in _ENDS if text.endswith(end))
        parts.setdefault((start, end), []).append(text[len(start) : len(text) - len(end)])
    return "|".join(f"{start}(?:{'|'.join(some)}){end}" for (start, end), some in parts.items())


@cache
def _translated(line: str) -> tuple[str, bool] | None:
    """A line as an expression, and whether it leaves out; None for a comment.

    Asked of the class, as each pattern object compiles its own, which takes as long again. The
    plainest are written here: pathspec takes a third of the time that a small project takes.
    """
    plain = _PLAIN.fullmatch(line)
    if plain:
        star, name, slash = plain.groups()
        end = _ENDS[1] if slash else _ENDS[0]
        return f"{_ANYWHERE}{'[^/]*' if star else ''}{re.escape(name)}{end}", True
    from pathspec import GitIgnoreSpec

    kind = type(GitIgnoreSpec.from_lines(["a"]).patterns[0])
    try:
        text, include = kind.pattern_to_regex(line)
    except ValueError:  # of a lone "!", or a \ at the end: git passes over them
        return None
    if text is None or include is None:
        return None
    # No set of characters holds a slash. And each pattern names its groups alike, which one
    # expression must not.
    text = re.sub(r"\[\^(?!/\])", "(?!/)[^", text)
    return re.sub(r"\(\?P<\w+>", "(?:", text), include


def read(base: str, path: str | None = None) -> Ignores | None:
    """The ignore file of folder ``base``, or the one at ``path`` that speaks about it."""
    try:
        with open(
            path or os.path.join(base, ".gitignore"), encoding="utf-8", errors="replace"
        ) as file:
            return Ignores(base, file.read().splitlines())
    except OSError:
        return None


def above(folder: str) -> list[Ignores]:
    """The ignore files that speak about ``folder`` but do not lie in it.

    The user's own, the repository's, and those between its top and the folder. None where
    they leave out the folder itself: who names it means what is in it.
    """
    parents = []
    top = folder
    while not os.path.exists(os.path.join(top, ".git")):
        parent = os.path.dirname(top)
        if parent == top:
            return []  # no repository: what lies above is none of ours
        top = parent
        parents.append(top)
    store = _store(top)
    found = [read(top, _users(store)), read(top, os.path.join(store, "info", "exclude"))]
    found += [read(one) for one in reversed(parents)]
    chain = [one for one in found if one]
    return [] if top != folder and ignored(chain, folder, folder=True) else chain


def _store(top: str) -> str:
    """The folder that git keeps a repository in; of worktrees the one that they share."""
    place = os.path.join(top, ".git")
    text = _text(place)  # a file in submodules and worktrees
    if text.startswith("gitdir:"):
        place = os.path.join(top, text.partition(":")[2].strip())
        place = os.path.join(place, _text(os.path.join(place, "commondir")).strip())
    return place


def _users(store: str) -> str:
    """The user's own ignore file: core.excludesFile, as git looks for it.

    Settings are read as text, the last one counts; git itself takes longer than a scan.
    """
    home = os.path.expanduser("~")
    configured = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    own = os.environ.get("GIT_CONFIG_GLOBAL")
    places = [own] if own is not None else [f"{configured}/git/config", f"{home}/.gitconfig"]
    found = os.path.join(configured, "git", "ignore")
    for place in (*places, os.path.join(store, "config")):
        for line in _EXCLUDES.findall(_text(place)):
            found = os.path.expanduser(line.strip().strip('"'))
    return found


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_MOST)
    except OSError:
        return ""


def ignored(chain: Iterable[Ignores], path: str, *, folder: bool) -> bool:
    """Whether the last file that says anything about ``path`` leaves it out."""
    said = False
    for one in chain:
        answer = one.match(path, folder=folder)
        if answer is not None:
            said = answer
    return said
