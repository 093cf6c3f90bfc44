"""Rules, documentation, tests and changelog tell the same story."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from migrator import rule_pages, rules

ROOT = Path(__file__).parents[2]
CODES = sorted(rules.by_code())


@pytest.mark.parametrize("family", [family.name for family in rules.families()])
def test_the_page_says_what_the_rules_say(family: str) -> None:
    wanted = next(one for one in rules.families() if one.name == family)
    page = ROOT / "docs" / "rules" / f"{family}.md"
    assert page.read_text() == rule_pages.page(wanted), "python -m migrator.rule_pages docs/rules"


def test_the_list_is_complete() -> None:
    assert (ROOT / "docs" / "rules" / "list.md").read_text() == rule_pages.index()


@pytest.mark.parametrize("code", CODES)
def test_each_rule_is_tested_and_announced(code: str) -> None:
    family, rule = rules.by_code()[code]
    assert code.startswith(family.prefix)
    tests = ROOT / "tests" / "migrator" / "rules" / f"test_{family.name}.py"
    assert code in tests.read_text()
    assert family.prefix in (ROOT / "CHANGELOG.md").read_text()
    for advice in (rule.bridge, rule.asyncio):
        assert (advice.reason is None) == (advice.applicability == "safe")


def test_codes_and_names_are_unique() -> None:
    every = [rule for family in rules.families() for rule in family.rules]
    assert len({rule.code for rule in every}) == len({rule.name for rule in every}) == len(every)
    apis = [api for rule in every for api in rule.apis]
    assert len(apis) == len(set(apis))
    assert all(re.fullmatch(r"EVT\d\d\d", rule.code) for rule in every)


def test_names_select_what_they_name() -> None:
    assert rules.select(["debug"]) == rules.select(["EVT1"])
    assert rules.select(["hub-exceptions"]) == {"EVT102"}
    assert rules.select(["all"]) == set(CODES)
    with pytest.raises(LookupError, match="nope"):
        rules.select(["debug", "nope"])
