"""The rules of `test_config` for dependencies, in files that declare or install them."""

from __future__ import annotations

import pytest

from migrator import sources
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
        ("Dockerfile", "RUN pip install eventlet==0.36  # EVT951 eventlet\n"),
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
        ("pants.lock", '"project_name": "eventlet",  # EVT951 eventlet\n'),
        (
            "tox.ini",
            """
            [testenv]
            commands =
                pip install https://example.org/eventlet/archive/master.zip  # EVT951 eventlet
            """,
        ),
    ],
)
def test_files_that_declare_or_install(name: str, source: str) -> None:
    check(source, name)


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
