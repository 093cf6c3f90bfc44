from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge import redact
from inspector.snapshot import Frame

if TYPE_CHECKING:
    from collections.abc import Mapping


def hidden(**args: str) -> Mapping[str, str] | None:
    return redact.stack([Frame("login", "app.py", 1, args)])[0]


@pytest.mark.parametrize(
    "name",
    [
        *("password", "passwd", "PASSWORD", "db_password", "passphrase", "pwd"),
        *("token", "access_token", "tokens", "secret", "secret_value", "AWS_SECRET_KEY"),
        *("key", "keys", "api_key", "apikey", "apiKey", "privateKey", "x-api-key"),
        *("auth", "authorization", "Authorization", "Proxy-Authorization"),
        *("cookie", "set-cookie", "credentials", "dsn", "session_id", "X-Amz-Signature", "jwt"),
        *("pass", "db_pass", "pw", "creds", "bearer", "oauth", "csrf_token", "X-Auth-Token"),
    ],
)
def test_telling_names(name: str) -> None:
    assert hidden(**{name: "'hunter2'"}) == {name: redact.HIDDEN}


@pytest.mark.parametrize(
    "name",
    [
        *("monkey", "keyword", "key_size", "author", "host", "keyboard", "hotkey", "url"),
        *("bypass", "compass", "passenger", "secretary", "tokenizer", "design", "spin"),
    ],
)
def test_innocent_names(name: str) -> None:
    assert hidden(**{name: "'fine'"}) == {name: "'fine'"}


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
        (
            "[(b'host', b'x'), (b'authorization', b'Bearer hunter2')]",
            "[(b'host', b'x'), (b'authorization', <hidden>)]",
        ),
        ("[['x-api-key', 'hunter2']]", "[['x-api-key', <hidden>]]"),
        ("('host', 'password', 'x')", "('host', 'password', 'x')"),
        (r"""'{"a": "{\\"pwd\\": \\"hun ter2\\"}"}'""", r"""'{"a": "{\\"pwd\\": <hidden>}"}'"""),
        (r"'A: b\r\nCookie: a=hunter2; b=hunter2\r\nC: d'", r"'A: b\r\nCookie: <hidden>\r\nC: d'"),
        ("-H X-Auth-Token: hunter2 http://h", "-H X-Auth-Token: <hidden> http://h"),
        ("Authorization: AWS4 Credential=hunter2, b", "Authorization: <hidden>"),
        ("'https://joe:hun@ter2@h/'", "'https://joe:<hidden>@h/'"),
        ("git clone https://hunter2@h/x", "git clone https://<hidden>@h/x"),
        ("postgres://joe@h/x", "postgres://joe@h/x"),
    ],
)  # fmt: skip
def test_secrets_inside_of_values(value: str, shown: str) -> None:
    assert redact.text(value) == shown


def test_what_is_handed_on_is_hidden_under_any_name() -> None:
    stack = [
        Frame("login", "app.py", 1, {"user": "'joe'", "password": "'hunter2'", "key": "7"}),
        Frame("wrapper", "app.py", 2, {"args": "('joe', 'hunter2', 7)", "kwargs": "{}"}),
        Frame("<module>", "app.py", 3),
    ]
    assert redact.stack(stack) == [
        {"user": "'joe'", "password": redact.HIDDEN, "key": redact.HIDDEN},
        {"args": "('joe', <hidden>, 7)", "kwargs": "{}"},
        None,
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("token" * 2_000 + ":", "token" * 2_000 + ":"),
        ("'" * 10_000 + ":", "'" * 10_000 + ":"),
        ("{'key': " * 2_000, "{'key': <hidden>"),
        ("--key-" * 2_000, "--key-" * 2_000),
        ("--password" * 2_000, "--password" * 2_000),
        ("password=" + "a" * 20_000, "password=<hidden>"),
        ("\\" * 20_000 + ":", "\\" * 20_000 + ":"),
        ("http://" * 5_000 + "@", "http://" * 5_000 + "@"),
        ("cookie: " * 5_000, "cookie: <hidden>"),
    ],
    ids=[
        "name",
        "quotes",
        "nested",
        "options",
        "passwords",
        "value",
        "escapes",
        "users",
        "headers",
    ],
)
def test_long_values_end(value: str, shown: str) -> None:
    # A regular expression gone wild would not.
    assert redact.text(value) == shown
