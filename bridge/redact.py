"""Secrets kept out of every view: values under telling names, and in telling places.

What is hidden is found by name alone, so a secret under an innocent name still shows;
``--no-args`` hides all values.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

HIDDEN = "<hidden>"

_NAME = (
    r"(?:[\w.-]*(?i:passw|passphrase|pwd|secret|token|credential|authori[sz]ation|cookie"
    r"|api-?key)[\w.-]*|(?:[\w.-]*(?:_|-|\b))?(?i:keys?|auth|dsn)|\w+(?:Keys?|Auth))"
)
# {'password': 'x'}, Config(password='x'), ?token=x, --password x, Authorization: Basic x
_NAMED = (
    rf"""(?<![\w.-])(?:--{_NAME}(?:=|\s+)|[bBuU]?(['"]){_NAME}\1\s*:\s*"""
    rf"""|{_NAME}(?:=|:\s+(?=[A-Z][a-z]+\s)))"""
)
_STRING = r"[bBrRuU]{0,2}(?:'(?:[^'\\]|\\.)*(?:'|$)" + r'|"(?:[^"\\]|\\.)*(?:"|$))'
_VALUE = rf"""{_STRING}|(?i:basic|bearer|digest|negotiate)\s+[^\s,'"]+|[^\s,)}}\]&;'"]+"""
_BRACKET = rf"{_STRING}|(?P<open>[(\[{{<])|(?P<close>[)\]}}>])"
_USERINFO = r"(?<=://)([^/\s:@'\"]*):([^/\s@'\"]+)(?=@)"
# Every match of _NAME holds one of these, in some case. Most texts are settled by that: to
# import `re` and compile takes longer than all else that a small table does.
_PARTS = ("pass", "pwd", "secret", "token", "cred", "auth", "cook", "key", "dsn")
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


def arguments(args: Mapping[str, str]) -> dict[str, str]:
    """``args`` (names to reprs) with secret values hidden."""
    return {name: HIDDEN if telling(name) else text(value) for name, value in args.items()}


def text(value: str) -> str:
    """A repr, a command line or a phrase with the secrets inside it hidden."""
    if "://" in value and "@" in value:
        value = _compiled(_USERINFO).sub(rf"\1:{HIDDEN}", value)
    if ("=" not in value and ":" not in value and "--" not in value) or not _may_tell(value):
        return value
    parts: list[str] = []
    position = 0
    while named := _compiled(_NAMED).search(value, position):
        end = _value_end(value, named.end())
        parts += value[position : named.end()], HIDDEN if end > named.end() else ""
        position = end
    return "".join([*parts, value[position:]])


def _value_end(value: str, start: int) -> int:
    """Where the value that starts at ``start`` ends; a cut one ends with the text."""
    if value[start : start + 1] not in ("(", "[", "{", "<"):
        match = _compiled(_VALUE).match(value, start)
        return match.end() if match else start
    depth = 0
    for token in _compiled(_BRACKET).finditer(value, start):
        depth += bool(token["open"]) - bool(token["close"])
        if depth == 0:
            return token.end()
    return len(value)
