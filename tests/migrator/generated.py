"""Programs made at random, which run: imports of Eventlet's debug in every form, used in every way.

They call what `tests/targets/twice.py` gives them: ``log``, ``flag``, ``state``, ``ctx``, ``run``.
"""

from __future__ import annotations

import random

IMPORTS = (
    "import eventlet",
    "import eventlet.debug",
    "import eventlet.debug as debug",
    "import eventlet as e, eventlet.debug",
    "import eventlet, eventlet.debug as d, os",
    "from eventlet import debug",
    "from eventlet import debug as d, sleep",
    "from eventlet import (debug, hubs, \\\n{i}    sleep as nap)",
    "from eventlet.debug import hub_exceptions, hub_timer_stacks as ts",
    "from eventlet.debug import *",
    "import importlib; d = importlib.import_module('eventlet.debug')",
)
MODULES = ("eventlet.debug", "debug", "d", "e.debug")
FUNCTIONS = ("hub_exceptions", "hub_timer_stacks", "hub_listener_stacks", "tpool_exceptions")
ARGUMENTS = ("True", "False", "", "flag()", "state=flag()", "*[True]", "not x", "(y := flag())")
USES = (
    "{f}({a})",
    "{f}({a})",
    "{f}({a})",
    "getattr({m}, '{n}')(True)",
    "[{f}(v) for v in (True, x)]",
    "(lambda g={f}: g(True))()",
    "(lambda: {f}(False))()",
    "{f} and {f}(True)",
    "hasattr({m}, '{n}')",
    "{{'a': {f}}}['a'](x)",
    "({m}\n{{i}}   .{n})(True)",
)
SIMPLE = (
    "log({u})",
    "log({u})",
    "{u}",
    "{name} = {value}",
    "{f}(True); log(1); {f}(False)",
    "del {name}",
    "log(state())  # seen",
    "f'{{{f}(True)}}'",
    "assert {f}(x) is None, 'no'",
    "log(type(eventlet.hubs).__name__)",
    "log(2)",
)
HEADS = (
    "if flag():",
    "if {m}:",
    "for x in (True, False):",
    "with ctx() as x:",
    "try:",
    "class {name}:",
    "def f({p}):",
    "async def f():",
    "while True:",
)
PARAMETERS = ("", "x=1", "d={f}", "debug=None", "*a, **k", "bridge=3", "eventlet=None", "g={m}")


def program(seed: int) -> str:
    """The program of this number; not each compiles."""
    rng = random.Random(seed)
    lines = ['"""Doc."""'] * (rng.random() < 0.3)
    lines += ["from __future__ import annotations"] * (rng.random() < 0.3)
    lines += [rng.choice(IMPORTS).replace("{i}", "") for _ in range(rng.randint(1, 2))]
    lines += [*_block(rng, 0, ""), *_block(rng, 0, "")]
    text = "\n".join(lines) + rng.choice(["", "\n", "\n\n"])
    text = text.replace("    ", "\t") if rng.random() < 0.15 else text
    return text.replace("\n", "\r\n") if rng.random() < 0.15 else text


def _block(rng: random.Random, depth: int, indent: str) -> list[str]:
    lines: list[str] = []
    for _ in range(rng.randint(1, 4)):
        lines += _statement(rng, depth, indent)
        lines += [""] * (rng.random() < 0.15)
    return lines


def _statement(rng: random.Random, depth: int, indent: str) -> list[str]:
    kind = rng.random()
    if kind < 0.15:
        return [indent + rng.choice(IMPORTS).replace("{i}", indent)]
    if kind < 0.7 or depth > 2:
        return [indent + _filled(rng, rng.choice(SIMPLE)).replace("{i}", indent)]
    head = _filled(rng, rng.choice(HEADS))
    lines = [indent + head, *_block(rng, depth + 1, f"{indent}    ")]
    if head == "try:":
        lines += [f"{indent}except ImportError:", f"{indent}    debug = None"]
        lines += [f"{indent}finally:", *_block(rng, depth + 1, f"{indent}    ")]
    if head == "while True:":
        lines.append(f"{indent}    break")
    if head.startswith("def"):
        lines.append(f"{indent}f()")
    if head.startswith("async"):
        lines.append(f"{indent}run(f())")
    if head.startswith("if") and rng.random() < 0.4:
        lines += [f"{indent}else:", *_block(rng, depth + 1, f"{indent}    ")]
    return lines


def _filled(rng: random.Random, template: str) -> str:
    def function() -> str:
        return rng.choice(
            [f"{rng.choice(MODULES)}.{rng.choice(FUNCTIONS)}"] * 6 + ["hub_exceptions", "ts"]
        )

    def values() -> dict[str, str]:
        return {
            "f": function(),
            "m": rng.choice(MODULES),
            "n": rng.choice(FUNCTIONS),
            "a": rng.choice(ARGUMENTS),
            "name": rng.choice(["debug", "d", "e", "bridge", "f", "x"]),
            "value": rng.choice(["None", "1", "flag", function(), rng.choice(MODULES)]),
        }

    use = rng.choice(USES).format(**values())
    parameters = rng.choice(PARAMETERS).format(**values())
    return template.format(**values(), u=use, p=parameters)
