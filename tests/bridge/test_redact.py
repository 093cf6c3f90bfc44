from __future__ import annotations

import pytest

from bridge import redact


@pytest.mark.parametrize(
    "name",
    [
        *("password", "passwd", "PASSWORD", "db_password", "passphrase", "pwd"),
        *("token", "access_token", "tokens", "secret", "secret_value", "AWS_SECRET_KEY"),
        *("key", "keys", "api_key", "apikey", "apiKey", "privateKey", "x-api-key"),
        *("auth", "authorization", "Authorization", "Proxy-Authorization"),
        *("cookie", "set-cookie", "credentials", "dsn"),
    ],
)
def test_telling_names(name: str) -> None:
    assert redact.arguments({name: "'hunter2'"}) == {name: redact.HIDDEN}


@pytest.mark.parametrize(
    "name", ["monkey", "keyword", "key_size", "author", "host", "keyboard", "hotkey", "url"]
)
def test_innocent_names(name: str) -> None:
    assert redact.arguments({name: "'fine'"}) == {name: "'fine'"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("{'Authorization': 'Bearer hunter2', 'x': 1}", "{'Authorization': <hidden>, 'x': 1}"),
        ("{b'Cookie': b'hunter2'}", "{b'Cookie': <hidden>}"),
        (r"{'password': 'hun\'ter2', 'a': 2}", "{'password': <hidden>, 'a': 2}"),
        ("{'password': 'hunter2…", "{'password': <hidden>"),
        ("{'secret': {'a': '}hunter2', 'b': (2,)}, 'z': 3}", "{'secret': <hidden>, 'z': 3}"),
        ("{'token': ('hunter2', 'hunter2')}", "{'token': <hidden>}"),
        ("Config(password='hunter2', b=1)", "Config(password=<hidden>, b=1)"),
        (
            "'https://joe:hunter2@h/?token=hunter2&page=7'",
            "'https://joe:<hidden>@h/?token=<hidden>&page=7'",
        ),
        ("app --password hunter2 --api-key=a -v", "app --password <hidden> --api-key=<hidden> -v"),
        ("'Authorization: Bearer hunter2'", "'Authorization: <hidden>'"),
        ("""'{"password": "hunter2"}'""", """'{"password": <hidden>}'"""),
        ("waits for lock: key of the door", "waits for lock: key of the door"),
        ("{'monkey': 6, 'a': [1, 2]}", "{'monkey': 6, 'a': [1, 2]}"),
        ("f(token=", "f(token="),
    ],
)  # fmt: skip
def test_secrets_inside_of_values(value: str, shown: str) -> None:
    assert redact.text(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("token" * 2_000 + ":", "token" * 2_000 + ":"),
        ("'" * 10_000 + ":", "'" * 10_000 + ":"),
        ("{'key': " * 2_000, "{'key': <hidden>"),
        ("--key-" * 2_000, "--key-" * 2_000),
        ("password=" + "a" * 20_000, "password=<hidden>"),
    ],
    ids=["name", "quotes", "nested", "options", "value"],
)
def test_long_values_end(value: str, shown: str) -> None:
    # A regular expression gone wild would not.
    assert redact.text(value) == shown
