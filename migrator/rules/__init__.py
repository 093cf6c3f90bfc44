"""The rules: what is found, what is said about it, and what becomes of it.

One module a family. A family module defines ``FAMILY``; it is discovered by being here.
A rule is data: a stable code, the API names it owns, the texts that `migrate explain`,
the documentation and the messages share, and an ``Advice`` per stage. Where the advice
hangs on how the API is used (its arguments, whether a loop runs there), the rule carries
a ``judge`` that looks at the ``Use``. Matching is by name: ``find(api)`` returns the rule
that owns the longest prefix of the resolved name; a name that ends in ``.*`` owns all
below it. What is not an API of Python has a name with a colon ("dependency:eventlet"),
which findings show without the part before it.

Rewriting is not here. ``migrator.rewrite`` takes findings by ``code`` and ``api`` and
imports libcst itself; a family that can be rewritten names the module that does it in
``Family.fixes`` (for instance ``"migrator.fixes.debug"``), which only `apply` imports.

Codes are promises: ``EVT`` + one digit for the family + two for the rule. Never reused.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from migrator import plugins
from migrator.findings import Advice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from migrator.findings import Kind, Stage
    from migrator.names import Use

# Where the documentation of a rule is found; `{family}` and `{anchor}` are filled in.
HOME = "https://github.com/eventlet/eventlet-migrate"
DOCS = f"{HOME}/blob/main/docs/rules/{{family}}.md#{{anchor}}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is found.

    ``instead`` ends the message ("X: <instead>"); ``judge`` refines the advice of a stage
    for one use, or returns None to leave it. ``safety`` says what `apply` proves, and what
    makes it leave a use.
    """

    code: str
    name: str
    summary: str
    apis: tuple[str, ...]
    why: str
    instead: str
    bridge: Advice
    asyncio: Advice
    example: tuple[str, str] | None = None
    judge: Callable[[Use, Stage], Advice | None] | None = None
    safety: str = ""

    def advice(self, use: Use, stage: Stage) -> Advice:
        """What becomes of ``use`` at ``stage``."""
        judged = self.judge(use, stage) if self.judge else None
        return judged or (self.bridge if stage == "bridge" else self.asyncio)

    def message(self, api: str, kind: Kind) -> str:
        """One line: the API as it resolved, and what replaces it."""
        verb = f"import of {api}" if kind == "import" else api
        return f"{verb}: {self.instead}"


@dataclass(frozen=True, slots=True)
class Family:
    """Rules of one class of use; ``prefix`` is what their codes start with ("EVT1")."""

    name: str
    prefix: str
    title: str
    intro: str
    rules: tuple[Rule, ...]
    fixes: str | None = None


KEEP = "keep it while both worlds run: Eventlet's asyncio hub carries it"


def by_hand(
    code: str,
    name: str,
    summary: str,
    apis: str,
    why: str,
    instead: str,
    *,
    asyncio: str | None,
    because: str,
    keep: str = KEEP,
    example: tuple[str, str] | None = None,
) -> Rule:
    """A rule whose rewriting takes a person; ``apis`` are separated by spaces.

    ``asyncio`` is the text that takes its place in the end, ``because`` why no tool should
    put it there, ``keep`` why it stays at the first stage.
    """
    return Rule(
        code,
        name,
        summary,
        tuple(apis.split()),
        why,
        instead,
        Advice("manual", None, keep),
        Advice("manual", asyncio, because),
        example,
    )


@cache
def families() -> tuple[Family, ...]:
    """All families, by prefix; those that other distributions add come last, and win."""
    found = []
    for module in iter_modules(__path__, f"{__name__}."):
        family = import_module(module.name).FAMILY
        assert isinstance(family, Family), module.name
        found.append(family)
    return (*sorted(found, key=lambda family: family.prefix), *plugins.families())


@cache
def by_code() -> dict[str, tuple[Family, Rule]]:
    """Code -> its family and rule."""
    return {rule.code: (family, rule) for family in families() for rule in family.rules}


@cache
def _owners() -> dict[str, Rule]:
    return {api: rule for family in families() for rule in family.rules for api in rule.apis}


@cache
def find(api: str) -> Rule | None:
    """The rule that owns the API name, most specific first."""
    owners = _owners()
    if api in owners:
        return owners[api]
    if ":" in api:
        return owners.get(f"{api.partition(':')[0]}:*")
    # oslo's backdoor module lives in many packages; only its own part of the name counts.
    *_, package, attribute = ("", *api.rpartition("eventlet_backdoor")[1:])
    if package and package + attribute in owners:
        return owners[package + attribute]
    if package:
        return owners[f"{package}.*"]
    prefix = api
    while prefix:
        prefix = prefix.rpartition(".")[0]
        # What is asked of a pool is about pools, unless a rule knows better.
        owner = owners.get(f"{prefix}.*")
        if owner is None and prefix.endswith("()"):
            owner = owners.get(prefix[:-2])
        if owner:
            return owner
    return None


def url(code: str) -> str:
    """The documentation of a rule."""
    family, rule = by_code()[code]
    return DOCS.format(family=family.name, anchor=rule.code.lower())


def select(names: Iterable[str]) -> frozenset[str]:
    """The codes meant by codes, prefixes of codes ("EVT1"), rule names and family names.

    Raises LookupError with the name that means nothing.
    """
    chosen: set[str] = set()
    for name in names:
        codes = {
            rule.code
            for family in families()
            for rule in family.rules
            if name in (family.name, rule.name, "all", "ALL")
            or (len(name) > 3 and name[-1].isdigit() and rule.code.startswith(name.upper()))
            or name.upper() == "EVT"
        }
        if name in ("all", "ALL"):
            codes = set(by_code())
        if not codes:
            raise LookupError(name)
        chosen |= codes
    return frozenset(chosen)
