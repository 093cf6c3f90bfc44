from __future__ import annotations

from tests.migrator.rules.cases import check


def test_greenlet_itself() -> None:
    check("""
        import greenlet  # EVT801 greenlet
        from greenlet import GreenletExit  # EVT802 greenlet.GreenletExit
        greenlet.getcurrent()  # EVT802 greenlet.getcurrent
        """)
