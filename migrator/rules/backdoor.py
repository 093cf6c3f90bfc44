"""``eventlet.backdoor`` and oslo's module around it."""

from __future__ import annotations

from migrator.findings import Advice
from migrator.rules import Family, Rule

_OUTSIDE = "python -m asyncio ps PID, migrate console PID or python -m pdb -p PID: no open port"
_UNSAFE = f"the port goes away; look from outside instead: {_OUTSIDE}"
_BY_HAND = "inside a hand-written accept loop, which has to go with it"
_OSLO = (
    "oslo.service names no replacement (removal announced for 2026.2); drop the call, or use "
    "oslo.reports' guru meditation report; from outside: migrate console PID"
)

FAMILY = Family(
    name="backdoor",
    prefix="EVT2",
    title="Backdoors",
    intro=(
        "A backdoor opens a port with a Python prompt. `migrate console PID` reaches the "
        "process without one."
    ),
    fixes="migrator.fixes.backdoor",
    rules=(
        Rule(
            "EVT201",
            "backdoor-import",
            "`eventlet.backdoor` is imported",
            ("eventlet.backdoor", "eventlet.backdoor.*"),
            "The module needs Eventlet's hub.",
            "import bridge.console while both run; drop it when its uses are gone",
            Advice("safe", "bridge.console"),
            Advice("safe", ""),
        ),
        Rule(
            "EVT202",
            "backdoor-server",
            "`backdoor_server` serves a Python prompt on a socket",
            ("eventlet.backdoor.backdoor_server",),
            "An open port with a prompt is a risk, and the server is a green thread.",
            f"bridge.console.expose(locals=...); on asyncio it goes ({_OUTSIDE})",
            Advice("safe", "bridge.console.expose(locals=...)"),
            Advice("unsafe", "", _UNSAFE),
            (
                "eventlet.spawn(backdoor.backdoor_server, eventlet.listen(addr), locals=ns)",
                "bridge.console.expose(locals=ns)",
            ),
            safety=(
                "Rewritten where `eventlet.spawn` or `spawn_n` starts the server and "
                "`eventlet.listen` makes the socket: in the call, or by an assignment that serves "
                "nothing else, which goes along. Unsafe where the green thread is kept and never "
                "read, where a call computes the socket's arguments, and where the call used to "
                "block. Left where the green thread is used, returned or passed on, or anything "
                "else uses the socket."
            ),
        ),
        Rule(
            "EVT203",
            "backdoor-connection",
            "`backdoor` serves a Python prompt on one connection",
            ("eventlet.backdoor.backdoor",),
            "It is used inside a hand-written accept loop.",
            "replace the accept loop by bridge.console.expose(locals=...)",
            Advice("manual", None, _BY_HAND),
            Advice("manual", None, f"{_BY_HAND}; {_UNSAFE}"),
        ),
        Rule(
            "EVT204",
            "oslo-backdoor-import",
            "oslo's `eventlet_backdoor` is imported",
            ("eventlet_backdoor", "eventlet_backdoor.*"),
            "oslo.service removes it with its Eventlet backend.",
            "no replacement upstream; see `migrate console`",
            Advice("manual", None, _OSLO),
            Advice("manual", None, _OSLO),
        ),
        Rule(
            "EVT205",
            "oslo-backdoor",
            "oslo's `eventlet_backdoor.initialize_if_enabled` is used",
            ("eventlet_backdoor.initialize_if_enabled",),
            "oslo.service removes it with its Eventlet backend.",
            "no replacement upstream; see `migrate console`",
            Advice("manual", None, _OSLO),
            Advice("manual", None, _OSLO),
        ),
    ),
)
