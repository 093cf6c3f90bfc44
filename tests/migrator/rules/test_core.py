from __future__ import annotations

from migrator import scan
from tests.migrator.rules.cases import check


def test_the_import_and_the_bare_name() -> None:
    check("""
        import eventlet  # EVT001 eventlet
        import eventlet as e  # EVT001 eventlet
        if e is not None:  # EVT001 eventlet
            print(e.version_info)  # EVT002 eventlet.version_info
        from mock import patch
        patch("project.module.eventlet")  # EVT001 eventlet
        import eventlet_like
        """)


def test_a_module_that_only_looks_alike_is_not_found() -> None:
    check("""
        from . import eventlet
        from project import eventlet as e
        import project.eventlet
        eventlet.spawn(f)
        e.spawn(f)
        project.eventlet.spawn(f)
        """)


def test_mentions_are_listed_on_request() -> None:
    data = b'"""Runs on Eventlet."""\nimport eventlet  # eventlet\n# eventlet.spawn(f)\n'
    plain = scan.scan_python(data, "a.py", "a").findings
    listed = scan.scan_python(data, "a.py", "a", mentions=True).findings
    assert [one.code for one in plain] == ["EVT001"]
    assert [(one.span.line, one.code) for one in listed] == [
        (1, "EVT099"),
        (2, "EVT001"),
        (3, "EVT099"),
    ]


def test_the_table_of_modules() -> None:
    check("""
        if "eventlet" in sys.modules:  # EVT001 eventlet
            del sys.modules["eventlet"]  # EVT001 eventlet
        sys.modules.pop("eventlet", None)  # EVT001 eventlet
        monkeypatch.setitem(sys.modules, "eventlet", None)  # EVT001 eventlet
        mock.patch.dict("sys.modules", {"eventlet": None})  # EVT001 eventlet
        mock.patch.dict(sys.modules, eventlet=None)  # EVT001 eventlet
        importlib.util.find_spec("eventlet")  # EVT001 eventlet
        if "eventlet" in names:
            names["eventlet"] = sys.modules.get(name)
        setattr(sys.modules[__name__], "eventlet", None)
        """)
