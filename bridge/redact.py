"""Secrets kept out of every view: values under telling names, and in telling places.

What is hidden is found by name, so a secret that has innocent names only still shows;
``--no-args`` hides all values.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Mapping, Sequence

    from inspector.snapshot import Frame

HIDDEN = "<hidden>"

# Parts that tell wherever they stand in a name, then words that are a name or end one. What
# is around them is bounded: a target may have made the text to keep us busy.
_NAME = (
    r"(?:[\w.-]{0,80}(?i:passw|passphrase|passcode|pwd|secret(?!ar)|token(?!i[sz])|credential"
    r"|authori[sz]ation|cookie|signature|csrf|session[_-]?id|(?:api|access|private)[_-]?key)"
    r"[\w.-]{0,80}"
    r"|(?:[\w.-]{0,80}(?:_|-|\b))?(?i:keys?|o?auth|dsn|(?:db)?pass|pw|creds?|bearer|jwt|otp|sig)"
    r"|\w{1,80}(?:Keys?|Auth))"
)
# {'password': 'x'}, ('password', 'x'), Config(password='x'), ?token=x, --password x, Token: x
_NAMED = (
    rf"""(?<![\w.-])(?:--{_NAME}(?:=|\s+)"""
    rf"""|[bBuU]?(?P<quote>\\{{0,4}}['"]){_NAME}(?P=quote)\s*:\s*"""  # escaped in JSON in a string
    rf"""|(?<=[(\[])[bBuU]?(['"]){_NAME}\2,\s*"""
    rf"""|[\w-]{{0,80}}(?P<header>(?i:authorization|cookie)):\s+|{_NAME}(?:=|:\s+))"""
)
_STRING = r"[bBrRuU]{0,2}(?:'(?:[^'\\]|\\.)*(?:'|$)" + r'|"(?:[^"\\]|\\.)*(?:"|$))'
_VALUE = (
    rf"""{_STRING}|(\\{{1,4}}['"])(?s:.*?)(?:\1|$)"""
    r"""|(?i:basic|bearer|digest|negotiate|token)\s+[^\s,'"]+|[^\s,)}\]&;'"\\]+"""
)
_LINE = r"""(?:[^'"\\\r\n]|\\(?![rn'"]))+"""  # a header's value goes on to the end of its line
_BRACKET = rf"{_STRING}|(?P<open>[(\[{{<])|(?P<close>[)\]}}>])"
_USERINFO = r"(?<=://)([^/\s:@'\"]*):([^/\s'\"]+)(?=@)"
_LONE_USER = r"(?<=http://|ttps://)[^/\s:@'\"]+(?=@)"  # a token, as git is given it
_TELL_THEMSELVES = ("'", '"', ".", ")", "}")  # ends of reprs that are not just any number
# Every match of _NAME holds one of these, in some case. Most texts are settled by that: to
# import `re` and compile takes longer than all else that a small table does.
_PARTS = (
    *("pass", "pw", "secret", "token", "cred", "auth", "cook", "key", "dsn", "sig", "csrf"),
    *("session", "bear", "jwt", "otp"),
)
_known: dict[str, bool] = {}  # by name, what `telling` has said


def _compiled(pattern: str) -> re.Pattern[str]:
    import re

    return re.compile(pattern)  # which remembers it


def _may_tell(value: str) -> bool:
    folded = value.casefold()
    for part in _PARTS:  # noqa: SIM110 - any() is three times as slow
        if part in folded:
            return True
    return False


def telling(name: str) -> bool:
    """Whether values under ``name`` are secret by the name alone."""
    known = _known.get(name)
    if known is None:
        known = _may_tell(name) and _compiled(_NAME).fullmatch(name) is not None
        _known[name] = known
    return known


def stack(frames: Sequence[Frame]) -> Sequence[Mapping[str, str] | None]:
    """The arguments of each frame, names to reprs, with secret values hidden.

    Also where they are handed on: what a callee calls a password is one of ``*args`` above it.
    """
    plain = [frame.args for frame in frames]
    words: list[str] = []
    for given in plain:
        if given:
            words += given
            words += given.values()
    together = "\n".join(words)
    if not _may_tell(together) and not ("://" in together and "@" in together):
        return plain  # as mostly: one search for all of them
    shown: list[dict[str, str] | None] = []
    secrets: set[str] = set()
    for frame in frames:
        if frame.args is None:
            shown.append(None)
            continue
        args = {}
        for name, value in frame.args.items():
            if telling(name):
                args[name] = HIDDEN
                if value[-1:] in _TELL_THEMSELVES and len(value) > 2:
                    secrets.add(value)
            else:
                args[name] = text(value)
        shown.append(args)
    for secret in sorted(secrets, key=len, reverse=True):
        for args in filter(None, shown):
            for name, value in args.items():
                args[name] = value.replace(secret, HIDDEN)
    return shown


def text(value: str) -> str:
    """A repr, a command line or a phrase with the secrets inside it hidden."""
    if "://" in value and "@" in value:
        value = _compiled(_USERINFO).sub(rf"\1:{HIDDEN}", value)
        value = _compiled(_LONE_USER).sub(HIDDEN, value)
    if not (
        "=" in value or ":" in value or "--" in value or "', " in value or '", ' in value
    ) or not _may_tell(value):
        return value
    parts: list[str] = []
    position = 0
    while named := _compiled(_NAMED).search(value, position):
        end = _value_end(value, named.end(), _LINE if named["header"] else _VALUE)
        parts += value[position : named.end()], HIDDEN if end > named.end() else ""
        position = end
    return "".join([*parts, value[position:]])


def _value_end(value: str, start: int, plain: str) -> int:
    """Where the value that starts at ``start`` ends; a cut one ends with the text.

    ``plain`` is the pattern of one without brackets.
    """
    if value[start : start + 1] not in ("(", "[", "{", "<"):
        match = _compiled(plain).match(value, start)
        return match.end() if match else start
    depth = 0
    for token in _compiled(_BRACKET).finditer(value, start):
        depth += bool(token["open"]) - bool(token["close"])
        if depth == 0:
            return token.end()
    return len(value)
