"""The rules of `test_config`, in files that are not Python."""

from __future__ import annotations

import pytest

from migrator import project, rules, sources
from tests.migrator.rules.cases import check, findings


@pytest.mark.parametrize(
    ("name", "source"),
    [
        (
            "requirements.txt",
            """
            git+https://example.org/eventlet.git@main#egg=eventlet  # EVT951 eventlet
            -e git+https://example.org/eventlet  # EVT951 eventlet
            https://example.org/eventlet-0.36.tar.gz  # EVT951 eventlet
            Eventlet==0.36 \\  # EVT951 eventlet
                --hash=sha256:aa
            eventlet @ https://example.org/e.whl  # EVT951 eventlet
            celery [eventlet]  # EVT951 eventlet
            eventlet[dns]; python_version < "3.12"  # EVT951 eventlet
            flask-eventlet
            dnspython
                # via eventlet
            """,
        ),
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
            "Pipfile",
            """
            [packages]
            eventlet = "*"  # EVT951 eventlet
            "greenlet" = ">=1"  # EVT952 greenlet
            [scripts]
            eventlet = "python -m x"
            """,
        ),
        (
            "setup.cfg",
            """
            [metadata]
            keywords =
                eventlet
            [options]
            install_requires = eventlet; python_version < "3.12"  # EVT951 eventlet
            packages =
                eventlet
            [options.extras_require]
            eventlet =
                greenlet>=1  # EVT952 greenlet
            """,
        ),
        (
            "tox.ini",
            """
            [tox]
            envlist = py3-eventlet
            [testenv]
            deps =
                eventlet>=0.36  # EVT951 eventlet
                py3-eventlet: eventlet  # EVT951 eventlet
                -r requirements.txt
            commands =
                eventlet
                pip install eventlet  # EVT951 eventlet
            """,
        ),
        (  # what others could be installed with is no dependency
            "poetry.lock",
            """
            [[package]]
            name = "eventlet"  # EVT951 eventlet
            [package.dependencies]
            greenlet = ">=0.3"
            [[package]]
            name = "gunicorn"
            [package.extras]
            eventlet = ["eventlet (>=0.24.1)"]
            """,
        ),
        ("Pipfile.lock", '{\n"eventlet": {  # EVT951 eventlet\n"version": "==0.33"}}\n'),
        (
            "environment.yml",
            """
            dependencies:
              - conda-forge::eventlet=0.36  # EVT951 eventlet
              - pip:
                - greenlet>=1  # EVT952 greenlet
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
        ("pip-requires", "eventlet==0.31  # EVT951 eventlet\n"),
        ("requirements.txt.j2", "{% if x %}\neventlet  # EVT951 eventlet\n{% endif %}\n"),
        (
            "requirements-dev.lock",
            """
            eventlet==0.33.3  # EVT951 eventlet
                # via flask
            greenlet==1.1  # EVT952 greenlet
            """,
        ),
        (
            "pylock.toml",
            """
            [[packages]]
            name = "eventlet"  # EVT951 eventlet
            dependencies = [{name = "eventlet"}]
            """,
        ),
        (
            "install.sh",
            """
            pip install greenlet eventlet  # EVT952 greenlet; EVT951 eventlet
            pip uninstall -y eventlet
            pip install "flask; x" 'eventlet' && echo eventlet  # EVT951 eventlet
            conda remove eventlet
            """,
        ),
        (
            "recipe/meta.yaml",
            """
            requirements:
              run:
                - greenlet >=1.0  # EVT952 greenlet
            """,
        ),
        (
            "package.json",
            '{"x": "gunicorn -k eventlet app",  # EVT901 command line\n"y": ["eventlet"]}',
        ),
        ("pants.lock", '"project_name": "eventlet",  # EVT951 eventlet\n'),
        (
            "tox.ini",
            """
            [testenv]
            commands =
                pip install https://example.org/eventlet/archive/master.zip  # EVT951 eventlet
            """,
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


def test_greenlet_is_no_dependency_of_ones_own_where_a_tool_wrote_the_list() -> None:
    check(
        "# This file is autogenerated by pip-compile\neventlet==1  # EVT951 eventlet\n"
        "greenlet==1\n    # via eventlet\n",
        "requirements.txt",
    )
    check("greenlet==1  # via gevent\n", "requirements.txt")
    (found,) = findings("greenlet==1  # via -r requirements.in\n", "requirements.txt")
    assert found.code == "EVT952"


def test_packages_that_yaml_installs() -> None:
    check(
        """
        - name: install eventlet
          ansible.builtin.pip:
            name: eventlet>=0.33  # EVT951 eventlet
        - apt:
            state: present
            name: "eventlet"  # EVT951 eventlet
        - name: eventlet
          copy:
            name: eventlet
        """,
        "tasks/main.yml",
    )
    check(
        """
        requirements:
          host:
            - python
          run:
            - eventlet >=0.33  # EVT951 eventlet
        """,
        "recipe/meta.yaml",
    )


def test_an_environment_may_be_called_eventlet() -> None:
    check("name: eventlet\ndependencies:\n  - python\n", "environment.yml")
    check(
        """
        package:
        - name: eventlet  # EVT951 eventlet
          version: 0.33
        """,
        "conda-lock.yml",
    )


def test_a_requirement_and_its_address_are_one() -> None:
    check("eventlet @ git+https://x/eventlet/eventlet  # EVT951 eventlet\n", "requirements.txt")


@pytest.mark.parametrize(
    ("path", "is_text"),
    [
        ("requirements/dev.in", True),
        ("reqs/all.txt", True),
        ("requirements/dev.pip", True),
        ("requirements/extras/x.txt", True),
        ("docs/dev.in", False),
        ("app.service.in", True),
        ("tool.py.in", True),
        (".ebextensions/01.config", True),
        ("ui/package.json", True),
        ("data.json", False),
        ("notes.txt", False),
        ("releasenotes/notes/no-eventlet-5a3c.yaml", False),
        ("releasenotes/source/conf.yaml", True),
    ],
)
def test_which_files_may_declare_something(path: str, is_text: bool) -> None:
    assert sources.is_text(path) == is_text


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
