"""The rules of `test_config`, in files that are not Python; dependencies are in `test_declared`."""

from __future__ import annotations

import pytest

from migrator import project, rules
from tests.migrator.rules.cases import check, findings


@pytest.mark.parametrize(
    ("name", "source"),
    [
        (
            "pyproject.toml",
            """
            [build-system]
            requires = ["setuptools", "eventlet"]  # EVT951 eventlet
            [project]
            name = "eventlet"
            keywords = ["eventlet"]
            dependencies = ['eventlet; x<"3"', "eventlet @ git+https://x"]  # EVT951 eventlet; EVT951 eventlet
            optional-dependencies.green = ["greenlet>=1"]  # EVT952 greenlet
            [project.optional-dependencies]
            eventlet = ["eventlet>=0.3"]  # EVT951 eventlet
            [dependency-groups]
            dev = ["eventlet", {include-group = "eventlet"}]  # EVT951 eventlet
            [tool.poetry.group.dev.dependencies]
            eventlet = { version = "0.33" }  # EVT951 eventlet
            celery = { version = "^5", extras = ["eventlet"] }  # EVT951 eventlet
            [tool.poetry.dependencies.eventlet]  # EVT951 eventlet
            version = "0.33"
            [tool.pdm.dev-dependencies]
            test = [
                "eventlet>=0.3",  # EVT951 eventlet
            ]
            [tool.uv]
            constraint-dependencies = ["eventlet<1"]  # EVT951 eventlet
            [tool.uv.sources]
            eventlet = { git = "https://example.org/eventlet" }  # EVT951 eventlet
            [tool.hatch.envs.default]
            extra-dependencies = [
              "eventlet",  # EVT951 eventlet
            ]
            features = ["eventlet"]
            [tool.hatch.envs.test.scripts]
            run = "gunicorn -k eventlet app"  # EVT901 command line
            [tool.pytest.ini_options]
            markers = ["eventlet: slow", "eventlet"]
            [[tool.mypy.overrides]]
            module = ["eventlet", "eventlet.*"]
            [tool.setuptools]
            packages = ["eventlet"]
            """,
        ),
        (
            "Dockerfile",
            """
            RUN pip install \\
                # what it runs on
                flask \\
                "eventlet==0.36"  # EVT951 eventlet
            RUN pip install .[eventlet]  # EVT951 eventlet
            RUN apt-get install -y python3-eventlet  # EVT951 eventlet
            RUN apk add py3-eventlet  # EVT951 eventlet
            CMD gunicorn --worker-class \\
                eventlet app  # EVT901 command line
            RUN tox -e py3-eventlet && tail -k eventlet.log
            """,
        ),
        (
            "app.service",
            """
            [Unit]
            Description=eventlet worker
            [Service]
            Environment="EVENTLET_HUB=poll" A=b  # EVT902 EVENTLET_HUB
            ExecStart=celery worker -Peventlet  # EVT901 command line
            ExecStart=gunicorn -k gunicorn.workers.geventlet.EventletWorker  # EVT901 command line
            ; ExecStart=gunicorn -k eventlet
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
        ("app.conf", "[DEFAULT]\nworker_class = eventlet  # EVT901 worker_class=eventlet\n"),
        (
            "app.conf",
            """
            eventlet_debug = true  # EVT903 eventlet_debug
            OSLO_SERVICE_BACKEND=eventlet  # EVT901 oslo_service_backend=eventlet
            frontend = eventlet
            """,
        ),
        ("setup.cfg", "[entry_points]\nx =\n    eventlet_server = pkg.mod:main\n"),
        (".coveragerc", "[run]\nconcurrency = eventlet  # EVT901 concurrency=eventlet\n"),
        (
            "pyproject.toml",
            """
            [tool.coverage.run]
            concurrency = ["thread", "eventlet"]  # EVT901 concurrency=eventlet
            """,
        ),
        (
            "package.json",
            '{"x": "gunicorn -k eventlet app",  # EVT901 command line\n"y": ["eventlet"]}',
        ),
        (
            "playbook.yml",
            """
            - yum:
                name:
                  - gcc
                  - eventlet  # EVT951 eventlet
            - pip:
                name: [flask, "eventlet>=0.36"]  # EVT951 eventlet
            - pip: name=eventlet  # EVT951 eventlet
            topics:
              - eventlet
            env:
              - name: WORKER_CLASS
                value: eventlet  # EVT901 variable=eventlet
              - name: OTHER
                value: eventlet
            matrix:
              pool: [prefork, eventlet]  # EVT901 pool=eventlet
            """,
        ),
        (
            "note.yaml",
            """
            features:
              - ``EVENTLET_HUB`` is read, and the environment (EVENTLET_HUB=poll) wins.
            run: echo $(EVENTLET_HUB) ${EVENTLET_HUB}  # EVT902 EVENTLET_HUB; EVT902 EVENTLET_HUB
            """,
        ),
    ],
)
def test_files_that_are_not_python(name: str, source: str) -> None:
    check(source, name)


def test_variables_are_told_from_words_of_a_sentence() -> None:
    check(
        """
        - name: set EVENTLET_HUB for the tests
          note: The variable EVENTLET_HUB is read at import.
          run: |
            Please export EVENTLET_HUB before you start
            export EVENTLET_HUB  # EVT902 EVENTLET_HUB
            docker run -e EVENTLET_HUB image  # EVT902 EVENTLET_HUB
            EVENTLET_HUB=poll pytest  # EVT902 EVENTLET_HUB
        - env: {X_EVENTLET: 1, hub: "EVENTLET_HUB"}  # EVT902 X_EVENTLET; EVT902 EVENTLET_HUB
          next: ${EVENTLET_HUB:-poll}  # EVT902 EVENTLET_HUB
          - EVENTLET_HUB  # EVT902 EVENTLET_HUB
          - name: EVENTLET_HUB  # EVT902 EVENTLET_HUB
        """,
        "deploy.yaml",
    )
    check(
        """
        [testenv]
        setenv = APP_TEST_EVENTLET = 1  # EVT902 APP_TEST_EVENTLET
        passenv = HOME EVENTLET_HUB USE_EVENTLET  # EVT902 EVENTLET_HUB; EVT902 USE_EVENTLET
        backend = the BACKEND_EVENTLET one
        """,
        "tox.ini",
    )
    check(
        """
        ENV EVENTLET_HUB poll  # EVT902 EVENTLET_HUB
        ARG USE_EVENTLET  # EVT902 USE_EVENTLET
        """,
        "Dockerfile",
    )


def test_code_and_entry_points_in_other_files() -> None:
    check(
        """
        [entry_points]
        executors =
            eventlet = futurist:GreenThreadPoolExecutor  # EVT904 futurist.GreenThreadPoolExecutor
            tracer = eventlet.debug:spew  # EVT108 eventlet.debug.spew
            server = project.eventlet:main
        [testenv]
        commands = python3 -c "import eventlet; eventlet.spawn(f)"  # EVT001 eventlet; EVT401 eventlet.spawn
            python -c "import eventlet as"
        """,
        "setup.cfg",
    )
    check('x = "eventlet.debug:spew"  # EVT108 eventlet.debug.spew\n', "pyproject.toml")


def test_choices_by_other_names_and_by_default() -> None:
    check(
        """
        gunicorn -k egg:gunicorn#eventlet app  # EVT901 command line
        celery worker -P ${POOL:-eventlet}  # EVT901 command line
        export ASYNC_MODE=${MODE:-eventlet}  # EVT901 async_mode=eventlet
        pipenv install eventlet  # EVT951 eventlet
        pytest -k eventlet && python -m unittest -k eventlet
        pyinstaller --collect-all eventlet --name eventlet a.py  # EVT001 eventlet
        pyinstaller --hidden-import eventlet.hubs.epolls a.py  # EVT702 eventlet.hubs.epolls
        """,
        "run.sh",
    )
    check("ENV CELERY_POOL eventlet  # EVT901 celery_pool=eventlet\n", "Dockerfile")


def test_settings_with_several_values() -> None:
    check(
        """
        [run]
        concurrency =
            multiprocessing
            eventlet  # EVT901 concurrency=eventlet
        omit =
            eventlet
        [other]
        concurrency = gevent, eventlet  # EVT901 concurrency=eventlet
        packages =
            eventlet
        """,
        ".coveragerc",
    )
    check(
        """
        [tool.coverage.run]
        concurrency = [
            "thread",
            "eventlet",  # EVT901 concurrency=eventlet
        ]
        omit = [
            "eventlet",
        ]
        """,
        "pyproject.toml",
    )
    check("coverage run --concurrency=thread,eventlet x  # EVT901 command line\n", "run.sh")
    check("Coverage(concurrency='thread,eventlet')  # EVT901 concurrency=eventlet\n")


def test_yaml_that_describes_something_to_people() -> None:
    check(
        """
        - job:
            description: |
              Runs with EVENTLET_HUB=poll and

              celery -P eventlet.
            vars:
              EVENTLET_HUB: poll  # EVT902 EVENTLET_HUB
        - description: >-
            pip install eventlet
          run: |
            pip install eventlet  # EVT951 eventlet
        - description: EVENTLET_HUB=poll  # EVT902 EVENTLET_HUB
        """,
        "zuul.yaml",
    )


def test_lines_are_those_of_an_editor() -> None:
    text = "# a\x0cb\x85c\u2028d\nEVENTLET_HUB=poll\r\n\x0c\nEVENTLET_HUB=poll\n"
    assert [one.span.line for one in findings(text, "a.env")] == [2, 4]
    report = project.scan_bytes(
        f"{text[:-1]}  # migrate: ignore\n".encode(),
        "a.env",
        project.Options(rules.select(["all"])),
    )
    assert ([one.span.line for one in report.findings], report.unused) == ([2], ())
