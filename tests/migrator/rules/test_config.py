from __future__ import annotations

import pytest

from tests.migrator.rules.cases import check


def test_settings_in_python() -> None:
    check("""
        worker_class = "eventlet"  # EVT901 worker_class=eventlet
        socketio = SocketIO(app, async_mode="eventlet")  # EVT901 async_mode=eventlet
        CELERY = {"worker_pool": "eventlet"}  # EVT901 worker_pool=eventlet
        get_rpc_server(t, executor="eventlet")  # EVT901 executor=eventlet
        run(["gunicorn", "-k", "eventlet", "app"])  # EVT901 -k eventlet
        run("celery worker -P eventlet")  # EVT901 command line
        os.environ["EVENTLET_HUB"] = "asyncio"  # EVT902 EVENTLET_HUB
        os.getenv("EVENTLET_NO_GREENDNS")  # EVT902 EVENTLET_NO_GREENDNS
        cfg.BoolOpt("eventlet_debug")  # EVT903 eventlet_debug
        if CONF.eventlet_debug:  # EVT903 eventlet_debug
            pass
        setup(install_requires=["eventlet>=0.33"])  # EVT951 eventlet
        def f(async_mode="eventlet"):  # EVT901 async_mode=eventlet
            return async_mode == "eventlet"  # EVT901 async_mode=eventlet
        eventlet_debug = name = "eventlet"
        log = logging.getLogger("eventlet")
        "celery -P eventlet"
        """)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        (
            "requirements.txt",
            """
            # eventlet is old
            eventlet>=0.33 ; python_version > '3'  # EVT951 eventlet
            greenlet  # EVT952 greenlet
            eventlet-helper==1
            gunicorn[eventlet]==20  # EVT951 eventlet
            """,
        ),
        (
            "pyproject.toml",
            """
            [project]
            dependencies = [
                "eventlet>=0.33",  # EVT951 eventlet
                "celery[redis,eventlet]",  # EVT951 eventlet
            ]
            [tool.poetry.dependencies]
            eventlet = "^0.33"  # EVT951 eventlet
            [tool.ruff.lint.flake8-tidy-imports.banned-api]
            "eventlet".msg = "no"
            """,
        ),
        (
            "setup.cfg",
            """
            [metadata]
            description = not about eventlet
            [options]
            install_requires =
                eventlet>=0.33  # EVT951 eventlet
            """,
        ),
        (
            "poetry.lock",
            """
            [[package]]
            name = "eventlet"  # EVT951 eventlet
            """,
        ),
        (
            "docker-compose.yml",
            """
            services:
              web:
                command: gunicorn --worker-class eventlet app  # EVT901 command line
                environment:
                  EVENTLET_NO_GREENDNS: "yes"  # EVT902 EVENTLET_NO_GREENDNS
                args:
                  - -k
                  - eventlet  # EVT901 command line
            """,
        ),
        (
            "worker.service",
            """
            [Service]
            Environment=EVENTLET_HUB=epolls  # EVT902 EVENTLET_HUB
            ExecStart=celery worker -P eventlet  # EVT901 command line
            """,
        ),
        ("Dockerfile", "RUN pip install eventlet==0.36  # EVT951 eventlet\n"),
        ("app.conf", "[DEFAULT]\nworker_class = eventlet  # EVT901 worker_class=eventlet\n"),
    ],
)
def test_files_that_are_not_python(name: str, source: str) -> None:
    check(source, name)
